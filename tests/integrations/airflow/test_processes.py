"""Level C: real api-server, scheduler and triggerer; the examples as they are, and what may happen to a task."""

import json
import os
import re
import signal
import time
from pathlib import Path

import pytest

from tests.integrations.airflow.conftest import KEY, SECRET, connection
from tests.integrations.airflow.processes import hold, submitted, tries
from tests.receiving import serving

pytestmark = [pytest.mark.airflow_processes, pytest.mark.timeout(600)]


def test_all_examples_end_in_success_with_the_url_in_xcom(airflow, sandbox, tmp_path):
    runs = {
        "one_job": airflow.run("one_job", folder=str(tmp_path / "one")),
        "batch": airflow.run("batch", folder=f"file://{tmp_path}/many"),
        **{dag: airflow.run(dag) for dag in ("submit_and_wait", "approve", "make_video")},
    }
    airflow.heard_of(runs["approve"], "approve")
    assert airflow.task_states(runs["approve"]) & {"awaiting_input", "deferred"}, "it asks before anything is spent"
    path = "/dags/approve/dagRuns/r/taskInstances/approve/-1/hitlDetails"
    airflow.call("PATCH", path, chosen_options=["Approve"], params_input={})
    for run in runs.values():
        airflow.ends(run)

    outputs = {job["output"] for job in sandbox.jobs()}
    assert len(sandbox.received("submit")) == len(outputs) == 7
    for dag, task in [("one_job", "talking_head"), ("submit_and_wait", "wait"), ("approve", "talking_head")]:
        assert airflow.xcom(runs[dag], task) in outputs
    assert {airflow.xcom(runs["batch"], "talking_head", index=index) for index in range(3)} <= outputs
    assert len(list((tmp_path / "many").glob("*.mp4"))) == 3
    made = airflow.xcom(runs["make_video"], "talking_head")
    (follow_up,) = airflow.until(lambda: airflow.call("GET", "/dags/publish_video/dagRuns")["dag_runs"])
    published = ("publish_video", follow_up["dag_run_id"])
    airflow.ends(published)
    assert airflow.xcom(published, "publish") == [made]
    link = airflow.call("GET", "/dags/one_job/dagRuns/r/taskInstances/talking_head/links")
    assert airflow.xcom(runs["one_job"], "talking_head") in link["extra_links"].values()


def test_a_triggerer_that_is_killed_is_replaced(airflow, sandbox):
    hold(sandbox)
    run = airflow.run("adopted")
    airflow.deferred(run)
    airflow.until(lambda: sandbox.received("poll"))
    airflow.stop("triggerer", signal.SIGKILL)
    sandbox.clear_faults()
    airflow.start("triggerer", "--skip-serve-logs")
    airflow.ends(run)
    assert submitted(sandbox) == ["adopted"]
    assert tries(airflow, run) == 1


def test_a_trigger_that_raises_costs_a_try_and_no_job(airflow, sandbox):
    of_the_database = {"connection_id": "of_the_database", **json.loads(connection(sandbox))}
    of_the_database["extra"] = "{}"
    airflow.call("POST", "/connections", **of_the_database)
    airflow.stop("triggerer")
    run = airflow.run("trigger_fails")
    airflow.deferred(run)
    airflow.call("DELETE", "/connections/of_the_database")
    airflow.start("triggerer", "--skip-serve-logs")
    airflow.until(lambda: "up_for_retry" in airflow.task_states(run) or tries(airflow, run) > 1)
    airflow.call("POST", "/connections", **of_the_database)
    airflow.ends(run)
    assert submitted(sandbox) == ["trigger_fails"]
    assert tries(airflow, run) > 1


def pid_of(airflow, run):
    return airflow.until(lambda: next((task["pid"] for task in airflow.tasks(run) if task["state"] == "running"), None))


def test_a_worker_that_is_killed_while_it_waits(airflow, sandbox):
    hold(sandbox)
    run = airflow.run("killed_waiting")
    airflow.until(lambda: sandbox.received("poll"))
    os.kill(pid_of(airflow, run), signal.SIGKILL)
    sandbox.clear_faults()
    airflow.ends(run)
    assert submitted(sandbox) == ["killed_waiting"]
    assert tries(airflow, run) == 2


def test_a_worker_killed_after_the_post_pays_nothing_more(airflow, sandbox):
    """A worker that is killed after the post pays nothing more."""
    sandbox.fault("delay", where="submit", seconds=60)
    run = airflow.run("killed_posting")
    airflow.until(lambda: sandbox.received("submit"))
    os.kill(pid_of(airflow, run), signal.SIGKILL)
    airflow.ends(run, "failed")
    assert len(sandbox.received("submit")) == 1
    assert tries(airflow, run) == 2, "the second try saw the mark, and is the last"


def test_an_outage_of_half_a_minute_while_polling(airflow, sandbox):
    hold(sandbox)
    run = airflow.run("outage")
    airflow.deferred(run)
    airflow.until(lambda: sandbox.received("poll"))
    time.sleep(30)
    assert airflow.task_states(run) == {"deferred"}
    sandbox.clear_faults()
    airflow.ends(run)
    assert submitted(sandbox) == ["outage"]
    assert tries(airflow, run) == 1


def test_a_retry_after_a_time_out_waits_for_the_same_job(airflow, sandbox):
    hold(sandbox)
    run = airflow.run("waits_again")
    airflow.until(lambda: tries(airflow, run) > 1)
    sandbox.clear_faults()
    airflow.ends(run)
    assert submitted(sandbox) == ["waits_again"]


def test_a_task_that_succeeded_and_is_cleared_makes_a_new_video(airflow, sandbox):
    run = airflow.run("cleared")
    airflow.ends(run)
    first = airflow.xcom(run, "t")
    airflow.clear(run)
    airflow.ends(run)
    assert airflow.xcom(run, "t") != first
    assert len(submitted(sandbox)) == 2


def test_a_failed_job_is_not_retried_until_a_clear(airflow, sandbox):
    """A job that failed is not retried and a clear submits anew."""
    sandbox.fault("fail", error="Invalid audio format")
    run = airflow.run("failed_job")
    airflow.ends(run, "failed")
    assert submitted(sandbox) == ["failed_job"]
    airflow.clear(run)
    airflow.ends(run)
    assert len(submitted(sandbox)) == 2


def test_a_deferred_task_marked_failed_leaves_its_job_to_a_clear(airflow, sandbox):
    hold(sandbox)
    run = airflow.run("marked")
    airflow.deferred(run)
    airflow.until(lambda: sandbox.received("poll"))
    airflow.fail(run, "t")
    airflow.ends(run, "failed")
    airflow.until(lambda: "it goes on at the service" in airflow.log_of(run, "t"))
    sandbox.clear_faults()
    airflow.clear(run)
    airflow.ends(run)
    assert submitted(sandbox) == ["marked"]


def test_a_reordered_mapped_list_gives_each_its_own_video(airflow, sandbox):
    """A mapped list that is reordered and cleared gives each its own video."""
    places = Path(airflow.environment["TEST_LIST"])
    places.write_text("a b c")
    hold(sandbox)
    run = airflow.run("reordered")
    airflow.deferred(run, 3)
    for index in range(3):
        airflow.call("PATCH", f"/dags/reordered/dagRuns/r/taskInstances/t/{index}", new_state="failed")
    airflow.ends(run, "failed")
    sandbox.clear_faults()
    places.write_text("b a c")
    airflow.clear(run)
    airflow.ends(run)
    assert sorted(submitted(sandbox)) == ["a", "a", "b", "b", "c"], "c, whose place is the same, is picked up"
    images = {job["output"]: job["form"]["image"] for job in sandbox.jobs()}
    got = [Path(images[airflow.xcom(run, "t", index=index)]).stem for index in range(3)]
    assert got == ["b", "a", "c"]


def test_a_webhook_schedules_a_dag_and_nobody_waits(airflow, sandbox, tmp_path):
    """The receiver is a process of its own, and shares nothing with Airflow's but the key and the secret."""
    base = json.loads(airflow.environment["AIRFLOW_CONN_LIPSYNC_DEFAULT"])["extra"]["webhook"]
    profiles = tmp_path / "profiles.toml"
    profiles.write_text(
        f'[default]\napi_key = "{KEY}"\nbase_url = "{sandbox.base_url}"\n'
        f'webhook = {{base = "{base}", secret = "{SECRET}"}}\n'
    )
    profiles.chmod(0o600)
    environment = {
        **os.environ,
        "LIPSYNC_CONFIG": str(profiles),
        "LIPSYNC_LEDGER": str(tmp_path / "receiver.sqlite"),
        "LIPSYNC_AIRFLOW_URL": airflow.url,
    }
    sandbox.fault("seconds", seconds=3)
    on_job = "lipsync_nodes_airflow.asset_events:create_asset_event"
    with serving(environment, tmp_path, "--on-job", on_job, "--port", base.rpartition(":")[2]):
        run = airflow.run("submit_only")
        airflow.ends(run)
        woken = airflow.until(lambda: airflow.call("GET", "/dags/woken_by_webhook/dagRuns")["dag_runs"])[0]
        woken = ("woken_by_webhook", woken["dag_run_id"])
        airflow.ends(woken)
    (job,) = sandbox.jobs()
    assert airflow.xcom(run, "submit") == job["id"]
    assert airflow.xcom(woken, "save", index=0) == job["output"]
    assert (airflow.home / "videos" / f"{job['id']}.mp4").stat().st_size > 100
    assert len(sandbox.received("submit")) == 1
    assert len(sandbox.received("poll")) <= 3, "the receiver looks once, and the task that saves the video"
    event, *again = airflow.call("GET", "/assets/events?name_pattern=lipsync://studio/jobs")["asset_events"]
    assert all(other["extra"] == event["extra"] for other in again), "where an answer came too late"
    told = {"job_id": job["id"], "status": "completed", "output": job["output"], "error": ""}
    assert event["extra"] == {**told, "from_rest_api": True}


def lineage_of(airflow):
    """What the task of the DAG `lineage` has told so far; it tells of its end after the run has ended."""
    lines = [line for file in airflow.home.glob("lineage.jsonl*") for line in file.read_text().splitlines()]
    return [event for event in map(json.loads, lines) if event["job"]["name"] == "lineage.t"]


def test_lineage_tells_what_a_video_was_made_of_and_where_it_is(airflow, sandbox):
    run = airflow.run("lineage")
    airflow.ends(run)
    (job,) = sandbox.jobs()
    path = airflow.home / "videos" / f"{job['id']}.mp4"
    assert airflow.xcom(run, "t", "output_path") == str(path)
    done = airflow.until(lambda: next((e for e in lineage_of(airflow) if e["eventType"] == "COMPLETE"), None))
    assert [(data["namespace"], data["name"]) for data in done["inputs"]] == [
        ("https://x.example", "lineage.png"),
        ("https://x.example", "a.mp3"),
    ]
    assert [(data["namespace"], data["name"]) for data in done["outputs"]] == [("file", str(path))]
    assert not any(secret in json.dumps(lineage_of(airflow)) for secret in ("of-the-image", "user:word"))


def test_the_secret_of_the_webhooks_is_shown_to_nobody(airflow):
    extra = json.dumps({"webhook": "https://hooks.example", "webhook_secret": SECRET})
    airflow.call("POST", "/connections", connection_id="with_webhooks", conn_type="lipsync", password=KEY, extra=extra)
    shown = airflow.call("GET", "/connections/with_webhooks")
    assert json.loads(shown["extra"]) == {"webhook": "https://hooks.example", "webhook_secret": "***"}


def test_the_commands_and_the_connection_form(airflow):
    assert "lipsync-nodes" in airflow.command("providers", "list")
    assert "Connection success!" in airflow.command("connections", "test", "lipsync_default")
    forms = airflow._http.get(f"{airflow.url}/ui/connections/hook_meta").json()
    (form,) = [form for form in forms if form["connection_type"] == "lipsync"]
    assert form["standard_fields"]["password"]["title"] == "API key"
    assert set(form["extra_fields"]) == {"budget", "check", "storage", "webhook", "webhook_secret"}
    assert form["extra_fields"]["webhook_secret"]["schema"]["format"] == "password"


def test_the_key_and_the_secret_are_nowhere(airflow):
    airflow.stop("scheduler")
    files = [path for path in airflow.home.rglob("*") if path.is_file()]
    assert any(path.suffix == ".log" for path in files)
    assert {"scheduler.out", "triggerer.out", "airflow.db"} <= {path.name for path in files}
    for secret in (KEY, SECRET, "cb_[A-Za-z0-9_-]{64}"):
        assert [str(path) for path in files if re.search(secret.encode(), path.read_bytes())] == []
