"""Pictures in which a face is too small to be animated."""

import av

from lipsync_nodes.sandbox import MEDIA

TINY, SMALL = 120, 160
"""The width of the portrait on the wall: its face is so small that it is an error, or only a warning."""


def put_small_face(path, width=TINY):
    """Save the portrait on a large wall. Return the path."""
    height = width * 6 // 5
    with av.open(str(MEDIA / "portrait.jpg")) as media:
        face = next(media.decode(video=0)).reformat(width, height, "rgb24").to_ndarray()
    wall = face[:1, :1].repeat(720, 0).repeat(1280, 1)
    wall[300 : 300 + height, 600 : 600 + width] = face
    with av.open(str(path), "w", format="image2") as out:
        stream = out.add_stream("png", 1)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "rgb24"
        for packet in (*stream.encode(av.VideoFrame.from_ndarray(wall, "rgb24")), *stream.encode()):
            out.mux(packet)
    return path
