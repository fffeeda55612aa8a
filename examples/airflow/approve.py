"""Ask a person before anything is spent (Airflow 3.1 and later): the task waits for a click in the UI."""

from airflow.providers.common.compat.sdk import DAG, task
from airflow.providers.standard.operators.hitl import ApprovalOperator

from lipsync_nodes import ImageForm, estimate_credits
from lipsync_nodes.sandbox import MEDIA
from lipsync_nodes_airflow.operators import LipsyncImageOperator

IMAGE, AUDIO = str(MEDIA / "portrait.jpg"), str(MEDIA / "speech_left.mp3")

with DAG("approve", schedule=None):

    @task
    def estimate() -> int:
        """Measure the audio, and estimate the cost by the service's documented rules."""
        return int(estimate_credits(ImageForm(image=IMAGE, audio=AUDIO)))

    approve = ApprovalOperator(
        task_id="approve",
        subject="Spend {{ ti.xcom_pull(task_ids='estimate') }} credits on a video?",
        body="It is not submitted before you approve.",
    )
    talking_head = LipsyncImageOperator(task_id="talking_head", image=IMAGE, audio=AUDIO, deferrable=True, retries=2)
    estimate() >> approve >> talking_head
