"""A real Prefect: a server of its own, and flow runs in processes that share nothing but that server.

Prefect and Airflow do not go together in one environment, so Prefect gets one, which is made once and kept.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from types import SimpleNamespace

import httpx

REPOSITORY = Path(__file__).parents[3]
EXAMPLE = REPOSITORY / "examples" / "prefect"
CACHE = Path(os.environ.get("LIPSYNC_TEST_CACHE") or Path(tempfile.gettempdir()) / "lipsync-nodes-tests")
SECONDS = 120


def python():
    """Return the Python of an environment with Prefect and this checkout's core, which may have moved since."""
    folder = CACHE / f"prefect-{sys.version_info.major}.{sys.version_info.minor}"
    executable = folder / "bin" / "python"
    if not executable.exists():
        venv.create(folder, with_pip=True)
    pip = [executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "-e", f"{REPOSITORY}[sandbox]", "-r", EXAMPLE / "requirements.txt"], check=True)
    return executable


class Prefect:
    """A Prefect server on a free port, with its database in *home*."""

    def __init__(self, home, **environment):
        self._home = home
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._programs = python().parent
        self._environment = {
            "PATH": f"{self._programs}:/usr/bin:/bin",
            "PYTHONPATH": str(EXAMPLE),
            "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            **environment,
        }
        self._http = httpx.Client(base_url=self._environment["PREFECT_API_URL"], timeout=30)
        self._process, self._log = self._started("prefect", "server", "start", "--port", str(port))

    def __enter__(self):
        until = time.monotonic() + SECONDS
        while not self._is_up():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < until, self._log.read_text()
            time.sleep(0.2)
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(SECONDS)
        self._http.close()

    def _is_up(self):
        try:
            return self._http.get("/health").is_success
        except httpx.TransportError:
            return False

    def _started(self, program, *arguments):
        """Start a process with a home, and thus a Prefect home, of its own."""
        home = Path(tempfile.mkdtemp(dir=self._home))
        log = home / "log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [self._programs / program, *arguments],
                cwd=home,
                env={**self._environment, "HOME": str(home)},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return process, log

    def run(self, program, *arguments):
        """Run a program of the environment to its end."""
        process, log = self._started(program, *arguments)
        return SimpleNamespace(code=process.wait(SECONDS), said=log.read_text())

    def flow_runs(self):
        """Return the flow runs, the latest first."""
        return self._post("/flow_runs/filter", sort="START_TIME_DESC")

    def tries(self):
        """Return how often each task of each flow run was tried, by its name."""
        return {run["name"].rpartition("-")[0]: run["run_count"] for run in self._post("/task_runs/filter")}

    def crash(self, flow_run):
        """Note that the process of a flow run is dead, as a worker or an automation does."""
        self._post(f"/flow_runs/{flow_run['id']}/set_state", state={"type": "CRASHED", "name": "Crashed"}, force=True)

    def variables(self):
        return {variable["name"]: variable["value"] for variable in self._post("/variables/filter")}

    def clear(self):
        """Forget all runs and variables."""
        for run in self.flow_runs():
            self._http.delete(f"/flow_runs/{run['id']}").raise_for_status()
        for name in self.variables():
            self._http.delete(f"/variables/name/{name}").raise_for_status()

    def _post(self, path, **body):
        return self._http.post(path, json=body).raise_for_status().json()
