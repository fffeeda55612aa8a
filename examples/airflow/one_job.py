"""One video: submit, wait in the triggerer, save. Try it with `airflow dags test one_job`."""

from airflow.providers.common.compat.sdk import DAG

from lipsync_nodes.sandbox import MEDIA
from lipsync_nodes_airflow.operators import LipsyncImageOperator

with DAG("one_job", schedule=None, params={"folder": "videos"}):
    LipsyncImageOperator(
        task_id="talking_head",
        image=str(MEDIA / "portrait.jpg"),  # or a public URL, or s3://conn_id@bucket/face.png
        audio=str(MEDIA / "speech_left.mp3"),
        resolution="480p",
        output_path="{{ params.folder }}/",
        deferrable=True,
        retries=2,  # a retry waits for the same job and costs nothing
    )
