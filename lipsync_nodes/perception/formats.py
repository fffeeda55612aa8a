"""Images that not every OpenCV can decode, by FFmpeg: GIF, AVIF, and HEIC, which phones save in tiles."""

from __future__ import annotations

from collections import Counter
from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeAlias

import av
import numpy as np

from lipsync_nodes.perception import LARGEST, MediaError

if TYPE_CHECKING:
    from av.container import InputContainer

    from lipsync_nodes.perception.arrays import Image

Turn: TypeAlias = tuple[bool, bool, bool]
"""Whether rows and columns of a picture change places, then whether the rows are reversed, and the columns."""
_HEIC = (b"heic", b"heix", b"mif1")  # brands of ISO files
_HEADER = 65_536  # bytes: the boxes that describe an image are before its data


def by_ffmpeg(data: Image, what: str) -> Image:
    """Decode the content of an image file as BGR, upright; raise MediaError if it has none of these formats."""
    name = _format(data)
    try:
        if name:
            with av.open(BytesIO(data.tobytes()), "r", format="gif" if name == "GIF" else "mov") as container:
                return _image(container, data[:_HEADER].tobytes())
    except (av.FFmpegError, StopIteration, ValueError, LookupError):
        pass
    if name in {"AVIF", "HEIC"}:
        raise MediaError(code="preview.unknown_format", media=what, format=name)
    raise MediaError(code="preview.not_an_image", media=what, millions=LARGEST // 10**6)


def turn_of(frame: av.VideoFrame) -> Turn:
    """Return how a film's display matrix turns its frames: x' = a x + c y, y' = b x + d y.

    Ask one frame of a film only: PyAV keeps a frame with side data until the next garbage collection.
    """
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].tolist() if matrix else (1, 0, 0, 0, 1)
    swapped = abs(b) > abs(a)
    return (swapped, b < 0, c < 0) if swapped else (swapped, d < 0, a < 0)


def turned(image: Image, turn: Turn) -> Image:
    """Turn and mirror a picture."""
    if not any(turn):
        return image
    swapped, upside_down, mirrored = turn
    image = np.swapaxes(image, 0, 1) if swapped else image
    return np.ascontiguousarray(image[:: -1 if upside_down else 1, :: -1 if mirrored else 1])


def _format(data: Image) -> str:
    """Return the format of a file by its first bytes, if FFmpeg can read it as an image."""
    head = data[:64].tobytes()
    if head.startswith(b"GIF8"):
        return "GIF"
    if head[4:8] != b"ftyp":
        return ""
    return "AVIF" if b"avi" in head[8:] else "HEIC" if any(brand in head[8:] for brand in _HEIC) else ""


def _image(container: InputContainer, header: bytes) -> Image:
    streams = container.streams.video
    own = [(one.width, one.height) for one in streams]
    width, height = size = max([*own, *_sizes(header)], key=lambda size: size[0] * size[1])
    if not 0 < width * height <= LARGEST:
        raise ValueError("the image has no size, or is too large")
    if size in own:
        frame = next(container.decode(streams[own.index(size)]))
        return turned(_bgr(frame), turn_of(frame))
    turns = header.find(b"irot")
    return np.rot90(_stitched(container, width, height), header[turns + 4] if turns > 0 else 0).copy()


def _stitched(container: InputContainer, width: int, height: int) -> Image:
    """Decode the tiles of an image, row by row. The file may hold smaller images too."""
    streams = container.streams.video
    (across, down), _ = Counter((one.width, one.height) for one in streams).most_common(1)[0]
    columns, rows = -(-width // across), -(-height // down)
    wanted = [one for one in streams if (one.width, one.height) == (across, down)][: columns * rows]
    tiles = {p.stream.index: _bgr(frame) for p in container.demux(wanted) for frame in p.decode()}
    lines = [[tiles[one.index] for one in wanted[row * columns : (row + 1) * columns]] for row in range(rows)]
    return np.concatenate([np.concatenate(line, 1) for line in lines])[:height, :width]


def _sizes(header: bytes) -> list[tuple[int, int]]:
    """Return the sizes of the images in an ISO file, from its boxes of the type `ispe`."""
    parts = header.split(b"ispe")[1:]
    return [(int.from_bytes(part[4:8], "big"), int.from_bytes(part[8:12], "big")) for part in parts]


def _bgr(frame: Any) -> Image:
    return np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
