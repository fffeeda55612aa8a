"""Level A: a batch as one task. It pays for each job once, and goes on where it stopped."""

import asyncio
import json
import time
import tracemalloc
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from lipsync_nodes import DownloadError, InvalidRequest, JobTimeout, LipsyncError
from lipsync_nodes.sandbox import MEDIA
from tests.integrations.airflow.conftest import URL, connection
from tests.integrations.airflow.running import both, clear

pytestmark = pytest.mark.usefixtures("lipsync_default")


def line(name, **more):
    return {"image": f"{URL}{name}.png", "audio": f"{URL}a.mp3", **more}


def lines(count):
    return [line(number) for number in range(count)]


@pytest.fixture
def batch(airflow_home, tmp_path):
    def batch(inputs, **arguments):
        from lipsync_nodes_airflow.batch import LipsyncBatchOperator

        options = {"endpoint": "image", "output_path": str(tmp_path / "out"), "poll_interval": 0.05, **arguments}
        return LipsyncBatchOperator(task_id="t", inputs=inputs, **options)

    return batch


def run(task, context):
    """Execute a task; if it defers, run its triggers from what is serialized."""
    from airflow.providers.common.compat.sdk import TaskDeferred

    from lipsync_nodes_airflow.batch_wait import LipsyncBatchTrigger

    try:
        return task.execute(context)
    except TaskDeferred as deferred:
        waits = deferred
    while True:
        assert task.deferrable
        _, arguments = json.loads(json.dumps(waits.trigger.serialize()))

        async def fire(arguments=arguments):
            return [event async for event in LipsyncBatchTrigger(**arguments).run()]

        (event,) = asyncio.run(fire())
        try:
            return task.execute_complete(context, json.loads(json.dumps(event.payload)))
        except TaskDeferred as deferred:
            waits = deferred


def manifest_of(result):
    return json.loads(Path(result["manifest"]).read_text())["jobs"]


def videos(tmp_path):
    return sorted(path.name for path in (tmp_path / "out").glob("*.mp4"))


def submitted(sandbox):
    return [Path(request.body["formState"]["image"]).stem for request in sandbox.received("submit")]


def fails(task, context, match):
    from airflow.providers.common.compat.sdk import AirflowFailException

    with pytest.raises(AirflowFailException, match=match):
        run(task, context)


kept_by = pytest.mark.parametrize("kept_by", ["airflow", "folder"])


def kept(context, kept_by):
    if kept_by == "folder":
        context.pop("task_state_store")


@both
@kept_by
def test_a_batch_is_saved_with_one_manifest(batch, context, sandbox, tmp_path, deferrable, kept_by):
    kept(context, kept_by)
    result = run(batch([*lines(4), line("named", out="in/hello.mp4")], deferrable=deferrable), context)
    jobs = {job["id"]: job for job in sandbox.jobs()}
    assert result | {"manifest": ""} == {"done": 5, "failed": 0, "credits": 0, "manifest": "", "failures": []}
    rows = manifest_of(result)
    assert [row["line"] for row in rows] == [1, 2, 3, 4, 5]
    assert [Path(jobs[row["job_id"]]["form"]["image"]).stem for row in rows] == ["0", "1", "2", "3", "named"]
    assert all(row["output"] == jobs[row["job_id"]]["output"] for row in rows)
    assert rows[4]["path"] == str(tmp_path / "out/in/hello.mp4")
    assert all(Path(row["path"]).stat().st_size > 100 for row in rows)
    assert len(json.dumps(result)) < 1000, "there are no XComs of single jobs"
    assert "XCom" not in context["ti"].xcoms


@both
def test_a_file_of_lines_in_an_object_storage(batch, context, sandbox, memory, deferrable):
    memory("memory://in/lines.jsonl").fs.store.clear()
    memory("memory://in").mkdir(exist_ok=True)
    text = "".join(json.dumps({"endpoint": "lipsync-image", **line(n), "audio_seconds": 12}) + "\n\n" for n in range(3))
    memory("memory://in/lines.jsonl").write_text(text)
    task = batch("memory://in/lines.jsonl", endpoint=None, output_path="memory://out/videos", deferrable=deferrable)
    result = run(task, context)
    assert (result["done"], len(submitted(sandbox))) == (3, 3)
    rows = json.loads(memory(result["manifest"]).read_text())["jobs"]
    assert [row["line"] for row in rows] == [1, 3, 5]
    assert all(memory(row["path"]).read_bytes()[4:8] == b"ftyp" for row in rows)
    assert result["credits"] == sum(row["credits"] for row in rows) > 0


def test_equal_lines_are_one_job_and_two_rows(batch, context, sandbox, tmp_path):
    signed = [line("a", audio=f"{URL}a.mp3?X-Amz-Signature={n}") for n in range(2)]
    result = run(batch([*signed, line("b"), line("b", out="copy.mp4")]), context)
    assert sorted(submitted(sandbox)) == ["a", "b"]
    rows = manifest_of(result)
    assert len(rows) == result["done"] == 4
    assert rows[0]["job_id"] == rows[1]["job_id"] != rows[2]["job_id"] == rows[3]["job_id"]
    assert len(videos(tmp_path)) == 3
    assert rows[3]["path"].endswith("/copy.mp4")


def test_all_wrong_lines_are_told_together_before_anything_is_paid(batch, context, sandbox):
    wrong = [line("good"), {"image": "no url"}, line("x", colour="red"), "text", line("y", endpoint="nothing")]
    fails(batch(wrong), context, r"4 of 5 lines are wrong: line 2: .*line 3: .*colour.*line 4: .*line 5: .*nothing")
    assert sandbox.requests == []


def test_one_name_for_two_videos_is_a_wrong_line(batch, context, sandbox):
    fails(batch([line("a", out="x.mp4"), line("b", out="x.mp4")]), context, "1 of 2 lines are wrong: line 2: its `key`")
    fails(batch([line("a", key="k"), line("b", key="k")]), context, "line 2: its `key`")
    fails(batch([line("a", out="../x.mp4")]), context, "line 1: `out`")
    assert sandbox.requests == []


def stored(memory, name):
    """Put the media of a line into the object storage. Return the line."""
    for field, file in (("image", "portrait.jpg"), ("audio", "speech_left.mp3")):
        memory(f"memory://in/{name}.{field}").write_bytes((MEDIA / file).read_bytes())
    return {field: f"memory://in/{name}.{field}" for field in ("image", "audio")}


@kept_by
def test_the_media_of_what_was_submitted_are_not_read_again(batch, context, sandbox, memory, kept_by):
    """They may be gone by then, and a batch may have very many."""
    kept(context, kept_by)
    sandbox.fault("seconds", seconds=4, count=-1)
    both_lines = [stored(memory, name) for name in "ab"]
    with pytest.raises(JobTimeout):
        run(batch(both_lines, timeout=0.5), context)
    sandbox.clear_faults()
    for path in memory("memory://in").iterdir():
        path.unlink()
    result = run(
        batch([*both_lines, {"image": "memory://in/none", "audio": "memory://in/none"}], on_failure="skip"), context
    )
    assert (result["done"], result["failed"]) == (2, 1)
    assert result["credits"] > 0
    with pytest.raises(Exception, match="1 of 3 lines failed"):
        run(batch([*both_lines, {"image": "memory://in/none", "audio": "memory://in/none"}]), context)
    assert len(sandbox.received("submit")) == 2


@both
def test_skip_names_what_failed_and_succeeds(batch, context, sandbox, tmp_path, deferrable):
    sandbox.fault("fail", error="Invalid audio format", after=1)
    result = run(batch([*lines(3), "text"], on_failure="skip", deferrable=deferrable), context)
    assert (result["done"], result["failed"]) == (2, 2)
    failed = [row for row in manifest_of(result) if row["status"] == "failed"]
    assert failed == result["failures"]
    assert "Invalid audio format" in failed[0]["error"]
    assert failed[0]["job_id"] in {job["id"] for job in sandbox.jobs()}
    assert (failed[1]["line"], failed[1]["job_id"]) == (4, None)
    assert len(videos(tmp_path)) == 2


def test_skip_fails_if_all_failed(batch, context, sandbox):
    sandbox.fault("fail", count=-1)
    fails(batch(lines(2), on_failure="skip"), context, "2 of 2 lines failed")


@both
def test_stop_saves_what_was_paid_for_and_submits_nothing_more(
    batch, context, sandbox, monkeypatch, tmp_path, deferrable
):
    monkeypatch.setenv("AIRFLOW_CONN_LIPSYNC_DEFAULT", connection(sandbox, max_concurrency=3))
    sandbox.fault("fail", error="Invalid audio format", after=1)
    fails(
        batch(lines(9), deferrable=deferrable), context, r"1 of 9 lines failed, and [3-6] jobs were not submitted: line"
    )
    paid = len(submitted(sandbox))
    assert 3 <= paid <= 6
    assert len(videos(tmp_path)) == paid - 1
    sandbox.clear_faults()
    fails(batch(lines(9), deferrable=deferrable), context, "1 of 9 lines failed")
    assert len(submitted(sandbox)) == paid, "a retry submits nothing more either"
    clear(context)
    assert run(batch(lines(9), deferrable=deferrable), context)["done"] == 9
    assert len(submitted(sandbox)) == 10, "a clear pays for the failed one and for the rest"


@kept_by
def test_clearing_a_complete_batch_makes_all_videos_anew(batch, context, sandbox, kept_by):
    kept(context, kept_by)
    for _ in range(2):
        first = run(batch(lines(3)), context)
    assert len(submitted(sandbox)) == 3
    clear(context)
    second = run(batch(lines(3)), context)
    assert len(submitted(sandbox)) == 6
    assert {row["job_id"] for row in manifest_of(second)}.isdisjoint(job["id"] for job in sandbox.jobs()[3:]), (
        "the newest three"
    )
    assert first["manifest"] == second["manifest"]


def forget_manifest(tmp_path):
    for file in (tmp_path / "out").glob("manifest-*"):
        file.unlink()


class Crash(BaseException):
    pass


@kept_by
@pytest.mark.parametrize("manifest", ["there", "lost"])
def test_a_retry_after_a_crash_goes_on_and_pays_for_each_once(
    batch, context, sandbox, monkeypatch, tmp_path, kept_by, manifest
):
    from lipsync_nodes_airflow.batch_jobs import Jobs

    kept(context, kept_by)
    submit, collect = Jobs._submit, Jobs._collect

    def crashing(what, at):
        count = iter(range(100))

        def step(jobs, row):
            if next(count) >= at:
                raise Crash
            what(jobs, row)

        return step

    for name, step in (("_submit", crashing(submit, 5)), ("_collect", crashing(collect, 7))):
        monkeypatch.setattr(Jobs, name, step)
        with pytest.raises(Crash):
            run(batch(lines(12)), context)
        monkeypatch.setattr(Jobs, "_submit", submit)
        if manifest == "lost":
            forget_manifest(tmp_path)
    monkeypatch.setattr(Jobs, "_collect", collect)
    result = run(batch(lines(12)), context)
    assert sorted(submitted(sandbox), key=int) == [str(number) for number in range(12)]
    assert (result["done"], len(videos(tmp_path)), len(sandbox.received("output"))) == (12, 12, 12)


@kept_by
def test_a_crash_between_a_post_and_its_record_is_told_and_never_paid_again(
    batch, context, sandbox, kept_by, monkeypatch
):
    from lipsync_nodes.ledger._record import RecordJournal

    kept(context, kept_by)
    note = RecordJournal._note

    def crash(journal, state, **facts):
        if state == "live":
            raise Crash
        note(journal, state, **facts)

    monkeypatch.setattr(RecordJournal, "_note", crash)
    with pytest.raises(Crash):
        run(batch([line("a")]), context)
    monkeypatch.setattr(RecordJournal, "_note", note)
    skipping = {"on_failure": "skip"}
    result = run(batch([line("a"), line("b")], **skipping), context)
    assert (result["done"], result["failed"]) == (1, 1)
    assert "resubmit_uncertain" in result["failures"][0]["error"]
    assert sorted(submitted(sandbox)) == ["a", "b"]
    clear(context)
    assert run(batch([line("a"), line("b")], **skipping), context)["failed"] == 1
    clear(context)
    assert run(batch([line("a"), line("b")], resubmit_uncertain=True, **skipping), context)["done"] == 2
    assert sorted(submitted(sandbox)) == ["a", "a", "b"]


def test_a_429_is_a_pause_and_no_failure(batch, context, sandbox, monkeypatch):
    from lipsync_nodes_airflow.batch_jobs import Jobs

    advance, made = Jobs.advance, []
    monkeypatch.setattr(Jobs, "advance", lambda jobs: (advance(jobs), made.append(len(sandbox.jobs())))[0])
    sandbox.fault("status", where="submit", code=429, headers={"Retry-After": "1"}, count=3, after=2)
    assert run(batch(lines(6)), context)["done"] == 6
    assert made[0] == 6, "the core pauses, and sends them again itself"
    assert len(submitted(sandbox)) == 9


def test_what_costs_nothing_and_may_pass_is_left_to_a_retry(batch, context, sandbox, monkeypatch):
    good = connection(sandbox)
    context["ti"].try_number = 1
    bad = json.loads(good) | {"host": "http://127.0.0.1:1/api/v1"}
    monkeypatch.setenv("AIRFLOW_CONN_LIPSYNC_DEFAULT", json.dumps(bad))
    with pytest.raises(LipsyncError) as raised:
        run(batch(lines(2), on_failure="skip"), context)
    assert raised.value.retryable
    context["ti"].try_number = context["ti"].max_tries + 1
    fails(batch(lines(2), on_failure="skip"), context, "2 of 2 lines failed")
    clear(context)
    monkeypatch.setenv("AIRFLOW_CONN_LIPSYNC_DEFAULT", good)
    assert run(batch(lines(2), on_failure="skip"), context)["done"] == 2


@both
def test_a_poll_that_fails_in_the_last_try_fails_no_job(batch, context, sandbox, deferrable):
    context["ti"].try_number = context["ti"].max_tries + 1
    sandbox.fault("job_status", status="queued", polls=3, count=-1)
    sandbox.fault("status", where="poll", code=503, count=9, after=3)
    assert run(batch(lines(3), on_failure="skip", deferrable=deferrable), context)["done"] == 3


def test_a_download_that_fails_is_left_to_a_retry_which_pays_nothing(batch, context, sandbox):
    context["ti"].try_number = 1
    named = [line(number, out=f"{number}.mp4") for number in range(3)]
    sandbox.fault("status", where="output", code=500, count=-1, after=1)
    with pytest.raises(DownloadError):
        run(batch(named, on_failure="skip"), context)
    fetched = len(sandbox.received("output"))
    sandbox.clear_faults()
    assert run(batch(named, on_failure="skip"), context)["done"] == 3
    assert len(submitted(sandbox)) == 3
    assert len(sandbox.received("output")) == fetched + 2, "what is there is not fetched again"


def test_a_refused_key_is_asked_once_and_not_a_thousand_times(batch, context, sandbox):
    sandbox.fault("status", where="submit", code=401, count=-1)
    fails(batch(lines(50), on_failure="skip"), context, "lines failed, and 4")
    assert len(submitted(sandbox)) <= 4


def test_the_budget_is_for_the_whole_batch(batch, context, sandbox, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_LIPSYNC_DEFAULT", connection(sandbox, budget=100))
    fails(batch([line(n, audio_seconds=30) for n in range(9)]), context, "budget")
    assert sandbox.requests == []


@both
def test_the_concurrency_of_the_connection(batch, context, sandbox, monkeypatch, deferrable):
    monkeypatch.setenv("AIRFLOW_CONN_LIPSYNC_DEFAULT", connection(sandbox, max_concurrency=2))
    sandbox.fault("job_status", status="queued", polls=2, count=-1)
    most, jobs_now = [], sandbox.jobs
    from lipsync_nodes_airflow.batch_jobs import Jobs

    submit = Jobs._submit

    def counted(jobs, row):
        submit(jobs, row)
        most.append(sum(job["status"] not in {"completed", "failed"} for job in jobs_now()))

    monkeypatch.setattr(Jobs, "_submit", counted)
    assert run(batch(lines(7), deferrable=deferrable), context)["done"] == 7
    assert len(most) == 7
    assert max(most) <= 2


def test_the_pace_of_the_connection(batch, context, sandbox, monkeypatch):
    from lipsync_nodes_airflow.batch_jobs import Jobs

    minute, times, submit = 10.0, [], Jobs._submit

    def timed(jobs, row):
        submit(jobs, row)
        times.append(time.monotonic())

    monkeypatch.setattr(Jobs, "_submit", timed)
    monkeypatch.setattr("lipsync_nodes.ledger._rules.MINUTE", minute)
    monkeypatch.setenv("AIRFLOW_CONN_LIPSYNC_DEFAULT", connection(sandbox, submits_per_minute=3))
    assert run(batch(lines(4)), context)["done"] == 4
    assert times[3] - times[0] > minute / 2, "the fourth waits until a minute has passed since the first"


@both
@pytest.mark.parametrize(("name", "given"), [("timeout", 0.3), ("execution_timeout", timedelta(seconds=2))])
def test_a_time_out_is_told_and_a_retry_waits_for_the_same_jobs(batch, context, sandbox, deferrable, name, given):
    sandbox.fault("status", where="poll", code=503, count=-1)
    with pytest.raises(JobTimeout, match=rf"2 jobs.*`{name}`.*a retry waits for them"):
        run(batch(lines(2), deferrable=deferrable, **{name: given}), context)
    sandbox.clear_faults()
    assert run(batch(lines(2), deferrable=deferrable), context)["done"] == 2
    assert len(submitted(sandbox)) == 2


def test_another_dags_test_continues_with_the_jobs_of_the_last_one(batch, context, sandbox, tmp_path):
    context["dag_run"] = SimpleNamespace(triggering_user_name="dag_test")
    sandbox.fault("status", where="poll", code=503, count=-1)
    with pytest.raises(JobTimeout):
        run(batch(lines(2), timeout=0.3), context)
    sandbox.clear_faults()
    context["task_state_store"].clear()
    forget_manifest(tmp_path)
    context["ti"].run_id = "another"
    assert run(batch(lines(2)), context)["done"] == len(submitted(sandbox)) == 2
    context["ti"].run_id = "a third"
    run(batch(lines(2)), context)
    assert len(submitted(sandbox)) == 4, "the last one was complete"


def test_wrong_arguments_are_told_when_the_dag_is_parsed(batch):
    with pytest.raises(InvalidRequest, match="on_failure"):
        batch([], on_failure="ignore")
    with pytest.raises(InvalidRequest, match="timeout"):
        batch([], timeout=-1)


def test_no_lines_are_an_error(batch, context):
    fails(batch([]), context, "`inputs` must be")
    fails(batch({"image": "x"}), context, "`inputs` must be")


def test_a_thousand_jobs(batch, context, sandbox, tmp_path, capsys):
    """The time and the memory for each job do not grow with their number."""
    took = {}
    for count in (100, 1000):
        context["task_state_store"].clear()
        tracemalloc.start()
        began = time.perf_counter()
        result = run(
            batch(lines(count), deferrable=True, poll_interval=1, output_path=str(tmp_path / str(count))), context
        )
        took[count] = ((time.perf_counter() - began) / count, tracemalloc.get_traced_memory()[1] / count)
        tracemalloc.stop()
        assert result["done"] == len(list((tmp_path / str(count)).glob("*.mp4"))) == count
        assert len(json.dumps(result)) < 1000
    assert len(sandbox.received("submit")) == 1100
    (time_100, memory_100), (time_1000, memory_1000) = took[100], took[1000]
    with capsys.disabled():
        print(
            f"\n1,000 jobs beside 100: time for each x {time_1000 / time_100:.2f}, "
            f"memory for each x {memory_1000 / memory_100:.2f} ({memory_1000 / 1024:.0f} KiB)"
        )
    assert time_1000 < 3 * time_100
    assert memory_1000 < 2 * memory_100
