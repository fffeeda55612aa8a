"""Level A: a task's `execute`, its trigger and `execute_complete`, each for itself, against the sandbox."""

import inspect
import json
import time
from datetime import timedelta

import pytest

from lipsync_nodes import InvalidRequest, JobNotFound
from lipsync_nodes.service import CATALOGUE
from tests.integrations.airflow.conftest import URL
from tests.integrations.airflow.running import both, clear, run, through_the_triggerer

pytestmark = pytest.mark.usefixtures("lipsync_default")


@both
@pytest.mark.parametrize("spec", CATALOGUE, ids=lambda spec: spec.command)
def test_an_operator_returns_the_url_of_its_video(spec, make, context, sandbox, deferrable):
    url = run(make(spec.command, deferrable=deferrable), context)
    (job,) = sandbox.jobs()
    assert url == job["output"]
    assert context["ti"].xcoms["job_id"] == job["id"]
    assert context["ti"].xcoms["lipsync_video"] == url
    assert context["ti"].xcoms["lipsync_link"] == f"{sandbox.url}/#{job['id']}"
    assert run(make(spec.command, deferrable=deferrable), context) == url, "another try gets the same video"
    clear(context)
    assert run(make(spec.command, deferrable=deferrable), context) != url
    assert len(sandbox.received("submit")) == 2


def test_a_fourth_endpoint_costs_nothing_here(airflow_home):
    from lipsync_nodes.service import ImageForm, NodeSpec
    from lipsync_nodes.service._fields import OptionalText, shown
    from lipsync_nodes.service._pricing import credits_of_audio
    from lipsync_nodes_airflow import operators

    class SongForm(ImageForm):
        """Let a face sing (`lipsync-song`)."""

        melody: OptionalText = shown(("Melody", "旋律"), ("The melody.", "旋律。"))

    SongForm.model_fields["melody"].default = None
    SongForm.model_rebuild(force=True)
    operator = operators._operator(NodeSpec("lipsync-song", SongForm, "Song", "歌", credits_of_audio))
    assert operator.__name__ == "LipsyncSongOperator"
    assert "melody" in operator.template_fields
    assert operator(task_id="t", image="i", audio="a", melody="m").melody == "m"


@pytest.mark.parametrize("spec", CATALOGUE, ids=lambda spec: spec.command)
def test_arguments_and_templates_are_the_fields_of_the_form(spec, make):
    cls = type(make(spec.command))
    names = [field.name for field in spec.fields]
    parameters = inspect.signature(cls).parameters
    assert set(names) <= set(parameters)
    assert set(names) <= set(cls.template_fields)
    assert {name for name in names if parameters[name].default is inspect.Parameter.empty} == {
        field.name for field in spec.fields if field.required
    }
    assert all(f"{field.name}: {field.help}" in cls.__doc__ for field in spec.fields)


def test_a_wrong_argument_fails_when_the_dag_is_read(airflow_home):
    """A missing or misspelt argument is told when the dag is read."""
    from lipsync_nodes_airflow.operators import LipsyncImageOperator

    with pytest.raises(Exception, match="missing keyword argument 'audio'"):
        LipsyncImageOperator(task_id="t", image="i")
    with pytest.raises(Exception, match="imgae"):
        LipsyncImageOperator(task_id="t", image="i", audio="a", imgae="x")


def test_strings_of_a_template_become_numbers_or_objects(make, context, sandbox):
    """What a template made a string is a number or an object again."""
    make(seed="7", extra='{"style": "calm"}', prompt="").execute(context)
    (request,) = sandbox.received("submit")
    assert request.body["formState"] == {
        "image": f"{URL}image",
        "audio": f"{URL}audio",
        "seed": 7,
        "style": "calm",
    }


@pytest.mark.parametrize(
    "wrong", [{"seed": "seven"}, {"resolution": "8k"}, {"image": "ftp:/x"}, {"webhook": "http://x.example"}]
)
def test_a_wrong_input_fails_for_good_before_anything_is_sent(make, context, sandbox, wrong):
    """Only a rendered template can get so far; see `test_parsing.py` for literal values."""
    from airflow.providers.common.compat.sdk import AirflowFailException

    (name,) = wrong
    operator = make(**dict.fromkeys(wrong, "{{ params.wrong }}"))
    operator.render_template_fields({"params": {"wrong": wrong[name]}})
    with pytest.raises(AirflowFailException):
        operator.execute(context)
    assert sandbox.received("submit") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"poll_interval": 0},
        {"timeout": float("inf")},
        {"timeout": float("nan")},
        {"timeout": -1},
        {"timeout": 1e12},
        {"timeout": "ten minutes"},
        {"poll_interval": timedelta(0)},
    ],
    ids=str,
)
@both
def test_a_time_that_cannot_be_is_told_when_the_dag_is_read(make, context, sandbox, wrong, deferrable):
    (name,) = wrong
    with pytest.raises(InvalidRequest, match=f"`{name}` must be a positive number of seconds"):
        make(**wrong, deferrable=deferrable).execute(context)
    assert sandbox.received("submit") == []


@both
def test_times_may_be_timedeltas(make, context, sandbox, deferrable):
    task = make(timeout=timedelta(minutes=1), poll_interval=timedelta(seconds=0.05), deferrable=deferrable)
    assert run(task, context) == sandbox.jobs()[0]["output"]


@pytest.mark.parametrize("wrong", ["{'audio': 9}", "nine", [9], {"audio": "nine"}, {"audio": None}], ids=str)
def test_lengths_that_are_none_are_told_before_anything_is_sent(make, context, sandbox, wrong):
    from airflow.providers.common.compat.sdk import AirflowFailException

    with pytest.raises(AirflowFailException, match="`media_seconds` must be numbers"):
        make(media_seconds=wrong).execute(context)
    assert sandbox.received("submit") == []


def test_a_length_of_a_field_without_one_is_refused(make, context, sandbox):
    """A length of what has none is told before anything is sent."""
    from airflow.providers.common.compat.sdk import AirflowFailException

    with pytest.raises(AirflowFailException, match="no medium `left_audio` that has a length; it has: audio"):
        make(media_seconds={"left_audio": 9}).execute(context)
    assert sandbox.received("submit") == []


def test_lengths_may_be_what_a_template_made_of_them(make, context, sandbox):
    make(media_seconds='{"audio": 10}').execute(context)
    assert context["ti"].xcoms["credits_estimate"] == 20


def test_a_task_that_does_not_wait_returns_the_job_id(make, context, sandbox):
    """A task that does not wait returns the job id for a sensor."""
    sandbox.fault("seconds", seconds=60)
    job_id = make(wait_for_completion=False, deferrable=True).execute(context)
    assert job_id == sandbox.jobs()[0]["id"]
    assert make(wait_for_completion=False).execute(context) == job_id, "its work was to submit, and that is done"
    clear(context)
    assert make(wait_for_completion=False).execute(context) != job_id


@both
def test_a_sensor_waits_for_a_job_and_saves_its_video(make, context, sandbox, tmp_path, deferrable):
    from lipsync_nodes_airflow.sensors import LipsyncJobSensor

    job_id = make(wait_for_completion=False).execute(context)
    sensor = LipsyncJobSensor(
        task_id="s", job_id=job_id, poke_interval=0.05, deferrable=deferrable, output_path=f"{tmp_path}/"
    )
    if deferrable:
        assert through_the_triggerer(sensor, context) == sandbox.jobs()[0]["output"]
    else:
        assert sensor.poke(context).xcom_value == sandbox.jobs()[0]["output"]
    assert (tmp_path / f"{job_id}.mp4").stat().st_size > 100


@both
def test_a_sensor_without_a_key_fails_for_good(airflow_home, context, monkeypatch, deferrable):
    from airflow.providers.common.compat.sdk import AirflowFailException

    from lipsync_nodes_airflow.sensors import LipsyncJobSensor

    monkeypatch.setenv("AIRFLOW_CONN_KEYLESS", json.dumps({"conn_type": "lipsync"}))
    sensor = LipsyncJobSensor(task_id="s", job_id="j", lipsync_conn_id="keyless", deferrable=deferrable)
    with pytest.raises(AirflowFailException, match="no API key"):
        sensor.execute(context)


def test_a_sensor_takes_passing_trouble_for_not_yet(make, context, sandbox):
    from lipsync_nodes_airflow.sensors import LipsyncJobSensor

    job_id = make(wait_for_completion=False).execute(context)
    sensor = LipsyncJobSensor(task_id="s", job_id=job_id)
    sandbox.fault("status", where="poll", code=502)
    assert sensor.poke(context) is False
    assert sensor.poke(context).is_done


def test_a_sensor_asks_a_service_once_that_takes_its_time(make, context, sandbox):
    from lipsync_nodes_airflow.sensors import LipsyncJobSensor

    job_id = make(wait_for_completion=False).execute(context)
    sensor = LipsyncJobSensor(task_id="s", job_id=job_id)
    sandbox.fault("delay", where="poll", seconds=1.5, count=-1)
    assert sensor.poke(context).xcom_value == sandbox.jobs()[0]["output"]
    assert len(sandbox.received("poll")) == 1


def test_the_last_look_waits_for_a_service_that_takes_its_time(make, context, sandbox):
    from lipsync_nodes_airflow.sensors import LipsyncJobSensor

    job_id = make(wait_for_completion=False).execute(context)
    sandbox.fault("delay", where="poll", seconds=1.5)
    event = {"job_id": job_id, "deadline": time.time()}
    sensor = LipsyncJobSensor(task_id="s", job_id=job_id)
    assert sensor.execute_complete(context, event) == sandbox.jobs()[0]["output"]
    assert len(sandbox.received("poll")) == 1


def test_a_sensor_of_a_failed_job_fails_for_good(make, context, sandbox):
    from airflow.providers.common.compat.sdk import AirflowFailException

    from lipsync_nodes_airflow.sensors import LipsyncJobSensor

    sandbox.fault("fail", error="Invalid audio format")
    job_id = make(wait_for_completion=False).execute(context)
    with pytest.raises(AirflowFailException, match="Invalid audio format"):
        LipsyncJobSensor(task_id="s", job_id=job_id).poke(context)


@both
def test_a_job_that_a_sensor_finds_unknown_is_left_to_retries(make, context, sandbox, deferrable):
    from lipsync_nodes_airflow.sensors import LipsyncJobSensor

    job_id = make(wait_for_completion=False).execute(context)
    sensor = LipsyncJobSensor(task_id="s", job_id=job_id, poke_interval=0.05, deferrable=deferrable)
    # The trigger asks four times, and so does the task after it.
    sandbox.fault("status", where="poll", code=404, count=8 if deferrable else 1)
    with pytest.raises(JobNotFound):
        through_the_triggerer(sensor, context) if deferrable else sensor.poke(context)
    url = sandbox.jobs()[0]["output"]
    assert (through_the_triggerer(sensor, context) if deferrable else sensor.poke(context).xcom_value) == url


@both
def test_a_job_given_by_its_id_is_only_waited_for(make, context, sandbox, deferrable):
    """A job given by its id is waited for and nothing is submitted."""
    job_id = make(wait_for_completion=False).execute(context)
    run(make(job_id=job_id, deferrable=deferrable), context)
    assert len(sandbox.received("submit")) == 1
