"""The pytest plugin: a sandbox for your tests, and clients of it. The fixtures need the extra `sandbox`.

    def test_a_video_is_made(lipsync_client, lipsync_media):
        form = ImageForm(image=lipsync_media.face.url, audio=lipsync_media.voice.url)
        assert lipsync_client.run(form, poll_interval=0.05).output

pytest imports this module at every start, so it imports nothing else. The fixtures import what they need.
"""

from __future__ import annotations

import pytest

TYPE_CHECKING = False  # for type checkers, this name is true; importing `typing` takes 8 ms
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lipsync_nodes import AsyncLipsyncClient, LipsyncClient, Profile
    from lipsync_nodes.sandbox import Sandbox

__all__ = ["LipsyncMedia", "MediaFile"]

_MARKER = "lipsync_fault(rule, **parameters): a fault of the sandbox, such as 'submit:429,retry_after=2'"
_RENDERERS = ("instant", "preview")


class MediaFile:
    """A file that comes with the sandbox.

    Attributes:
        path: the file.

    """

    def __init__(self, path: Path, sandbox: Sandbox) -> None:
        self.path = path
        self._sandbox = sandbox

    @property
    def url(self) -> str:
        """The URL of the file in the sandbox's file store."""
        return self._sandbox.publish(self.path)


class LipsyncMedia:
    """Media that are free to use.

    Attributes:
        face: a photograph of one person.
        two_faces: a photograph of two people.
        voice: a sentence, 5 s long.
        other_voice: another sentence.
        film: a person who talks, 3 s long.

    """

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.face = MediaFile(folder / "portrait.jpg", sandbox)
        self.two_faces = MediaFile(folder / "duet.jpg", sandbox)
        self.voice = MediaFile(folder / "speech_left.mp3", sandbox)
        self.other_voice = MediaFile(folder / "speech_right.mp3", sandbox)
        self.film = MediaFile(folder / "film.mp4", sandbox)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("lipsync", "the lipsync-nodes sandbox")
    renderer = "instant: each job ends with a test card (default). preview: videos are rendered."
    group.addoption("--lipsync-renderer", choices=_RENDERERS, default="instant", help=renderer)
    group.addoption("--lipsync-seed", type=int, metavar="N", help="The same job ids in every run.")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", _MARKER)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse a fault that no test would see, and a marker that does not name one."""
    if not all(_names_a_fault(marker) for marker in item.iter_markers("lipsync_fault")):
        pytest.fail('The marker lipsync_fault needs one rule, such as "submit:429,retry_after=1".', pytrace=False)
    if item.get_closest_marker("lipsync_fault") and "lipsync_sandbox" not in getattr(item, "fixturenames", ()):
        pytest.fail("The marker lipsync_fault needs the fixture lipsync_sandbox or lipsync_client.", pytrace=False)


def _names_a_fault(marker: pytest.Mark) -> bool:
    return len(marker.args) + ("action" in marker.kwargs) == 1


@pytest.fixture(scope="session")
def lipsync_sandbox_session(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Start the sandbox of the run, for fixtures of a wider scope. Only `lipsync_sandbox` resets it for each test."""
    from lipsync_nodes.sandbox import Sandbox  # noqa: PLC0415  # see above

    options = request.config.option
    with Sandbox(renderer=options.lipsync_renderer, seed=options.lipsync_seed) as sandbox:
        yield sandbox


@pytest.fixture
def lipsync_sandbox(
    lipsync_sandbox_session: Sandbox, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Sandbox:
    """Return a sandbox without jobs, with the faults of the test's markers.

    LIPSYNC_BASE_URL and LIPSYNC_API_KEY are set during the test, so that code under test that makes its own client uses
    the sandbox, too.
    """
    sandbox = lipsync_sandbox_session
    sandbox.reset()
    for marker in reversed(list(request.node.iter_markers("lipsync_fault"))):
        sandbox.fault(*marker.args, **marker.kwargs)
    monkeypatch.delenv("LIPSYNC_PROFILE", raising=False)
    monkeypatch.setenv("LIPSYNC_BASE_URL", sandbox.base_url)
    monkeypatch.setenv("LIPSYNC_API_KEY", sandbox.api_key)
    return sandbox


@pytest.fixture
def lipsync_client(lipsync_sandbox: Sandbox) -> Iterator[LipsyncClient]:
    """Return a client of the sandbox."""
    from lipsync_nodes import LipsyncClient  # noqa: PLC0415  # see above

    with LipsyncClient(profile=_profile(lipsync_sandbox)) as client:
        yield client


@pytest.fixture
def lipsync_async_client(lipsync_sandbox: Sandbox) -> AsyncLipsyncClient:
    """Return an asynchronous client of the sandbox, for any event loop. It need not be closed."""
    from lipsync_nodes import AsyncLipsyncClient  # noqa: PLC0415  # see above

    return AsyncLipsyncClient(profile=_profile(lipsync_sandbox))


@pytest.fixture
def lipsync_media(lipsync_sandbox: Sandbox) -> LipsyncMedia:
    """Return `face`, `two_faces`, `voice`, `other_voice` and `film`, each with its `path` and its `url`."""
    from lipsync_nodes.sandbox import MEDIA  # noqa: PLC0415  # see above

    return LipsyncMedia(MEDIA, lipsync_sandbox)


def _profile(sandbox: Sandbox) -> Profile:
    from lipsync_nodes import Profile  # noqa: PLC0415  # see above

    return Profile(name="sandbox", base_url=sandbox.base_url)
