"""Runs code in ComfyUI's own Python with the nodes of the pack, but without a server."""

import os
import subprocess
import textwrap

from tests.integrations.comfyui.servers import REPOSITORY, python, tree

BEGIN = """
import asyncio, json, sys
sys.path.insert(0, {tree!r})
sys.argv[1:] = ["--cpu", "--base-directory", {base!r}]
import comfy.options
comfy.options.enable_args_parsing()
import utils.extra_config  # as main.py does: something else of this name comes by later
from lipsync_nodes_comfyui import comfy_entrypoint

async def nodes():
    return {{node.__name__: node for node in await (await comfy_entrypoint()).get_node_list()}}

NODES = asyncio.run(nodes())
"""


def run_in_comfyui(code, base, *, repository=REPOSITORY, version="0.30.0", **environment):
    """Run code that has `NODES`, and return what it printed."""
    begin = BEGIN.format(tree=str(tree(version)), base=str(base))
    path = os.pathsep.join(map(str, (repository, repository / "adapters", REPOSITORY / "tests")))
    done = subprocess.run(
        [python(), "-c", begin + textwrap.dedent(code)],
        env={"PATH": "/usr/bin:/bin", "HOME": str(base), "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **environment},
        cwd=base,
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
