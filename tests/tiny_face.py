"""A picture in which a face is too small to be animated."""

import av

from lipsync_nodes.sandbox import MEDIA


def put_tiny_face(path):
    """Save the portrait on a large gray wall, where its face is a few pixels high. Return the path."""
    with av.open(str(MEDIA / "portrait.jpg")) as media:
        face = next(media.decode(video=0)).reformat(40, 48, "rgb24").to_ndarray()
    wall = face[:1, :1].repeat(720, 0).repeat(1280, 1)
    wall[300:348, 600:640] = face
    with av.open(str(path), "w", format="image2") as out:
        stream = out.add_stream("png", 1)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "rgb24"
        for packet in (*stream.encode(av.VideoFrame.from_ndarray(wall, "rgb24")), *stream.encode()):
            out.mux(packet)
    return path
