"""mypy and pyright know the arguments of the operators: they accept the examples, and reject wrong DAGs."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integrations.airflow.stubs import STUB, stub

EXAMPLES = Path(__file__).parents[3] / "examples" / "airflow"
RIGHT = """
from datetime import timedelta

from airflow.sdk import DAG, ObjectStoragePath, task

from lipsync_nodes_airflow.operators import LipsyncImageMultiOperator, LipsyncImageOperator, LipsyncVideoOperator

with DAG("right", schedule=None):

    @task
    def speech() -> str:
        return "https://x.example/a.mp3"

    first = LipsyncImageOperator(task_id="a", image="i.png", audio=speech(), retries=2, timeout="{{ params.timeout }}")
    LipsyncVideoOperator(task_id="b", video=first.output, audio=ObjectStoragePath("s3://b/a.mp3"), seed=7)
    LipsyncImageMultiOperator.partial(
        task_id="c", image="i.png", poll_interval=timedelta(seconds=9), extra={"guidance": 1}
    ).expand(left_audio=["l.mp3"], right_audio=["r.mp3"])
"""
WRONG = [
    'LipsyncImageOperator(task_id="t", image="i.png", audio="a.mp3", resolutoin="720p")',
    'LipsyncImageOperator(task_id="t", image="i.png")',
    'LipsyncImageOperator(task_id="t", image="i.png", audio="a.mp3", seed=[7])',
    'LipsyncVideoOperator(task_id="t", image="i.png", audio="a.mp3")',
    'LipsyncImageOperator(task_id="t", image="i.png", audio="a.mp3", deferrable="yes")',
    'LipsyncImageMultiOperator.partial(task_id="t", image="i.png", order=3).expand(left_audio=[], right_audio=[])',
    'LipsyncJobSensor(task_id="t", job="j")',
]
HEAD = """from lipsync_nodes_airflow.operators import LipsyncImageMultiOperator
from lipsync_nodes_airflow.operators import LipsyncImageOperator, LipsyncVideoOperator
from lipsync_nodes_airflow.sensors import LipsyncJobSensor

"""


def mypy(*files):
    """Return the lines with an error of each file."""
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull, *files]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode in {0, 1}, done.stderr
    return {(Path(file).name, int(line)) for file, line in re.findall(r"(?m)^(.*?):(\d+): error", done.stdout)}


def pyright(*files):
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, *files]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)["generalDiagnostics"]
    # Airflow declares `params` as what it converts a dictionary into.
    errors = [one for one in found if one["severity"] == "error" and "ParamsDict" not in one["message"]]
    return {(Path(one["file"]).name, one["range"]["start"]["line"] + 1) for one in errors}


@pytest.mark.timeout(1200)  # without a cache, a checker reads all of Airflow
@pytest.mark.parametrize("checker", [mypy, pyright])
def test_type_checkers_accept_right_dags_and_reject_wrong_ones(tmp_path, checker):
    (tmp_path / "right.py").write_text(RIGHT)
    (tmp_path / "wrong.py").write_text(HEAD + "\n".join(WRONG))
    found = checker(tmp_path / "right.py", tmp_path / "wrong.py", *sorted(EXAMPLES.glob("*.py")))
    first = HEAD.count("\n") + 1
    assert found == {("wrong.py", line) for line in range(first, first + len(WRONG))}


def test_the_stub_is_that_of_the_catalogue(airflow_home, tmp_path):
    (tmp_path / "new.pyi").write_text(stub())
    ruff = Path(sys.executable).with_name("ruff")
    subprocess.run([ruff, "format", "-q", "--config", EXAMPLES.parents[1] / "pyproject.toml", tmp_path], check=True)
    assert (tmp_path / "new.pyi").read_text() == STUB.read_text(), "python -m tests.integrations.airflow.stubs"
