"""What other packs and newer versions of ComfyUI give by sockets: it is sent as it is meant, or refused unpaid."""

import hashlib
import io
import urllib.request

import av
import pytest

from tests.integrations.comfyui.conftest import FACE, VOICE
from tests.integrations.comfyui.graphs import link, node
from tests.integrations.comfyui.servers import PACK, outcome

pytestmark = pytest.mark.comfyui

FILM = PACK / "example_media" / "lipsync_talking.mp4"


def give(comfy, seeds, field, value):
    """Run a node with one input by a socket; return the outcome."""
    socket = {"image": "Image", "mask_image": "Mask", "audio": "Audio", "video": "Video"}[field]
    if field == "video":
        run = node("LipsyncVideo", video=link("value"), audio=VOICE, seed=next(seeds))
    else:
        usual = {"image": FACE, "audio": VOICE, "seed": next(seeds)}
        run = node("LipsyncImage", **usual | {field: link("value")})
    return outcome(comfy.run({"value": node(f"Give{socket}", value=value, file=str(FILM)), "run": run}))


def sent(box, field):
    """Return the content that the service was sent for a field."""
    (submit,) = box.received("submit")
    with urllib.request.urlopen(submit.body["formState"][field]) as answer:
        return answer.read()


def picture_of(content):
    """Return a picture's kind of pixels, its size, and its darkest and its brightest value."""
    with av.open(io.BytesIO(content)) as media:
        frame = next(media.decode(video=0))
    grays = frame.to_ndarray(format="gray")
    return frame.format.name, (frame.width, frame.height), int(grays.min()), int(grays.max())


TAKEN = {
    ("image", "plain"): ("rgb24", (64, 48)),
    ("image", "gray"): ("gray", (64, 48)),
    ("image", "rgba"): ("rgba", (64, 48)),
    ("image", "no_batch"): ("rgb24", (64, 48)),
    ("image", "no_channels"): ("gray", (64, 48)),
    ("image", "bytes"): ("rgb24", (64, 48)),
    ("image", "half"): ("rgb24", (64, 48)),
    ("image", "a_little_beyond"): ("rgb24", (64, 48)),
    ("mask_image", "plain"): ("gray", (64, 48)),
    ("mask_image", "no_batch"): ("gray", (64, 48)),
    ("mask_image", "channel_first"): ("gray", (64, 48)),
    ("mask_image", "channel_last"): ("gray", (64, 48)),
    ("mask_image", "bool"): ("gray", (64, 48)),
    ("mask_image", "zero_or_one"): ("gray", (64, 48)),
}


@pytest.mark.parametrize(("field", "kind"), TAKEN, ids=map("-".join, TAKEN))
def test_a_picture_of_another_shape_or_type_arrives_as_the_same_picture(newest, box, seeds, field, kind):
    assert give(newest, seeds, field, kind) == ("success", "")
    pixels, size, darkest, brightest = picture_of(sent(box, field))
    assert (pixels, size) == TAKEN[field, kind]
    assert darkest < 60
    assert brightest > 195


REFUSED = {
    ("image", "channels_first"): "(1, 3, 48, 64)",
    ("image", "five"): "(1, 1, 48, 64, 3)",
    ("image", "no_pictures"): "holds no picture",
    ("image", "no_pixels"): "holds no picture",
    ("image", "two"): "ImageFromBatch",
    ("image", "nan"): "NaN",
    ("image", "inf"): "NaN",
    ("image", "to_255"): "to 255",
    ("image", "from_minus_1"): "from -1",
    ("image", "integers"): "int64",
    ("image", "text"): "must be a public http(s) URL",
    ("mask_image", "nan"): "NaN",
    ("mask_image", "no_masks"): "holds no picture",
    ("mask_image", "two"): "ImageFromBatch",
    ("audio", "samples_first"): "(8000, 1)",
    ("audio", "four"): "(1, 1, 1, 8000)",
    ("audio", "no_samples"): "no samples",
    ("audio", "no_audios"): "no samples",
    ("audio", "two"): "2 audios",
    ("audio", "rate_0"): "sample rate",
    ("audio", "rate_nan"): "sample rate",
    ("audio", "rate_huge"): "sample rate",
    ("audio", "nan"): "NaN",
    ("audio", "inf"): "NaN",
    ("audio", "to_32767"): "from -1",
    ("audio", "integers"): "int32",
    ("video", "one_pixel"): "(12, 48, 1, 3)",
    ("video", "no_frames"): "holds no picture",
    ("video", "nan_sound"): "NaN",
}


@pytest.mark.parametrize(("field", "kind"), REFUSED, ids=map("-".join, REFUSED))
def test_what_cannot_be_meant_is_named_before_it_is_paid_for(newest, box, seeds, field, kind):
    state, text = give(newest, seeds, field, kind)
    assert state == "error"
    assert REFUSED[field, kind] in text
    assert f"`{field}`" in text
    assert "Tensor" not in text
    assert not box.received("submit")


@pytest.mark.parametrize("kind", ["plain", "no_batch", "samples_only", "int16"])
def test_an_audio_of_another_shape_or_type_arrives_as_the_same_audio(newest, box, seeds, kind):
    assert give(newest, seeds, "audio", kind) == ("success", "")
    with av.open(io.BytesIO(sent(box, "audio"))) as audio:
        (stream,) = audio.streams
        assert (stream.rate, stream.channels) == (8000, 2 if kind == "no_batch" else 1)
        loudest = max(abs(frame.to_ndarray()).max() for frame in audio.decode(stream))
    assert 15000 < loudest < 17000, "half of the loudest"


def film_of(content):
    """Return a film's size, its number of frames, and how many sound tracks it has."""
    with av.open(io.BytesIO(content)) as film:
        (stream,) = film.streams.video
        return (stream.width, stream.height), sum(1 for _ in film.decode(stream)), len(film.streams.audio)


@pytest.mark.parametrize("kind", ["plain", "odd", "gray", "rgba"])
def test_frames_of_any_size_and_channels_become_a_film(comfy, box, seeds, kind):
    """H.264 needs an even width and height: of 65 x 63 an odd column and row are left out."""
    assert give(comfy, seeds, "video", kind) == ("success", "")
    size, count, _ = film_of(sent(box, "video"))
    assert (size, count) == ((64, 62) if kind == "odd" else (64, 48), 12)


@pytest.mark.parametrize("kind", ["cropped", "cropped_odd", "wrapped"])
def test_a_cropped_film_is_sent_cropped(comfy, box, seeds, kind):
    """The source that such a film names is the whole file."""
    assert give(comfy, seeds, "video", kind) == ("success", "")
    assert film_of(sent(box, "video"))[0] == (160, 120)


def test_a_film_whose_sound_was_taken_out_is_sent_without_it(comfy, box, seeds):
    """Its size and length are those of the file."""
    assert give(comfy, seeds, "video", "silenced") == ("success", "")
    assert film_of(sent(box, "video"))[2] == 0


def test_a_film_that_was_not_edited_is_sent_as_it_is(newest, box, seeds):
    assert give(newest, seeds, "video", "file") == ("success", "")
    assert sent(box, "video") == FILM.read_bytes()


def test_a_film_of_the_own_class_with_an_edit_that_is_not_known_is_encoded_by_it(newest, box, seeds):
    """Only what the film itself writes is sure to be what it shows."""
    assert give(newest, seeds, "video", "cropped_later") == ("success", "")
    assert hashlib.sha256(sent(box, "video")).digest() != hashlib.sha256(FILM.read_bytes()).digest()


def test_an_estimate_of_an_impossible_audio_says_what_is_wrong(newest):
    graph = {
        "value": node("GiveAudio", value="rate_0", file=""),
        "run": node("LipsyncEstimate", endpoint="lipsync-image", audio=link("value")),
    }
    state, text = outcome(newest.run(graph))
    assert state == "error"
    assert text.startswith("`audio`: the sample rate of the audio is 0")
