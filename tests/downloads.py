"""What the tests of downloads share: a video, and a server that gives it as badly as a test asks for."""

import os

from lipsync_nodes.media import download
from tests.faults.bad_service import OUTPUT


def box(kind, *parts):
    content = b"".join(parts)
    return (len(content) + 8).to_bytes(4, "big") + kind + content


def number(value):
    return value.to_bytes(4, "big")


# A video of some size, whose boxes and tables are what they say: one sample, in one chunk.
BODY = os.urandom(400_000)
_START = OUTPUT[:24]


def _moov(offset):
    sizes, chunks = box(b"stsz", bytes(4), number(len(BODY)), number(1)), box(b"stco", bytes(4), number(1), offset)
    return box(b"moov", box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", sizes, chunks)))))


MOOV = _moov(number(len(_START) + len(_moov(bytes(4))) + 8))
MDAT = box(b"mdat", BODY)
VIDEO = _START + MOOV + MDAT


def fetch(service, target, **options):
    return download(f"{service.url}/output/v.mp4", target, local=True, **options)


def nothing_is_left(folder):
    return list(folder.iterdir()) == []


def start_of(request):
    """The byte at which a request asks to go on."""
    return int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))


def serve(request, *, upto=None, etag='"v1"', ranges=True, length=True, kind="video/mp4", body=VIDEO):
    """Answer a GET, honouring Range, and cut after *upto* bytes of what is asked for."""
    start = 0
    if ranges and request.headers.get("Range") and request.headers.get("If-Range") == etag:
        start = start_of(request)
        if start >= len(body):
            request.answer(416, headers={"Content-Range": f"bytes */{len(body)}"})
            return
    part = body[start:]
    request.send_response(206 if start else 200)
    request.send_header("Content-Type", kind)
    if etag:
        request.send_header("ETag", etag)
    if start:
        request.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
    if length:
        request.send_header("Content-Length", str(len(part)))
    else:
        request.close_connection = True
        request.send_header("Connection", "close")
    request.end_headers()
    request.wfile.write(part[:upto])
    if upto is not None:
        request.cut()


def served(**how):
    return lambda request: serve(request, **how)


def chunked(*parts, etag=None, ends=True, kind="video/mp4"):
    """Answer in chunks; without its end it is cut where the last chunk should be."""

    def behave(request):
        request.send_response(200)
        request.send_header("Content-Type", kind)
        request.send_header("Transfer-Encoding", "chunked")
        if etag:
            request.send_header("ETag", etag)
        request.end_headers()
        for part in parts:
            request.wfile.write(b"%x\r\n" % len(part) + part + b"\r\n")
        if ends:
            request.wfile.write(b"0\r\n\r\n")
        else:
            request.cut()

    return behave
