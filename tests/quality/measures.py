"""What is measured of an encoded file. Curves are arrays over the frames; times are in seconds."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np

from lipsync_nodes.perception.faces.casting import Casting
from lipsync_nodes.perception.faces.finder import FaceFinder
from lipsync_nodes.perception.faces.tracker import tracked
from lipsync_nodes.perception.pictures import Film
from lipsync_nodes.perception.speech.curve import curve_of, opening, sampled
from lipsync_nodes.perception.speech.features import heard
from lipsync_nodes.perception.speech.sound import read_speech, sound_blocks
from lipsync_nodes.sandbox.preview import RenderInput, render, rendering
from lipsync_nodes.sandbox.preview.film import Driven, dubbed_film
from lipsync_nodes.sandbox.preview.mouth.lips import Frame
from lipsync_nodes.sandbox.preview.mouth.window import FACE, Window
from lipsync_nodes.sandbox.preview.planes import planes_of
from lipsync_nodes.sandbox.preview.writer import Mp4Writer
from tests.quality import phones
from tests.quality.detector import Detector

_FINE = 1000  # values per second to look for an offset in
_FARTHEST = 150  # ms
_SHUT, _OPEN = 0.25, 0.3  # of the clip's own wide opening, below and above which a mouth is closed and open
_BESIDE = 0.03  # seconds around a sound in which its movement counts


@dataclass(frozen=True, slots=True)
class Look:
    """What the independent eye saw in a file: (faces, frames) of openings, NaN where it saw too few faces."""

    fps: float
    openings: np.ndarray
    eyes: np.ndarray
    frames: list[np.ndarray]
    centres: list[tuple[np.ndarray, float]]
    """Middle and height of the first face in each frame, for contact sheets."""


def input_of(case) -> RenderInput:
    """Return the input of the render for a case."""
    picture = {"video": case.picture} if case.film else {"image": case.picture}
    right = case.voices[1].file if len(case.voices) > 1 else None
    return RenderInput(audio=case.voices[0].file, right_audio=right, short_side=case.short_side, seed=3, **picture)


def look(path: Path, count: int) -> Look:
    """Look at every frame of a file."""
    with av.open(str(path)) as file:
        fps = float(file.streams.video[0].average_rate)
        frames = [frame.to_ndarray(format="bgr24") for frame in file.decode(video=0)]
    with Detector(count) as detector:
        seen = [detector.look(frame) for frame in frames]
    openings = np.array([[face.opening for face in faces] or [np.nan] * count for faces in seen]).T
    eyes = np.array([faces[0].eyes if faces else np.nan for faces in seen])
    centres = [(faces[0].points.mean(0), faces[0].height) if faces else (np.zeros(2), 1.0) for faces in seen]
    return Look(fps, openings, eyes, frames, centres)


def intended(voice: Path, frames: int, fps: float) -> np.ndarray:
    """Give the opening that the engine means each frame to show."""
    times = ((np.arange(frames) + 0.5) / fps).astype(np.float32)
    return opening(sampled(curve_of(heard(voice)), times, 1 / fps))


def gold(spoken: list[phones.Phone], frames: int, fps: float) -> np.ndarray:
    """Give the opening that the sounds want, its mean over the time that each frame is shown."""
    curve = phones.opening(phones.curves(spoken, frames / fps))
    times = (np.arange(frames)[:, None] + np.linspace(0.1, 0.9, 5)) / fps
    return np.interp(times, np.arange(len(curve)) / phones.RATE, curve).mean(1)


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Correlate where both are known."""
    length = min(len(one), len(other))
    known = np.isfinite(one[:length]) & np.isfinite(other[:length])
    return float(np.corrcoef(one[:length][known], other[:length][known])[0, 1])


def offset(seen: np.ndarray, wanted: np.ndarray, fps: float) -> float:
    """Give by how many milliseconds what is seen comes after what was wanted."""
    times = np.arange(0, (len(seen) - 1) / fps, 1 / _FINE)
    own = np.arange(len(seen)) / fps
    fine = [np.interp(times, own, np.nan_to_num(curve[: len(seen)])) for curve in (seen, wanted)]
    middle = slice(_FARTHEST, len(times) - _FARTHEST)
    lags = range(-_FARTHEST, _FARTHEST + 1)
    fits = [np.corrcoef(np.roll(fine[0], -lag)[middle], fine[1][middle])[0, 1] for lag in lags]
    return float(lags[int(np.argmax(fits))])


def sound_start(path: Path) -> float:
    """Give by how many milliseconds a player starts the file's sound after its picture."""
    starts = []
    for kind in ("audio", "video"):
        with av.open(str(path)) as file:
            starts.append(next(file.decode(**{kind: 0})).time)
    return 1000 * (starts[0] - starts[1])


def sound_offset(path: Path, source: Path) -> float:
    """Give by how many milliseconds the sound within its stream comes later than it does in its source."""
    heard, given = read_speech(path), read_speech(source)
    length = min(len(heard), len(given))
    spectrum = np.fft.rfft(heard[:length], 2 * length) * np.conj(np.fft.rfft(given[:length], 2 * length))
    lag = int(np.argmax(np.fft.irfft(spectrum)))
    return (lag if lag < length else lag - 2 * length) / 16


def closures_found(seen: np.ndarray, spoken: list[phones.Phone], fps: float) -> tuple[int, int]:
    """Count the m, b and p at which the mouth is seen closed, and all of them."""
    wide = float(np.nanpercentile(seen, 95))
    lows = [float(np.nanmin(part)) / wide for part in _known(seen, phones.closures(spoken), fps)]
    return sum(low < _SHUT for low in lows), len(lows)


def vowels_missed(seen: np.ndarray, spoken: list[phones.Phone], fps: float) -> tuple[int, int]:
    """Count the open vowels at which the mouth is not seen open, and all of them."""
    wide = float(np.nanpercentile(seen, 95))
    highs = [float(np.nanmax(part)) / wide for part in _known(seen, phones.open_vowels(spoken), fps)]
    return sum(high < _OPEN for high in highs), len(highs)


def _known(seen: np.ndarray, spans: list[tuple[float, float]], fps: float) -> list[np.ndarray]:
    """Give the frames of each sound in which the face is seen."""
    return [part for span in spans if np.isfinite(part := _around(seen, span, fps)).any()]


def _around(seen: np.ndarray, span: tuple[float, float], fps: float) -> np.ndarray:
    """Give the frames whose middle is within a sound or just beside it, one at least."""
    first = int(np.clip(np.ceil((span[0] - _BESIDE) * fps - 0.5), 0, len(seen) - 1))
    last = int(np.clip(np.floor((span[1] + _BESIDE) * fps - 0.5), first, len(seen) - 1))
    return seen[first : last + 1]


def untouched(case, rendered: Path) -> tuple[bool, float]:
    """Say whether a film is equal outside the window before it is encoded; give its luma PSNR there after, in dB."""
    film = Film(case.picture, case.short_side)
    with av.open(str(rendered)) as file:
        encoded = [frame.to_ndarray(format="bgr24") for frame in islice(file.decode(video=0), 40)]
    values = rendering._read_speech(input_of(case)).values(Fraction(film.fps))[0][: len(encoded)]
    drawn = dubbed_film(film, values, Casting(FaceFinder()), Driven(len(values)))
    shots = tracked(film.play(len(values)), Casting(FaceFinder()))
    equal, errors = True, []
    for after, shot, seen in zip(drawn, shots, encoded, strict=False):
        before = shot.image
        outside = np.ones(before.shape[:2], bool)
        if shot.face and (window := Window.around(Frame.of(shot.face), before, FACE)):
            window.cut(outside)[:] = False
        light = planes_of(before)[: len(outside)], after[: len(outside)]
        equal &= bool((light[0][outside] == light[1][outside]).all())
        luma = [cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[outside].astype(float) for image in (before, seen)]
        errors.append(float(np.mean((luma[0] - luma[1]) ** 2)))
    return equal, float(10 * np.log10(255**2 / np.mean(errors)))


@dataclass(frozen=True, slots=True)
class Speed:
    """How many times faster than real time a case is rendered, and its frames are merely encoded.

    By the clock, the best of some runs: other programs slow both.
    """

    render: float
    encoding: float
    cost: float
    """Processor time, as a multiple of that of encoding alone."""
    cores: float
    """How much of the processor the rendering had: two cores' worth is all of this engine's share."""


ROUNDS = 4


def speed(case, folder: Path) -> Speed:
    """Time rendering and mere encoding by turns, so that whatever else the machine does slows both alike."""
    out, again = folder / "speed.mp4", folder / "encoded.mp4"
    rendered = render(input_of(case), out)
    with av.open(str(out)) as file:
        frames = [frame.to_ndarray(format="bgr24") for frame in file.decode(video=0)]
    rate = Fraction(rendered.fps).limit_denominator(1001)

    def encode() -> None:
        with Mp4Writer(again, frames[0].shape[1::-1], rate, sound_blocks(case.voices[0].file)) as file:
            for frame in frames:
                file.show(frame)

    rounds = [(_timed(lambda: render(input_of(case), out)), _timed(encode)) for _ in range(ROUNDS)]
    (wall, work), (encoding, coding) = np.min(rounds, axis=0)
    return Speed(rendered.seconds / wall, rendered.seconds / encoding, work / coding, work / wall)


def _timed(do) -> tuple[float, float]:
    """Give the seconds that something takes, by the clock and by the processor's time."""
    start, spent = time.perf_counter(), time.process_time()
    do()
    return time.perf_counter() - start, time.process_time() - spent


_ALONE = """
import json, resource, sys, time
from pathlib import Path
from lipsync_nodes.sandbox.preview import RenderInput, render
given = {name: Path(value) if isinstance(value, str) else value for name, value in json.loads(sys.argv[1]).items()}
render(RenderInput(**given), Path(sys.argv[2]))
start = time.perf_counter()
for _ in range(2):
    render(RenderInput(**given), Path(sys.argv[2]))
spent = time.perf_counter() - start
status = Path("/proc/self/status")  # what getrusage says includes the parent's, where that was forked
if status.exists():
    print(next(int(line.split()[1]) * 1024 for line in status.open() if line.startswith("VmHWM")), spent)
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, spent)
"""


def memory(case) -> float:
    """Give the most memory that a process of its own takes for a case, in MB."""
    return _workers(case, 1)[0][0] / 1e6


def second_worker(case) -> float:
    """Give how many times more two workers render than one does: best of two tries."""
    tries = [(_workers(case, 1)[0][1], max(spent for _, spent in _workers(case, 2))) for _ in range(2)]
    one, two = np.min(tries, axis=0)
    return float(2 * one / two)


def _workers(case, count: int) -> list[tuple[float, float]]:
    """Render in processes of their own at once: the memory of each in bytes, and its seconds."""
    given = input_of(case)
    order = {"audio": str(given.audio), "short_side": given.short_side}
    order["video" if case.film else "image"] = str(case.picture)
    with tempfile.TemporaryDirectory() as folder:
        commands = [[sys.executable, "-c", _ALONE, json.dumps(order), f"{folder}/{n}.mp4"] for n in range(count)]
        started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
        said = [process.communicate()[0].split() for process in started]
    return [(float(size), float(spent)) for size, spent in said]
