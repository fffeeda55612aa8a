"""A real Airflow for the tests, in a folder of its own. Nothing outside this folder of tests imports Airflow.

Level A drives `execute`, the trigger and `execute_complete` by hand; level B runs DAGs by `dag.test()`, with Airflow's
database, task runner and XCom; level C (`processes.py`) has the api-server, scheduler and triggerer as processes.
"""

import json
import logging
import os
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest

from lipsync_nodes.service import CATALOGUE

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[2] / "examples" / "airflow"
SECRET = "shared with the receiver, 0123456789"
KEY = "sk_airflow_tests_0123456789"
URL = "https://x.example/"
MEDIA_URLS = {name: f"{URL}{name}" for name in ("video", "image", "audio", "left_audio", "right_audio")}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            # Airflow warns of itself, and its own dependencies of each other.
            item.add_marker(pytest.mark.filterwarnings("ignore"))


def connection(sandbox, **extra):
    """A connection to a sandbox, as the environment holds it."""
    return json.dumps({"conn_type": "lipsync", "password": KEY, "host": sandbox.base_url, "extra": extra})


@pytest.fixture(scope="session")
def airflow_home(tmp_path_factory):
    """Import Airflow, once, with a new home; the logging of the tests is left as it was."""
    home = tmp_path_factory.mktemp("airflow")
    (home / "dags").mkdir()
    os.environ |= {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
    }
    root, lipsync = logging.getLogger(), logging.getLogger("lipsync_nodes")
    handlers, level = root.handlers[:], root.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import airflow.settings
        from airflow.providers.common.compat import sdk

        assert sdk.BaseOperator
        airflow.settings.initialize()
        from airflow.utils.db import initdb

        initdb()
    root.handlers[:], root.level, lipsync.disabled = handlers, level, False
    root.manager._clear_cache()
    return home


class Store(dict):
    """Like a `task_state_store`; a real one is used by `test_dags.py`."""

    def set(self, key, value, **_):
        self[key] = json.loads(json.dumps(value))

    def delete(self, key):
        self.pop(key, None)


class TaskInstance(SimpleNamespace):
    dag_id, run_id, task_id, map_index, max_tries = "d", "r", "t", -1, 2

    def xcom_push(self, key, value):
        self.xcoms[key] = json.loads(json.dumps(value))


@pytest.fixture
def context():
    return {"ti": TaskInstance(xcoms={}), "task_state_store": Store(), "outlet_events": {}}


@pytest.fixture
def make(airflow_home):
    """Make an operator of an endpoint, with the media that it wants."""

    def make(command="image", **arguments):
        from lipsync_nodes_airflow import operators

        spec = next(spec for spec in CATALOGUE if spec.command == command)
        cls = next(cls for cls in vars(operators).values() if getattr(cls, "spec", None) is spec)
        media = {field.name: MEDIA_URLS[field.name] for field in spec.fields if field.required}
        return cls(**{"task_id": "t", "poll_interval": 0.05, **media, **arguments})

    return make


@pytest.fixture
def lipsync_default(airflow_home, sandbox, monkeypatch, tmp_path):
    """The default connection leads to the sandbox; the ledger (before Airflow 3.3) is one of this test."""
    monkeypatch.setenv("AIRFLOW_CONN_LIPSYNC_DEFAULT", connection(sandbox))
    monkeypatch.setenv("LIPSYNC_LEDGER", str(tmp_path / "ledger.sqlite"))
    # No worker hands over where all is one process.
    monkeypatch.setattr("lipsync_nodes_airflow.triggers.HANDOVER", 0)


@pytest.fixture
def memory(airflow_home):
    """An object storage, as a connection with credentials would make it."""
    from airflow.providers.common.compat.sdk import ObjectStoragePath
    from fsspec.implementations.memory import MemoryFileSystem

    store = __import__(ObjectStoragePath.__module__.rpartition(".")[0] + ".store", fromlist=["attach"])
    store.attach("memory", fs=MemoryFileSystem())
    return ObjectStoragePath


@pytest.fixture(scope="session")
def airflow(_shared_sandbox, tmp_path_factory):
    """Level C: the examples and `fault_dags.py` on Airflow's own processes."""
    from tests.integrations.airflow.processes import Airflow, free_port

    home, dags = tmp_path_factory.mktemp("airflow"), tmp_path_factory.mktemp("dags")
    for file in [*EXAMPLES.glob("*.py*"), EXAMPLES / "jobs.jsonl", HERE / "fault_dags.py"]:
        (dags / file.name).symlink_to(file) if not (dags / file.name).exists() else None
    hook = {"webhook": f"http://127.0.0.1:{free_port()}", "webhook_secret": SECRET}
    environment = {
        "AIRFLOW_CONN_LIPSYNC_DEFAULT": connection(_shared_sandbox, **hook),
        "AIRFLOW_VAR_LIPSYNC_VIDEOS": str(home / "videos"),
        "AIRFLOW__OPENLINEAGE__SELECTIVE_ENABLE": "True",
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps({"type": "file", "log_file_path": str(home / "lineage.jsonl")}),
        "LIPSYNC_LEDGER": str(home / "ledger.sqlite"),
        "TEST_LIST": str(home / "list.txt"),
        "HOME": str(home),
    }
    with Airflow(home, dags, **environment) as airflow:
        yield airflow
