"""Level A: where media come from and videos go to, and who else is told: storage, webhooks, assets, lineage."""

import json
import time
from types import SimpleNamespace

import pytest

from lipsync_nodes import DownloadError, JobTimeout
from lipsync_nodes.sandbox import MEDIA
from tests.integrations.airflow.running import both, clear, run, through_the_triggerer

pytestmark = pytest.mark.usefixtures("lipsync_default")


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
    saved = memory(context["ti"].xcoms["output_path"])  # how it is spelt depends on Airflow's version
    assert saved.fs.cat(saved.path)[4:8] == b"ftyp"
    assert saved.parts[-2:] == (f"paths-{deferrable}", "talking.mp4")


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


def test_a_budget_of_the_connection_holds(make, context, sandbox, monkeypatch):
    """A budget of the connection holds where the length is told."""
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
def test_a_webhook_goes_to_the_receiver_of_the_connection(make, context, sandbox, monkeypatch, deferrable):
    """A webhook goes to the receiver that the connection names."""
    from lipsync_nodes.ledger import callback_of
    from tests.integrations.airflow.conftest import connection

    monkeypatch.setenv("AIRFLOW_CONN_LIPSYNC_DEFAULT", connection(sandbox, **HOOK))
    run(make(webhook="auto", deferrable=deferrable), context)
    base, _, token = sandbox.received("submit")[0].body["webhook"].rpartition("/")
    assert base == HOOK["webhook"]
    assert callback_of(token, HOOK["webhook_secret"])
    told = json.dumps([context["ti"].xcoms, context["task_state_store"]])
    assert token not in told
    assert HOOK["webhook_secret"] not in told


def test_a_lost_answer_points_to_the_receivers_host(make, context, sandbox, monkeypatch):
    """A lost answer behind a webhook points to the receivers host."""
    from airflow.providers.common.compat.sdk import AirflowFailException

    from tests.integrations.airflow.conftest import connection

    monkeypatch.setenv("AIRFLOW_CONN_LIPSYNC_DEFAULT", connection(sandbox, **HOOK))
    sandbox.fault("cut_after", where="submit")
    for _ in range(2):
        with pytest.raises(AirflowFailException, match=r"on that host lists it.*`job_id=`") as caught:
            make(webhook="auto").execute(context)
        assert "same key" not in str(caught.value)


def test_a_webhook_without_a_shared_secret_is_refused(make, context, sandbox, monkeypatch):
    """A webhook without a shared secret is told before anything is sent."""
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


def test_a_task_is_not_resumed_before_its_worker_is_gone(make, context, sandbox, monkeypatch):
    """A task is not resumed while the worker that deferred it may be there."""
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
