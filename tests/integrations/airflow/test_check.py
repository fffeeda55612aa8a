"""The check before a submission: its findings are in the task's log, or the task is refused and nothing is sent."""

import json
import logging
import re
from pathlib import Path

import pytest

from lipsync_nodes import InvalidRequest, Ledger
from lipsync_nodes.sandbox import MEDIA
from tests.integrations.airflow.conftest import connection
from tests.integrations.airflow.running import both, clear, run
from tests.tiny_face import SMALL, put_small_face

pytestmark = pytest.mark.usefixtures("lipsync_default")

PIXELS = "pixels from forehead to chin"
VOICE = str(MEDIA / "speech_left.mp3")


@pytest.fixture
def tiny(tmp_path):
    """The inputs of a job whose face is too small."""
    return {"image": str(put_small_face(tmp_path / "tiny.png")), "audio": VOICE}


@pytest.fixture
def small(tiny, tmp_path):
    """The same with a face that is a bit larger, which is only a warning."""
    return tiny | {"image": str(put_small_face(tmp_path / "small.png", SMALL))}


@pytest.fixture
def check(airflow_home):
    def check(**arguments):
        from lipsync_nodes_airflow.check import LipsyncCheckOperator

        return LipsyncCheckOperator(**{"task_id": "t", "endpoint": "lipsync-image", **arguments})

    return check


@pytest.fixture
def batch(airflow_home, tmp_path):
    def batch(inputs, **arguments):
        from lipsync_nodes_airflow.batch import LipsyncBatchOperator

        given = {"endpoint": "image", "output_path": str(tmp_path / "out"), "poll_interval": 0.05, **arguments}
        return LipsyncBatchOperator(task_id="t", inputs=inputs, **given)

    return batch


def fails(task, context, match):
    """The task fails, whatever retries it has."""
    from airflow.providers.common.compat.sdk import AirflowFailException

    with pytest.raises(AirflowFailException, match=match) as failed:
        task.execute(context)
    return failed.value


@pytest.fixture
def warned(caplog, capsys):
    """What was logged at WARNING since the last call. In Airflow 3, a task's own log is not Python's."""

    def warned():
        texts = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
        texts += re.findall(r"\[warning *\] (.*?) *\[", capsys.readouterr().out)
        caplog.clear()
        return [text for text in texts if "outside of the Task Runner" not in text]  # Airflow's own

    return warned


@both
def test_refuse_fails_without_a_retry_and_sends_nothing(make, context, sandbox, tiny, deferrable):
    error = fails(make(**tiny, check="refuse", deferrable=deferrable), context, f"{PIXELS}.*set `check` to off")
    assert sandbox.requests == []
    assert error.__cause__.retryable is False
    assert "从额头到下巴只有" in str(error.__cause__.speak("airflow", "zh"))


@both
@pytest.mark.parametrize("given", [{}, {"check": "warn"}], ids=["default", "warn"])
def test_warn_submits_once_and_the_warning_is_in_the_log(make, context, sandbox, tiny, warned, deferrable, given):
    assert run(make(**tiny, **given, deferrable=deferrable), context)
    (warning,) = warned()
    assert warning.startswith("Error (image): ")
    assert PIXELS in warning
    assert len(sandbox.received("submit")) == 1


def test_off_looks_at_nothing(make, context, sandbox, tiny, warned):
    make(**tiny, check="off").execute(context)
    assert warned() == []
    assert len(sandbox.received("submit")) == 1


def test_the_connection_says_the_default(make, context, sandbox, tiny, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_LIPSYNC_DEFAULT", connection(sandbox, check="refuse"))
    fails(make(**tiny), context, PIXELS)
    assert sandbox.requests == []
    assert make(**tiny, check="warn").execute(context)


def test_a_retry_of_a_submitted_job_is_not_checked_again(make, context, sandbox, tiny, warned):
    url = make(**tiny).execute(context)
    warned()
    assert make(**tiny, check="refuse").execute(context) == url, "it is paid for"
    assert warned() == []
    clear(context)
    fails(make(**tiny, check="refuse"), context, PIXELS)
    assert len(sandbox.received("submit")) == 1


def test_a_task_without_a_state_is_not_checked_again_either(make, context, sandbox, tiny):
    context.pop("task_state_store")
    url = make(**tiny).execute(context)
    assert make(**tiny, check="refuse").execute(context) == url
    clear(context)
    fails(make(**tiny, check="refuse"), context, PIXELS)


def test_objects_are_looked_at(make, context, sandbox, tiny, memory):
    memory("memory://in").mkdir(exist_ok=True)
    memory("memory://in/tiny.png").write_bytes(Path(tiny["image"]).read_bytes())
    fails(make(image="memory://in/tiny.png", audio=VOICE, check="refuse"), context, PIXELS)
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("wrong", "words_"), [({"check": "maybe"}, "refuse"), ({"tags": {"a": 1}}, "tag `a`")], ids=str
)
def test_wrong_options_are_told_when_the_dag_is_parsed(make, batch, check, wrong, words_):
    operator = type(make())
    for construct in (make, lambda **given: batch([], **given)):
        with pytest.raises(InvalidRequest, match=words_):
            construct(**wrong)
    with pytest.raises(InvalidRequest, match=words_):
        operator.partial(task_id="u", **wrong)
    ((name, value),) = wrong.items()
    with pytest.raises(InvalidRequest, match=words_):
        operator.partial(task_id="v", image="i", audio="a").expand(**{name: [value]})


# A batch.


@both
def test_a_batch_is_checked_whole_before_anything_is_sent(batch, context, sandbox, tiny, deferrable):
    good = {"image": str(MEDIA / "portrait.jpg"), "audio": VOICE}
    fails(
        batch([good, tiny], check="refuse", deferrable=deferrable), context, f"1 of 2 lines are wrong: line 2.*{PIXELS}"
    )
    assert sandbox.requests == []


@both
def test_a_batch_that_skips_leaves_out_what_is_refused(batch, context, sandbox, tiny, deferrable, monkeypatch):
    """Also after a wait, where the lines are read anew."""
    from tests.integrations.airflow.test_batch import manifest_of
    from tests.integrations.airflow.test_batch import run as run_batch

    monkeypatch.setenv("AIRFLOW_CONN_LIPSYNC_DEFAULT", connection(sandbox, max_concurrency=1))
    good = [{"image": str(MEDIA / "portrait.jpg"), "audio": VOICE, "seed": number} for number in range(2)]
    task = batch([good[0], tiny, good[1]], check="refuse", on_failure="skip", deferrable=deferrable)
    result = run_batch(task, context)
    assert (result["done"], result["failed"], len(sandbox.received("submit"))) == (2, 1, 2)
    assert PIXELS in manifest_of(result)[1]["error"]


def test_a_batch_warns_of_a_line_once(batch, context, sandbox, tiny, warned):
    batch([{"image": str(MEDIA / "portrait.jpg"), "audio": VOICE}, tiny]).execute(context)
    (warning,) = warned()
    assert warning.startswith("line 2: Error (image): ")
    assert len(sandbox.received("submit")) == 2


# The operator that only checks.


def test_the_operator_returns_the_verdict(check, context, sandbox, small, warned, monkeypatch):
    """Without a connection and an API key, and nothing is sent."""
    monkeypatch.delenv("AIRFLOW_CONN_LIPSYNC_DEFAULT")
    verdict = check(**small).execute(context)
    assert json.loads(json.dumps(verdict)) == context["ti"].xcoms["verdict"]
    assert (verdict["ok"], verdict["credits"]) == (True, 12)
    (finding,) = [one for one in verdict["findings"] if one["severity"] == "warning"]
    assert (finding["field"], finding["code"]) == ("image", "face.small")
    assert PIXELS in finding["message"]
    assert finding["remedy"]
    assert len(warned()) == 1
    assert sandbox.requests == []


@pytest.mark.parametrize("fail_on", ["error", "warning", "never"])
@pytest.mark.parametrize("kind", ["good", "warning", "error"])
def test_fail_on_says_what_fails_the_task(check, context, sandbox, tiny, small, tmp_path, fail_on, kind):
    (tmp_path / "empty.mp3").touch()
    inputs = {
        "good": {**tiny, "image": str(MEDIA / "portrait.jpg")},
        "warning": small,
        "error": {**tiny, "audio": str(tmp_path / "empty.mp3")},
    }
    task = check(**inputs[kind], fail_on=fail_on)
    if (kind, fail_on) in {("error", "error"), ("error", "warning"), ("warning", "warning")}:
        fails(task, context, 'set `fail_on` to "never"')
    else:
        task.execute(context)
    assert context["ti"].xcoms["verdict"]["ok"] == (kind != "error")
    assert sandbox.requests == []


def test_the_operator_takes_the_budget_of_a_connection(check, context, sandbox, small, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_LIPSYNC_DEFAULT", connection(sandbox, budget=3))
    assert check(**small).execute(context)["ok"]
    fails(check(**small, lipsync_conn_id="lipsync_default"), context, "budget")


def test_templates_of_the_operator_are_rendered(check, context, small):
    task = check(image="{{ image }}", audio="{{ audio }}", seed="{{ 7 }}", media_seconds='{"audio": {{ 3 }}}')
    task.render_template_fields({**small})
    assert task.seed == "7"
    assert task.execute(context)["ok"]


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"endpoint": "lipsync-cow"}, "lipsync-cow"),
        ({"fail_on": "maybe"}, "never"),
        ({"left_audio": "x"}, "left_audio"),
        ({"resolution": "999p"}, "480p"),
    ],
    ids=str,
)
def test_wrong_arguments_of_the_operator_are_told_when_the_dag_is_parsed(check, tiny, wrong, match):
    with pytest.raises(InvalidRequest, match=match):
        check(**{**tiny, **wrong})


# A task's own code.


def test_own_code_is_checked_too(context, sandbox, tiny, monkeypatch, warned):
    import lipsync_nodes_airflow.own_code as module
    from lipsync_nodes import CheckRefused, ImageForm
    from lipsync_nodes_airflow.hooks import LipsyncHook

    context["ti"].try_number = 1
    monkeypatch.setattr(module, "get_current_context", lambda: context)
    form = ImageForm(image=tiny["image"], audio=tiny["audio"])
    with LipsyncHook().client() as client:
        with pytest.raises(CheckRefused, match="set `check` to off"):
            client.submit(form, check="refuse")
        assert sandbox.requests == []
        client.submit(form)
        assert any(PIXELS in warning for warning in warned())
    assert len(sandbox.received("submit")) == 1


# Tags.


@both
def test_tags_are_in_the_log_and_in_the_ledger_and_nowhere_else(make, context, sandbox, caplog, capsys, deferrable):
    task = make(tags={"client": "acme", "dag": "d"}, deferrable=deferrable)
    with caplog.at_level(logging.INFO):
        run(task, context)
    job_id = context["ti"].xcoms["job_id"]
    assert f"The tags of job {job_id}: client=acme, dag=d" in caplog.text + capsys.readouterr().out
    with Ledger() as ledger:
        entry = ledger.entry_of(job_id)
    assert (entry.tags, entry.state) == ({"client": "acme", "dag": "d"}, "completed")
    assert all("acme" not in str((request.headers, request.body)) for request in sandbox.received("submit"))


@pytest.mark.parametrize("tags", ["{{ tags | tojson }}", {"client": "{{ tags.client }}"}], ids=["JSON", "values"])
def test_tags_may_be_templates(make, context, sandbox, tags):
    task = make(tags=tags)
    task.render_template_fields({"tags": {"client": "acme"}})
    task.execute(context)
    with Ledger() as ledger:
        assert ledger.entry_of(context["ti"].xcoms["job_id"]).tags == {"client": "acme"}


def test_tags_that_are_none_once_rendered_stop_the_task(make, context, sandbox):
    fails(make(tags="{{ 'client' }}"), context, "Tags must be an object")
    assert sandbox.requests == []


def test_lines_of_a_batch_add_their_tags(batch, context, sandbox):
    from tests.integrations.airflow.test_batch import lines, manifest_of

    given = [line | {"tags": {"client": name}} for line, name in zip(lines(2), ["acme", "bolt"], strict=True)]
    result = batch(given, tags={"campaign": "spring", "client": "nobody"}).execute(context)
    with Ledger() as ledger:
        entries = [ledger.entry_of(row["job_id"]) for row in manifest_of(result)]
    assert [entry.tags for entry in entries] == [{"campaign": "spring", "client": name} for name in ("acme", "bolt")]
    assert {entry.state for entry in entries} == {"completed"}
