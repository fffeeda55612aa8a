"""Level A: how long a task waits, what it says when the time is over, what it logs, and what it counts."""

import asyncio
import json
import logging
import re
import time
from datetime import timedelta
from itertools import product

import pytest

from lipsync_nodes import JobNotFound, JobTimeout, LipsyncError
from tests.integrations.airflow.running import both, run, through_the_triggerer

pytestmark = pytest.mark.usefixtures("lipsync_default")


def queued(sandbox):
    sandbox.fault("job_status", status="queued", polls=999)


def sensor_of(make, context, **arguments):
    from lipsync_nodes_airflow.sensors import LipsyncJobSensor

    job_id = make(wait_for_completion=False).execute(context)
    return LipsyncJobSensor(**{"task_id": "s", "job_id": job_id, "poke_interval": 0.05, **arguments})


@both
def test_a_time_out_names_the_time_that_was_given(make, context, sandbox, deferrable):
    """Not the seconds that were left for the last poll."""
    queued(sandbox)
    with pytest.raises(JobTimeout, match=r"has not ended within 1\.5 s; when last seen it was 'queued'"):
        run(make(deferrable=deferrable, timeout=1.5), context)


def test_the_execution_timeout_ends_a_deferred_wait(make, context, sandbox):
    sandbox.fault("status", where="poll", code=503, count=-1)
    task = make(deferrable=True, timeout=600, execution_timeout=timedelta(seconds=1.5))
    began = time.monotonic()
    with pytest.raises(JobTimeout, match=r"within the task's `execution_timeout` of 1\.5 s") as caught:
        run(task, context)
    assert time.monotonic() - began < 60
    assert caught.value.retryable
    sandbox.clear_faults()
    assert run(make(deferrable=True), context) == sandbox.jobs()[0]["output"]
    assert len(sandbox.received("submit")) == 1


def test_a_longer_execution_timeout_changes_nothing(make, context, sandbox):
    queued(sandbox)
    with pytest.raises(JobTimeout, match=r"within 0\.5 s"):
        run(make(deferrable=True, timeout=0.5, execution_timeout=timedelta(minutes=1)), context)


def test_the_execution_timeout_ends_a_deferred_sensor(make, context, sandbox):
    queued(sandbox)
    sensor = sensor_of(make, context, deferrable=True, execution_timeout=timedelta(seconds=1.5))
    with pytest.raises(JobTimeout, match="`execution_timeout`"):
        through_the_triggerer(sensor, context)


FAULTS = {
    "failed": (("fail",), {"error": "Invalid audio format"}, {}),
    "timeout": (("job_status",), {"status": "queued", "polls": 999}, {"timeout": 0.5}),
    "unknown": (("status",), {"where": "poll", "code": 404, "count": 99}, {}),
    "away": (("status",), {"where": "poll", "code": 401, "count": 99}, {}),
}


# Airflow itself fails a poking sensor whose time is over, in spite of `never_fail`, and skips a deferred one.
WAYS = [
    way
    for way in product(FAULTS, ("never_fail", "soft_fail"), (True, False))
    if way != ("timeout", "never_fail", False)
]


@pytest.mark.parametrize(("fault", "option", "deferrable"), WAYS)
def test_a_deferred_sensor_skips_when_a_poking_one_does(make, context, sandbox, fault, option, deferrable):
    from airflow.providers.common.compat.sdk import AirflowSkipException

    kind, facts, arguments = FAULTS[fault]
    if fault in {"failed", "timeout"}:
        sandbox.fault(*kind, **facts)
    sensor = sensor_of(make, context, deferrable=deferrable, **{option: True}, **arguments)
    if fault not in {"failed", "timeout"}:
        sandbox.fault(*kind, **facts)
    retried = fault == "unknown" and option == "soft_fail"  # a job that is new may be known to the next try
    with pytest.raises(JobNotFound if retried else AirflowSkipException):
        through_the_triggerer(sensor, context) if deferrable else sensor.execute(context)


@both
def test_a_sensor_that_never_fails_skips_without_a_connection(airflow_home, context, monkeypatch, deferrable):
    from airflow.providers.common.compat.sdk import AirflowSkipException

    from lipsync_nodes_airflow.sensors import LipsyncJobSensor

    monkeypatch.setenv("AIRFLOW_CONN_KEYLESS", json.dumps({"conn_type": "lipsync"}))
    sensor = LipsyncJobSensor(
        task_id="s", job_id="j", lipsync_conn_id="keyless", deferrable=deferrable, never_fail=True
    )
    with pytest.raises(AirflowSkipException):
        sensor.execute(context)


@both
def test_the_log_tells_of_the_job(make, context, sandbox, caplog, capsys, tmp_path, monkeypatch, deferrable):
    """Submitted, each status, and saved where; without what signs a URL."""
    monkeypatch.chdir(tmp_path)
    sandbox.fault("seconds", seconds=1)
    task = make(
        deferrable=deferrable,
        image="https://x.example/face.png?X-Amz-Signature=of-the-image",
        extra={"references": [{"url": "https://x.example/pose.png?X-Amz-Signature=of-the-image"}]},
        media_seconds={"audio": 10},
        output_path="videos/",
    )
    with caplog.at_level(logging.INFO):
        run(task, context)
    (job,) = sandbox.jobs()
    said = caplog.text + capsys.readouterr().out  # in Airflow 3, a task's own log is not Python's
    assert (
        f"Submitted job {job['id']} to lipsync-image, for at most 20 credits: "
        "image=https://x.example/face.png, audio=https://x.example/audio"
    ) in said
    assert re.search(rf"Job {job['id']} is processing after \d+ s; usually 1 min 40 s to 5 min", said)
    assert "references=[{url=https://x.example/pose.png}]" in said
    assert f"Job {job['id']} is completed after " in said
    assert f"Saved the video of job {job['id']} as {tmp_path}/videos/{job['id']}.mp4" in said
    assert "of-the-image" not in said


def test_a_status_that_stays_is_logged_once_a_minute(caplog, monkeypatch):
    from lipsync_nodes import Job
    from lipsync_nodes_airflow import progress

    now = [1000.0]
    monkeypatch.setattr(progress.time, "time", lambda: now[0])
    tell = progress.Progress(logging.getLogger("lipsync_nodes_airflow"), began=1000.0)
    with caplog.at_level(logging.INFO):
        for _ in range(31):
            tell(Job(id="j1", status="processing"))
            now[0] += 5
        tell(Job(id="j1", status="completed", output="https://x.example/o.mp4"))
    assert [record.getMessage() for record in caplog.records] == [
        "Job j1 is processing after 0 s",
        "Job j1 is processing after 1 min",
        "Job j1 is processing after 2 min",
        "Job j1 is completed after 2 min 35 s",
    ]


class Counters:
    """What Airflow would send to StatsD or OpenTelemetry."""

    def __init__(self):
        self.counted = []

    def incr(self, name, count=1, tags=None, **_):
        self.counted.append((name, count, tags))

    def timing(self, name, took, tags=None, **_):
        self.counted.append((name, took > timedelta(0), tags))


@both
def test_submissions_and_waits_are_counted(make, context, sandbox, monkeypatch, deferrable):
    from lipsync_nodes_airflow import progress

    stats = Counters()
    monkeypatch.setattr(progress, "Stats", stats)
    for _ in range(2):
        run(make(deferrable=deferrable, media_seconds={"audio": 10}), context)
    endpoint, completed = {"endpoint": "lipsync-image"}, {"outcome": "completed"}
    wait = [("lipsync.waits", 1, completed), ("lipsync.wait_seconds", True, completed)]
    assert stats.counted == [("lipsync.submits", 1, endpoint), ("lipsync.credits", 20, endpoint), *wait, *wait]


def test_the_metrics_are_airflows(airflow_home):
    from airflow.providers.common.compat.sdk import Stats

    from lipsync_nodes_airflow import progress

    assert progress.Stats is Stats
    Stats.incr("lipsync.submits", tags={"endpoint": "lipsync-image"})
    Stats.timing("lipsync.wait_seconds", timedelta(seconds=1), tags={"outcome": "failed"})


@both
def test_a_task_that_is_not_durable_pays_for_each_try(make, context, sandbox, deferrable):
    first = run(make(durable=False, deferrable=deferrable), context)
    assert run(make(durable=False, deferrable=deferrable), context) != first
    assert len(sandbox.received("submit")) == 2
    assert context["task_state_store"] == {}


def test_a_worker_waits_where_the_triggerer_has_no_connection(make, context, sandbox, monkeypatch):
    """The job is paid for, so a triggerer that cannot poll it does not fail the task."""
    from airflow.providers.common.compat.sdk import TaskDeferred

    task = make(deferrable=True)
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(context)
    with monkeypatch.context() as triggerer:
        triggerer.delenv("AIRFLOW_CONN_LIPSYNC_DEFAULT")
        event = asyncio.run(anext(deferred.value.trigger.run()))
    assert task.execute_complete(context, event.payload) == sandbox.jobs()[0]["output"]


def test_an_error_below_an_error_speaks_of_airflow_too(make, context, sandbox):
    """Airflow logs the errors that an error was raised from."""
    queued(sandbox)
    with pytest.raises(JobTimeout) as caught:
        run(make(deferrable=True, timeout=600, execution_timeout=timedelta(seconds=0.5)), context)
    error, hosts = caught.value, []
    while error is not None:
        hosts += [error.host] if isinstance(error, LipsyncError) else []
        error = error.__cause__ or error.__context__
    assert len(hosts) > 1
    assert set(hosts) == {"airflow"}
