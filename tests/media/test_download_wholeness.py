"""A download that ends is whole only if something says so: its length, the framing, or the video itself."""

import errno
import io
import os
import tempfile
from pathlib import Path

import av
import numpy as np
import pytest

from lipsync_nodes import DownloadError
from lipsync_nodes.media._containers import is_whole
from tests.downloads import MDAT, MOOV, VIDEO, box, chunked, fetch, nothing_is_left, serve, served, start_of
from tests.faults.bad_service import BadService


@pytest.fixture
def service():
    with BadService() as service:
        yield service


def test_what_is_spliced_has_the_same_size(service, tmp_path):
    """A part without an ETag, of something larger: the bytes so far are of another video."""
    other = VIDEO[:-1000]

    def part(request):
        start = start_of(request)
        named = {"Content-Range": f"bytes {start}-{len(VIDEO) - 1}/{len(VIDEO)}"}
        request.answer(206, VIDEO[start:], kind="video/mp4", headers=named)

    service.on_output = [served(upto=100_000, etag='"old"', body=bytes(len(other))), part, served(etag='"new"')]
    assert fetch(service, tmp_path / "v.mp4").read_bytes() == VIDEO


def test_a_part_that_says_nothing_of_its_whole_is_not_taken(service, tmp_path):
    """Neither size nor ETag: it may be a part of anything."""

    def part(request):
        start = start_of(request)
        request.answer(206, bytes(50), kind="video/mp4", headers={"Content-Range": f"bytes {start}-{start + 49}/*"})

    service.on_output = [served(upto=100_000, etag='"old"'), part, served(etag='"new"')]
    assert fetch(service, tmp_path / "v.mp4").read_bytes() == VIDEO


def test_a_server_that_always_changes_its_mind_is_given_up(service, tmp_path):
    """Starting anew is no progress."""
    answers = [served(upto=100_000, etag=f'"{n}"') for n in range(40)]
    service.on_output = answers
    with pytest.raises(DownloadError, match="broke off"):
        fetch(service, tmp_path / "v.mp4", timeout=60)


def test_the_last_chunk_proves_that_all_came(service, tmp_path):
    service.on_output = [chunked(VIDEO[:100_000], VIDEO[100_000:])]
    assert fetch(service, tmp_path / "v.mp4").read_bytes() == VIDEO


@pytest.mark.parametrize("etag", ['"v1"', None])
def test_only_the_end_of_the_framing_is_missing(service, tmp_path, etag):
    """Asked for the rest, the server says that there is none (416), or it cannot be asked."""
    asked = []

    def rest(request):
        asked.append(request.headers.get("Range"))
        serve(request, etag=etag)

    service.on_output = [chunked(VIDEO, etag=etag, ends=False), rest]
    assert fetch(service, tmp_path / "v.mp4").read_bytes() == VIDEO
    assert asked == ([f"bytes={len(VIDEO)}-"] if etag else [])


def test_a_416_of_another_size_starts_anew(service, tmp_path):
    def gone(request):
        request.answer(416, headers={"Content-Range": "bytes */10"})

    service.on_output = [served(upto=100_000), gone, served()]
    assert fetch(service, tmp_path / "v.mp4").read_bytes() == VIDEO


def test_what_changed_meanwhile_is_not_taken_for_whole(service, tmp_path):
    """What came is a whole video, but no longer the one that is there."""
    old = VIDEO.replace(MDAT, box(b"mdat", bytes(len(MDAT) - 8)))

    def other(request):
        start = start_of(request)
        named = {"ETag": '"new"', "Content-Range": f"bytes {start}-{start}/{start + 1}"}
        request.answer(206, b"x", kind="video/mp4", headers=named)

    service.on_output = [chunked(old, etag='"old"', ends=False), other, served(etag='"new"')]
    assert fetch(service, tmp_path / "v.mp4").read_bytes() == VIDEO


def cut_at_a_box(kind):
    return VIDEO[: VIDEO.index(MDAT if kind == "mdat" else MOOV)]


@pytest.mark.parametrize("kind", ["mdat", "moov"])
def test_a_cut_between_two_boxes_is_seen(service, tmp_path, kind):
    service.on_output = [served(length=False, etag=None, body=cut_at_a_box(kind)), served(length=False, etag=None)]
    assert fetch(service, tmp_path / "v.mp4").read_bytes() == VIDEO


def test_a_video_that_stays_cut_is_refused(service, tmp_path):
    service.on_output = [served(length=False, etag=None, body=cut_at_a_box("mdat"))]
    with pytest.raises(DownloadError, match="in the middle of the video"):
        fetch(service, tmp_path / "v.mp4")
    assert nothing_is_left(tmp_path)


def encoded(container, *, live=False, **options):
    """A real video of two seconds, as FFmpeg writes it; a live one to where it cannot go back."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"v.{container}")
        with path.open("wb") as file, av.open(Pipe(file) if live else str(path), "w", container, options) as to:
            video = to.add_stream("libvpx" if container == "webm" else "mpeg4", rate=10)
            video.width = video.height = 64
            video.pix_fmt, video.gop_size = "yuv420p", 5
            for n in range(20):
                picture = np.full((64, 64, 3), n * 10, np.uint8)
                to.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            to.mux(video.encode())
        return path.read_bytes()


class Pipe:
    def __init__(self, file):
        self.write = file.write


FRAGMENTED = {"movflags": "frag_keyframe+empty_moov"}
WHOLE = {
    "mp4": encoded("mp4"),
    "mp4 faststart": encoded("mp4", movflags="faststart"),
    "mov": encoded("mov"),
    "fragmented": encoded("mp4", **FRAGMENTED),
    "webm": encoded("webm"),
}
LIVE = {
    "live webm": encoded("webm", live=True),
    "live mp4": encoded("mp4", movflags="frag_keyframe+empty_moov+default_base_moof+skip_trailer"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_real_video_says_that_it_is_whole(name):
    assert is_whole(io.BytesIO(WHOLE[name])) is True


@pytest.mark.parametrize("name", WHOLE)
def test_no_beginning_of_a_real_video_is_whole(name):
    """Wherever it is cut, it is never taken as whole by what it says."""
    video = WHOLE[name]
    assert [n for n in range(len(video)) if is_whole(io.BytesIO(video[:n]))] == []


@pytest.mark.parametrize("name", LIVE)
def test_a_live_recording_does_not_say_where_it_ends(name):
    assert is_whole(io.BytesIO(LIVE[name])) is None
    assert is_whole(io.BytesIO(LIVE[name][:-1])) is False


@pytest.mark.parametrize("name", LIVE)
def test_a_live_recording_is_whole_if_it_ends_there_twice(service, tmp_path, name):
    asked = []

    def behave(request):
        asked.append(request.path)
        serve(request, length=False, etag=None, body=LIVE[name][:-100] if len(asked) == 1 else LIVE[name])

    service.on_output = [behave]
    assert fetch(service, tmp_path / "v.mp4").read_bytes() == LIVE[name]
    assert len(asked) >= 2


def test_data_until_the_end_of_the_file_is_counted(service, tmp_path):
    """The last box may be as long as the file: then only the tables of samples tell."""
    endless = VIDEO.replace(MDAT, bytes(4) + MDAT[4:])
    assert is_whole(io.BytesIO(endless)) is True
    assert is_whole(io.BytesIO(endless[:-1])) is False


@pytest.mark.parametrize("head", [b"\x1a\x45\xdf\xa3", VIDEO[:24], VIDEO[:24] + MOOV[:40]])
def test_no_garbage_breaks_the_check(head):
    for n in range(300):
        is_whole(io.BytesIO(head + os.urandom(n)))
    assert is_whole(io.BytesIO(VIDEO[:24] + box(b"moov", box(b"trak", os.urandom(50))) + MDAT)) is not True


def test_an_error_of_the_disk_while_more_arrives_is_not_lost(service, tmp_path, monkeypatch):
    """The system reports it once: the sync at the end would succeed, and the file would count as whole."""
    left = [OSError(errno.EIO, "the disk is broken")]

    def sync(descriptor):
        if left:
            raise left.pop()

    monkeypatch.setattr("lipsync_nodes.media._partial.SYNC_EVERY", 1000)
    monkeypatch.setattr("os.fsync", sync)
    service.on_output = [served()]
    with pytest.raises(DownloadError, match="the disk is broken"):
        fetch(service, tmp_path / "v.mp4")
    assert nothing_is_left(tmp_path)
    assert fetch(service, tmp_path / "v.mp4").read_bytes() == VIDEO


def test_a_part_that_the_disk_has_damaged_is_not_continued(service, tmp_path, monkeypatch):
    """The error of the disk comes after the last write, and Ctrl-C before the end."""

    def sync(descriptor):
        raise OSError(errno.EIO, "the disk is broken")

    def interrupt(at, _size):
        if at == len(VIDEO):
            raise KeyboardInterrupt

    monkeypatch.setattr("lipsync_nodes.media._partial.SYNC_EVERY", len(VIDEO))
    monkeypatch.setattr("os.fsync", sync)
    service.on_output = [served()]
    with pytest.raises(KeyboardInterrupt):
        fetch(service, tmp_path / "v.mp4", on_progress=interrupt)
    assert nothing_is_left(tmp_path)
