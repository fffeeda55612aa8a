"""Level A: a task's `execute`, its trigger and `execute_complete`, each for itself, against the sandbox."""

import asyncio
import inspect
import json
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest

from lipsync_nodes import (
    DownloadError,
    InsufficientCredits,
    InvalidRequest,
    JobNotFound,
    JobTimeout,
    LipsyncError,
    SubmissionUncertain,
)
from lipsync_nodes.catalogue import CATALOGUE
from lipsync_nodes.sandbox import MEDIA
from tests.integrations.airflow.conftest import URL, Store, TaskInstance

pytestmark = pytest.mark.usefixtures("lipsync_default")


@pytest.fixture
def memory(airflow_home):
    """An object storage, as a connection with credentials would make it."""
    from airflow.providers.common.compat.sdk import ObjectStoragePath
    from fsspec.implementations.memory import MemoryFileSystem

    store = __import__(ObjectStoragePath.__module__.rpartition(".")[0] + ".store", fromlist=["attach"])
    store.attach("memory", fs=MemoryFileSystem())
    return ObjectStoragePath


def through_the_triggerer(task, context):
    """Execute a deferrable task: defer, serialize the trigger, run it elsewhere, come back."""
    from airflow.providers.common.compat.sdk import TaskDeferred

    from lipsync_nodes_airflow.triggers import LipsyncJobTrigger

    with pytest.raises(TaskDeferred) as deferred:
        task.execute(context)
    path, arguments = json.loads(json.dumps(deferred.value.trigger.serialize()))
    assert path == "lipsync_nodes_airflow.triggers.LipsyncJobTrigger"
    assert context["ti"].xcoms["job_id"] == arguments["job_id"], "the id is known before anything waits"
    assert context["ti"].xcoms["lipsync_link"]

    async def fire():
        return [event async for event in LipsyncJobTrigger(**arguments).run()]

    (event,) = asyncio.run(fire())
    return task.execute_complete(context, json.loads(json.dumps(event.payload)))


def clear(context):
    """What a clear does to a task instance."""
    context["ti"].max_tries += 3


def run(task, context):
    return through_the_triggerer(task, context) if task.deferrable else task.execute(context)


both = pytest.mark.parametrize("deferrable", [False, True], ids=["sync", "deferred"])


@both
@pytest.mark.parametrize("spec", CATALOGUE, ids=lambda spec: spec.command)
def test_an_operator_returns_the_url_of_its_video(spec, make, context, sandbox, deferrable):
    url = run(make(spec.command, deferrable=deferrable), context)
    (job,) = sandbox.jobs()
    assert url == job["output"]
    assert context["ti"].xcoms["job_id"] == job["id"]
    assert context["ti"].xcoms["lipsync_link"] == url
    assert run(make(spec.command, deferrable=deferrable), context) == url, "another try gets the same video"
    clear(context)
    assert run(make(spec.command, deferrable=deferrable), context) != url
    assert len(sandbox.received("submit")) == 2


def test_a_fourth_endpoint_costs_nothing_here(airflow_home):
    from lipsync_nodes.catalogue import NodeSpec, _bill_audio
    from lipsync_nodes.contract import ImageForm
    from lipsync_nodes.fields import OptionalText, shown
    from lipsync_nodes_airflow import operators

    class SongForm(ImageForm):
        """Let a face sing (`lipsync-song`)."""

        melody: OptionalText = shown("Melody", "旋律", "The melody.", "旋律。")

    SongForm.model_fields["melody"].default = None
    SongForm.model_rebuild(force=True)
    operator = operators._operator(NodeSpec("lipsync-song", SongForm, "Song", "歌", _bill_audio))
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


def test_a_missing_or_misspelt_argument_is_told_when_the_dag_is_read(airflow_home):
    from lipsync_nodes_airflow.operators import LipsyncImageOperator

    with pytest.raises(Exception, match="missing keyword argument 'audio'"):
        LipsyncImageOperator(task_id="t", image="i")
    with pytest.raises(Exception, match="imgae"):
        LipsyncImageOperator(task_id="t", image="i", audio="a", imgae="x")


def test_what_a_template_made_a_string_is_a_number_or_an_object_again(make, context, sandbox):
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
    from airflow.providers.common.compat.sdk import AirflowFailException

    with pytest.raises(AirflowFailException):
        make(**wrong).execute(context)
    assert sandbox.received("submit") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"poll_interval": 0},
        {"timeout": float("inf")},
        {"timeout": float("nan")},
        {"timeout": -1},
        {"timeout": 1e12},
        {"timeout": "600"},
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


def test_lengths_may_be_what_a_template_made_of_them(make, context, sandbox):
    make(media_seconds='{"audio": 10}').execute(context)
    assert context["ti"].xcoms["credits_estimate"] == 20


def test_a_task_that_does_not_wait_returns_the_job_id_for_a_sensor(make, context, sandbox):
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
    sandbox.fault("status", where="poll", code=404, count=5 if deferrable else 1)
    with pytest.raises(JobNotFound):
        through_the_triggerer(sensor, context) if deferrable else sensor.poke(context)
    url = sandbox.jobs()[0]["output"]
    assert (through_the_triggerer(sensor, context) if deferrable else sensor.poke(context).xcom_value) == url


@both
def test_a_job_given_by_its_id_is_waited_for_and_nothing_is_submitted(make, context, sandbox, deferrable):
    job_id = make(wait_for_completion=False).execute(context)
    run(make(job_id=job_id, deferrable=deferrable), context)
    assert len(sandbox.received("submit")) == 1


@both
@pytest.mark.parametrize("kept_by", ["airflow", "host"])
def test_a_failed_job_fails_the_task_for_good_and_a_clear_submits_anew(make, context, sandbox, deferrable, kept_by):
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


def test_a_worker_that_dies_during_the_post_is_seen_by_the_next_try(make, context, sandbox, monkeypatch):
    from airflow.providers.common.compat.sdk import AirflowFailException

    class Killed(BaseException):
        pass

    left = Store()

    def die(*_, **__):
        left.update(context["task_state_store"])  # nothing that is written from here on was written by a killed worker
        raise Killed

    from lipsync_nodes.transport import Transport

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


def test_a_state_that_cannot_be_written_before_the_submit_is_left_to_retries(make, context, sandbox):
    context["task_state_store"] = Broken("submitting")
    with pytest.raises(LipsyncError, match="api-server is away") as caught:
        make().execute(context)
    assert caught.value.retryable
    assert sandbox.received("submit") == []


def test_what_the_service_said_is_not_hidden_by_a_state_that_cannot_be_written(make, context, sandbox):
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


def test_other_inputs_in_the_same_place_of_a_list_are_another_job_after_a_clear(make, context, sandbox):
    sandbox.fault("job_status", status="queued", polls=3)
    with pytest.raises(JobTimeout):
        make(timeout=0.1, poll_interval=1).execute(context)
    clear(context)
    make(image=f"{URL}another").execute(context)
    bodies = [request.body["formState"]["image"] for request in sandbox.received("submit")]
    assert bodies == [f"{URL}image", f"{URL}another"]


def test_inputs_that_a_retry_renders_otherwise_pay_nothing(make, context, sandbox):
    sandbox.fault("job_status", status="queued", polls=3)
    with pytest.raises(JobTimeout):
        make(image=f"{URL}image?signature=1", timeout=0.1, poll_interval=1).execute(context)
    url = make(image=f"{URL}image?signature=2").execute(context)
    assert make(image=f"{URL}image?signature=3").execute(context) == url
    assert len(sandbox.received("submit")) == 1


def test_a_submit_of_unknown_outcome_is_not_repeated_with_inputs_rendered_otherwise(make, context, sandbox):
    from airflow.providers.common.compat.sdk import AirflowFailException

    sandbox.fault("cut_after", where="submit")
    for signature, words in enumerate(("no answer came", "submitted before")):
        with pytest.raises(AirflowFailException, match=words):
            make(image=f"{URL}image?signature={signature}").execute(context)
    assert len(sandbox.received("submit")) == 1


def test_a_job_that_the_service_does_not_know_for_a_while_is_not_lost(make, context, sandbox):
    from airflow.providers.common.compat.sdk import AirflowFailException

    sandbox.fault("status", where="poll", code=404, count=4)
    with pytest.raises(AirflowFailException, match="knows no job"):
        make().execute(context)
    assert context["task_state_store"]["lipsync"]["state"] == "gone"
    clear(context)
    assert make().execute(context) == sandbox.jobs()[0]["output"]
    assert len(sandbox.received("submit")) == 1


def test_a_job_that_the_service_does_not_know_is_made_anew_if_that_is_wanted(make, context, sandbox):
    from airflow.providers.common.compat.sdk import AirflowFailException

    sandbox.fault("status", where="poll", code=404, count=4)
    with pytest.raises(AirflowFailException, match="knows no job"):
        make().execute(context)
    make(resubmit_uncertain=True).execute(context)
    assert len(sandbox.received("submit")) == 2


@pytest.mark.parametrize("known", [True, False])
def test_to_wait_for_another_job_leaves_this_tasks_own_as_it_was(make, context, sandbox, known):
    from airflow.providers.common.compat.sdk import AirflowFailException

    other = make(wait_for_completion=False).execute({**context, "task_state_store": Store()})
    sandbox.fault("job_status", status="queued", polls=3)
    with pytest.raises(JobTimeout):
        make(timeout=0.1, poll_interval=1).execute(context)
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
    sandbox.fault("job_status", status="queued", polls=3)
    with pytest.raises(JobTimeout):
        make(timeout=0.1, poll_interval=1).execute(context)
    url = make().execute(context)
    assert make().execute(context) == url, "another try gets the same video, and so does a third"
    assert make().execute(context) == url
    assert len(sandbox.received("submit")) == 1
    clear(context)
    assert make().execute(context) != url
    assert len(sandbox.received("submit")) == 2, "a task that succeeded and is cleared makes a new video"


def test_before_3_3_a_sensor_leaves_the_submission_to_the_task_that_made_it(make, context, sandbox):
    from lipsync_nodes_airflow.sensors import LipsyncJobSensor

    del context["task_state_store"]
    job_id = make(wait_for_completion=False).execute(context)
    elsewhere = {**context, "ti": TaskInstance(xcoms={}, task_id="s", max_tries=7)}
    assert LipsyncJobSensor(task_id="s", job_id=job_id).poke(elsewhere).is_done
    assert make(wait_for_completion=False).execute(context) == job_id
    assert len(sandbox.received("submit")) == 1


def test_before_3_3_a_clear_picks_up_a_job_that_still_runs(make, context, sandbox):
    del context["task_state_store"]
    sandbox.fault("job_status", status="queued", polls=3)
    with pytest.raises(JobTimeout):
        make(timeout=0.1, poll_interval=1).execute(context)
    clear(context)
    make().execute(context)
    assert len(sandbox.received("submit")) == 1


@both
def test_a_video_goes_to_an_object_storage_whole(make, context, sandbox, memory, deferrable):
    folder = f"memory://videos-{deferrable}/"
    run(make(deferrable=deferrable, output_path=folder), context)
    saved = memory(context["ti"].xcoms["output_path"])
    assert saved.name == f"{context['ti'].xcoms['job_id']}.mp4"
    assert saved.fs.cat(saved.path)[4:8] == b"ftyp"


def test_a_video_that_cannot_be_stored_costs_no_second_job(make, context, sandbox, tmp_path):
    sandbox.fault("truncate", where="output", count=6)
    sandbox.fault("status", where="output", code=404)
    path = tmp_path / "videos" / "talking.mp4"
    with pytest.raises(DownloadError):
        make(output_path=str(path)).execute(context)
    assert not path.exists()
    sandbox.clear_faults()
    make(output_path=str(path)).execute(context)
    assert path.read_bytes()[4:8] == b"ftyp"
    assert len(sandbox.received("submit")) == 1


@both
def test_a_target_may_be_the_path_of_an_object(make, context, sandbox, memory, deferrable):
    run(make(deferrable=deferrable, output_path=memory(f"memory://paths-{deferrable}/talking.mp4")), context)
    assert context["ti"].xcoms["output_path"] == f"memory://paths-{deferrable}/talking.mp4"


@pytest.mark.parametrize("target", ["{file}/", "{file}/talking.mp4", "file://elsewhere{file}.mp4"])
def test_a_target_that_cannot_be_is_told_before_anything_is_paid(make, context, sandbox, tmp_path, target):
    from airflow.providers.common.compat.sdk import AirflowFailException

    (tmp_path / "file").touch()
    with pytest.raises(AirflowFailException, match=r"cannot be written|another machine"):
        make(output_path=target.format(file=tmp_path / "file")).execute(context)
    assert sandbox.received("submit") == []


@pytest.mark.parametrize("url", ["file://{}", "file://localhost{}", "file:{}", "FILE://{}"])
def test_a_file_may_be_given_as_a_url(make, context, sandbox, tmp_path, url):
    make(output_path=url.format(f"{tmp_path}/talking%20head%231.mp4")).execute(context)
    assert [path.name for path in tmp_path.glob("*.mp4")] == ["talking head#1.mp4"]
    folder = tmp_path / "more"
    make(output_path=url.format(f"{folder}/")).execute(context)
    assert [path.name for path in folder.iterdir()] == [f"{context['ti'].xcoms['job_id']}.mp4"]


def test_a_storage_out_of_reach_is_told_before_anything_is_paid(make, context, sandbox):
    from airflow.providers.common.compat.sdk import AirflowFailException

    with pytest.raises(AirflowFailException, match="Nothing was sent"):
        make(output_path="nowhere://bucket/x.mp4").execute(context)
    assert sandbox.received("submit") == []


def test_media_of_an_object_storage_are_published_and_measured(make, context, sandbox, memory):
    for name in ("portrait.jpg", "speech_left.mp3"):
        memory(f"memory://media/{name}").fs.pipe(f"/media/{name}", (MEDIA / name).read_bytes())
    task = make(image="memory://media/portrait.jpg", audio=memory("memory://media/speech_left.mp3"))
    task.execute(context)
    form = sandbox.received("submit")[0].body["formState"]
    assert all(form[name].startswith(sandbox.url) for name in ("image", "audio"))
    assert context["ti"].xcoms["credits_estimate"] > 0


def test_a_budget_of_the_connection_holds_where_the_length_is_told(make, context, sandbox, monkeypatch):
    from airflow.providers.common.compat.sdk import AirflowFailException

    from tests.integrations.airflow.conftest import connection

    monkeypatch.setenv("AIRFLOW_CONN_LIPSYNC_DEFAULT", connection(sandbox, budget=20))
    make(media_seconds={"audio": "10"}).execute(context)
    assert context["ti"].xcoms["credits_estimate"] == 20
    clear(context)
    with pytest.raises(AirflowFailException, match="budget"):
        make(media_seconds={"audio": 11}).execute(context)
    assert len(sandbox.received("submit")) == 1


HOOK = {"webhook": "http://127.0.0.1:9/lipsync", "webhook_secret": "shared with the receiver, 0123456789"}


@both
def test_a_webhook_goes_to_the_receiver_that_the_connection_names(make, context, sandbox, monkeypatch, deferrable):
    from lipsync_nodes.callbacks import callback_of
    from tests.integrations.airflow.conftest import connection

    monkeypatch.setenv("AIRFLOW_CONN_LIPSYNC_DEFAULT", connection(sandbox, **HOOK))
    run(make(webhook="auto", deferrable=deferrable), context)
    base, _, token = sandbox.received("submit")[0].body["webhook"].rpartition("/")
    assert base == HOOK["webhook"]
    assert callback_of(token, HOOK["webhook_secret"])
    told = json.dumps([context["ti"].xcoms, context["task_state_store"]])
    assert token not in told
    assert HOOK["webhook_secret"] not in told


def test_a_lost_answer_behind_a_webhook_points_to_the_receivers_host(make, context, sandbox, monkeypatch):
    from airflow.providers.common.compat.sdk import AirflowFailException

    from tests.integrations.airflow.conftest import connection

    monkeypatch.setenv("AIRFLOW_CONN_LIPSYNC_DEFAULT", connection(sandbox, **HOOK))
    sandbox.fault("cut_after", where="submit")
    for _ in range(2):
        with pytest.raises(AirflowFailException, match=r"on that host lists it.*`job_id=`") as caught:
            make(webhook="auto").execute(context)
        assert "same key" not in str(caught.value)


def test_a_webhook_without_a_shared_secret_is_told_before_anything_is_sent(make, context, sandbox, monkeypatch):
    from airflow.providers.common.compat.sdk import AirflowFailException

    from tests.integrations.airflow.conftest import connection

    monkeypatch.setenv("AIRFLOW_CONN_LIPSYNC_DEFAULT", connection(sandbox, webhook=HOOK["webhook"]))
    with pytest.raises(AirflowFailException, match="`webhook_secret`"):
        make(webhook="auto").execute(context)
    assert sandbox.received("submit") == []


def test_an_asset_outlet_is_told_of_the_job(make, context, sandbox):
    from airflow.providers.common.compat.sdk import Asset

    asset = Asset("s3://videos/talking")
    context["outlet_events"][asset.uri] = None
    events = {}

    class Events:
        def __getitem__(self, outlet):
            return events.setdefault(outlet.uri, SimpleNamespace())

    context["outlet_events"] = Events()
    url = make(outlets=[asset]).execute(context)
    assert events[asset.uri].extra == {"job_id": context["ti"].xcoms["job_id"], "output": url}


def test_a_task_is_not_resumed_while_the_worker_that_deferred_it_may_be_there(make, context, sandbox, monkeypatch):
    monkeypatch.setattr("lipsync_nodes_airflow.triggers.HANDOVER", 0.7)
    started = time.monotonic()
    through_the_triggerer(make(deferrable=True), context)
    assert time.monotonic() - started >= 0.7


def test_a_trigger_outlives_its_deadline_only_by_a_last_look(make, context, sandbox):
    sandbox.fault("job_status", status="queued", polls=100)
    started = time.monotonic()
    with pytest.raises(JobTimeout):
        through_the_triggerer(make(deferrable=True, timeout=0.5), context)
    assert time.monotonic() - started < 10


def test_lineage_names_what_went_in_and_out_without_signatures(make, context, sandbox):
    pytest.importorskip("airflow.providers.openlineage")
    task = make(image="https://cdn.example/face.png?signature=secret")
    url = task.execute(context)
    lineage = task.get_openlineage_facets_on_complete(None)
    assert [(data.namespace, data.name) for data in lineage.inputs] == [
        ("https://cdn.example", "face.png"),
        ("https://x.example", "audio"),
    ]
    assert [f"{data.namespace}/{data.name}" for data in lineage.outputs] == [url]


def test_a_task_that_only_submits_has_made_no_video_for_lineage(make, context, sandbox):
    pytest.importorskip("airflow.providers.openlineage")
    task = make(wait_for_completion=False)
    task.execute(context)
    assert task.get_openlineage_facets_on_complete(None).outputs == []
