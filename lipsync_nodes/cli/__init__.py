"""The command line, `lipsync-nodes`. It needs the extra `cli`; `sandbox` takes it in.

Exit codes: 0 done, 1 the job failed or could not be carried through, 2 usage or configuration, 3 time-out (the job id
is printed), 4 a submit whose outcome is unknown.
"""

import sys


def main() -> None:
    """Run the command line, or say what to install."""
    try:
        import click  # noqa: F401, PLC0415
        import rich  # noqa: F401, PLC0415
    except ImportError:
        sys.stderr.write("The command line needs an extra. Run: pip install 'lipsync-nodes[cli]'\n")
        sys.exit(2)
    from lipsync_nodes.cli.app import app  # noqa: PLC0415

    app()
