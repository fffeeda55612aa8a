"""What a look at a picture and at a film costs, in the tests' own environment: the peers' has no eye."""

import sys
import tempfile
import time
from pathlib import Path

from tests.bench.frame import Row, by_turns, fresh

SECONDS = 20


def looked(kind):
    """Return the seconds that the first look at a picture or a film takes, or decoding the film."""
    with tempfile.TemporaryDirectory() as folder:
        path, run = {"picture": _picture, "film": _film, "decoding": _decoding}[kind](Path(folder))
        start = time.perf_counter()
        run(path)
        return time.perf_counter() - start


def _inputs(form, field, path):
    from lipsync_nodes.checks._inputs import Inputs
    from lipsync_nodes.service import spec_of

    draft = form.model_construct(resolution="480p")
    return Inputs(spec_of(draft), draft, {field: path})


def _picture(folder):
    from lipsync_nodes import ImageForm
    from lipsync_nodes.checks import _pictures
    from tests.sandbox.preview.films import PORTRAIT

    return PORTRAIT, lambda path: list(_pictures.findings(_inputs(ImageForm, "image", path)))


def _film(folder):
    from lipsync_nodes import VideoForm
    from lipsync_nodes.checks import _films

    return _made(folder), lambda path: list(_films.findings(_inputs(VideoForm, "video", path)))


def _decoding(folder):
    import av

    def decode(path):
        with av.open(str(path)) as file:
            file.streams.video[0].thread_type = "AUTO"
            for _ in file.decode(video=0):
                pass

    return _made(folder), decode


def _made(folder):
    from tests.check import films, pictures

    return films.film(folder / "film.mp4", SECONDS, films.of(pictures.right_half, size=(1280, 720)))


def rows():
    """Yield the figures."""

    def run(kind):
        return lambda: fresh(looked, kind, python=sys.executable)

    picture, film, decoding = by_turns(run("picture"), run("film"), run("decoding"), times=3)
    yield Row("a look at a portrait", picture, unit="s", target="<= 0.7")
    yield Row(f"a look at a film of {SECONDS} s, 720p", film, "its length", SECONDS, "s", "<= 0.25")
    yield Row(f"a look at a film of {SECONDS} s, 720p", film, "decoding it", decoding, "s")
