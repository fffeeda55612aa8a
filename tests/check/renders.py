"""Fixtures: renders of the sandbox, made once for the tests of `verify`. What renders is loaded when it is needed."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def renders(tmp_path_factory):
    """The folder of the renders."""
    return tmp_path_factory.mktemp("renders")


@pytest.fixture(scope="session")
def rendered(renders):
    """Render a video once: a name, its samples of speech, and the rest of a RenderInput."""
    from lipsync_nodes.sandbox.preview import RenderInput, render
    from tests.check import videos

    made = {}

    def make(name, samples, *, right=None, **given):
        if name not in made:
            sounds = {"audio": videos.save_wav(renders / f"{name}.wav", samples)}
            if right is not None:
                sounds["right_audio"] = videos.save_wav(renders / f"{name} right.wav", right)
            given = {"short_side": 360, **given}
            if not given.keys() & {"image", "video"}:
                given["image"] = videos.PORTRAIT
            render(RenderInput(**sounds, **given), renders / f"{name}.mp4")
            made[name] = renders / f"{name}.mp4"
        return made[name]

    return make


@pytest.fixture(scope="session")
def spoken():
    """Samples of speech, 4.6 seconds long."""
    from tests.check import videos

    return videos.said(videos.LEFT, 4.6)


@pytest.fixture(scope="session")
def talking_video(rendered, spoken):
    """The portrait, which says `spoken`."""
    return rendered("talking", spoken)
