"""The example on real Prefect: tries that die, are repeated, or are of no use."""

import re
import shlex

import pytest

from tests.integrations.prefect.server import EXAMPLE, REPOSITORY, Prefect

pytestmark = [pytest.mark.prefect, pytest.mark.timeout(600)]

FACE, VOICE = "https://media.example/face.png", "https://media.example/voice.mp3"
# What is done to the example in a process of its own, which ends for a reason that no code hears of.
DIES_AFTER_SUBMIT = """
submit = talking_face.LipsyncClient.submit
talking_face.LipsyncClient.submit = lambda *given, **options: submit(*given, **options) and os._exit(9)
"""
DIES_BEFORE_NOTE = """
record = talking_face.RecordJournal.record
talking_face.RecordJournal.record = lambda journal, event, profile: (
    os._exit(9) if type(event).__name__ == "Accepted" else record(journal, event, profile)
)
"""
HAS_NO_RECORD = """
from lipsync_nodes import Ledger
talking_face.RecordJournal = lambda record: Ledger(":memory:")
"""
PROGRAM = """
import os, sys, talking_face
{patch}
flow = talking_face.talking_face
if __name__ == "__main__":
    flow(*sys.argv[1:])
"""


@pytest.fixture(scope="module")
def server(_shared_sandbox, tmp_path_factory):
    keys = {"LIPSYNC_BASE_URL": _shared_sandbox.base_url, "LIPSYNC_API_KEY": _shared_sandbox.api_key}
    with Prefect(tmp_path_factory.mktemp("prefect"), **keys) as server:
        yield server


@pytest.fixture
def prefect(server, sandbox):
    server.clear()
    return server


@pytest.fixture
def target(tmp_path):
    return tmp_path / "talking.mp4"


def patched(tmp_path, *patches):
    """Write the example as a program of its own, with some patches."""
    program = tmp_path / f"patched_{len(list(tmp_path.iterdir()))}.py"
    program.write_text(PROGRAM.format(patch="".join(patches)))
    return program


def retry(prefect, flow_run, entrypoint):
    return prefect.run("prefect", "flow-run", "retry", flow_run["id"], "--entrypoint", entrypoint)


@pytest.mark.parametrize(("patches", "jobs"), [((), 1), ((HAS_NO_RECORD,), 2)], ids=["record", "no-record"])
def test_a_job_of_a_dead_try_is_picked_up(prefect, sandbox, tmp_path, target, patches, jobs):
    """The process dies after its submit; another one, with nothing but Prefect's state, makes the video of that job.

    Without the record the same test sees the job paid for twice.
    """
    dead = prefect.run("python", patched(tmp_path, *patches, DIES_AFTER_SUBMIT), FACE, VOICE, target)
    assert dead.code == 9, dead.said
    assert len(sandbox.jobs()) == 1
    assert not target.exists()
    (flow_run,) = prefect.flow_runs()
    assert [record["state"] for record in prefect.variables().values()] == ["live"] * (jobs == 1)

    prefect.crash(flow_run)
    example = f"{patched(tmp_path, *patches)}:flow" if patches else f"{EXAMPLE}/talking_face.py:talking_face"
    retried = retry(prefect, flow_run, example)
    assert retried.code == 0, retried.said
    assert len(sandbox.jobs()) == len(sandbox.received("submit")) == jobs
    assert target.read_bytes()
    (flow_run,) = prefect.flow_runs()
    assert (flow_run["state_type"], flow_run["run_count"]) == ("COMPLETED", 2)
    assert prefect.variables() == {}, "the record goes with the flow run"


def test_a_submit_of_unknown_outcome_is_not_repeated(prefect, sandbox, tmp_path, target):
    """The process dies between the answer and its note: nobody knows the job's id, and nothing is paid again."""
    dead = prefect.run("python", patched(tmp_path, DIES_BEFORE_NOTE), FACE, VOICE, target)
    assert dead.code == 9, dead.said
    assert [record["state"] for record in prefect.variables().values()] == ["submitting"]
    (flow_run,) = prefect.flow_runs()
    prefect.crash(flow_run)
    retried = retry(prefect, flow_run, f"{EXAMPLE}/talking_face.py:talking_face")
    assert retried.code != 0
    assert "SubmissionUncertain" in retried.said
    assert len(sandbox.received("submit")) == 1
    assert len(prefect.variables()) == 1, "a later try is still told"


@pytest.mark.parametrize("reason", ["input", "credits"])
def test_what_no_retry_can_help_is_tried_once(prefect, sandbox, target, reason):
    sandbox.fault("status", where="submit", code=402)
    face = "ftp://media.example/face.png" if reason == "input" else FACE
    failed = prefect.run("python", EXAMPLE / "talking_face.py", face, VOICE, target)
    assert failed.code == 1
    assert ("InvalidRequest" if reason == "input" else "InsufficientCredits") in failed.said
    assert prefect.tries() == {"submit": 1}
    assert len(sandbox.received("submit")) == (reason == "credits")
    assert sandbox.jobs() == []
    assert prefect.variables() == {}


def test_what_may_pass_is_tried_again(prefect, sandbox, target):
    sandbox.fault("status", where="submit", code=429)
    done = prefect.run("python", EXAMPLE / "talking_face.py", FACE, VOICE, target)
    assert done.code == 0, done.said
    assert prefect.tries() == {"submit": 2, "wait": 1, "download": 1}
    assert len(sandbox.jobs()) == 1


def test_the_commands_of_the_readme_run(prefect, sandbox):
    page = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    install, *runs = "".join(re.findall(r"```bash\n(.*?)```", page, flags=re.DOTALL)).replace("\\\n", "").splitlines()
    does = "python -m pip install -e '.[sandbox]' -r examples/prefect/requirements.txt"
    assert install == does, "which is what `python` does"
    for run in runs:
        local = re.sub(r"\b(?=examples/prefect|lipsync_nodes/sandbox)", f"{REPOSITORY}/", run)
        done = prefect.run(*shlex.split(local))
        assert done.code == 0, done.said
    assert len(sandbox.jobs()) == len(runs) == 2
