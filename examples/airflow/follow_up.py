"""A DAG that starts when videos are ready. The events of the asset contain the jobs and where the videos are."""

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
    def publish(**context: Any) -> list[str]:
        """Process the videos; this example only lists them. One run may have several."""
        events = context.get("triggering_asset_events") or context.get("triggering_dataset_events") or {}
        extras = [event.extra for of_one_asset in events.values() for event in of_one_asset]
        for extra in extras:
            print(extra["job_id"], extra["output"])
        return [str(extra["output"]) for extra in extras]

    publish()
