"""What a download may take: a video that is not there yet, servers that drip, and processes that are killed."""

import os
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from lipsync_nodes import DownloadError, InvalidRequest, Job
from lipsync_nodes.media._partial import _STALE_SECONDS
from tests.downloads import VIDEO, download, fetch, nothing_is_left, serve, served
from tests.faults import bad_service as bad
from tests.faults.bad_service import BadService


@pytest.fixture
def service():
    with BadService() as service:
        yield service


@pytest.mark.parametrize("status", [404, 403])
def test_a_video_that_is_not_there_yet_is_waited_for(service, tmp_path, status):
    service.on_output = [*[bad.say(status)] * 4, served()]
    assert fetch(service, tmp_path / "v.mp4").read_bytes() == VIDEO


@pytest.mark.parametrize("status", [404, 403])
def test_a_video_that_never_comes_is_told_with_its_job(face_of, service, tmp_path, status, monkeypatch):
    monkeypatch.setattr("lipsync_nodes.media._download.APPEARS_SECONDS", 0.5)
    service.on_output = [bad.say(status)]
    job = Job(id="job-7", status="completed", output=f"{service.url}/output/v.mp4")
    face = face_of(api_key="sk_download_0123456789", base_url=service.base_url)
    with pytest.raises(DownloadError, match="expired, or it is not there yet") as caught:
        face.download(job, tmp_path / "v.mp4")
    assert (caught.value.job_id, caught.value.may_have_charged) == ("job-7", True)
    assert str(status) in str(caught.value)
    assert nothing_is_left(tmp_path)


def test_what_is_gone_is_not_waited_for(service, tmp_path):
    seen = []
    service.on_output = [lambda request: (seen.append(1), bad.say(410)(request))]
    with pytest.raises(DownloadError, match="410"):
        fetch(service, tmp_path / "v.mp4")
    assert len(seen) == 1


def test_waiting_for_a_video_can_be_stopped(service, tmp_path):
    stop = threading.Event()
    service.on_output = [lambda request: (bad.say(404)(request), stop.set())]
    with pytest.raises(DownloadError, match="stopped"):
        fetch(service, tmp_path / "v.mp4", stop=stop)


def drip(request):
    """Byte by byte: no read is slow, their sum is."""
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(VIDEO)}\r\n\r\n"
    request.wfile.write(head.encode())
    request.drip(VIDEO, 0.02)


def drip_headers(request):
    request.drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 60_000, 0.02)


@pytest.mark.parametrize("behave", [drip, drip_headers, bad.hang_poll])
def test_a_download_that_drips_ends_in_time(face_of, service, tmp_path, behave):
    service.on_output = [behave]
    face = face_of(api_key="sk_download_0123456789", base_url=service.base_url)
    began = time.monotonic()
    with pytest.raises(DownloadError, match="too slow"):
        face.download(f"{service.url}/output/v.mp4", tmp_path / "v.mp4", timeout=1.0)
    assert time.monotonic() - began < 20
    assert nothing_is_left(tmp_path)


def test_by_default_a_drip_ends_and_a_slow_line_does_not(service, tmp_path, monkeypatch):
    """What a download may take grows with what came."""
    monkeypatch.setattr("lipsync_nodes.media._fetch.LEAST_SECONDS", 2.0)
    service.on_output = [drip]
    with pytest.raises(DownloadError, match="too slow"):
        fetch(service, tmp_path / "v.mp4")

    def steadily(request):
        request.send_response(200)
        request.send_header("Content-Length", str(len(VIDEO)))
        request.end_headers()
        for at in range(0, len(VIDEO), 80_000):
            request.wfile.write(VIDEO[at : at + 80_000])
            time.sleep(0.5)

    service.on_output = [steadily]
    assert fetch(service, tmp_path / "v.mp4").read_bytes() == VIDEO


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
def test_a_time_limit_is_a_positive_number(face_of, service, tmp_path, timeout):
    face = face_of(api_key="sk_download_0123456789", base_url=service.base_url)
    with pytest.raises(InvalidRequest, match="timeout must be a positive number"):
        face.download(f"{service.url}/output/v.mp4", tmp_path / "v.mp4", timeout=timeout)


# What a process that was killed leaves.


def ranges(service, *answers):
    """Have the service answer so, and return what ranges it is asked for."""
    asked = []

    def noted(answer):
        return lambda request: (asked.append(request.headers.get("Range")), answer(request))

    service.on_output = [noted(answer) for answer in answers]
    return asked


def send_half(request):
    request.send_response(200)
    request.send_header("Content-Length", str(len(VIDEO)))
    request.send_header("ETag", '"v1"')
    request.end_headers()
    request.wfile.write(VIDEO[: len(VIDEO) // 2])
    request.wfile.flush()


def half(request):
    """Send half a video, and no more."""
    send_half(request)
    request.service.linger(60)


def killed_halfway(service, target, identity="job-1"):
    """Kill a process once it has written much of a video, and return how much."""
    code = f"""
        from pathlib import Path
        from tests.downloads import download
        url, target = {f"{service.url}/output/first.mp4"!r}, Path({str(target)!r})
        download(url, target, local=True, identity={identity!r})
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stderr=subprocess.DEVNULL)
    bad.wait_until(lambda: sum(part.stat().st_size for part in target.parent.glob(".*.part")) > 100_000)
    process.kill()
    process.wait()
    (part,) = target.parent.glob(".*.part")
    return part.stat().st_size


@pytest.fixture
def killed(service, tmp_path):
    """A folder in which half a video lies."""
    service.on_output = [half]
    return killed_halfway(service, tmp_path / "v.mp4")


def again(service, target, identity="job-1"):
    """Download the same job, whose URL is signed anew."""
    return download(f"{service.url}/output/second.mp4?signed=anew", target, local=True, identity=identity)


def names(folder):
    return [path.name for path in folder.iterdir()]


def test_what_a_killed_process_left_is_gone_on_with(service, tmp_path, killed):
    asked = ranges(service, served())
    assert again(service, tmp_path / "v.mp4").read_bytes() == VIDEO
    assert asked == [f"bytes={killed}-"]
    assert names(tmp_path) == ["v.mp4"]


def test_what_was_left_of_another_version_is_thrown_away(service, tmp_path, killed):
    other = VIDEO[:24] + VIDEO[24:][::-1]
    asked = ranges(service, served(etag='"v2"', body=other))
    assert again(service, tmp_path / "v.mp4").read_bytes() == other
    assert asked == [f"bytes={killed}-"]
    assert names(tmp_path) == ["v.mp4"]


def test_what_was_left_of_another_job_is_not_used(service, tmp_path, killed):
    asked = ranges(service, served())
    assert again(service, tmp_path / "v.mp4", identity="job-2").read_bytes() == VIDEO
    assert asked == [None]


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b'{"validator": 5, "size": 3}', b'{"size": 3}', b"\xff"])
def test_a_note_that_says_nothing_starts_anew(service, tmp_path, killed, note):
    (path,) = tmp_path.glob(".*.note")
    path.write_bytes(note)
    asked = ranges(service, served())
    assert again(service, tmp_path / "v.mp4").read_bytes() == VIDEO
    assert asked == [None]
    assert names(tmp_path) == ["v.mp4"]


@pytest.mark.skipif(os.name != "posix", reason="makes links")
def test_what_somebody_else_put_there_is_not_written_to(service, tmp_path, killed):
    (part,) = tmp_path.glob(".*.part")
    part.unlink()
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    part.symlink_to(precious)
    ranges(service, served())
    assert again(service, tmp_path / "v.mp4").read_bytes() == VIDEO
    assert precious.read_bytes() == b"precious"


def test_a_connection_that_breaks_for_good_leaves_what_came(service, tmp_path):
    service.on_output = [served(upto=100_000), served(upto=0)]
    with pytest.raises(DownloadError, match="broke off at byte 100000"):
        fetch(service, tmp_path / "v.mp4", identity="job-1")
    asked = ranges(service, served())
    assert again(service, tmp_path / "v.mp4").read_bytes() == VIDEO
    assert asked == ["bytes=100000-"]
    assert names(tmp_path) == ["v.mp4"]


def test_what_nobody_came_back_for_is_removed(service, tmp_path, killed):
    for path in tmp_path.iterdir():
        os.utime(path, (time.time() - _STALE_SECONDS - 60,) * 2)
    (tmp_path / ".mine.part").touch()
    (tmp_path / f".recent.{16 * 'a'}.part").touch()
    service.on_output = [served()]
    fetch(service, tmp_path / "other.mp4")
    assert sorted(names(tmp_path)) == [".mine.part", f".recent.{16 * 'a'}.part", "other.mp4"]


def test_what_another_process_is_writing_is_left_alone(service, tmp_path):
    target, arrived = tmp_path / "v.mp4", threading.Event()

    def held(request):
        send_half(request)
        arrived.wait(30)
        request.wfile.write(VIDEO[len(VIDEO) // 2 :])

    service.on_output = [held]
    first = threading.Thread(target=lambda: fetch(service, target, identity="job-1"))
    first.start()
    bad.wait_until(lambda: any(part.stat().st_size for part in tmp_path.glob(".*.part")))
    service.on_output = [serve]
    assert again(service, target).read_bytes() == VIDEO
    arrived.set()
    first.join()
    assert target.read_bytes() == VIDEO
    assert names(tmp_path) == ["v.mp4"]
