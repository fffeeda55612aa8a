"""Check the inputs and ask a person before anything is spent (Airflow 3.1 and later): the task waits for a click."""

from airflow.providers.common.compat.sdk import DAG
from airflow.providers.standard.operators.hitl import ApprovalOperator

from lipsync_nodes.sandbox import MEDIA
from lipsync_nodes_airflow.check import LipsyncCheckOperator
from lipsync_nodes_airflow.operators import LipsyncImageOperator

IMAGE, AUDIO = str(MEDIA / "portrait.jpg"), str(MEDIA / "speech_left.mp3")

with DAG("approve", schedule=None):
    check = LipsyncCheckOperator(task_id="check", endpoint="lipsync-image", image=IMAGE, audio=AUDIO)
    approve = ApprovalOperator(
        task_id="approve",
        subject="Spend {{ ti.xcom_pull(task_ids='check')['credits'] }} credits on a video?",
        body="""It is not submitted before you approve.
            {% for finding in ti.xcom_pull(task_ids='check')['findings'] %}
            {{ finding['severity'] }}: {{ finding['message'] }}
            {% endfor %}""",
    )
    talking_head = LipsyncImageOperator(
        task_id="talking_head", image=IMAGE, audio=AUDIO, check="off", deferrable=True, retries=2
    )
    check >> approve >> talking_head
