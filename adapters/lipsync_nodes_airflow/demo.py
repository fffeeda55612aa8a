"""The demo: example DAGs, an Airflow of its own, and the sandbox."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from importlib.metadata import distributions
from pathlib import Path
from secrets import token_urlsafe
from socket import create_server
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

from lipsync_nodes import ConfigurationError
from lipsync_nodes.cli.speak import Progress, say
from lipsync_nodes.sandbox import Sandbox

__all__ = ["copy_examples", "run"]

# Each runs as it is, without other files or connections of the user.
EXAMPLES: Final = ("one_job.py", "submit_and_wait.py", "batch.py", "jobs.jsonl")
# In a checkout; in the distribution they are beside this module.
CHECKOUT: Final = Path(__file__).parents[2] / "examples" / "airflow"
START_SECONDS: Final = 300.0
END_SECONDS: Final = 30.0


def run(home: Path, port: int) -> None:
    """Run Airflow in the folder *home* until Ctrl-C."""
    if not any(distributions(name="apache-airflow-core")):
        raise ConfigurationError(code="airflow.too_old", package="apache-airflow>=3", remedy="install_extra")
    _check_port(port)
    copy_examples(home / "dags")
    with Sandbox(home / "sandbox") as sandbox:
        _run(home, port, sandbox)


def copy_examples(folder: Path) -> list[Path]:
    """Copy the example DAGs. A file that is there and differs is not replaced."""
    packaged = Path(__file__).with_name("example_dags")
    source = packaged if packaged.is_dir() else CHECKOUT
    folder.mkdir(parents=True, exist_ok=True)
    for name in EXAMPLES:
        if not (folder / name).exists():
            shutil.copyfile(source / name, folder / name)
    return [folder / name for name in EXAMPLES]


def _check_port(port: int) -> None:
    """Check that no other program, such as another Airflow, uses the port. It would answer in place of the demo's."""
    try:
        create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise ConfigurationError(code="airflow.port_taken", port=port, reason=error, remedy="other_port") from error


def environment(home: Path, port: int, base_url: str) -> dict[str, str]:
    """Return the environment of the demo's Airflow: it listens on this machine only, so it asks for no login.

    The settings of the user's own Airflow and profiles are left out.
    """
    url = f"http://127.0.0.1:{port}"
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "LIPSYNC_"))},
        # `airflow standalone` starts other `airflow` commands.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API_AUTH__JWT_SECRET": token_urlsafe(64),
        # A laptop is slower than a server, above all while it starts.
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "5",
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW_CONN_LIPSYNC_DEFAULT": json.dumps({"conn_type": "lipsync", "host": base_url}),
        "LIPSYNC_LEDGER": str(home / "ledger.sqlite"),
    }


def _run(home: Path, port: int, sandbox: Sandbox) -> None:
    variables, log = environment(home, port, sandbox.base_url), home / "airflow.log"
    with Progress.shown("Starting Airflow, which takes about a minute") as progress, log.open("ab") as output:
        for words in ("db migrate", "pools set lipsync 2 lipsync --include-deferred"):
            _airflow(words.split(), home, variables, log)
        command = [sys.executable, "-m", "airflow", "standalone"]
        process = subprocess.Popen(  # noqa: S603
            command, cwd=home, env=variables, stdout=output, stderr=output, start_new_session=True
        )
        try:
            _wait_until_up(process, variables["AIRFLOW__API__BASE_URL"], log, progress)
            _welcome(home, variables["AIRFLOW__API__BASE_URL"], sandbox)
            progress.say("Running; Ctrl-C ends it")
            process.wait()
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the whole group: alone, `airflow standalone` would leave its scheduler and api-server running."""
    ends = time.monotonic() + END_SECONDS
    with suppress(ProcessLookupError):  # all have ended
        os.killpg(process.pid, signal.SIGTERM)
        while time.monotonic() < ends:
            process.poll()  # until then, an ended process is still in the group
            os.killpg(process.pid, 0)
            time.sleep(0.2)
        os.killpg(process.pid, signal.SIGKILL)


def _airflow(words: list[str], home: Path, variables: dict[str, str], log: Path) -> None:
    with log.open("ab") as output:
        command = [sys.executable, "-m", "airflow", *words]
        done = subprocess.run(command, cwd=home, env=variables, stdout=output, stderr=output, check=False)  # noqa: S603
    if done.returncode:
        raise ConfigurationError(
            code="airflow.not_started", command=" ".join(words), log=log, remedy="see_airflows_log"
        )


def _wait_until_up(process: subprocess.Popen[bytes], url: str, log: Path, progress: Progress) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends and process.poll() is None:
        try:
            with urlopen(f"{url}/api/v2/version", timeout=5):  # noqa: S310  # it is http://127.0.0.1
                return
        except (URLError, OSError):
            progress.say("Starting Airflow, which takes about a minute")
            time.sleep(1)
    raise ConfigurationError(code="airflow.not_started", command="standalone", log=log, remedy="see_airflows_log")


def _welcome(home: Path, url: str, sandbox: Sandbox) -> None:
    say(f"Airflow: {url} (no login; only this machine can reach it)")
    say(f"The sandbox, which makes free previews: {sandbox.base_url.removesuffix('/api/v1')}")
    say(f"1. Open {url}/dags/one_job and press Trigger.")
    say("2. Open the task: its log tells what happens, and its link opens the video.")
    say(f"3. The video is in {home / 'videos'}. The DAGs are in {home / 'dags'}: change them and trigger again.")
