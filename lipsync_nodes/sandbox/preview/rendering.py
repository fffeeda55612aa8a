"""Renders a video: reads the speech, draws the frames, writes the file and measures its lip sync."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lipsync_nodes.perception import LONGEST, MediaError, sync
from lipsync_nodes.perception.arrays import floats
from lipsync_nodes.perception.faces.casting import Casting
from lipsync_nodes.perception.faces.finder import FaceFinder
from lipsync_nodes.perception.pictures import Film
from lipsync_nodes.perception.speech import sound
from lipsync_nodes.perception.speech.curve import curve_of, opening, sampled
from lipsync_nodes.perception.speech.features import RATE, heard, is_silent
from lipsync_nodes.sandbox.preview import photo
from lipsync_nodes.sandbox.preview.film import Driven, dubbed_film
from lipsync_nodes.sandbox.preview.inputs import Rendered, RenderInput
from lipsync_nodes.sandbox.preview.planes import size_of
from lipsync_nodes.sandbox.preview.warning import Judged, warning_of
from lipsync_nodes.sandbox.preview.writer import Mp4Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from fractions import Fraction
    from pathlib import Path

    from lipsync_nodes.perception.arrays import Floats


@dataclass(frozen=True, slots=True)
class _Speech:
    """For each face a mouth curve and its start in seconds, and whether it is silent; and the sound track."""

    parts: list[tuple[float, Floats]]
    silent: list[bool]
    seconds: float
    sound: Iterator[Floats]

    def values(self, fps: Fraction) -> Floats:
        """Return the values of each mouth for each frame, (faces, frames, the curve's columns)."""
        times = (np.arange(max(1, round(self.seconds * fps))) + 0.5) / float(fps)
        return np.stack([sampled(curve, floats(times - start), 1 / float(fps)) for start, curve in self.parts])


def render(given: RenderInput, out: Path, progress: Callable[[float], None] | None) -> Rendered:
    """Render a video, as `lipsync_nodes.sandbox.preview.render` describes."""
    report = progress or (lambda _: None)
    report(0.0)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # OpenCV's threads wait for work in a loop, which costs more than they save
    try:
        speech = _read_speech(given)
        rendered = _render_video(given, speech, out, report)
    except BaseException:
        out.unlink(missing_ok=True)
        raise
    finally:
        cv2.setNumThreads(threads)
    report(1.0)
    return rendered


def _read_speech(given: RenderInput) -> _Speech:
    """Read the speech of one or two people, in the order in which they speak."""
    if given.video and given.right_audio:
        raise MediaError(code="preview.two_in_video")
    if given.right_audio is None:
        curve, seconds, silent = _read_voice(given.audio, "audio")
        return _Speech([(0.0, curve)], [silent], seconds, sound.sound_blocks(given.audio))
    left, left_seconds, left_silent = _read_voice(given.audio, "left audio")
    right, right_seconds, right_silent = _read_voice(given.right_audio, "right audio")
    silences = [left_silent, right_silent]
    tracks = sound.sound_blocks(given.audio), sound.sound_blocks(given.right_audio)
    if given.order == "meanwhile":
        return _Speech([(0, left), (0, right)], silences, max(left_seconds, right_seconds), sound.mixed(*tracks))
    total = left_seconds + right_seconds
    if total > LONGEST:
        raise sound.too_long("dialogue")
    if given.order == "left_right":
        return _Speech([(0, left), (left_seconds, right)], silences, total, sound.one_after_the_other(*tracks))
    return _Speech([(right_seconds, left), (0, right)], silences, total, sound.one_after_the_other(*tracks[::-1]))


def _read_voice(path: Path, what: str) -> tuple[Floats, float, bool]:
    """Read one voice: its mouth curve, its length in seconds, and whether it is silent."""
    level = heard(path, what)
    return curve_of(level), (len(level) - 1) / RATE, is_silent(level)


def _render_video(given: RenderInput, speech: _Speech, out: Path, report: Callable[[float], None]) -> Rendered:
    """Draw and write all frames, then measure the lip sync of the file."""
    casting = Casting(FaceFinder(), len(speech.parts), given.mask)
    film = Film(given.video, given.short_side) if given.video else None
    fps = film.fps if film else photo.FPS
    values = speech.values(fps)
    total = values.shape[1]
    driven = Driven(total)
    frames = dubbed_film(film, values[0], casting, driven) if film else photo.talking_photo(given, values, casting)
    first = next(frames)
    width, height = size_of(first)
    frames = chain([first], frames)
    del first  # a film of large frames needs the memory
    with Mp4Writer(out, (width, height), fps, speech.sound) as writer:
        for number, frame in enumerate(frames):
            writer.show(frame)
            report(0.85 * ((number + 1) / total))
    found = (lambda number: [driven.at(number)]) if film else (lambda _: casting.speakers)
    late = lambda part: report(0.85 + 0.15 * part)  # noqa: E731
    followed = sync.sync(out, opening(values), found, casting.finder, silent=speech.silent, progress=late)
    judged = Judged(bool(opening(values).any(1).all()), followed, casting, float(fps), driven if film else None)
    warning = warning_of(given, out, judged)
    return Rendered(float(total / fps), width, height, float(fps), followed, warning)
