"""Level A: a task's own code with `LipsyncHook().client()`, in a task and outside of one."""

import asyncio
from types import SimpleNamespace

import pytest

from lipsync_nodes import ImageForm, JobFailed, Ledger, LipsyncError, SubmissionUncertain
from lipsync_nodes.sandbox import MEDIA
from tests.integrations.airflow.conftest import MEDIA_URLS, URL
from tests.integrations.airflow.running import clear

pytestmark = pytest.mark.usefixtures("lipsync_default")

FORM = ImageForm(image=MEDIA_URLS["image"], audio=MEDIA_URLS["audio"])
kept = pytest.mark.parametrize("kept_by", ["airflow", "host", "test"])


@pytest.fixture
def task(context, monkeypatch):
    """The context of a running task, as Airflow sets it around the code."""
    import lipsync_nodes_airflow.own_code as module

    context["ti"].try_number = 1
    monkeypatch.setattr(module, "_TAKEN", set())
    monkeypatch.setattr(module, "get_current_context", lambda: context)
    return context


def keep(task, kept_by):
    if kept_by == "host":
        del task["task_state_store"]
    if kept_by == "test":
        task["dag_run"] = SimpleNamespace(triggering_user_name="dag_test")


def retry(task):
    task["ti"].try_number += 1


def made(*forms, **options):
    from lipsync_nodes_airflow.hooks import LipsyncHook

    with LipsyncHook().client() as client:
        return [client.run(form, poll_interval=0.05, **options).id for form in forms]


@kept
def test_a_retry_gets_the_jobs_of_the_earlier_try(task, sandbox, kept_by):
    keep(task, kept_by)
    other = ImageForm(image=f"{URL}other", audio=MEDIA_URLS["audio"])
    first = made(FORM, other, FORM)
    assert len(set(first)) == 3, "the same inputs twice in one try are two jobs"
    retry(task)
    assert made(FORM, other, FORM) == first
    assert len(sandbox.received("submit")) == 3
    clear(task)
    retry(task)
    assert not set(made(FORM, other)) & set(first)


@kept
def test_a_retry_waits_for_a_job_that_still_runs(task, sandbox, kept_by):
    from lipsync_nodes_airflow.hooks import LipsyncHook

    keep(task, kept_by)
    sandbox.fault("seconds", seconds=60)
    with LipsyncHook().client() as client:
        job = client.submit(FORM)
    sandbox.clear_faults()
    clear(task)
    retry(task)
    with LipsyncHook().client() as client:
        assert client.submit(FORM).id == job.id
    assert len(sandbox.received("submit")) == 1


def test_another_signature_of_a_url_is_the_same_input(task, sandbox):
    forms = [ImageForm(image=f"{URL}face?X-Amz-Signature={n}", audio=MEDIA_URLS["audio"]) for n in range(2)]
    first = made(forms[0])
    retry(task)
    assert made(forms[1]) == first


def test_local_files_are_known_by_their_content(task, sandbox, tmp_path):
    copies = [tmp_path / f"{n}.jpg" for n in range(2)]
    for copy in copies:
        copy.write_bytes((MEDIA / "portrait.jpg").read_bytes())
    first = made(ImageForm(image=copies[0], audio=MEDIA_URLS["audio"]))
    retry(task)
    assert made(ImageForm(image=copies[1], audio=MEDIA_URLS["audio"])) == first


@kept
def test_a_submit_of_unknown_outcome_is_not_repeated(task, sandbox, kept_by):
    keep(task, kept_by)
    sandbox.fault("cut_after", where="submit")
    for _ in range(2):
        with pytest.raises(SubmissionUncertain):
            made(FORM)
        retry(task)
    assert len(sandbox.jobs()) == 1


@kept
def test_code_that_repeats_a_submit_of_unknown_outcome_does_not_pay_twice(task, sandbox, kept_by):
    from lipsync_nodes_airflow.hooks import LipsyncHook

    keep(task, kept_by)
    sandbox.fault("cut_after", where="submit")
    with LipsyncHook().client() as client:
        for _ in range(3):
            with pytest.raises(SubmissionUncertain):
                client.submit(FORM)
        assert len(sandbox.received("submit")) == 1
        assert client.submit(FORM, resubmit_uncertain=True).id


@kept
def test_what_was_refused_and_repeated_is_found_by_a_retry(task, sandbox, kept_by):
    from lipsync_nodes_airflow.hooks import LipsyncHook

    keep(task, kept_by)
    sandbox.fault("status", where="submit", code=402)
    with LipsyncHook().client() as client:
        with pytest.raises(LipsyncError):
            client.submit(FORM)
        sandbox.clear_faults()
        jobs = [client.submit(FORM).id for _ in range(2)]
    retry(task)
    assert made(FORM, FORM) == jobs
    assert len(sandbox.jobs()) == 2


@kept
def test_a_failed_job_is_paid_for_anew_by_a_clear_alone(task, sandbox, kept_by):
    keep(task, kept_by)
    sandbox.fault("fail", error="Invalid audio format")
    for _ in range(2):
        with pytest.raises(JobFailed):
            made(FORM)
        retry(task)
    assert len(sandbox.received("submit")) == 1
    clear(task)
    assert made(FORM)


def test_many_forms_at_once(task, sandbox):
    from lipsync_nodes_airflow.hooks import LipsyncHook

    forms = [ImageForm(image=f"{URL}{n}", audio=MEDIA_URLS["audio"]) for n in range(5)] + [FORM] * 3
    for _ in range(2):
        with LipsyncHook().client() as client:
            jobs = client.run_many(forms, concurrency=4, poll_interval=0.05)
        assert len({job.id for job in jobs}) == 8
        retry(task)
    assert len(sandbox.received("submit")) == 8


def test_an_async_client_records_too(task, sandbox):
    from lipsync_nodes_airflow.hooks import LipsyncHook

    async def made():
        async with await LipsyncHook().async_client() as client:
            return (await client.run(FORM, poll_interval=0.05)).id

    first = asyncio.run(made())
    retry(task)
    assert asyncio.run(made()) == first
    assert len(sandbox.received("submit")) == 1


def test_a_key_or_a_ledger_of_your_own_counts(task, sandbox, tmp_path):
    from lipsync_nodes_airflow.hooks import LipsyncHook

    first = made(FORM, key="episode 1")
    assert made(FORM, key="episode 1") == first, "a key is one job"
    with Ledger(tmp_path / "own.sqlite") as ledger, LipsyncHook().client(ledger=ledger) as client:
        assert client.ledger is ledger
        assert client.submit(FORM).id not in first
    with LipsyncHook().client(ledger=None) as client:
        assert client.ledger is None


def test_outside_a_task_nothing_is_recorded(sandbox):
    from lipsync_nodes_airflow.hooks import LipsyncHook

    with LipsyncHook().client() as client:
        assert client.ledger is None
        assert client.run(FORM, poll_interval=0.05).id != client.run(FORM, poll_interval=0.05).id


def test_errors_are_in_the_terms_of_airflow(task, sandbox):
    from lipsync_nodes import AuthenticationError
    from lipsync_nodes_airflow.hooks import LipsyncHook

    sandbox.fault("status", where="submit", code=401, count=2)
    with pytest.raises(AuthenticationError, match="password of the connection"):
        made(FORM)

    async def later():
        async with await LipsyncHook().async_client() as client:
            await client.submit(FORM)

    with pytest.raises(AuthenticationError, match="password of the connection"):
        asyncio.run(later())
