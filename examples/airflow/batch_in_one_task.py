"""A batch as one task: it checks all lines, submits them, waits in the triggerer, and saves all videos.

`{"lines": "s3://conn_id@bucket/jobs.jsonl", "folder": "s3://conn_id@bucket/videos"}` as the run's parameters reads the
lines and saves the videos there. Each line is one of `lipsync-nodes run --batch`. A retry goes on where it stopped.
"""

import json
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from lipsync_nodes.sandbox import MEDIA
from lipsync_nodes_airflow.batch import LipsyncBatchOperator

with DAG("batch_in_one_task", schedule=None, params={"lines": "", "folder": "file:///tmp/lipsync-videos"}):

    @task
    def lines(params: dict[str, Any] | None = None) -> Any:
        """Return the file of the lines, or those of the example: its media are files of this machine."""
        if (params or {})["lines"]:
            return (params or {})["lines"]
        texts = (Path(__file__).parent / "jobs.jsonl").read_text(encoding="utf-8").splitlines()
        jobs = [{"image": str(MEDIA / "portrait.jpg"), **json.loads(text)} for text in texts]
        for job in jobs:
            job["audio"] = str(MEDIA / job["audio"])
            job["out"] = f"{job.pop('name')}.mp4"
        return jobs

    LipsyncBatchOperator(
        task_id="talking_heads",
        inputs=lines(),
        endpoint="image",
        output_path="{{ params.folder }}",
        on_failure="skip",  # the failed lines are in the result and in the manifest
        deferrable=True,
        retries=3,
    )
