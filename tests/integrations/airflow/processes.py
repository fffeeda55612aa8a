"""Level C: Airflow's own processes, a DAG run by REST, and faults by signal.

Nothing is given a time but a limit: on a busy machine a task takes half a minute to start. What is waited for in vain
is told with the states of all tasks and the last words of the logs.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import httpx

ENDED = {"success", "failed"}
LIMIT = 240.0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(what, seconds=LIMIT, pause=0.3):
    """Return the first true value of *what*; fail if none comes in time."""
    end = time.monotonic() + seconds
    while not (value := what()):
        assert time.monotonic() < end, f"nothing came within {seconds} s"
        time.sleep(pause)
    return value


def last_words(path, lines=10):
    """The last complaints and the last lines of a log."""
    text = path.read_text(errors="replace").splitlines()
    complaints = [line for line in text if any(word in line for word in ("[error", '"error"', "Error", "locked"))]
    return "\n".join([f"== {path}", *(line[:400] for line in (*complaints[-lines:], "…", *text[-lines:]))])


def submitted(sandbox, name=""):
    """The images that were submitted, by the names of their files."""
    images = [request.body["formState"]["image"] for request in sandbox.received("submit")]
    return [Path(image).stem for image in images if name in image]


def hold(sandbox):
    """Let nobody hear of a job's end, until the faults are cleared."""
    sandbox.fault("status", where="poll", code=503, count=-1)


def tries(airflow, run):
    return max(task["try_number"] for task in airflow.tasks(run))


class Airflow:
    """An api-server, a scheduler with LocalExecutor and a triggerer, each in a session of its own."""

    def __init__(self, home: Path, dags: Path, **environment):
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes = {}
        self._http = httpx.Client(base_url=f"{self.url}/api/v2", timeout=60)
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
            "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API_AUTH__JWT_SECRET": "a secret of the tests, long enough for the signature " * 2,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
            "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
            "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
            "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "8",
            **environment,
        }

    def __enter__(self):
        with ExitStack() as stack:
            stack.push(self)
            self._start()
            stack.pop_all()
        return self

    def _start(self):
        self.command("db", "migrate")
        self.start("api-server")
        self.command("dags", "reserialize")
        self.start("scheduler", "--skip-serve-logs")
        self.start("triggerer", "--skip-serve-logs")
        until(self._up)
        self.call("POST", "/pools", name="lipsync", slots=2, include_deferred=True)

    def __exit__(self, *_):
        for name in list(self.processes):
            self.stop(name)
        self._http.close()

    def _up(self):
        try:
            token = httpx.get(f"{self.url}/auth/token").json()["access_token"]
        except (httpx.HTTPError, ValueError, KeyError):
            return False
        self._http.headers["Authorization"] = f"Bearer {token}"
        return True

    def command(self, *words):
        """Run an `airflow` command to its end and return what it printed."""
        done = subprocess.run(
            [Path(sys.executable).parent / "airflow", *words], env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def attempt(self, *words, **environment):
        """Run an `airflow` command to its end, however it ends, and return what it printed."""
        command = [Path(sys.executable).parent / "airflow", *words]
        done = subprocess.run(
            command, env=self.environment | environment, capture_output=True, text=True, timeout=LIMIT
        )
        return done.stdout + done.stderr

    def start(self, name, *words):
        with (self.home / f"{name}.out").open("ab") as out:
            self.processes[name] = subprocess.Popen(
                [Path(sys.executable).parent / "airflow", name, *words],
                env=self.environment,
                cwd=self.home,
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

    def until(self, what):
        """As `until`; in vain, it tells of all that goes on."""
        try:
            return until(what)
        except AssertionError as error:
            error.add_note(self.story())
            raise

    def ends(self, run, state="success"):
        """Wait for the end of a run, which has to be as expected."""
        found = self.until(lambda: (now := self.state(run)) in ENDED and now)
        assert found == state, f"{run} ended in {found}\n{self.story()}"

    def deferred(self, run, count=1):
        """Wait until so many tasks are deferred at a time."""
        self.until(lambda: [task["state"] for task in self.tasks(run)].count("deferred") == count)

    def heard_of(self, run, task):
        """Wait until the scheduler knows that the worker of a task is gone.

        Whoever resumes a waiting task before that has it failed: https://github.com/apache/airflow/issues/72716
        """
        dag, name = run
        event = f"executor event with state success for task instance TaskInstanceKey(dag_id='{dag}', task_id='{task}'"
        self.until(lambda: f"{event}, run_id='{name}'" in (self.home / "scheduler.out").read_text(errors="replace"))

    def logs(self, run, task):
        dag, name = run
        return sorted(self.home.glob(f"logs/dag_id={dag}/run_id={name}/task_id={task}/**/*.log"))

    def log_of(self, run, task):
        """Return all that a task and its triggers logged."""
        return "".join(path.read_text(errors="replace") for path in self.logs(run, task))

    def story(self):
        """Tell which tasks have not succeeded, and the last words of their logs and of the processes."""
        told = []
        for task in self.call("GET", "/dags/~/dagRuns/~/taskInstances?limit=100")["task_instances"]:
            if task["state"] != "success":
                told.append(", ".join(f"{name}={value}" for name, value in task.items() if value))
                told += map(last_words, self.logs((task["dag_id"], task["dag_run_id"]), task["task_id"]))
        return "\n".join([*told, *map(last_words, sorted(self.home.glob("*.out")))])

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
