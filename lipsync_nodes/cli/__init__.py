"""The command line, `lipsync-nodes`. It needs the extra `cli`; `sandbox` takes it in.

Exit codes: 0 done, 1 the job failed or could not be carried through, 2 usage or configuration, 3 time-out (the job id
is printed), 4 a submit whose outcome is unknown, 130 stopped by Ctrl-C, 143 by SIGTERM.
"""

import sys
from collections.abc import Callable
from typing import NoReturn

from lipsync_nodes.cli.output import RUN, OutputLost, deaf, finish, prepare, show, tell

INTERRUPTED = 130
TERMINATED = 143


def main() -> NoReturn:
    """Run the command line, or say what to install. Whatever happens, it ends with a sentence and an exit code."""
    try:
        try:
            RUN.begin(sys.argv[1:])
            prepare()
            code = _ended(_command)
        except KeyboardInterrupt as stopped:  # a second one, before the first was dealt with
            code = _stopped(stopped)
    except KeyboardInterrupt as stopped:  # and a third
        code = _stopped(stopped)
    finish()
    sys.exit(code)


def _command() -> int:
    try:
        from lipsync_nodes.cli.app import carry_out  # noqa: PLC0415  # the extra's modules, which take a while
    except ModuleNotFoundError as error:
        if error.name not in {"click", "rich", "packaging"}:
            raise
        return _failed("Configuration", "The command line needs an extra. Run: pip install 'lipsync-nodes[cli]'", 2)
    return carry_out(sys.argv[1:])


def _ended(command: Callable[[], int]) -> int:
    """Carry a command out, and turn whatever it raises into words and an exit code."""
    try:
        try:
            return command()
        except KeyboardInterrupt as stopped:
            return _stopped(stopped)
        except OutputLost:
            raise
        except Exception as error:  # noqa: BLE001  # a mistake of ours
            from lipsync_nodes.cli.trouble import unexpected  # noqa: PLC0415

            return _failed("Unexpected", str(unexpected(error, may_have_charged=RUN.job_id is not None)), 1)
    except OutputLost as lost:
        if not lost.closed:
            tell(f"The result could not be printed: {lost}. {lost.text}")
        return 1


def _failed(kind: str, message: str, code: int) -> int:
    """Say why it ends, on stderr and as the one JSON object, if there was none yet."""
    tell(message)
    if RUN.as_json and not RUN.printed:
        show({"id": RUN.job_id, "error": {"type": kind, "message": message}}, as_json=True)
    return code


def _stopped(stopped: BaseException) -> int:
    """Say what goes on although the user stopped here."""
    with deaf():
        if job_id := getattr(stopped, "job_id", None):
            RUN.job_ids.setdefault(job_id)
        said = list(getattr(stopped, "__notes__", ()))
        said += [f"Job {job} is not lost: `lipsync-nodes wait {job}{RUN.option}`." for job in list(RUN.job_ids)[-3:]]
        said = said or ["No job was seen."]
        said.append(f"`lipsync-nodes jobs{RUN.option}` lists all, `resume{RUN.option}` ends them.")
        return _failed("Interrupted", " ".join(["Stopped.", *said]), TERMINATED if RUN.terminated else INTERRUPTED)
