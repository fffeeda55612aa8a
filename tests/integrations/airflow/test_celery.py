"""Scaling out: the example that starts Redis, Postgres and two Celery workers on this machine, and kills one."""

import re
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[3] / "examples" / "airflow" / "celery" / "run.py"
JOBS = 12
BATCH = 200


def missing():
    """What this machine lacks of what the example says it needs."""
    lacking = []
    for package in ("apache-airflow-providers-celery", "asyncpg", "psycopg2-binary", "redis"):
        try:
            version(package)
        except PackageNotFoundError:
            lacking.append(package)
    if not shutil.which("redis-server"):
        lacking.append("redis-server")
    if not any(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        lacking.append("postgresql")
    return lacking


@pytest.mark.airflow_celery
@pytest.mark.timeout(1200)
@pytest.mark.skipif(bool(missing()), reason=f"not on this machine: {', '.join(missing())}; see examples/airflow/celery")
def test_every_job_is_submitted_once_though_a_worker_is_killed():
    done = subprocess.run([sys.executable, EXAMPLE, str(JOBS)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Worker one was killed after" in done.stdout
    assert f"Submits: {JOBS}, of {JOBS} inputs." in done.stdout
    assert f"Videos saved: {JOBS}." in done.stdout


@pytest.mark.airflow_celery
@pytest.mark.timeout(1200)
@pytest.mark.skipif(bool(missing()), reason=f"not on this machine: {', '.join(missing())}; see examples/airflow/celery")
def test_a_batch_as_one_task_survives_its_worker():
    done = subprocess.run([sys.executable, EXAMPLE, str(BATCH), "--one-task"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Worker (one|two) was killed after 10[4-8] submits", done.stdout)
    assert re.search(rf"Submits: {BATCH}, of {BATCH} inputs, and [4-8] that were refused.", done.stdout)
    assert "Tasks: {'success': 2}." in done.stdout
    assert "Tries: {1: 1, 2: 1}." in done.stdout
    assert f"Videos saved: {BATCH}." in done.stdout
