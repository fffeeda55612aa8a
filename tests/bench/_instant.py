"""The instant sandbox as a process: `python -m tests.bench._instant`. It prints its URL, and ends with its input."""

import sys

from lipsync_nodes.sandbox import Sandbox

if __name__ == "__main__":
    with Sandbox(renderer="instant") as sandbox:
        print(sandbox.base_url, flush=True)
        sys.stdin.read()
