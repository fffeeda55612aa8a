"""Level B: DAGs run by `dag.test()`, with Airflow's database, task runner, XCom, retries, mapping and task state."""

import json
import os
import runpy
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from lipsync_nodes.sandbox import MEDIA
from tests.integrations.airflow.conftest import connection
from tests.tiny_face import put_small_face

pytestmark = pytest.mark.usefixtures("lipsync_default")

EXAMPLES = Path(__file__).parents[3] / "examples" / "airflow"


@pytest.fixture(scope="session")
def pool(airflow_home):
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session

    with create_session() as session:
        Pool.create_or_update_pool("lipsync", 2, "jobs at a time", include_deferred=True, session=session)


def played(dag, **conf):
    """Run a DAG in this process and return its task instances by name, or name[index]."""
    from airflow import __version__

    if int(__version__[0]) >= 3:
        written(dag)
        run = dag.test(run_conf=conf)
    else:
        run = dag.test(execution_date=datetime.now().astimezone(), run_conf=conf)
    found = {}
    for ti in run.get_task_instances():
        found[ti.task_id if ti.map_index < 0 else f"{ti.task_id}[{ti.map_index}]"] = ti
    return found


def written(dag):
    """Have a DAG that is in no file known to the database, as `dag.test()` of Airflow 3 wants it."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.serialization.serialized_objects import LazyDeserializedDAG
    from airflow.utils.session import create_session

    try:
        from airflow.serialization.definitions.dag import SerializedDAG
    except ImportError:
        from airflow.serialization.serialized_objects import SerializedDAG
    DagBundlesManager().sync_bundles_to_db()
    dag.relative_fileloc = f"{dag.dag_id}.py"
    lazy = LazyDeserializedDAG.from_dag(dag)
    with create_session() as session:
        SerializedDAG.bulk_write_to_db("dags-folder", None, [lazy], session=session)
        SerializedDagModel.write_dag(lazy, bundle_name="dags-folder", session=session)


def xcom(ti, key="return_value"):
    return ti.xcom_pull(task_ids=ti.task_id, key=key, map_indexes=ti.map_index, dag_id=ti.dag_id)


def dags_of(name, monkeypatch):
    """Run an example as the DAG processor does, and return the DAGs that it defines."""
    from airflow.providers.common.compat.sdk import DAG

    made = {}
    enter = DAG.__enter__
    monkeypatch.setattr(DAG, "__enter__", lambda dag: enter(made.setdefault(dag.dag_id, dag)))
    runpy.run_path(str(EXAMPLES / f"{name}.py"))
    return made


def states(tasks):
    return {name: str(ti.state) for name, ti in tasks.items()}


def test_one_job(airflow_home, sandbox, monkeypatch, tmp_path):
    dag = dags_of("one_job", monkeypatch)["one_job"]
    tasks = played(dag, folder=str(tmp_path))
    assert states(tasks) == {"talking_head": "success"}
    (job,) = sandbox.jobs()
    assert xcom(tasks["talking_head"]) == job["output"]
    assert xcom(tasks["talking_head"], "job_id") == job["id"]
    assert (tmp_path / f"{job['id']}.mp4").is_file()


def test_submit_and_wait(airflow_home, sandbox, monkeypatch):
    tasks = played(dags_of("submit_and_wait", monkeypatch)["submit_and_wait"])
    assert states(tasks) == {"submit": "success", "wait": "success"}
    (job,) = sandbox.jobs()
    assert (xcom(tasks["submit"]), xcom(tasks["wait"])) == (job["id"], job["output"])


def test_batch(airflow_home, pool, sandbox, monkeypatch, tmp_path):
    dag = dags_of("batch", monkeypatch)["batch"]
    tasks = played(dag, folder=f"file://{tmp_path}")
    assert set(states(tasks).values()) == {"success"}
    assert len(tasks) == 4
    assert len(sandbox.received("submit")) == 3
    assert sorted(path.name for path in tmp_path.glob("*.mp4")) == ["left again.mp4", "left.mp4", "right.mp4"]
    assert tasks["talking_head[1]"].rendered_map_index == f"file://{tmp_path}/right.mp4"


def test_the_approval_shows_what_the_check_found(airflow_home, context, monkeypatch):
    dag = dags_of("approve", monkeypatch)["approve"]
    verdict = dag.get_task("check").execute(context)
    approve = dag.get_task("approve")
    approve.render_template_fields({"ti": SimpleNamespace(xcom_pull=lambda task_ids: {"check": verdict}[task_ids])})
    assert approve.subject == "Spend 12 credits on a video?"
    assert "info: The video lasts 5.4 s and is billed as 6 s" in approve.body


@pytest.mark.parametrize("where", ["list", "file"])
def test_batch_in_one_task(airflow_home, sandbox, monkeypatch, tmp_path, where):
    file = tmp_path / "lines.jsonl"
    if where == "file":
        media = {"image": "https://x.example/i.png", "audio": "https://x.example/a.mp3"}
        file.write_text("".join(json.dumps({**media, "seed": seed}) + "\n" for seed in range(3)))
    dag = dags_of("batch_in_one_task", monkeypatch)["batch_in_one_task"]
    tasks = played(dag, folder=f"{tmp_path}/videos", lines=str(file) if where == "file" else "")
    assert states(tasks) == {"lines": "success", "talking_heads": "success"}
    result = xcom(tasks["talking_heads"])
    assert (result["done"], result["failed"], len(sandbox.received("submit"))) == (3, 0, 3)
    assert len(list((tmp_path / "videos").glob("*.mp4"))) == 3
    assert Path(result["manifest"]).parent == tmp_path / "videos"


def test_a_batch_beyond_its_budget_spends_nothing(airflow_home, pool, sandbox, monkeypatch, tmp_path):
    dag = dags_of("batch", monkeypatch)["batch"]
    assert states(played(dag, budget=10))["affordable_jobs"] == "failed"
    assert sandbox.received("submit") == []


def test_a_video_makes_an_asset_event(airflow_home, sandbox, monkeypatch):
    dags = dags_of("follow_up", monkeypatch)
    tasks = played(dags["make_video"])
    assert states(tasks) == {"talking_head": "success"}
    assert set(dags) == {"make_video", "publish_video"}


@pytest.mark.parametrize("known_as", ["triggering_asset_events", "triggering_dataset_events"])
def test_a_run_may_be_scheduled_by_several_videos(airflow_home, monkeypatch, known_as):
    publish = dags_of("follow_up", monkeypatch)["publish_video"].get_task("publish")
    events = [SimpleNamespace(extra={"job_id": f"j{n}", "output": f"o{n}"}) for n in range(2)]
    assert publish.python_callable(**{known_as: {"asset": events}}) == ["o0", "o1"]


def test_a_task_that_is_woken_by_a_webhook_does_not_wait(airflow_home, sandbox, monkeypatch):
    hook = {"webhook": "http://127.0.0.1:9", "webhook_secret": "shared with the receiver, 0123456789"}
    monkeypatch.setenv("AIRFLOW_CONN_LIPSYNC_DEFAULT", connection(sandbox, **hook))
    dags = dags_of("woken_by_webhook", monkeypatch)
    tasks = played(dags["submit_only"])
    assert states(tasks) == {"submit": "success"}
    assert xcom(tasks["submit"]) == sandbox.jobs()[0]["id"]
    assert (set(dags), sandbox.received("poll")) == ({"submit_only", "woken_by_webhook"}, [])


def inline(dag_id, **arguments):
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import DAG

    from lipsync_nodes_airflow.operators import LipsyncImageOperator

    with DAG(dag_id, schedule=None) as dag:
        media = {"image": "https://x.example/i.png", "audio": "https://x.example/a.mp3"}
        pace = {"poll_interval": 0.2, "retry_delay": timedelta(seconds=0.1)}
        LipsyncImageOperator(task_id="t", **{**media, **pace, **arguments})
    return dag


@pytest.mark.parametrize("deferrable", [False, True], ids=["sync", "deferred"])
def test_a_retry_waits_again_and_pays_once(airflow_home, sandbox, deferrable):
    sandbox.fault("job_status", status="queued", polls=5)  # a try looks four times at most
    tasks = played(inline(f"retry_{deferrable}", deferrable=deferrable, retries=9, timeout=0.5, poll_interval=5))
    assert states(tasks) == {"t": "success"}
    assert tasks["t"].try_number > 1
    assert len(sandbox.received("submit")) == 1


def test_no_retry_after_an_uncertain_submit(airflow_home, sandbox):
    sandbox.fault("cut_after", where="submit")
    tasks = played(inline("uncertain", retries=3))
    assert states(tasks) == {"t": "failed"}
    assert len(sandbox.received("submit")) == 1


def test_a_refused_check_is_not_retried_and_sends_nothing(airflow_home, sandbox, tmp_path):
    media = {"image": str(put_small_face(tmp_path / "tiny.png")), "audio": str(MEDIA / "speech_left.mp3")}
    tasks = played(inline("refused", retries=3, check="refuse", **media))
    assert states(tasks) == {"t": "failed"}
    assert tasks["t"].try_number == 1
    assert sandbox.requests == []


def test_the_verdict_is_an_xcom_also_of_a_failed_check(airflow_home, sandbox, tmp_path):
    from airflow.providers.common.compat.sdk import DAG

    from lipsync_nodes_airflow.check import LipsyncCheckOperator

    with DAG("checks", schedule=None) as dag:
        media = {"image": str(put_small_face(tmp_path / "tiny.png")), "audio": str(MEDIA / "speech_left.mp3")}
        for task_id, fail_on in (("strict", "error"), ("lenient", "never")):
            LipsyncCheckOperator(task_id=task_id, endpoint="image", fail_on=fail_on, retries=3, **media)
    tasks = played(dag)
    assert states(tasks) == {"strict": "failed", "lenient": "success"}
    assert tasks["strict"].try_number == 1
    verdict = xcom(tasks["strict"], "verdict")
    assert verdict == xcom(tasks["lenient"])
    assert [(one["code"], one["field"]) for one in verdict["findings"] if one["severity"] == "error"] == [
        ("face.tiny", "image")
    ]
    assert sandbox.requests == []


def test_the_key_is_in_no_file_of_airflow(airflow_home, sandbox, lipsync_default):
    from airflow.settings import engine

    from tests.integrations.airflow.conftest import KEY

    engine.dispose()
    played(inline("keyless"))
    for path in (path for path in airflow_home.rglob("*") if path.is_file()):
        assert KEY.encode() not in path.read_bytes(), path
    assert KEY in os.environ["AIRFLOW_CONN_LIPSYNC_DEFAULT"]
