"""A batch for many workers: as mapped tasks, and as one task.

Each mapped task waits in its worker's slot, so that killing a worker hits its tasks.
"""

from datetime import timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from lipsync_nodes_airflow.batch import LipsyncBatchOperator
from lipsync_nodes_airflow.operators import LipsyncImageOperator

with DAG("scaled_out", schedule=None, params={"jobs": 30, "folder": "videos"}):

    @task
    def jobs(params: dict[str, Any] | None = None) -> list[dict[str, str]]:
        """Name so many inputs."""
        params = params or {}
        return [
            {"image": f"https://media.example/{number}.png", "output_path": f"{params['folder']}/{number}.mp4"}
            for number in range(params["jobs"])
        ]

    LipsyncImageOperator.partial(
        task_id="talking_head",
        audio="https://media.example/voice.mp3",
        retries=3,
        retry_delay=timedelta(seconds=2),
        map_index_template="{{ task.output_path }}",
    ).expand_kwargs(jobs())

with DAG("one_task", schedule=None, params={"jobs": 30, "folder": "videos"}):

    @task
    def lines(params: dict[str, Any] | None = None) -> list[dict[str, str]]:
        """Name so many inputs."""
        media = "https://media.example"
        return [
            {"image": f"{media}/{number}.png", "audio": f"{media}/voice.mp3"}
            for number in range((params or {})["jobs"])
        ]

    LipsyncBatchOperator(
        task_id="talking_heads",
        inputs=lines(),
        endpoint="image",
        output_path="{{ params.folder }}",
        deferrable=True,
        retries=3,
        retry_delay=timedelta(seconds=2),
    )
