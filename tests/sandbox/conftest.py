"""Real sandboxes over real HTTP: `box` answers at once with a test card, `preview_box` renders."""

import io
import math
import struct
import time
import wave
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from lipsync_nodes.perception.pictures import read_image
from lipsync_nodes.perception.speech.sound import read_speech
from lipsync_nodes.sandbox import Sandbox
from lipsync_nodes.sandbox.preview import RenderInput, render
from tests.sandbox.preview.films import MEDIA, PORTRAIT, RATE, save_film, save_wav

FORMS: dict[str, dict[str, Any]] = {
    "lipsync-video": {"video": "http://media.test/v.mp4", "audio": "http://media.test/a.mp3"},
    "lipsync-image": {"image": "http://media.test/i.png", "audio": "http://media.test/a.mp3"},
    "lipsync-image-multi": {
        "image": "http://media.test/i.png",
        "left_audio": "http://media.test/l.mp3",
        "right_audio": "http://media.test/r.mp3",
    },
}


class Api:
    """A bare client of the contract, which knows nothing of this project's own client."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        self.http = httpx.Client(headers={"Authorization": f"Bearer {box.api_key}"}, timeout=20)

    def submit(self, endpoint: str = "lipsync-image", webhook: str | None = None, **form: Any) -> httpx.Response:
        body = {"formState": FORMS[endpoint] | form} | ({"webhook": webhook} if webhook else {})
        return self.http.post(f"{self.box.base_url}/{endpoint}", json=body)

    def job_id(self, endpoint: str = "lipsync-image", webhook: str | None = None, **form: Any) -> str:
        answer = self.submit(endpoint, webhook, **form)
        assert answer.status_code == 200, answer.text
        return answer.json()["id"]

    def poll(self, job_id: str) -> httpx.Response:
        return self.http.get(f"{self.box.base_url}/jobs/{job_id}")

    def job(self, job_id: str) -> dict[str, Any]:
        return self.poll(job_id).json()

    def ended(self, job_id: str, seconds: float = 60) -> dict[str, Any]:
        return until(lambda: (job := self.job(job_id))["status"] in {"completed", "failed"} and job, seconds)

    def put(self, name: str, content: bytes) -> str:
        answer = self.http.put(f"{self.box.url}/files/{name}", content=content)
        assert answer.status_code == 201, answer.text
        return answer.json()["url"]


def until(found: Callable[[], Any], seconds: float = 60) -> Any:
    """Return what *found* returns, once it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := found():
            return value
        time.sleep(0.01)
    raise AssertionError("it did not happen in time")


@pytest.fixture(name="until")
def until_() -> Callable[..., Any]:
    return until


@pytest.fixture(scope="session")
def forms() -> dict[str, dict[str, Any]]:
    return FORMS


@pytest.fixture(scope="session")
def _instant() -> Iterator[Sandbox]:
    with Sandbox(renderer="instant") as box:
        yield box


@pytest.fixture
def box(_instant: Sandbox) -> Sandbox:
    _instant.reset()
    return _instant


@pytest.fixture
def connect() -> Iterator[Callable[[Sandbox], Api]]:
    clients: list[Api] = []

    def to(box: Sandbox) -> Api:
        clients.append(Api(box))
        return clients[-1]

    yield to
    for client in clients:
        client.http.close()


@pytest.fixture
def api(box: Sandbox, connect: Callable[[Sandbox], Api]) -> Api:
    return connect(box)


@pytest.fixture(scope="session")
def portrait() -> bytes:
    return PORTRAIT.read_bytes()


@pytest.fixture(scope="session")
def tone() -> Callable[[float], bytes]:
    """Make a WAV of a wavering hum, this many seconds long."""

    def make(seconds: float) -> bytes:
        out = io.BytesIO()
        with wave.open(out, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16000)
            beats = (
                math.sin(n / 16000 * 2 * math.pi * 180) * abs(math.sin(n / 16000 * 9))
                for n in range(int(16000 * seconds))
            )
            file.writeframes(b"".join(struct.pack("<h", int(12000 * beat)) for beat in beats))
        return out.getvalue()

    return make


@pytest.fixture(scope="session")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    left, right = (read_speech(MEDIA / f"speech_{side}.mp3") for side in ("left", "right"))
    return {
        "left": save_wav(folder / "left.wav", left[: 3 * RATE]),
        "right": save_wav(folder / "right.wav", right[RATE : 3 * RATE]),
        "silence": save_wav(folder / "silence.wav", np.zeros(RATE)),
    }


@pytest.fixture(scope="session")
def talking(clips, tmp_path_factory):
    out = tmp_path_factory.mktemp("talking") / "out.mp4"
    reported = []
    rendered = render(RenderInput(audio=clips["left"], image=PORTRAIT, seed=1), out, reported.append)
    return out, rendered, reported


@pytest.fixture(scope="session")
def still_film(tmp_path_factory):
    """One second of the portrait at 30 frames a second; each frame carries its number as a bar's width."""
    images = [read_image(PORTRAIT, 480) for _ in range(30)]
    for number, image in enumerate(images):
        image[460:, :] = 0
        image[460:, : 8 * (number + 1)] = 255
    return save_film(tmp_path_factory.mktemp("film") / "film.mp4", images, 30)
