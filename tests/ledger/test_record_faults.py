"""A record journal over real HTTP: with a store that fails at each step, and in processes that die at each step."""

import subprocess
import sys
import time

import pytest

from lipsync_nodes import ConfigurationError, ImageForm, InsufficientCredits, LipsyncError, SubmissionUncertain
from lipsync_nodes.host import RecordJournal
from lipsync_nodes.settings import Profile, Webhook
from tests.record_store import Store

FORM = ImageForm(image="https://x/i.png", audio="https://x/a.mp3")


class Broken(Store):
    """Fails when it is read, when it is deleted, or when a state is written to it; as it is told to."""

    def __init__(self, *steps):
        super().__init__()
        self.steps = steps

    def _do(self, step):
        if step in self.steps:
            raise OSError("the store is away")

    def get(self):
        self._do("get")
        return super().get()

    def set(self, record):
        self._do(record["state"])
        super().set(record)

    def delete(self):
        self._do("delete")
        super().delete()


def client(face_of, sandbox, store, generation=0, **options):
    journal = RecordJournal(store, generation)
    return face_of(**{"api_key": sandbox.api_key, "base_url": sandbox.base_url, "ledger": journal} | options)


def submit(face_of, sandbox, store, **options):
    return client(face_of, sandbox, store).submit(FORM, key="k", **options)


@pytest.mark.parametrize(
    "record", ["text", 5, [], {}, {"state": "live"}, {"state": "odd", "key": "k", "generation": 0}]
)
def test_a_record_of_something_else_is_not_overwritten(face_of, sandbox, record):
    store = Store(record)
    with pytest.raises(ConfigurationError) as caught:
        submit(face_of, sandbox, store)
    assert (caught.value.code, caught.value.retryable) == ("record.not_a_record", False)
    assert store.get() == record
    assert sandbox.received("submit") == []


@pytest.mark.parametrize("step", ["get", "submitting"])
def test_a_store_that_fails_before_the_post_stops_it(face_of, sandbox, step):
    store = Broken(step)
    with pytest.raises(ConfigurationError, match="the store is away") as caught:
        submit(face_of, sandbox, store)
    assert caught.value.retryable
    assert not caught.value.may_have_charged
    assert sandbox.received("submit") == []
    store.steps = ()
    assert submit(face_of, sandbox, store).id == sandbox.jobs()[0]["id"]


def test_a_job_that_cannot_be_noted_is_told_by_its_id(face_of, sandbox):
    store = Broken("live")
    with pytest.raises(ConfigurationError, match="the store is away") as caught:
        submit(face_of, sandbox, store)
    assert not caught.value.retryable
    assert caught.value.may_have_charged
    assert caught.value.job_id == sandbox.jobs()[0]["id"]
    uncertain_from_now_on(face_of, sandbox, store)


@pytest.mark.parametrize(
    ("step", "fault", "error"),
    [
        ("uncertain", {"action": "cut_after"}, SubmissionUncertain),
        ("delete", {"action": "status", "code": 402}, InsufficientCredits),
        ("delete", {"action": "status", "code": 429, "headers": {"Retry-After": "0.1"}}, LipsyncError),
    ],
    ids=["uncertain", "refused", "paused"],
)
def test_what_the_service_said_counts_more_than_the_store(face_of, sandbox, step, fault, error):
    """The record says "submitting" then, which never sends anything twice."""
    store = Broken(step)
    sandbox.fault(where="submit", **fault)
    with pytest.raises(error) as caught:
        submit(face_of, sandbox, store)
    assert "the store is away" in str(caught.value) + str(getattr(caught.value, "__notes__", ""))
    uncertain_from_now_on(face_of, sandbox, store)


def uncertain_from_now_on(face_of, sandbox, store):
    store.steps = ()
    submits = len(sandbox.received("submit"))
    with pytest.raises(SubmissionUncertain, match="ended before an answer came"):
        submit(face_of, sandbox, store)
    assert len(sandbox.received("submit")) == submits == 1
    assert submit(face_of, sandbox, store, resubmit_uncertain=True).id == sandbox.jobs()[0]["id"]


@pytest.mark.parametrize("step", ["get", "gone"])
def test_a_store_that_fails_while_a_job_is_waited_for(face_of, sandbox, step):
    """What cannot be noted may be noted later; the job itself is in the record."""
    store = Broken()
    job = submit(face_of, sandbox, store)
    store.steps = (step,)
    if step == "gone":
        sandbox.fault("status", where="poll", code=404, count=4)
    with pytest.raises(LipsyncError, match="the store is away") as caught:
        client(face_of, sandbox, store).wait(job.id, timeout=1, poll_interval=0.05)
    assert caught.value.retryable
    store.steps = ()
    sandbox.clear_faults()
    assert client(face_of, sandbox, store).run(FORM, key="k", poll_interval=0.05).id == job.id
    assert len(sandbox.received("submit")) == 1


def test_a_release_that_fails_keeps_the_job(face_of, sandbox):
    store = Broken("ended")
    job = submit(face_of, sandbox, store)
    with pytest.raises(ConfigurationError, match="the store is away") as caught:
        RecordJournal(store).release(job.id)
    assert caught.value.retryable
    store.steps = ()
    assert submit(face_of, sandbox, store).id == job.id


def test_a_known_job_that_the_service_does_not_know_yet(face_of, sandbox):
    """A job of the record is asked for again; one of somebody else is not there at the first 404."""
    store = Store()
    job = submit(face_of, sandbox, store)
    sandbox.fault("status", where="poll", code=404, count=3)
    assert client(face_of, sandbox, store).wait(job.id, poll_interval=0.05).output


def test_a_video_is_made_and_saved_with_nothing_but_a_record(face_of, sandbox, tmp_path):
    """Without a ledger; a webhook needs the secret that the receiver's ledger would have."""
    store = Store()
    webhook = Webhook(base="https://hooks.example/lipsync")
    profile = Profile(api_key=sandbox.api_key, base_url=sandbox.base_url, webhook=webhook)
    with pytest.raises(ConfigurationError, match="the secret that is shared with the receiver"):
        client(face_of, sandbox, store, profile=profile).submit(FORM, key="k", webhook="auto")
    assert sandbox.received("submit") == []
    shared = Webhook(base=webhook.base, secret="shared with the receiver, 0123456789")
    profile = profile.model_copy(update={"webhook": shared})
    ours = client(face_of, sandbox, store, profile=profile)
    job = ours.run(FORM, key="k", webhook="auto", poll_interval=0.05)
    assert sandbox.received("submit")[0].body["webhook"].startswith(webhook.base)
    assert ours.download(job, tmp_path / "talking.mp4").read_bytes()
    assert submit(face_of, sandbox, store).id == job.id


def test_no_webhook_settles_an_uncertain_submit_of_a_record(face_of, sandbox):
    """Webhooks are noted in a ledger, so the call does not wait for one."""
    webhook = Webhook(base="https://hooks.example/lipsync", secret="shared with the receiver, 0123456789")
    profile = Profile(api_key=sandbox.api_key, base_url=sandbox.base_url, webhook=webhook)
    sandbox.fault("cut_after", where="submit")
    began = time.monotonic()
    with pytest.raises(SubmissionUncertain):
        client(face_of, sandbox, Store(), profile=profile).run(FORM, key="k", webhook="auto", timeout=60)
    assert time.monotonic() - began < 30


# A process that dies, at each step.

MORTAL = """
import json, os, sys
from pathlib import Path
from lipsync_nodes import ImageForm, LipsyncClient, LipsyncError
from lipsync_nodes.host import RecordJournal

base_url, file, point, *consent = sys.argv[1:]

class File:
    path = Path(file)
    def get(self): return json.loads(self.path.read_text()) if self.path.exists() else None
    def set(self, record): self.path.write_text(json.dumps(record))
    def delete(self): self.path.unlink(missing_ok=True)

class Mortal(RecordJournal):
    def record(self, event, profile):
        self.die_at(f"before {type(event).__name__}")
        answer = super().record(event, profile)
        self.die_at(f"after {type(event).__name__}")
        return answer
    def die_at(self, here):
        if here == point:
            os._exit(9)

form = ImageForm(image="https://x/i.png", audio="https://x/a.mp3")
try:
    with LipsyncClient("sk_record_0123456789", base_url, ledger=Mortal(File())) as client:
        print(client.run(form, key="k", poll_interval=0.05, resubmit_uncertain=bool(consent)).id)
except LipsyncError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


@pytest.mark.parametrize(
    ("point", "submits", "uncertain"),
    [
        ("before Claim", 0, False),
        ("after Claim", 0, False),
        ("before Sending", 0, False),
        ("after Sending", 0, True),
        ("before Accepted", 1, True),
        ("after Accepted", 1, False),
        ("before Seen", 1, False),
        ("after Seen", 1, False),
    ],
)
def test_a_process_that_dies_leaves_what_the_next_needs(sandbox, tmp_path, point, submits, uncertain):
    def run(*options):
        program = [sys.executable, "-c", MORTAL, sandbox.base_url, tmp_path / "record.json", *options]
        return subprocess.run(program, capture_output=True, text=True, timeout=60)

    assert run(point).returncode == 9
    assert len(sandbox.received("submit")) == submits
    again = run("never")
    if uncertain:
        assert again.stderr.startswith("SubmissionUncertain")
        assert len(sandbox.received("submit")) == submits
        again = run("never", "with consent")
        submits += 1
    assert again.stdout.strip() == sandbox.jobs()[0]["id"], again.stderr
    assert len(sandbox.jobs()) == max(submits, 1)
