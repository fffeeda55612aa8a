"""Submit in one task and wait in another. This is safe in every Airflow, because the first task returns the job id."""

from airflow.providers.common.compat.sdk import DAG

from lipsync_nodes.sandbox import MEDIA
from lipsync_nodes_airflow.operators import LipsyncImageMultiOperator
from lipsync_nodes_airflow.sensors import LipsyncJobSensor

with DAG("submit_and_wait", schedule=None):
    submit = LipsyncImageMultiOperator(
        task_id="submit",
        image=str(MEDIA / "duet.jpg"),
        left_audio=str(MEDIA / "speech_left.mp3"),
        right_audio=str(MEDIA / "speech_right.mp3"),
        order="left_right",
        wait_for_completion=False,
    )
    LipsyncJobSensor(task_id="wait", job_id=submit.output, mode="reschedule", poke_interval=2, retries=2)
