"""Fixtures of the core's tests: a clean environment, the sandbox over real HTTP, and both faces of the client."""

import asyncio
import inspect
import logging
import re
import signal

import pytest

from lipsync_nodes import AsyncLipsyncClient, ImageForm, ImageMultiForm, LipsyncClient, LipsyncError, VideoForm
from lipsync_nodes.flows import Policy
from lipsync_nodes.http import _pool
from lipsync_nodes.http._fast import Fast
from lipsync_nodes.sandbox import Sandbox

pytest_plugins = ["tests.check.renders", "tests.command_line", "tests.faults.table", "tests.s3"]

# Patient in tries, impatient in pauses. Where a request hangs on purpose, a test brings an impatience of its own.
QUICK = Policy(request_timeout=20.0, first_pause=0.01, longest_pace=2.0)

# Each key of the tests ends like this, or is the sandbox's own. Profiles are where keys belong.
KEYS = re.compile(rb"sk_[a-z_]+_0123456789|sk_sandbox_local")
HOMES = {"profiles.toml"}

# A script's background job ignores Ctrl-C, and so would all that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch, tmp_path):
    """No key, profile or folder of the person who runs the tests gets into them."""
    for name in ("LIPSYNC_API_KEY", "LIPSYNC_BASE_URL", "LIPSYNC_PROFILE", "LIPSYNC_CONFIG", "LIPSYNC_LEDGER"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    for name in ("HOME", "USERPROFILE", "APPDATA", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(home))


@pytest.fixture(scope="session", autouse=True)
def everything_said(tmp_path_factory):
    """A file with all that was logged at DEBUG by anybody, and all errors that were ever made, by this process.

    At its end no key may be in it, nor in any ledger or file that the tests left behind.
    """
    path = tmp_path_factory.getbasetemp() / "everything.log"
    handler = logging.FileHandler(path, encoding="utf-8")
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    make = LipsyncError.__init__

    def tell(error, *args, **options):
        make(error, *args, **options)
        root.debug("made: %s %r %s", error, error, vars(error))

    LipsyncError.__init__ = tell
    yield path
    LipsyncError.__init__ = make
    root.setLevel(level)
    root.removeHandler(handler)
    handler.close()
    assert keys_in(tmp_path_factory.getbasetemp()) == {}


def content(path):
    """Return what a file holds, if it is not large; what a ledger takes along as it is closed holds nothing."""
    try:
        return path.read_bytes() if path.stat().st_size < 100 << 20 else b""
    except FileNotFoundError:
        return b""


def keys_in(folder):
    """Return which files of a folder hold an API key."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in HOMES]
    found = {str(path): KEYS.findall(content(path)) for path in files}
    return {path: keys for path, keys in found.items() if keys}


@pytest.fixture(scope="session")
def _shared_sandbox():
    with Sandbox(renderer="instant") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_shared_sandbox):
    """A sandbox that renders nothing and answers at once; forgets faults and requests between tests."""
    _shared_sandbox.reset()
    return _shared_sandbox


class Face:
    """Calls a client's methods alike, whether it is the sync or the async one."""

    def __init__(self, kind, **options):
        self._options = {"policy": QUICK, **options}
        self._kind = kind

    def __getattr__(self, method):
        def call(*args, **options):
            if self._kind is LipsyncClient:
                with LipsyncClient(**self._options) as client:
                    return getattr(client, method)(*args, **options)
            return asyncio.run(self._call(method, args, options))

        return call

    async def _call(self, method, args, options):
        async with AsyncLipsyncClient(**self._options) as client:
            result = getattr(client, method)(*args, **options)
            return await result if inspect.isawaitable(result) else result


@pytest.fixture
def aiohttp_polls(monkeypatch):
    """Have all polls on event loops go through aiohttp, even those of a single job."""
    loader = _pool.Loader()
    loader._kind, loader._started = Fast, True
    monkeypatch.setattr(_pool, "aiohttp", loader)
    monkeypatch.setattr(_pool, "MANY", 1)


@pytest.fixture(params=["httpx", "aiohttp"])
def polls(request):
    """Both ways of the polls on event loops."""
    if request.param == "aiohttp":
        request.getfixturevalue("aiohttp_polls")


@pytest.fixture(params=["sync", "async", "aiohttp"])
def client_kind(request):
    """Each client; the asynchronous one with both ways of its polls."""
    if request.param == "aiohttp":
        request.getfixturevalue("aiohttp_polls")
    return LipsyncClient if request.param == "sync" else AsyncLipsyncClient


@pytest.fixture
def face(client_kind, sandbox):
    """Each face of the client, talking to the sandbox."""
    return Face(client_kind, api_key=sandbox.api_key, base_url=sandbox.base_url)


@pytest.fixture
def face_of(client_kind):
    """Make a face with other options."""
    return lambda **options: Face(client_kind, **options)


FORMS = {
    "video": VideoForm(video="https://media.example/clip.mp4", audio="https://media.example/voice.mp3"),
    "image": ImageForm(image="https://media.example/face.png", audio="https://media.example/voice.mp3"),
    "image-multi": ImageMultiForm(
        image="https://media.example/two.png",
        left_audio="https://media.example/left.mp3",
        right_audio="https://media.example/right.mp3",
    ),
}


@pytest.fixture(params=FORMS.values(), ids=FORMS.keys())
def form(request):
    """A form of each endpoint."""
    return request.param
