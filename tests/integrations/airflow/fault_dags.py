"""The DAGs that `test_processes.py` plays faults on: one task, sync or deferred, and a mapped list."""

import os
from datetime import timedelta
from pathlib import Path

from airflow.providers.common.compat.sdk import DAG, task
from airflow.providers.openlineage.utils.selective_enable import enable_lineage

from lipsync_nodes_airflow.operators import LipsyncImageOperator

COMMON = {
    "audio": "https://x.example/a.mp3",
    "poll_interval": 0.5,
    "retries": 2,
    "retry_delay": timedelta(seconds=1),
}
CASES = ("adopted", "outage", "cleared", "failed_job", "marked", "waits_again")

for case in CASES:
    with DAG(case, schedule=None):
        LipsyncImageOperator(
            task_id="t",
            image=f"https://x.example/{case}.png",
            deferrable=True,
            timeout=2 if case == "waits_again" else 120,
            **COMMON,
        )

with DAG("trigger_fails", schedule=None):
    LipsyncImageOperator(
        task_id="t",
        image="https://x.example/trigger_fails.png",
        lipsync_conn_id="of_the_database",
        deferrable=True,
        **{**COMMON, "retry_delay": timedelta(seconds=5)},
    )

for case in ("killed_waiting", "killed_posting"):
    with DAG(case, schedule=None):
        LipsyncImageOperator(task_id="t", image=f"https://x.example/{case}.png", **COMMON)

with DAG("lineage", schedule=None) as dag:
    LipsyncImageOperator(
        task_id="t",
        image="https://user:word@x.example/lineage.png?X-Amz-Signature=of-the-image",
        output_path=os.environ["AIRFLOW_VAR_LIPSYNC_VIDEOS"] + "/",
        deferrable=True,
        **COMMON,
    )
enable_lineage(dag)

with DAG("reordered", schedule=None):

    @task
    def images():
        return [f"https://x.example/{name}.png" for name in Path(os.environ["TEST_LIST"]).read_text().split()]

    LipsyncImageOperator.partial(task_id="t", deferrable=True, **COMMON).expand(image=images())
