"""The DAGs that `test_processes.py` plays faults on: one task, sync or deferred, and a mapped list."""

import os
from datetime import timedelta
from pathlib import Path

from airflow.providers.common.compat.sdk import DAG, BaseOperator, task
from airflow.providers.openlineage.utils.selective_enable import enable_lineage

from lipsync_nodes import ImageForm
from lipsync_nodes_airflow.hooks import LipsyncHook
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

with DAG("limited", schedule=None):
    LipsyncImageOperator(
        task_id="t",
        image="https://x.example/limited.png",
        deferrable=True,
        timeout=300,
        execution_timeout=timedelta(seconds=15),
        **COMMON,
    )

with DAG("tested", schedule=None):
    LipsyncImageOperator(
        task_id="t",
        image="https://x.example/tested.png",
        lipsync_conn_id="of_the_database",
        deferrable=True,
        timeout=float(os.environ.get("TEST_TIMEOUT", "60")),
        **{**COMMON, "retries": 0},
    )

with DAG("own_code", schedule=None):

    @task(retries=2, retry_delay=timedelta(seconds=1))
    def two_videos(ti=None):
        """Submits two jobs, and fails after them at its first try."""
        with LipsyncHook().client() as client:
            image = "https://x.example/own_code.png?X-Amz-Signature=" + str(ti.try_number)
            form = ImageForm(image=image, audio="https://x.example/a.mp3")
            jobs = [client.run(form, poll_interval=0.2) for _ in range(2)]
        if ti.try_number == 1:
            raise RuntimeError("fails after the videos")
        return [job.id for job in jobs]

    two_videos()


class Bare(BaseOperator):
    """Defers for 2.6 s with a trigger of Airflow's own, which only waits."""

    def execute(self, context):  # noqa: ARG002  # Airflow's interface
        from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger

        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=2.6)), method_name="execute_complete")

    def execute_complete(self, context, event):  # noqa: ARG002
        return str(event)


with DAG("short", schedule=None):
    Bare(task_id="bare")
    LipsyncImageOperator(
        task_id="t", image="https://x.example/short.png", deferrable=True, output_path="videos/", **COMMON
    )
