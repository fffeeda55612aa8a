"""Level C: how long a task may wait, what it logs and links to, its own code, and the commands that test a DAG."""

import json
import re
from datetime import datetime

import pytest

from tests.integrations.airflow.conftest import HERE, connection
from tests.integrations.airflow.processes import Airflow, hold, submitted, tries

pytestmark = [pytest.mark.airflow_processes, pytest.mark.timeout(600)]


def test_an_execution_timeout_bounds_a_deferred_task(airflow, sandbox):
    """It ends the try, not the job: a retry waits for the same job."""
    hold(sandbox)
    run = airflow.run("limited")
    airflow.until(lambda: tries(airflow, run) > 1)
    sandbox.clear_faults()
    airflow.ends(run)
    assert "within the task's `execution_timeout` of 15 s" in airflow.log_of(run, "t")
    assert submitted(sandbox) == ["limited"]


def test_a_retry_of_a_tasks_own_code_pays_nothing(airflow, sandbox):
    run = airflow.run("own_code")
    airflow.ends(run)
    assert tries(airflow, run) == 2
    assert submitted(sandbox) == ["own_code", "own_code"], "the code itself submits the same inputs twice"
    assert sorted(airflow.xcom(run, "two_videos")) == sorted(job["id"] for job in sandbox.jobs())
    airflow.clear(run)
    airflow.ends(run)
    assert len(submitted(sandbox)) == 4, "a clear makes new videos"


def test_a_short_job_is_deferred_hardly_longer_than_by_a_bare_trigger(airflow, sandbox):
    sandbox.fault("seconds", seconds=2.6)
    run = airflow.run("short")
    airflow.ends(run)
    took = {task["task_id"]: length(task) for task in airflow.tasks(run)}
    assert took["t"] <= took["bare"] + 8, took
    log = airflow.log_of(run, "t")
    (job,) = sandbox.jobs()
    for words in (f"Submitted job {job['id']} to lipsync-image", "image=https://x.example/short.png", "is completed"):
        assert words in log
    assert re.search(rf"Saved the video of job {job['id']} as /\S+/videos/{job['id']}.mp4", log)


def length(task):
    return (datetime.fromisoformat(task["end_date"]) - datetime.fromisoformat(task["start_date"])).total_seconds()


def test_the_links_lead_to_the_job_and_then_to_the_video(airflow, sandbox):
    hold(sandbox)
    run = airflow.run("adopted", "links")
    airflow.deferred(run)
    path = "/dags/adopted/dagRuns/links/taskInstances/t/links"
    (job,) = sandbox.jobs()
    assert airflow.call("GET", path)["extra_links"] == {"Job": f"{sandbox.url}/#{job['id']}", "Video": None}
    sandbox.clear_faults()
    airflow.ends(run)
    output = sandbox.jobs()[0]["output"]
    assert airflow.call("GET", path)["extra_links"] == {"Job": f"{sandbox.url}/#{job['id']}", "Video": output}


@pytest.fixture(scope="module")
def alone(_shared_sandbox, tmp_path_factory):
    """An Airflow of which nothing runs. Its connection is in the database, as the UI makes it."""
    home, dags = tmp_path_factory.mktemp("alone"), tmp_path_factory.mktemp("dags")
    (dags / "fault_dags.py").symlink_to(HERE / "fault_dags.py")
    environment = {"AIRFLOW_VAR_LIPSYNC_VIDEOS": str(home), "TEST_LIST": str(home / "list.txt"), "HOME": str(home)}
    airflow = Airflow(home, dags, LIPSYNC_LEDGER=str(home / "ledger.sqlite"), **environment)
    airflow.command("db", "migrate")
    made = json.loads(connection(_shared_sandbox)) | {"extra": "{}"}
    airflow.command("connections", "add", "of_the_database", "--conn-json", json.dumps(made))
    airflow.command("dags", "reserialize")
    return airflow


@pytest.mark.parametrize("command", [("dags", "test", "tested"), ("tasks", "test", "tested", "t")], ids=" ".join)
def test_a_test_with_a_connection_of_the_database_pays_once(alone, sandbox, command):
    hold(sandbox)
    said = alone.attempt(*command, TEST_TIMEOUT="3")
    assert submitted(sandbox) == ["tested"], said
    assert "has not ended within" in said
    sandbox.clear_faults()
    said = alone.attempt(*command)
    assert "was submitted by an earlier try and is picked up" in said
    assert f"Job {sandbox.jobs()[0]['id']} is completed after" in said
    assert len(submitted(sandbox)) == 1
    alone.attempt(*command)
    assert len(submitted(sandbox)) == 2, "once its video is there, the next test makes another"
