"""Images that OpenCV may not decode: GIF, AVIF and HEIC, whole and in tiles, as phones save them."""

from __future__ import annotations

import io
import struct

import av
import numpy as np
import pytest

from lipsync_nodes.perception import MediaError
from lipsync_nodes.perception.faces.finder import FaceFinder
from lipsync_nodes.perception.formats import by_ffmpeg
from lipsync_nodes.perception.pictures import Film, read_image, read_reduced
from tests.sandbox.preview.films import PORTRAIT

SIDE = 128
CODECS = {"gif": ("gif", "bgr8"), "avif": ("libsvtav1", "yuv420p")}


@pytest.fixture(scope="module")
def photo():
    return read_image(PORTRAIT, 240)


def encoded(image, kind):
    out = io.BytesIO()
    codec, pixels = CODECS[kind]
    with av.open(out, "w", format=kind) as file:
        stream = file.add_stream(codec, rate=25)
        stream.height, stream.width = image.shape[:2]
        stream.pix_fmt = pixels
        file.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")))
        file.mux(stream.encode(None))
    return out.getvalue()


@pytest.mark.parametrize("kind", CODECS)
def test_other_formats_are_decoded_by_opencv_or_by_ffmpeg(kind, photo, tmp_path):
    path = tmp_path / f"photo.{kind}"
    path.write_bytes(encoded(photo, kind))
    data = np.fromfile(path, np.uint8)
    for image in (read_image(path, 240), read_reduced(path, 240)[0], by_ffmpeg(data, "image")):
        assert len(FaceFinder().find(image)) == 1
        assert np.abs(image.astype(int) - photo).mean() < 25


def test_a_still_gif_as_a_film_has_a_usual_frame_rate(photo, tmp_path):
    """The clock of a GIF ticks 100 times a second; that is no frame rate."""
    (tmp_path / "still.gif").write_bytes(encoded(photo, "gif"))
    assert Film(tmp_path / "still.gif", 240).fps == 25


def box(name, *parts, full=None):
    """A box of an ISO file; a full one has a version and flags."""
    body = (b"" if full is None else struct.pack(">I", full)) + b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + name + body


def ispe(width, height):
    return box(b"ispe", struct.pack(">II", width, height), full=0)


def tile(image):
    """Encode one tile: its configuration and its data."""
    edges = [(0, SIDE - length) for length in image.shape[:2]]
    content = encoded(np.pad(image, (*edges, (0, 0)), "edge"), "avif")
    boxes = {}
    for name in (b"av1C", b"mdat"):
        at = content.index(name) - 4
        boxes[name] = content[at : at + int.from_bytes(content[at : at + 4], "big")]
    return boxes[b"av1C"], boxes[b"mdat"][8:]


def meta(codes, shape, start, turns):
    """The boxes that describe an image of two by two tiles, whose data begins at ``start``."""
    grid, places = 5, []
    for number, (_, data) in enumerate(codes, 1):
        places.append(struct.pack(">HHHHII", number, 0, 0, 1, start, len(data)))
        start += len(data)
    places.append(struct.pack(">HHHHII", grid, 1, 0, 1, 0, 8))
    kinds = [*[b"av01"] * 4, b"grid"]
    items = [box(b"infe", struct.pack(">HH", n, 0), kind, b"\0", full=2 << 24) for n, kind in enumerate(kinds, 1)]
    properties = box(b"ipco", codes[0][0], ispe(SIDE, SIDE), ispe(shape[1], shape[0]), box(b"irot", bytes([turns])))
    uses = [struct.pack(">HBBB", number, 2, 0x81, 2) for number in range(1, grid)]
    uses.append(struct.pack(">HBBB", grid, 2, 3, 0x84))
    return box(
        b"meta",
        box(b"hdlr", bytes(4), b"pict", bytes(13), full=0),
        box(b"pitm", struct.pack(">H", grid), full=0),
        box(b"iloc", b"\x44\0", struct.pack(">H", grid), *places, full=1 << 24),
        box(b"iinf", struct.pack(">H", grid), *items, full=0),
        box(b"iref", box(b"dimg", struct.pack(">6H", grid, 4, 1, 2, 3, 4)), full=0),
        box(b"iprp", properties, box(b"ipma", struct.pack(">I", grid), *uses, full=0)),
        box(b"idat", bytes([0, 0, 1, 1]), struct.pack(">HH", shape[1], shape[0])),
        full=0,
    )


def tiled(image, turns=0):
    """Return an image file of two by two tiles."""
    codes = [tile(image[y : y + SIDE, x : x + SIDE]) for y in (0, SIDE) for x in (0, SIDE)]
    head = box(b"ftyp", b"avif", bytes(4), b"avifmif1miaf")
    start = len(head) + len(meta(codes, image.shape, 0, turns)) + 8
    return head + meta(codes, image.shape, start, turns) + box(b"mdat", *(data for _, data in codes))


@pytest.mark.parametrize("turns", [0, 3])
def test_the_tiles_of_a_phones_picture_are_put_together(photo, turns):
    image = photo[:200, :230]
    read = by_ffmpeg(np.frombuffer(tiled(image, turns), np.uint8), "image")
    assert read.shape == np.rot90(image, turns).shape
    assert np.abs(read.astype(int) - np.rot90(image, turns)).mean() < 12


@pytest.mark.parametrize("brand", [b"heic", b"avif"])
def test_what_cannot_be_decoded_is_named(photo, brand):
    whole = bytearray(tiled(photo[:200, :230]))
    for content in (whole[: len(whole) // 2], box(b"ftyp", brand, bytes(4), b"mif1miaf") + bytes(500)):
        with pytest.raises(MediaError, match="cannot be read here"):
            by_ffmpeg(np.frombuffer(bytes(content), np.uint8), "image")
