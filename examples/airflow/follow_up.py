"""A DAG that starts when a video is there: the asset's event tells it which job, and where the video is."""

from datetime import UTC, datetime
from typing import Any

from airflow.providers.common.compat.sdk import DAG, Asset, task

from lipsync_nodes.sandbox import MEDIA
from lipsync_nodes_airflow.operators import LipsyncImageOperator

TALKING_HEAD = Asset("lipsync://studio/talking-head")

with DAG("make_video", schedule=None):
    LipsyncImageOperator(
        task_id="talking_head",
        image=str(MEDIA / "portrait.jpg"),
        audio=str(MEDIA / "speech_left.mp3"),
        deferrable=True,
        retries=2,
        outlets=[TALKING_HEAD],
    )

with DAG("publish_video", schedule=[TALKING_HEAD], start_date=datetime(2026, 1, 1, tzinfo=UTC)):

    @task
    def publish(**context: Any) -> str:
        """Do with the video what is to be done; here it is only named."""
        events = context.get("triggering_asset_events") or context.get("triggering_dataset_events") or {}
        (event,) = next(iter(events.values()))
        print(event.extra["job_id"], event.extra["output"])
        return str(event.extra["output"])

    publish()
