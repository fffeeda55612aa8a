"""Level C: Airflow's own processes, a DAG run by REST, and faults by signal."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

ENDED = {"success", "failed"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(what, seconds=120, pause=0.3):
    """Return the first true value of *what*; fail if none comes in time."""
    end = time.monotonic() + seconds
    while not (value := what()):
        assert time.monotonic() < end, f"nothing came within {seconds} s"
        time.sleep(pause)
    return value


class Airflow:
    """An api-server, a scheduler with LocalExecutor and a triggerer, each in a session of its own."""

    def __init__(self, home: Path, dags: Path, **environment):
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes = {}
        self.environment = {
            **os.environ,
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "6",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__FERNET_KEY": "8pGj3nV0tTqFwq9Qv0mC4w1oVYl9uP7xgq0wU2m3l9k=",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API_AUTH__JWT_SECRET": "a secret of the tests, long enough for the signature " * 2,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "10",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
            "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
            "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "8",
            **environment,
        }

    def __enter__(self):
        self.command("db", "migrate")
        self.start("api-server")
        until(self._up)
        self.command("dags", "reserialize")
        self.command("pools", "set", "lipsync", "2", "lipsync jobs", "--include-deferred")
        self.start("scheduler", "--skip-serve-logs")
        self.start("triggerer", "--skip-serve-logs")
        return self

    def __exit__(self, *_):
        for name in list(self.processes):
            self.stop(name)
        self._http.close()

    def _up(self):
        try:
            token = httpx.get(f"{self.url}/auth/token").json()["access_token"]
        except (httpx.HTTPError, ValueError, KeyError):
            return False
        self._http = httpx.Client(
            base_url=f"{self.url}/api/v2", headers={"Authorization": f"Bearer {token}"}, timeout=30
        )
        return True

    def command(self, *words):
        """Run an `airflow` command to its end and return what it printed."""
        done = subprocess.run(
            [Path(sys.executable).parent / "airflow", *words], env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, name, *words):
        with (self.home / f"{name}.out").open("ab") as out:
            self.processes[name] = subprocess.Popen(
                [Path(sys.executable).parent / "airflow", name, *words],
                env=self.environment,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self, name, how=signal.SIGTERM):
        process = self.processes.pop(name)
        for number in (how, signal.SIGKILL):
            try:
                os.killpg(process.pid, number)
                process.wait(15)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
        process.wait()

    def call(self, method, path, **body):
        for _ in range(10):
            answer = self._http.request(method, path, json=body or None)
            if "Database error" not in answer.text:
                break
            time.sleep(0.5)  # Airflow's SQLite is locked for a moment; nothing was done
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else {}

    def run(self, dag, name="r", **conf):
        self.call("POST", f"/dags/{dag}/dagRuns", dag_run_id=name, logical_date=None, conf=conf)
        return dag, name

    def state(self, run):
        dag, name = run
        return self.call("GET", f"/dags/{dag}/dagRuns/{name}")["state"]

    def tasks(self, run):
        dag, name = run
        return self.call("GET", f"/dags/{dag}/dagRuns/{name}/taskInstances")["task_instances"]

    def task_states(self, run):
        return {task["state"] for task in self.tasks(run)}

    def ended(self, run, seconds=120):
        return until(lambda: (state := self.state(run)) in ENDED and state, seconds)

    def xcom(self, run, task, key="return_value", index=-1):
        dag, name = run
        found = self.call("GET", f"/dags/{dag}/dagRuns/{name}/taskInstances/{task}/xcomEntries/{key}?map_index={index}")
        return found["value"]

    def clear(self, run):
        dag, name = run
        self.call(
            "POST",
            f"/dags/{dag}/clearTaskInstances",
            dry_run=False,
            dag_run_id=name,
            only_failed=False,
            reset_dag_runs=True,
        )

    def fail(self, run, task):
        dag, name = run
        self.call("PATCH", f"/dags/{dag}/dagRuns/{name}/taskInstances/{task}", new_state="failed")
