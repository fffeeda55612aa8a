"""Fixtures of the ComfyUI suite: one server of each version for the whole run, and a sandbox that all talk to."""

import shutil
import socket
from itertools import count

import pytest

from lipsync_nodes.sandbox import MEDIA, Sandbox
from tests.integrations.comfyui.servers import ARCHIVES, BARE_PACK, PACK, VALUES_PACK, Comfy, install_core, python

FACE, VOICE = "https://media.example/face.png", "https://media.example/voice.mp3"
KEY = "sk_comfyui_0123456789"


def pytest_collection_modifyitems(items):
    """Give the first test of a server the time that its start takes, which is minutes on a busy machine."""
    for item in items:
        if item.get_closest_marker("comfyui"):
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def box():
    with Sandbox(renderer="instant", api_key=KEY) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def quiet(request):
    """Each test begins with a sandbox without faults and without requests."""
    if "box" in request.fixturenames:
        request.getfixturevalue("box").reset()


@pytest.fixture(scope="session")
def environment(box, tmp_path_factory):
    """What a server's process knows: the key, and where the sandbox is. Nothing of the person who runs the tests."""
    home = tmp_path_factory.mktemp("home")
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "LIPSYNC_API_KEY": KEY,
        "LIPSYNC_BASE_URL": box.base_url,
        "OMP_NUM_THREADS": "1",
    }


@pytest.fixture(scope="session")
def make(environment, tmp_path_factory):
    """Make a server that is not started yet."""
    install_core(python())

    def make(version, pack=PACK, frontend=None, **more):
        base = tmp_path_factory.mktemp(f"comfyui-{version}-")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        comfy = Comfy(version, base, port, environment | more, frontend)
        for folder in (pack, BARE_PACK, VALUES_PACK):
            (comfy.base / "custom_nodes" / folder.name).symlink_to(folder)
        return comfy

    return make


@pytest.fixture(scope="session")
def running(make):
    """Give the one running server of a version (and a frontend), started when it is first asked for."""
    servers = {}

    def of(version, frontend=None):
        if (version, frontend) not in servers:
            servers[version, frontend] = make(version, frontend=frontend).start()
        return servers[version, frontend]

    yield of
    for server in servers.values():
        server.stop()


@pytest.fixture(params=list(ARCHIVES))
def comfy(request, running):
    """A running ComfyUI, each version in turn."""
    return running(request.param)


@pytest.fixture
def sample_media(comfy):
    put_sample_media(comfy)


def put_sample_media(comfy):
    """Copy the files that the examples load, as `lipsync-nodes comfyui install` puts them there."""
    for file in MEDIA.glob("*.*"):
        if file.suffix in {".jpg", ".mp3"}:
            shutil.copy(file, comfy.base / "input" / f"lipsync_{file.name}")
    shutil.copy(PACK / "example_media" / "lipsync_talking.mp4", comfy.base / "input")


@pytest.fixture
def newest(running):
    """A running ComfyUI of the newest version, for what does not depend on the version."""
    return running("0.30.0")


@pytest.fixture(scope="session")
def seeds():
    """Numbers that no other test has: the same inputs would be the same job."""
    return count(1000)


@pytest.fixture
def image(seeds):
    """Make the inputs of an image node, like no other."""
    return lambda **more: {"image": FACE, "audio": VOICE, "seed": next(seeds)} | more
