"""No task waits: one DAG submits, and the job's webhook starts the other (Airflow 3).

The service tells a receiver that the job has ended, and the receiver makes an event of the asset. It is a program of
its own, `lipsync-nodes webhook serve`; the README of `adapters/lipsync_nodes_airflow` says how to start it.
"""

from datetime import UTC, datetime
from typing import Any

from airflow.providers.common.compat.sdk import DAG, Asset, task

from lipsync_nodes.sandbox import MEDIA
from lipsync_nodes_airflow.operators import LipsyncImageOperator
from lipsync_nodes_airflow.sensors import LipsyncJobSensor

ENDED = Asset("lipsync://studio/jobs")

with DAG("submit_only", schedule=None):
    LipsyncImageOperator(
        task_id="submit",
        image=str(MEDIA / "portrait.jpg"),
        audio=str(MEDIA / "speech_left.mp3"),
        webhook="auto",
        wait_for_completion=False,
    )

with DAG("woken_by_webhook", schedule=[ENDED], start_date=datetime(2026, 1, 1, tzinfo=UTC)):

    @task
    def jobs(**context: Any) -> list[str]:
        """List the jobs that have ended: one run may be scheduled by several events, and an event may come twice."""
        extras = [event.extra for event in context["triggering_asset_events"][ENDED]]
        print(*extras, sep="\n")
        return sorted({extra["job_id"] for extra in extras})

    # It asks the service once, saves the video, and fails with the service's words if the job has failed.
    LipsyncJobSensor.partial(
        task_id="save",
        output_path="{{ var.value.get('lipsync_videos', '/tmp/lipsync-videos') }}/",
        map_index_template="{{ task.job_id }}",
        retries=2,
    ).expand(job_id=jobs())
