"""What a look at a picture and at a film costs, in the tests' own environment: the peers' has no eye."""

import sys
import tempfile
import time
from pathlib import Path

from tests.bench.frame import Row, by_turns, fresh

SECONDS = 20


def looked(kind, path):
    """Return the seconds that the first look at a picture or a film takes, or decoding the film."""
    run = {"picture": _picture, "film": _film, "decoding": _decoding}[kind]()
    start = time.perf_counter()
    run(Path(path))
    return time.perf_counter() - start


def _inputs(form, field, path):
    from lipsync_nodes.checks._inputs import Inputs
    from lipsync_nodes.service import spec_of

    draft = form.model_construct(resolution="480p")
    return Inputs(spec_of(draft), draft, {field: path})


def _picture():
    from lipsync_nodes import ImageForm
    from lipsync_nodes.checks import _pictures

    return lambda path: list(_pictures.findings(_inputs(ImageForm, "image", path)))


def _film():
    from lipsync_nodes import VideoForm
    from lipsync_nodes.checks import _films

    return lambda path: list(_films.findings(_inputs(VideoForm, "video", path)))


def _decoding():
    import av

    def decode(path):
        with av.open(str(path)) as file:
            file.streams.video[0].thread_type = "AUTO"
            for _ in file.decode(video=0):
                pass

    return decode


def _made(folder):
    from tests.check import films, pictures

    return films.film(folder / "film.mp4", SECONDS, films.of(pictures.right_half, size=(1280, 720)))


def rows():
    """Yield the figures."""
    from tests.sandbox.preview.films import PORTRAIT

    def run(kind, path):
        return lambda: fresh(looked, kind, str(path), python=sys.executable)

    with tempfile.TemporaryDirectory() as folder:
        made = _made(Path(folder))
        picture, film, decoding = by_turns(run("picture", PORTRAIT), run("film", made), run("decoding", made), times=3)
    yield Row("a look at a portrait", picture, unit="s", target="<= 0.7")
    yield Row(f"a look at a film of {SECONDS} s, 720p", film, "its length", SECONDS, "s", "<= 0.25")
    yield Row(f"a look at a film of {SECONDS} s, 720p", film, "decoding it", decoding, "s")
