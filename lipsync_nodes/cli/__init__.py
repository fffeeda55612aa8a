"""The command line, `lipsync-nodes`. It needs the extra `cli`, which the extra `sandbox` includes.

Exit codes: 0 done, 1 the job failed or another error, 2 usage or configuration, 3 timeout (the job id is printed if
there is one), 4 the outcome of a submission is unknown, 5 `verify` cannot tell, 130 stopped by Ctrl-C, 143 by SIGTERM.
"""

import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import NoReturn

from lipsync_nodes import LipsyncError
from lipsync_nodes.cli.output import RUN, OutputLost, finish, prepare, show, signals_blocked, tell
from lipsync_nodes.cli.trouble import in_our_words, unexpected

INTERRUPTED = 130
TERMINATED = 143
EXTRA = ("click", "packaging", "rich")


def main() -> NoReturn:
    """Run the command line, or say what to install. It always ends with a message and an exit code."""
    try:
        try:
            RUN.begin(sys.argv[1:])
            prepare()
            code = _ended(_command)
        except KeyboardInterrupt as stopped:  # a second Ctrl-C, before the first was handled
            code = _stopped(stopped)
    except KeyboardInterrupt as stopped:  # and a third one
        code = _stopped(stopped)
    finish()
    sys.exit(code)


def _command() -> int:
    if not all(map(find_spec, EXTRA)):  # a command loads some of them late
        missing = LipsyncError(code="cli.no_library", package="lipsync-nodes[cli]", remedy="install_extra")
        return _failed(missing, "Configuration", 2)
    from lipsync_nodes.cli.app import carry_out  # noqa: PLC0415  # needs the extra, and is slow to load

    return carry_out(sys.argv[1:])


def _ended(command: Callable[[], int]) -> int:
    """Run a command, and turn whatever it raises into a message and an exit code."""
    try:
        try:
            return command()
        except KeyboardInterrupt as stopped:
            return _stopped(stopped)
        except OutputLost:
            raise
        except Exception as error:  # noqa: BLE001  # a bug of ours
            if interrupt := _interrupt_behind(error):
                return _stopped(interrupt)
            return _failed(unexpected(error, may_have_charged=RUN.job_id is not None), "Unexpected", 1)
    except OutputLost as lost:
        if not lost.closed:
            tell(f"The result could not be printed: {lost}. {lost.text}")
        return 1


def _interrupt_behind(error: BaseException | None) -> BaseException | None:
    """Return the Ctrl-C that an error replaced: while `threading` waits for a lock, it becomes a RuntimeError."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error


def _failed(error: LipsyncError, kind: str, exit_code: int) -> int:
    """Print the error on stderr, and as the one JSON object if none was printed yet."""
    message = str(in_our_words(error))
    tell(message)
    if RUN.as_json and not RUN.printed:
        about = {"type": kind, "code": error.code, "facts": error.facts, "message": message}
        show({"id": RUN.job_id, "error": about}, as_json=True)
    return exit_code


def _stopped(stopped: BaseException) -> int:
    """Tell the user which jobs continue although the command was stopped."""
    with signals_blocked():
        if job_id := getattr(stopped, "job_id", None):
            RUN.job_ids.setdefault(job_id)
        said = list(getattr(stopped, "__notes__", ()))
        said += [f"Job {job} is not lost: `lipsync-nodes wait {job}{RUN.option}`." for job in list(RUN.job_ids)[-3:]]
        said = said or ["No job was seen."]
        said.append(f"`lipsync-nodes jobs{RUN.option}` lists all, `resume{RUN.option}` ends them.")
        ended = LipsyncError(code="cli.interrupted", hint=" ".join(said))
        return _failed(ended, "Interrupted", TERMINATED if RUN.terminated else INTERRUPTED)
