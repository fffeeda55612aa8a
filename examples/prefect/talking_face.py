"""A talking face in three Prefect tasks: submit, wait, download. However often you retry a flow run, it pays once."""

import sys
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.runtime import flow_run
from prefect.variables import Variable

from lipsync_nodes import ImageForm, Job, LipsyncClient
from lipsync_nodes.host import RecordJournal, content_key, load_profile


class VariableRecord:
    """The record of one submission, in a Prefect variable of its flow run, where every retry finds it."""

    def __init__(self, run_id: object, form: ImageForm) -> None:
        self.key = content_key(form, load_profile())
        self.name = f"lipsync_{run_id}_{self.key[:16]}"

    def get(self) -> Any:
        """Return the record, or None."""
        return Variable.get(self.name)

    def set(self, record: dict[str, Any]) -> None:
        """Store the record."""
        Variable.set(self.name, record, overwrite=True)

    def delete(self) -> None:
        """Delete the record, if there is one."""
        Variable.unset(self.name)


def may_pass(_task: Any, _run: Any, state: Any) -> bool:
    """Return whether a retry can help, and costs nothing."""
    return getattr(state.result(raise_on_failure=False), "retryable", True)


retried = task(retries=3, retry_delay_seconds=10, retry_condition_fn=may_pass)


@retried
def submit(image: str, audio: str) -> str:
    """Submit the job, or continue with that of an earlier try. Return its id."""
    form = ImageForm(image=image, audio=audio)
    record = VariableRecord(flow_run.get_id(), form)
    with LipsyncClient(ledger=RecordJournal(record)) as client:
        return client.submit(form, key=record.key).id


@retried
def wait(job_id: str) -> Job:
    """Wait for the job's video. After a timeout another try waits again."""
    with LipsyncClient() as client:
        return client.wait(job_id, just_submitted=True)


@retried
def download(job: Job, target: str) -> Path:
    """Save the video, whole or not at all."""
    with LipsyncClient() as client:
        return client.download(job, target)


def forget(_flow: Any, run: Any, _state: Any) -> None:
    """Delete the variable once the video is there."""
    form = ImageForm(image=run.parameters["image"], audio=run.parameters["audio"])
    VariableRecord(run.id, form).delete()


@flow(on_completion=[forget])
def talking_face(image: str, audio: str, target: str) -> Path:
    """Make a video of a face that speaks an audio."""
    return download(wait(submit(image, audio)), target)


if __name__ == "__main__":
    print(talking_face(*sys.argv[1:]))
