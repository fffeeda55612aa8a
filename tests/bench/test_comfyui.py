"""What the pack costs ComfyUI's start, beside bare imports of what the pack stands on; ratios of one run only."""

import json
import re
import socket
import subprocess
import time

import pytest

from tests.integrations.comfyui.servers import ARCHIVES, BARE_PACK, PACK, Comfy, install_core, python, tree

pytestmark = pytest.mark.comfyui

# In ComfyUI's Python, with all of ComfyUI loaded: its own loader loads the pack. What reaches for the network or
# starts a program meanwhile is written down by Python itself. The time is that of one thread, because torch has others.
LOAD = """
import asyncio, json, sys, time
pack, bare, base = sys.argv[1:]
sys.argv = ["main.py", "--cpu", "--base-directory", base]
sys.path.insert(0, ".")
import comfy.options
comfy.options.enable_args_parsing()
import utils.extra_config, server, nodes  # in this order: one of its folders is called as one of its modules


async def load():
    server.PromptServer(asyncio.get_running_loop())
    watching = True
    reached = []
    def watch(event, args):
        if watching and event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system", "os.exec"):
            reached.append(event)
    sys.addaudithook(watch)
    await nodes.load_custom_node(bare, module_parent="custom_nodes")  # what the loader itself needs is loaded once
    before = set(sys.modules)
    began = time.thread_time()
    loaded = await nodes.load_custom_node(pack, module_parent="custom_nodes")
    seconds = time.thread_time() - began
    watching = False
    ours = [name for name in nodes.NODE_CLASS_MAPPINGS if name.startswith("Lipsync")]
    heavy = [name for name in ("httpx", "obstore", "sqlite3", "click", "cv2", "lipsync_nodes.sandbox",
                               "lipsync_nodes.perception", "lipsync_nodes.checks._check")
             if name in set(sys.modules) - before]
    print(json.dumps({"loaded": loaded, "nodes": len(ours), "seconds": seconds, "reached": reached, "heavy": heavy}))

asyncio.run(load())
"""
BARE = (
    "import time; began = time.thread_time(); import pydantic, pluggy, packaging.requirements; "
    "print(time.thread_time() - began)"
)
# As ComfyUI is started: bytecode is kept, so only the first round compiles.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
ROUNDS = 8  # by turns, and the least of each counts: a noisy minute strikes neither alone


@pytest.fixture(scope="module", params=list(ARCHIVES))
def version(request):
    install_core(python())
    return request.param


def run(version, home, code, *arguments):
    command = list(map(str, [python(), "-c", code, *arguments]))
    env = {**ENVIRONMENT, "HOME": str(home)}
    done = subprocess.run(command, cwd=tree(version), env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_loading_the_pack_costs_little(version, tmp_path, capsys):
    """No more than half again of what it stands on, and it opens no connection and starts no program."""
    (tmp_path / "custom_nodes").mkdir()
    told, bare = [], []
    for _ in range(ROUNDS):
        told.append(run(version, tmp_path, LOAD, PACK, BARE_PACK, tmp_path))
        bare.append(run(version, tmp_path, BARE))
        ours, theirs = min(one["seconds"] for one in told), min(bare)
        if len(bare) > 1 and ours < 1.5 * theirs:
            break
    with capsys.disabled():
        print(f"\nComfyUI {version} loads the pack: {ours * 1e3:.0f} ms, {ours / theirs:.2f} of what it stands on")
    assert {one["nodes"] for one in told} == {11}
    assert [one["reached"] + one["heavy"] for one in told] == [[]] * len(told)
    assert ours < 1.5 * theirs


def test_the_start_of_comfyui_is_not_slowed(version, tmp_path, capsys):
    """By ComfyUI's own list of what each pack took, beside the whole start, until the server answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    comfy = Comfy(version, tmp_path, port, {**ENVIRONMENT, "HOME": str(tmp_path)})
    (comfy.base / "custom_nodes" / PACK.name).symlink_to(PACK)
    began = time.monotonic()
    try:
        comfy.start()
        whole = time.monotonic() - began
    finally:
        comfy.stop()
    ours = float(re.search(r"([\d.]+) seconds: \S*lipsync_nodes_comfyui", comfy.log.read_text())[1])
    with capsys.disabled():
        print(f"\nComfyUI {version} starts in {whole:.1f} s, {ours:.1f} s of them for the pack: {ours / whole:.3f}")
    assert ours < whole / 20
