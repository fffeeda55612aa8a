"""Level A: what becomes of a job that is paid for when tries fail, die, are repeated or cleared."""

from functools import partial

import pytest

from lipsync_nodes import InsufficientCredits, JobTimeout, LipsyncError, SubmissionUncertain
from lipsync_nodes.flows import Policy
from tests.integrations.airflow.conftest import URL, Store, TaskInstance, connection
from tests.integrations.airflow.running import both, clear, run

pytestmark = pytest.mark.usefixtures("lipsync_default")


@both
@pytest.mark.parametrize("kept_by", ["airflow", "host"])
def test_a_failed_job_fails_the_task_for_good(make, context, sandbox, deferrable, kept_by):
    """A failed job fails the task for good and a clear submits anew."""
    from airflow.providers.common.compat.sdk import AirflowFailException

    if kept_by == "host":
        del context["task_state_store"]
    sandbox.fault("fail", error="Invalid audio format")
    for _ in range(2):
        with pytest.raises(AirflowFailException, match="Invalid audio format"):
            run(make(deferrable=deferrable), context)
    assert len(sandbox.received("submit")) == 1, "Airflow itself may try again where it should not"
    clear(context)
    assert run(make(deferrable=deferrable), context)
    assert len(sandbox.received("submit")) == 2


@both
@pytest.mark.parametrize("kept_by", ["airflow", "host"])
def test_a_job_that_stopped_is_paid_for_anew_by_a_clear_alone(make, context, sandbox, deferrable, kept_by):
    from airflow.providers.common.compat.sdk import AirflowFailException

    if kept_by == "host":
        del context["task_state_store"]
    sandbox.fault("job_status", status="cancelled", polls=99)
    for _ in range(2):
        with pytest.raises(AirflowFailException, match=r"'cancelled'.*Clear the task that submitted it"):
            run(make(deferrable=deferrable), context)
    assert len(sandbox.received("submit")) == 1
    clear(context)
    sandbox.clear_faults()
    assert run(make(deferrable=deferrable), context)
    assert len(sandbox.received("submit")) == 2


@both
def test_a_retry_after_a_time_out_waits_again_and_pays_once(make, context, sandbox, deferrable):
    sandbox.fault("job_status", status="queued", polls=5)  # a try looks four times at most
    with pytest.raises(JobTimeout):
        run(make(deferrable=deferrable, timeout=0.5, poll_interval=5), context)
    assert run(make(deferrable=deferrable), context)
    assert len(sandbox.received("submit")) == 1


@both
def test_a_submit_of_unknown_outcome_is_never_repeated_silently(make, context, sandbox, deferrable):
    from airflow.providers.common.compat.sdk import AirflowFailException

    sandbox.fault("cut_after", where="submit")
    for words in ("no answer came", "submitted before"):
        with pytest.raises(AirflowFailException, match=words) as caught:
            run(make(deferrable=deferrable), context)
        assert isinstance(caught.value.__cause__, SubmissionUncertain)
    assert len(sandbox.jobs()) == 1
    run(make(deferrable=deferrable, resubmit_uncertain=True), context)
    assert len(sandbox.jobs()) == 2


def test_a_worker_that_died_in_the_post_is_seen_by_the_next_try(make, context, sandbox, monkeypatch):
    """A worker that dies during the post is seen by the next try."""
    from airflow.providers.common.compat.sdk import AirflowFailException

    class Killed(BaseException):
        pass

    left = Store()

    def die(*_, **__):
        left.update(context["task_state_store"])  # nothing that is written from here on was written by a killed worker
        raise Killed

    from lipsync_nodes.http import Transport

    with monkeypatch.context() as patch:
        patch.setattr(Transport, "_send", die)
        with pytest.raises(Killed):
            make().execute(context)
    context["task_state_store"] = left
    assert left["lipsync"]["state"] == "submitting"
    with pytest.raises(AirflowFailException, match="ended before an answer came"):
        make().execute(context)
    assert sandbox.received("submit") == []


class Broken(Store):
    """A state which cannot be written to these states, as they do while the api-server is away."""

    def __init__(self, *states):
        super().__init__()
        self.states = states

    def set(self, key, value, **_):
        if value["state"] in self.states:
            raise RuntimeError("the api-server is away")
        super().set(key, value)

    def delete(self, key):
        if "deleted" in self.states:
            raise RuntimeError("the api-server is away")
        super().delete(key)


def test_a_job_that_airflow_cannot_note_is_told_with_its_id(make, context, sandbox):
    from airflow.providers.common.compat.sdk import AirflowFailException

    context["task_state_store"] = Broken("live")
    with pytest.raises(AirflowFailException, match="api-server is away") as caught:
        make().execute(context)
    job_id = sandbox.jobs()[0]["id"]
    assert f'job_id="{job_id}"' in str(caught.value)
    assert "Credits may have been spent" in str(caught.value)
    assert context["ti"].xcoms["job_id"] == job_id
    assert make(job_id=job_id).execute(context) == sandbox.jobs()[0]["output"]
    assert len(sandbox.received("submit")) == 1


def test_an_unwritable_state_before_the_submit_is_retried(make, context, sandbox):
    """A state that cannot be written before the submit is left to retries."""
    context["task_state_store"] = Broken("submitting")
    with pytest.raises(LipsyncError, match="api-server is away") as caught:
        make().execute(context)
    assert caught.value.retryable
    assert sandbox.received("submit") == []


def test_an_unwritable_state_hides_no_answer(make, context, sandbox):
    """What the service said is not hidden by a state that cannot be written."""
    from airflow.providers.common.compat.sdk import AirflowFailException

    context["task_state_store"] = Broken("uncertain", "deleted")
    sandbox.fault("cut_after", where="submit")
    with pytest.raises(AirflowFailException, match="no answer came"):
        make().execute(context)
    context["task_state_store"] = Broken("deleted")
    sandbox.fault("status", where="submit", code=402)
    with pytest.raises(AirflowFailException) as caught:
        make().execute(context)
    assert isinstance(caught.value.__cause__, InsufficientCredits)


def test_other_inputs_after_a_clear_are_another_job(make, context, sandbox):
    """Other inputs in the same place of a list are another job after a clear."""
    sandbox.fault("job_status", status="queued", polls=5)
    with pytest.raises(JobTimeout):
        make(timeout=0.1, poll_interval=30).execute(context)
    clear(context)
    make(image=f"{URL}another").execute(context)
    bodies = [request.body["formState"]["image"] for request in sandbox.received("submit")]
    assert bodies == [f"{URL}image", f"{URL}another"]


def test_inputs_that_a_retry_renders_otherwise_pay_nothing(make, context, sandbox):
    sandbox.fault("job_status", status="queued", polls=5)
    with pytest.raises(JobTimeout):
        make(image=f"{URL}image?signature=1", timeout=0.1, poll_interval=30).execute(context)
    url = make(image=f"{URL}image?signature=2").execute(context)
    assert make(image=f"{URL}image?signature=3").execute(context) == url
    assert len(sandbox.received("submit")) == 1


def test_an_uncertain_submit_is_not_repeated_with_other_inputs(make, context, sandbox):
    """A submit of unknown outcome is not repeated with inputs rendered otherwise."""
    from airflow.providers.common.compat.sdk import AirflowFailException

    sandbox.fault("cut_after", where="submit")
    for signature, words in enumerate(("no answer came", "submitted before")):
        with pytest.raises(AirflowFailException, match=words):
            make(image=f"{URL}image?signature={signature}").execute(context)
    assert len(sandbox.received("submit")) == 1


def test_a_job_that_is_unknown_for_a_while_is_not_lost(make, context, sandbox):
    """A job that the service does not know for a while is not lost."""
    from airflow.providers.common.compat.sdk import AirflowFailException

    sandbox.fault("status", where="poll", code=404, count=4)
    with pytest.raises(AirflowFailException, match="knows no job"):
        make().execute(context)
    assert context["task_state_store"]["lipsync"]["state"] == "gone"
    clear(context)
    assert make().execute(context) == sandbox.jobs()[0]["output"]
    assert len(sandbox.received("submit")) == 1


def test_an_unknown_job_is_submitted_anew_on_request(make, context, sandbox):
    """A job that the service does not know is made anew if that is wanted."""
    from airflow.providers.common.compat.sdk import AirflowFailException

    sandbox.fault("status", where="poll", code=404, count=4)
    with pytest.raises(AirflowFailException, match="knows no job"):
        make().execute(context)
    make(resubmit_uncertain=True).execute(context)
    assert len(sandbox.received("submit")) == 2


@both
@pytest.mark.parametrize("kept_by", ["airflow", "host"])
def test_a_job_that_was_found_again_is_not_paid_for_anew(make, context, sandbox, deferrable, kept_by, monkeypatch):
    """Consent to submit anew is for a job that is still missing, not for one that a later try has seen."""
    from airflow.providers.common.compat.sdk import AirflowFailException

    if kept_by == "host":
        del context["task_state_store"]
        monkeypatch.setattr("lipsync_nodes.ledger._rules.NEW_SECONDS", -1.0)
    sandbox.fault("job_status", status="queued", polls=99)
    sandbox.fault("status", where="poll", code=404, count=8 if deferrable else 4)
    with pytest.raises(AirflowFailException, match="knows no job"):
        run(make(deferrable=deferrable), context)
    with pytest.raises(JobTimeout):
        run(make(deferrable=deferrable, timeout=0.5), context)
    sandbox.clear_faults()
    assert run(make(deferrable=deferrable, resubmit_uncertain=True), context) == sandbox.jobs()[0]["output"]
    assert len(sandbox.received("submit")) == 1


@pytest.mark.parametrize("known", [True, False])
def test_to_wait_for_another_job_leaves_this_tasks_own_as_it_was(make, context, sandbox, known):
    from airflow.providers.common.compat.sdk import AirflowFailException

    other = make(wait_for_completion=False).execute({**context, "task_state_store": Store()})
    sandbox.fault("job_status", status="queued", polls=5)
    with pytest.raises(JobTimeout):
        make(timeout=0.1, poll_interval=30).execute(context)
    before = dict(context["task_state_store"])
    sandbox.clear_faults()
    if known:
        make(job_id=other).execute(context)
    else:
        sandbox.fault("status", where="poll", code=404, count=4)
        with pytest.raises(AirflowFailException, match="knows no job"):
            make(job_id=other).execute(context)
    assert context["task_state_store"] == before


def test_before_3_3_the_workers_ledger_keeps_the_job_over_tries(make, context, sandbox):
    del context["task_state_store"]
    sandbox.fault("job_status", status="queued", polls=5)
    with pytest.raises(JobTimeout):
        make(timeout=0.1, poll_interval=30).execute(context)
    url = make().execute(context)
    assert make().execute(context) == url, "another try gets the same video, and so does a third"
    assert make().execute(context) == url
    assert len(sandbox.received("submit")) == 1
    clear(context)
    assert make().execute(context) != url
    assert len(sandbox.received("submit")) == 2, "a task that succeeded and is cleared makes a new video"


def test_before_3_3_a_sensor_leaves_the_submission_alone(make, context, sandbox):
    """Before 3.3 a sensor leaves the submission to the task that made it."""
    from lipsync_nodes_airflow.sensors import LipsyncJobSensor

    del context["task_state_store"]
    job_id = make(wait_for_completion=False).execute(context)
    elsewhere = {**context, "ti": TaskInstance(xcoms={}, task_id="s", max_tries=7)}
    assert LipsyncJobSensor(task_id="s", job_id=job_id).poke(elsewhere).is_done
    assert make(wait_for_completion=False).execute(context) == job_id
    assert len(sandbox.received("submit")) == 1


def test_before_3_3_a_clear_picks_up_a_job_that_still_runs(make, context, sandbox):
    del context["task_state_store"]
    sandbox.fault("job_status", status="queued", polls=5)
    with pytest.raises(JobTimeout):
        make(timeout=0.1, poll_interval=30).execute(context)
    clear(context)
    make().execute(context)
    assert len(sandbox.received("submit")) == 1


def test_a_record_of_version_0_1_is_known_by_its_former_key():
    """The keys of that time were made with the connection's name; a job that runs is picked up by a clear, too."""
    from lipsync_nodes.flows import Claim, Claimed, Found, Submission
    from lipsync_nodes.ledger import ContentKey, RecordJournal
    from lipsync_nodes.settings import Profile
    from lipsync_nodes_airflow.journal import _TaskRecord

    record = {"key": "place/former", "max_tries": 1, "state": "live", "job_id": "j1"}
    for key, answer in ((ContentKey("new", "former"), Found), (ContentKey("new", "another"), Claimed)):
        journal = RecordJournal(_TaskRecord(Store(lipsync=record)), 2)
        claim = Claim(Submission("lipsync-image", "/p", {}, key="place/" + key))
        assert isinstance(journal.record(claim, Profile()), answer)


@pytest.mark.parametrize("kept_by", ["airflow", "host", "nothing"])
@pytest.mark.parametrize("limit", ["submits_per_minute", "max_concurrency"])
def test_the_limits_of_the_connection_hold_for_all_tasks(make, sandbox, monkeypatch, kept_by, limit):
    """Two tasks of a worker host share the limits, whatever keeps the record of each."""
    sandbox.fault("job_status", polls=10**9)
    monkeypatch.setenv("AIRFLOW_CONN_LIPSYNC_DEFAULT", connection(sandbox, **{limit: 1}))
    monkeypatch.setattr("lipsync_nodes.flows.Policy", partial(Policy, longest_queue=0.5))
    for task in ("one", "two"):
        context = {"ti": TaskInstance(xcoms={}, task_id=task), "task_state_store": Store(), "outlet_events": {}}
        if kept_by == "host":
            del context["task_state_store"]
        if task == "one":
            run(make(wait_for_completion=False, durable=kept_by != "nothing"), context)
    with pytest.raises(LipsyncError, match="max_concurrency and submits_per_minute in the connection"):
        run(make(wait_for_completion=False, seed=2, durable=kept_by != "nothing"), context)
    assert len(sandbox.received("submit")) == 1
