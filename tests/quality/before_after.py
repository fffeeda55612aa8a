"""What each trick of the puppet is good for: `python -m tests.quality.before_after DIR`, without (above) and with it.

For each of them the same pictures are drawn twice, once with the trick switched off, and laid above each other.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

import cv2
import numpy as np

from lipsync_nodes.perception.faces import tracker
from lipsync_nodes.perception.faces.casting import Casting
from lipsync_nodes.perception.faces.finder import LEFT_EYE, RIGHT_EYE, FaceFinder
from lipsync_nodes.perception.pictures import Film, read_image
from lipsync_nodes.sandbox.preview import rendering
from lipsync_nodes.sandbox.preview.film import Driven, dubbed_film
from lipsync_nodes.sandbox.preview.mouth import lids, lips, paint
from lipsync_nodes.sandbox.preview.mouth.eyes import Eyes
from lipsync_nodes.sandbox.preview.mouth.lips import Frame
from lipsync_nodes.sandbox.preview.mouth.paint import Palette, coverage
from lipsync_nodes.sandbox.preview.mouth.puppet import Puppet
from tests.quality.fixtures import Fixtures
from tests.quality.measures import input_of

_CELL = 300
# open, wide, round, closed, bite
_A, _E, _O, _U, _M, _F = (
    (1, 0.3, 0, 0, 0), (0.6, 0.7, 0, 0, 0), (0.6, 0, 0.75, 0, 0), (0.32, 0, 1, 0, 0), (0, 0, 0, 1, 0), (0.2, 0, 0, 0, 1)
)  # fmt: skip


def _band(window, middle, half, edge, *, upper):
    """Give teeth as one plain band."""
    below = window.field(np.float32(window.grid[..., 1] - edge))
    cover = coverage(-below if upper else below, 0.004) * coverage(1 - window.across(middle, half) ** 2, 0.1)
    return np.ones_like(cover), cover


_SWITCHES = {
    "teeth": [(paint, "drawn_row", _band)],
    "thin lips": [(lips, "_INSET_MOST", 9.0)],
    "rounding": [(lips, "_ROUNDS", 0.0), (lips, "_POUT", 0.0)],
    "smile": [(lips, "_UNSMILE", 0.0)],
    "puffy lips": [(lips, "_THICKEST", np.float32([9, 9]))],
    "blinks": [(lids, "_DARKEST", 0.0), (lids, "_COARSEST", 0.0)],
    "hidden mouth": [(tracker.Occlusion, "seen", lambda *_: 1.0)],
}


def main() -> None:
    """Draw a sheet for each trick."""
    parser = argparse.ArgumentParser(prog="python -m tests.quality.before_after", description=__doc__)
    parser.add_argument("out", type=Path, help="folder for the sheets")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        cases = {case.name: case for case in Fixtures(Path(folder)).cases()}
        smiling, neutral = (read_image(cases[f"{name} portrait"].picture, 720) for name in ("smiling", "neutral"))
        pictures: dict[str, Callable[[], Iterator[np.ndarray]]] = {
            "teeth": lambda: _poses([neutral], (_A, _E, _O, _F)),
            "thin lips": lambda: _poses([neutral, smiling], (_A, _E, _U)),
            "rounding": lambda: _poses([neutral, smiling], (_O, _U)),
            "smile": lambda: _poses([smiling], (_M, _U, _E, _A)),
            "puffy lips": lambda: _poses([smiling], (_M, _F, _U, _E)),
            "blinks": lambda: _blink([neutral, smiling]),
            "hidden mouth": lambda: _film(cases["hand before the mouth"]),
        }
        for name, draw in pictures.items():
            with _without(name):
                before = np.hstack(list(draw()))
            sheet = np.vstack([before, np.hstack(list(draw()))])
            cv2.imwrite(str(out / f"{name.replace(' ', '-')}.png"), sheet)


@contextmanager
def _without(name: str) -> Iterator[None]:
    with ExitStack() as stack:
        for place, attribute, value in _SWITCHES[name]:
            stack.enter_context(mock.patch.object(place, attribute, value))
        yield


def _poses(photos: list[np.ndarray], poses: tuple[tuple[float, ...], ...]) -> Iterator[np.ndarray]:
    for photo in photos:
        face = FaceFinder().find(photo)[0]
        puppet, palette = Puppet(face, photo), Palette.of(photo, face)
        for pose in poses:
            frame = photo.copy()
            puppet.draw(photo, frame, np.float32(pose), palette)
            yield _cell(frame, Frame.of(face).origin, 0.4 * face.height)


def _blink(photos: list[np.ndarray]) -> Iterator[np.ndarray]:
    for photo in photos:
        face = FaceFinder().find(photo)[0]
        blinks, centre = Eyes(face, photo, 3, 25), face.points[[RIGHT_EYE, LEFT_EYE]].mean(0)
        for step in (0.7, 1):
            frame = photo.copy()
            for lid, picture in zip(blinks._lids, blinks.pictures(step, 0), strict=True):
                frame[lid.eye.rows, lid.eye.columns] = picture
            yield _cell(frame, centre, 0.4 * face.height)


def _film(case) -> Iterator[np.ndarray]:
    film = Film(case.picture, 480)
    values = rendering._read_speech(input_of(case)).values(film.fps)[0]
    for number, planes in enumerate(dubbed_film(film, values, Casting(FaceFinder()), Driven(len(values)))):
        if number in (25, 33, 36, 50, 60, 75):
            frame = cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420)
            height, width = frame.shape[:2]
            yield _cell(frame, np.array([width / 2, 0.62 * height]), 0.3 * height)


def _cell(frame: np.ndarray, centre: np.ndarray, reach: float) -> np.ndarray:
    scale = _CELL / (2 * reach)
    place = np.array([[scale, 0, _CELL / 2 - scale * centre[0]], [0, scale, _CELL / 2 - scale * centre[1]]])
    return cv2.warpAffine(frame, place, (_CELL, _CELL), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)


if __name__ == "__main__":
    main()
