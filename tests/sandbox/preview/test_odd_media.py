"""Media that no camera made: each renders, or fails with a sentence, in bounded memory."""

import struct
import subprocess
import sys
import zlib

import av
import cv2
import numpy as np
import pytest

from lipsync_nodes.perception.pictures import Film, read_image
from lipsync_nodes.sandbox import MEDIA
from lipsync_nodes.sandbox.preview import MediaError, RenderInput, render

PORTRAIT = MEDIA / "portrait.jpg"
RATE = 16_000


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def test_a_file_that_unpacks_to_gigabytes_is_refused(tmp_path):
    """A small file that unpacks to gigabytes is refused by its header."""
    side = 12_000
    size = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    black = zlib.compress(bytes(side * (1 + side // 8)))
    image = tmp_path / "bomb.png"
    image.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", black) + chunk(b"IEND", b""))
    # In a process of its own, as the sandbox's worker is: OpenCV reads the limit when it is loaded.
    code = (
        "from lipsync_nodes.sandbox import preview\n"
        "from lipsync_nodes.perception.pictures import read_image\n"
        f"from pathlib import Path\ntry: read_image(Path({str(image)!r}), 480)\n"
        "except preview.MediaError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "more than 100 million pixels" in done.stdout


@pytest.mark.parametrize("shape", [(3000, 1), (1, 3000), (512, 18_512)])
def test_a_picture_that_is_all_length_is_refused(tmp_path, shape):
    cv2.imwrite(str(tmp_path / "long.png"), np.zeros((*shape, 3), np.uint8))
    with pytest.raises(MediaError, match="too long and narrow"):
        read_image(tmp_path / "long.png", 480)


def test_transparency_is_white_and_hides_what_is_under_it(tmp_path):
    image = np.zeros((960, 960, 4), np.uint8)
    image[:480, :, 3] = 255
    cv2.imwrite(str(tmp_path / "half.png"), image)
    read = read_image(tmp_path / "half.png", 480)
    assert (read.shape, read[:230].max(), read[250:].min()) == ((480, 480, 3), 0, 255)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, 1e30])
def test_a_sound_of_impossible_numbers_renders(tmp_path, odd):
    samples = np.full(RATE // 2, odd, "<f4")
    samples[::2] = 0.1
    audio = tmp_path / "odd.wav"
    with av.open(str(audio), "w") as file:
        stream = file.add_stream("pcm_f32le", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
        frame.rate = RATE
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    render(RenderInput(audio=audio, image=PORTRAIT), tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").stat().st_size


def test_a_film_of_oblong_pixels_is_shown_as_it_is_meant(tmp_path):
    film = tmp_path / "anamorphic.mp4"
    with av.open(str(film), "w") as file:
        stream = file.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 256, 512, "yuv420p"
        stream.codec_context.sample_aspect_ratio = 2
        for _ in range(5):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((512, 256, 3), np.uint8), format="bgr24")))
        file.mux(stream.encode(None))
    assert next(Film(film, 480).frames()).shape == (480, 480, 3)


def test_a_film_of_an_unknown_codec_is_refused_with_a_sentence(tmp_path):
    film = tmp_path / "unknown.mp4"
    film.write_bytes((MEDIA / "film.mp4").read_bytes().replace(b"avc1", b"zzzz"))
    with pytest.raises(MediaError, match="of an unknown format"):
        render(RenderInput(audio=MEDIA / "speech_left.mp3", video=film), tmp_path / "out.mp4")
