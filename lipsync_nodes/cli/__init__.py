"""The command line, `lipsync-nodes`. It needs the extra `cli`; `sandbox` takes it in.

Exit codes: 0 done, 1 the job failed or could not be carried through, 2 usage or configuration, 3 time-out (the job id
is printed), 4 a submit whose outcome is unknown, 130 stopped by Ctrl-C.
"""

import io
import json
import sys


def main() -> None:
    """Run the command line, or say what to install."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal of another alphabet shows \\u4f60 rather than losing what was paid for.
            stream.reconfigure(errors="backslashreplace")
    try:
        import click  # noqa: PLC0415
        import rich  # noqa: F401, PLC0415
    except ImportError:
        sys.stderr.write("The command line needs an extra. Run: pip install 'lipsync-nodes[cli]'\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    try:
        from lipsync_nodes.cli.app import app  # noqa: PLC0415

        app(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        if "--json" in sys.argv:
            sys.stdout.write(
                json.dumps({"id": None, "error": {"type": "Usage", "message": error.format_message()}}) + "\n"
            )
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("Stopped.\n")
        sys.exit(130)
