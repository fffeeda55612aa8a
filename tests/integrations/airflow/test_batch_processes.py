"""A batch of 200 as one deferred task, while Airflow's processes are killed."""

import json
import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.integrations.airflow.conftest import KEY, connection
from tests.integrations.airflow.processes import Airflow

pytestmark = [pytest.mark.airflow_processes, pytest.mark.timeout(900)]

HERE = Path(__file__).parent
JOBS = 200


@pytest.fixture
def airflow(sandbox, tmp_path):
    home, dags = tmp_path / "airflow", tmp_path / "dags"
    home.mkdir()
    dags.mkdir()
    (dags / "batch_dags.py").symlink_to(HERE / "batch_dags.py")
    environment = {
        "AIRFLOW_CONN_LIPSYNC_DEFAULT": connection(sandbox),
        "AIRFLOW_VAR_LIPSYNC_VIDEOS": str(home / "videos"),
        "LIPSYNC_LEDGER": str(home / "ledger.sqlite"),
        "HOME": str(home),
    }
    with Airflow(home, dags, **environment) as airflow:
        yield airflow


def hold(sandbox):
    """Let nobody hear of a job's end, until the faults are cleared."""
    sandbox.fault("status", where="poll", code=503, count=-1)


def test_each_job_is_paid_for_once_whatever_is_killed(airflow, sandbox):
    sandbox.fault("status", where="submit", code=429, headers={"Retry-After": "60"}, count=-1, after=JOBS // 2)
    hold(sandbox)
    run = airflow.run("batch_of_200")
    airflow.until(lambda: len(sandbox.received("submit")) >= JOBS // 2 + 4)
    time.sleep(1)  # all four submissions that were under way are refused, and pause
    os.kill(next(task["pid"] for task in airflow.tasks(run)), signal.SIGKILL)
    sandbox.clear_faults()
    hold(sandbox)

    airflow.deferred(run)
    polls = len(sandbox.received("poll"))
    airflow.until(lambda: len(sandbox.received("poll")) > polls)
    airflow.stop("triggerer", signal.SIGKILL)
    airflow.stop("scheduler", signal.SIGKILL)
    airflow.start("scheduler", "--skip-serve-logs")
    airflow.start("triggerer", "--skip-serve-logs")
    polls = len(sandbox.received("poll"))
    airflow.until(lambda: len(sandbox.received("poll")) > polls)
    sandbox.clear_faults()
    airflow.ends(run)

    (ti,) = airflow.tasks(run)
    assert ti["try_number"] == 2, "the worker's death alone costs a try"
    paid = Counter(request.body["formState"]["image"] for request in sandbox.received("submit"))
    refused = sum(paid.values()) - JOBS
    assert 4 <= refused <= 8
    assert len(paid) == JOBS
    result = airflow.xcom(run, "t")
    rows = json.loads(Path(result["manifest"]).read_text())["jobs"]
    assert (result["done"], result["failed"], len({row["job_id"] for row in rows})) == (JOBS, 0, JOBS)
    videos = list((airflow.home / "videos").glob("*.mp4"))
    assert {video.stem for video in videos} == {row["job_id"] for row in rows}
    assert all(video.stat().st_size > 100 for video in videos)
    assert len(list((airflow.home / "videos").glob("manifest-*.json"))) == 1
    log = airflow.log_of(run, "t")
    assert log.count("Waiting for") <= 4
    for file in (path for path in airflow.home.rglob("*") if path.is_file()):
        assert KEY.encode() not in file.read_bytes(), file
