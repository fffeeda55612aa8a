"""A batch: one mapped task for each line of a JSONL file, within a budget and a pool, into an object storage.

`{"folder": "s3://conn_id@bucket/videos"}` as the run's parameters sends the videos there. The pool bounds how many jobs
run at a time, deferred ones included; make it once: `airflow pools set lipsync 2 "lipsync jobs" --include-deferred`.
"""

import json
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from lipsync_nodes import BudgetExceeded, ImageForm, estimate_credits
from lipsync_nodes.sandbox import MEDIA
from lipsync_nodes_airflow.operators import LipsyncImageOperator

with DAG("batch", schedule=None, params={"budget": 500, "folder": "videos"}):

    @task
    def affordable_jobs(params: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """Read the jobs, and stop before anything is spent if they cost too much together."""
        lines = (Path(__file__).parent / "jobs.jsonl").read_text(encoding="utf-8").splitlines()
        jobs = [{"image": str(MEDIA / "portrait.jpg"), **json.loads(line)} for line in lines]
        budget, folder = (params or {})["budget"], (params or {})["folder"]
        for job in jobs:
            job["audio"] = str(MEDIA / job["audio"])
            job["output_path"] = f"{folder}/{job.pop('name')}.mp4"
        forms = [ImageForm(**{name: job[name] for name in job if name != "output_path"}) for job in jobs]
        if (credits_ := sum(estimate_credits(form) for form in forms)) > budget:
            raise BudgetExceeded(f"The batch would cost {credits_} credits, and the budget is {budget}.")
        return jobs

    LipsyncImageOperator.partial(
        task_id="talking_head",
        deferrable=True,
        retries=2,
        pool="lipsync",
        map_index_template="{{ task.output_path }}",
    ).expand_kwargs(affordable_jobs())
