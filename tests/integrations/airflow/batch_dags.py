"""The DAG of `test_batch_processes.py`: 200 jobs as one task."""

import os
from datetime import timedelta

from airflow.providers.common.compat.sdk import DAG

from lipsync_nodes_airflow.batch import LipsyncBatchOperator

with DAG("batch_of_200", schedule=None):
    LipsyncBatchOperator(
        task_id="t",
        inputs=[
            {"image": f"https://x.example/{number}.png"} | {"audio": "https://x.example/a.mp3"} for number in range(200)
        ],
        endpoint="image",
        output_path=os.environ["AIRFLOW_VAR_LIPSYNC_VIDEOS"],
        poll_interval=4,
        deferrable=True,
        retries=3,
        retry_delay=timedelta(seconds=1),
    )
