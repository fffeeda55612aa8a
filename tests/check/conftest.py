"""Renders of the sandbox that the tests of `verify` share."""

from __future__ import annotations

import pytest

from lipsync_nodes.sandbox.preview import RenderInput, render
from tests.check import videos


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("verified")


@pytest.fixture(scope="session")
def rendered(folder):
    """Render a video once: a name, its samples of speech, and the rest of a RenderInput."""
    made = {}

    def make(name, samples, *, right=None, **given):
        if name not in made:
            sounds = {"audio": videos.save_wav(folder / f"{name}.wav", samples)}
            if right is not None:
                sounds["right_audio"] = videos.save_wav(folder / f"{name} right.wav", right)
            given = {"short_side": 360, **given}
            if not given.keys() & {"image", "video"}:
                given["image"] = videos.PORTRAIT
            render(RenderInput(**sounds, **given), folder / f"{name}.mp4")
            made[name] = folder / f"{name}.mp4"
        return made[name]

    return make


@pytest.fixture(scope="session")
def speech():
    return videos.said(videos.LEFT, 4.6)


@pytest.fixture(scope="session")
def talking(rendered, speech):
    """A talking portrait of 4.6 seconds."""
    return rendered("talking", speech)
