"""Scaling out on one machine: Redis, Postgres, Airflow with CeleryExecutor and two workers, one of which is killed.

    python -m pip install -e '.[airflow,sandbox]' --group celery    # pip 25.1 or later, in a checkout
    apt-get install redis-server postgresql
    python examples/airflow/celery/run.py [HOW_MANY_JOBS] [--one-task]

It starts all of it in a temporary folder and on free ports, runs a batch against the sandbox (as mapped tasks, or with
--one-task as one), kills a worker half-way, and tells what became of the jobs. It succeeds if every job was submitted
once, and every video is there.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from lipsync_nodes.sandbox import Sandbox

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(what: Callable[[], Any], seconds: float = 240) -> Any:
    """Return the first true value of *what*."""
    end = time.monotonic() + seconds
    while not (value := what()):
        if time.monotonic() > end:
            raise TimeoutError(f"It did not come within {seconds} s.")
        time.sleep(0.5)
    return value


class Machine:
    """The processes and their environment; all are stopped at the end."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.stack = stack
        self.environment = dict(os.environ)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *words: str | Path, user: str | None = None) -> None:
        """Start a process in its own session."""
        with (self.folder / f"{name}.out").open("wb") as out:
            self.processes[name] = subprocess.Popen(
                [str(word) for word in words],
                env=self.environment,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=user,
                cwd="/",
            )
        self.stack.callback(self.stop, name)

    def stop(self, name: str, how: int = signal.SIGTERM) -> None:
        """End a process and its children."""
        process = self.processes.pop(name, None)
        for number in (how, signal.SIGKILL):
            if process is not None and process.poll() is None:
                os.killpg(process.pid, number)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    continue

    def airflow(self, *words: str) -> str:
        """Run an `airflow` command to its end."""
        return subprocess.run(
            [BIN / "airflow", *words], env=self.environment, check=True, capture_output=True, text=True
        ).stdout


def start_stores(machine: Machine) -> tuple[str, str]:
    """Start Redis and Postgres and return their URLs."""
    redis, postgres = free_port(), free_port()
    machine.start("redis", shutil.which("redis-server") or "redis-server", "--port", str(redis), "--save", "")
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
    data = machine.folder / "postgres"
    data.mkdir()
    user = "postgres" if os.geteuid() == 0 else None  # Postgres refuses to run as root
    if user:
        shutil.chown(data, user)
        machine.folder.chmod(0o755)
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "airflow", "-A", "trust"],
        user=user,
        check=True,
        capture_output=True,
        cwd="/",
    )
    sockets = ("-c", f"unix_socket_directories={data}", "-c", "max_connections=200")
    machine.start("postgres", programs / "postgres", "-D", data, "-p", str(postgres), *sockets, user=user)
    ready = [str(programs / "pg_isready"), "-h", "127.0.0.1", "-p", str(postgres)]
    until(lambda: subprocess.run(ready, check=False, capture_output=True).returncode == 0)
    connect = [str(programs / "createdb"), "-h", "127.0.0.1", "-p", str(postgres), "-U", "airflow", "airflow"]
    subprocess.run(connect, check=True)
    return f"redis://127.0.0.1:{redis}/0", f"airflow@127.0.0.1:{postgres}/airflow"


def configure(machine: Machine, sandbox: Sandbox, redis: str, postgres: str) -> str:
    """Fill the environment of all processes and return the URL of the api-server."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    connection = {"conn_type": "lipsync", "password": sandbox.api_key, "host": sandbox.base_url}
    machine.environment |= {
        "AIRFLOW_HOME": str(machine.folder),
        "AIRFLOW_CONN_LIPSYNC_DEFAULT": json.dumps(connection),
        "AIRFLOW__CORE__DAGS_FOLDER": str(HERE / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": "one secret for all processes of this machine, for this run " * 2,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{postgres}",
        "AIRFLOW__CELERY__BROKER_URL": redis,
        "AIRFLOW__CELERY__RESULT_BACKEND": f"db+postgresql+psycopg2://{postgres}",
        "AIRFLOW__CELERY__WORKER_CONCURRENCY": "3",
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
    }
    return url


def call(url: str, token: str | None = None, body: Any = None) -> Any:
    """Send JSON to the API server, and return its JSON."""
    request = Request(url, data=None if body is None else json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urlopen(request, timeout=30) as answer:
        return json.load(answer)


def token_of(url: str) -> str | None:
    """Return a token, once the api-server is up."""
    try:
        return str(call(f"{url}/auth/token")["access_token"])
    except OSError:
        return None


def start_airflow(machine: Machine, url: str) -> str:
    """Start Airflow's processes and two workers; return a token for the api-server."""
    machine.airflow("db", "migrate")
    machine.start("api-server", BIN / "airflow", "api-server")
    token = str(until(lambda: token_of(url)))
    machine.airflow("dags", "reserialize")
    for name in ("scheduler", "triggerer"):
        machine.start(name, BIN / "airflow", name, "--skip-serve-logs")
    for name in ("one", "two"):
        machine.start(name, BIN / "airflow", "celery", "worker", "--skip-serve-logs", "-H", f"{name}@%h")
    return token


def worker_of(machine: Machine, url: str, token: str) -> str:
    """Return the name of the worker that runs the one task. All processes of a worker are in its session."""
    tasks = call(f"{url}/taskInstances", token)["task_instances"]
    pid = next(task["pid"] for task in tasks if task["state"] == "running")
    return next(name for name in ("one", "two") if os.getsid(pid) == machine.processes[name].pid)


def main(jobs: int, *, one_task: bool) -> bool:
    """Run the batch, kill a worker halfway, and report the result and whether it is as promised."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lipsync-celery-")))
        sandbox = stack.enter_context(Sandbox(renderer="instant", seconds=8))
        machine = Machine(folder, stack)
        url = configure(machine, sandbox, *start_stores(machine))
        token = start_airflow(machine, url)
        runs = f"{url}/api/v2/dags/{'one_task' if one_task else 'scaled_out'}/dagRuns"
        if one_task:  # so that no submission is under way while its worker is killed: its outcome would be unknown
            sandbox.fault("status", where="submit", code=429, headers={"Retry-After": "60"}, count=-1, after=jobs // 2)
        call(
            runs,
            token,
            {"dag_run_id": "r", "logical_date": None, "conf": {"jobs": jobs, "folder": str(folder / "videos")}},
        )
        print(f"{jobs} jobs, two workers", flush=True)
        until(lambda: len(sandbox.received("submit")) >= jobs // 2 + 4 * one_task)
        time.sleep(1)
        worker = worker_of(machine, f"{runs}/r", token) if one_task else "one"
        machine.stop(worker, signal.SIGKILL)
        print(f"Worker {worker} was killed after {len(sandbox.received('submit'))} submits.", flush=True)
        refused = len(sandbox.received("submit")) - jobs // 2 if one_task else 0
        sandbox.clear_faults()
        state = until(lambda: (found := call(f"{runs}/r", token)["state"]) in {"success", "failed"} and found, 600)
        tasks = call(f"{runs}/r/taskInstances?limit=1000", token)["task_instances"]
        inputs = {request.body["formState"]["image"] for request in sandbox.received("submit") if request.body}
        print(f"The run ended in {state}. Tasks: {dict(Counter(task['state'] for task in tasks))}.")
        print(f"Tries: {dict(Counter(task['try_number'] for task in tasks))}.")
        submits = len(sandbox.received("submit")) - refused
        print(f"Submits: {submits}, of {len(inputs)} inputs{f', and {refused} that were refused' if refused else ''}.")
        videos = len(list((folder / "videos").glob("*.mp4")))
        print(f"Videos saved: {videos}.")
        return state == "success" and submits == len(inputs) == videos == jobs


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that ending it early leaves nothing running
    numbers = [int(word) for word in sys.argv[1:] if word.isdecimal()]
    sys.exit(0 if main(*numbers or [30], one_task="--one-task" in sys.argv) else 1)
