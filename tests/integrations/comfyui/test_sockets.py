"""Media by sockets: pictures, sounds, videos and masks of a graph are published and arrive as they are."""

import io
import shutil
import urllib.request
from pathlib import Path

import av
import pytest

from lipsync_nodes.sandbox import MEDIA
from tests.integrations.comfyui.conftest import FACE, KEY, VOICE
from tests.integrations.comfyui.graphs import link, node, saved
from tests.integrations.comfyui.servers import PACK, outcome

pytestmark = pytest.mark.comfyui

CARD = MEDIA.parent / "jobs" / "card.mp4"


@pytest.fixture
def loaded(comfy):
    """The graph's nodes that load media from ComfyUI's input folder."""
    for file in (MEDIA / "portrait.jpg", MEDIA / "speech_left.mp3", CARD):
        shutil.copy(file, comfy.base / "input")
    return {
        "picture": node("LoadImage", image="portrait.jpg"),
        "sound": node("LoadAudio", audio="speech_left.mp3"),
        "clip": node("LoadVideo", file="card.mp4"),
    }


def arrived(box):
    """Return what the first submit's URLs hold: format, kinds of streams, duration."""
    form = box.received("submit")[0].body["formState"]
    found = {}
    for name, url in form.items():
        if isinstance(url, str) and url.startswith("http"):
            with urllib.request.urlopen(url) as answer, av.open(io.BytesIO(answer.read())) as media:
                found[name] = (media.format.name, [stream.type for stream in media.streams], media.duration)
    return found


def test_pictures_masks_and_sounds_come_by_sockets(comfy, box, loaded, seeds):
    inputs = {"image": link("picture"), "audio": link("sound"), "mask_image": link("picture", 1)}
    graph = {
        **loaded,
        "run": node("LipsyncImage", seed=next(seeds), **inputs),
        "save": saved("run"),
    }
    del graph["clip"]
    assert outcome(comfy.run(graph)) == ("success", "")
    media = arrived(box)
    assert {name: kind for name, (kind, *_) in media.items()} == {
        "image": "png_pipe",
        "audio": "wav",
        "mask_image": "png_pipe",
    }
    with av.open(str(MEDIA / "speech_left.mp3")) as speech:
        assert abs(media["audio"][2] - speech.duration) < 0.1 * av.time_base
    assert outcome(comfy.run(graph | {"again": saved("run", "again")})) == ("success", "")
    assert len(box.received("submit")) == 1, "the same media are the same job"


def test_a_video_goes_in_and_comes_out_by_its_socket(comfy, box, loaded, seeds):
    """A video comes by its socket, and the result is a video again."""
    graph = {
        "clip": loaded["clip"],
        "sound": loaded["sound"],
        "run": node("LipsyncVideo", video=link("clip"), audio=link("sound"), seed=next(seeds)),
        "parts": node("GetVideoComponents", video=link("run")),
        "picture": node("ImageFromBatch", image=link("parts"), batch_index=0, length=1),
        "next": node("LipsyncImage", image=link("picture"), audio=VOICE, seed=next(seeds)),
        "save": saved("next"),
    }
    assert outcome(comfy.run(graph)) == ("success", "")
    assert "mp4" in arrived(box)["video"][0]
    assert len(box.received("submit")) == 2


def test_an_empty_audio_is_refused_before_anything_is_spent(newest, box):
    graph = {
        "silence": node("EmptyAudio", duration=0.0, sample_rate=44100, channels=2),
        "run": node("LipsyncImage", image=FACE, audio=link("silence")),
    }
    state, text = outcome(newest.run(graph))
    assert state == "error"
    assert "the audio is empty" in text
    assert not box.received("submit")


def test_without_storage_a_socket_says_what_to_do(newest, box, environment):
    """Nothing is sent."""
    profiles = Path(environment["HOME"]) / ".config" / "lipsync-nodes" / "profiles.toml"
    profiles.parent.mkdir(parents=True)
    profiles.touch(mode=0o600)
    profiles.write_text(f'[far]\napi_key = "{KEY}"\nbase_url = "https://far.invalid/api/v1"\n')
    graph = {
        "picture": node("EmptyImage", width=64, height=64, batch_size=1, color=0),
        "run": node("LipsyncImage", image=link("picture"), audio=VOICE, profile="far"),
    }
    state, text = outcome(newest.run(graph))
    assert state == "error"
    assert "no storage is configured" in text
    assert "LIPSYNC_STORAGE=s3://" in text
    assert not box.received("submit")


def test_several_pictures_are_refused_where_one_is_needed(newest, box):
    graph = {
        "pictures": node("EmptyImage", width=64, height=64, batch_size=2, color=0),
        "run": node("LipsyncImage", image=link("pictures"), audio=VOICE),
    }
    state, text = outcome(newest.run(graph))
    assert state == "error"
    assert "ImageFromBatch" in text
    assert not box.received("submit")


def test_a_text_by_the_socket_is_a_url_and_never_a_file(newest, box):
    """A path of this machine is refused."""
    secret = MEDIA / "portrait.jpg"
    graph = {
        "text": node("PrimitiveString", value=str(secret)),
        "run": node("LipsyncImage", image=link("text"), audio=VOICE),
    }
    state, text = outcome(newest.run(graph))
    assert state == "error"
    assert "must be a public http(s) URL" in text
    assert not box.received("submit")


def test_an_estimate_knows_how_long_the_media_are(newest, box, loaded):
    graph = {
        "sound": loaded["sound"],
        "estimate": node("LipsyncEstimate", endpoint="lipsync-image", audio=link("sound")),
    }
    entry = newest.run(graph)
    assert outcome(entry) == ("success", "")
    assert "credits" in entry["outputs"]["estimate"]["text"][0]


def test_a_trimmed_video_is_sent_as_it_was_trimmed(comfy, box, seeds):
    shutil.copy(PACK / "example_media" / "lipsync_talking.mp4", comfy.base / "input")
    graph = {
        "clip": node("LoadVideo", file="lipsync_talking.mp4"),
        "cut": node("Video Slice", video=link("clip"), start_time=0.0, duration=1.0, strict_duration=False),
        "run": node("LipsyncVideo", video=link("cut"), audio=VOICE, seed=next(seeds)),
    }
    assert outcome(comfy.run(graph)) == ("success", "")
    sent = box.received("submit")[0].body["formState"]["video"]
    with urllib.request.urlopen(sent) as answer, av.open(io.BytesIO(answer.read())) as video:
        assert video.duration < 1.5 * av.time_base
