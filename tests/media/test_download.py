"""Downloads: whole or not at all, from real servers that cut, lie, redirect and never stop."""

import subprocess
import sys
import textwrap
import threading
import time

import pytest

from lipsync_nodes import DownloadError, Job
from lipsync_nodes.media import source_and_target
from tests.downloads import VIDEO, fetch, nothing_is_left, serve, served
from tests.faults import bad_service as bad
from tests.faults.bad_service import OUTPUT, BadService


@pytest.fixture
def service():
    with BadService() as service:
        yield service


def test_a_whole_video_is_saved_under_its_name(service, tmp_path):
    service.on_output = [served()]
    target = tmp_path / "new" / "folder" / "v.mp4"
    assert fetch(service, target).read_bytes() == VIDEO
    assert [path.name for path in target.parent.iterdir()] == ["v.mp4"]


def test_three_cuts_are_resumed_where_they_were(service, tmp_path):
    ranges = []

    def cutting(request):
        ranges.append(request.headers.get("Range"))
        serve(request, upto=len(VIDEO) // 2 if len(ranges) == 1 else 50_000)

    service.on_output = [cutting, cutting, cutting, lambda r: (ranges.append(r.headers.get("Range")), serve(r))]
    assert fetch(service, tmp_path / "v.mp4").read_bytes() == VIDEO
    assert ranges[0] is None
    starts = [int(asked.removeprefix("bytes=").removesuffix("-")) for asked in ranges[1:]]
    assert starts == [len(VIDEO) // 2, len(VIDEO) // 2 + 50_000, len(VIDEO) // 2 + 100_000]


def test_a_video_that_changed_meanwhile_is_fetched_anew(service, tmp_path):
    service.on_output = [served(upto=100_000, etag='"old"', body=bytes(len(VIDEO))), served(etag='"new"')]
    assert fetch(service, tmp_path / "v.mp4").read_bytes() == VIDEO


def test_a_part_of_another_video_is_never_spliced_in(service, tmp_path):
    """The server ignores If-Range and goes on with what it has now."""

    def other(request):
        start = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        named = {"ETag": '"new"', "Content-Range": f"bytes {start}-{len(VIDEO) - 1}/{len(VIDEO)}"}
        request.answer(206, bytes(len(VIDEO) - start), kind="video/mp4", headers=named)

    service.on_output = [served(upto=100_000, etag='"old"', body=bytes(len(VIDEO))), other, served(etag='"new"')]
    assert fetch(service, tmp_path / "v.mp4").read_bytes() == VIDEO


def test_a_part_that_is_too_short_is_gone_on_with(service, tmp_path):
    def short(request):
        start = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        named = {"ETag": '"v1"', "Content-Range": f"bytes {start}-{start + 99}/{len(VIDEO)}"}
        request.answer(206, VIDEO[start : start + 100], kind="video/mp4", headers=named)

    service.on_output = [served(upto=100_000), short, served()]
    assert fetch(service, tmp_path / "v.mp4").read_bytes() == VIDEO


def test_a_shorter_video_leaves_nothing_of_the_longer(service, tmp_path):
    """A shorter video that replaced it leaves nothing of the longer."""
    short = VIDEO[:24] + (108).to_bytes(4, "big") + b"mdat" + bytes(100)
    service.on_output = [served(upto=100_000, etag='"old"'), served(etag='"new"', body=short)]
    assert fetch(service, tmp_path / "v.mp4").read_bytes() == short


def test_many_cuts_are_survived_as_long_as_something_comes(service, tmp_path):
    service.on_output = [*[served(upto=50_000)] * 7, served()]
    assert fetch(service, tmp_path / "v.mp4").read_bytes() == VIDEO


def test_a_server_without_ranges_is_asked_for_the_whole(service, tmp_path):
    """A server that knows no ranges is asked for the whole again."""
    service.on_output = [served(upto=100_000), served(ranges=False)]
    assert fetch(service, tmp_path / "v.mp4").read_bytes() == VIDEO
    service.on_output = [served(upto=100_000, etag=None), served(etag=None)]
    assert fetch(service, tmp_path / "v.mp4").read_bytes() == VIDEO


@pytest.mark.parametrize("answer", [bad.say(503), bad.say(500), bad.say(429), bad.cut_poll])
def test_passing_trouble_is_tried_again(service, tmp_path, answer):
    service.on_output = [answer, answer, served()]
    assert fetch(service, tmp_path / "v.mp4").read_bytes() == VIDEO


@pytest.mark.parametrize(
    ("behave", "words"),
    [
        (bad.say(404), "404"),
        (bad.say(403), "may have expired"),
        (bad.say(410), "410"),
        (served(kind="text/html", body=b"<html>sign in</html>"), "text/html"),
        (served(kind="application/json", body=b"{}"), "application/json"),
        (served(body=b"<html>not a video at all</html>"), "not a video"),
        (served(body=b""), "not a video"),
        (served(body=b"\x89PNG\r\n\x1a\n" + bytes(99)), "not a video"),
        (served(length=False, body=VIDEO[:-7]), "middle of the video"),
        (lambda request: request.answer(206, VIDEO, kind="video/mp4"), "asked to go on at byte 0"),
        (served(upto=0), "broke off"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_whole_video_leaves_nothing(service, tmp_path, behave, words):
    service.on_output = [behave]
    with pytest.raises(DownloadError, match=words):
        fetch(service, tmp_path / "v.mp4", appears_within=0.1)
    assert nothing_is_left(tmp_path)


def test_a_whole_video_without_a_length_is_known_by_its_boxes(service, tmp_path):
    service.on_output = [served(length=False)]
    assert fetch(service, tmp_path / "v.mp4").read_bytes() == VIDEO


def test_an_old_file_stays_until_the_new_one_is_whole(service, tmp_path):
    target = tmp_path / "v.mp4"
    target.write_bytes(b"old")
    service.on_output = [bad.say(404)]
    with pytest.raises(DownloadError):
        fetch(service, target, appears_within=0.1)
    assert target.read_bytes() == b"old"
    service.on_output = [served()]
    assert fetch(service, target).read_bytes() == VIDEO


@pytest.mark.parametrize("length", [True, False])
def test_a_size_beyond_the_cap_is_refused(service, tmp_path, length):
    service.on_output = [served(length=length)]
    with pytest.raises(DownloadError, match="larger"):
        fetch(service, tmp_path / "v.mp4", largest=100_000)
    assert nothing_is_left(tmp_path)


def test_a_download_can_be_stopped(service, tmp_path):
    stop = threading.Event()

    def endless(request):
        request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + OUTPUT)
        stop.set()
        request.cut()

    service.on_output = [endless]
    with pytest.raises(DownloadError, match="stopped"):
        fetch(service, tmp_path / "v.mp4", stop=stop, largest=1 << 30)
    assert nothing_is_left(tmp_path)


def test_progress_counts_up_to_the_whole(service, tmp_path):
    service.on_output = [served()]
    seen = []
    fetch(service, tmp_path / "v.mp4", on_progress=lambda done, size: seen.append((done, size)))
    assert seen[-1] == (len(VIDEO), len(VIDEO))
    assert seen == sorted(seen)


def test_a_name_from_outside_is_made_plain(tmp_path):
    job = Job(id="../../etc/pass wd", status="completed", output="https://x/o.mp4")
    assert source_and_target(job, tmp_path)[1].parent == tmp_path
    assert source_and_target("https://x/a/%2e%2e%2fb%00.mp4?x=1", tmp_path)[1].parent == tmp_path
    assert source_and_target("https://x/", tmp_path)[1].name == "video.mp4"
    assert source_and_target(job, tmp_path / "mine.mp4")[1].name == "mine.mp4"


@pytest.mark.skipif(sys.platform == "win32", reason="the quota of a process is POSIX only")
def test_a_full_disk_leaves_nothing_half_written(service, tmp_path):
    """A quota of 100 kB for the process that downloads."""
    service.on_output = [served()]
    code = f"""
        import resource
        from pathlib import Path
        from lipsync_nodes import DownloadError
        from lipsync_nodes.media import download
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            download({service.url + "/output/v.mp4"!r}, Path({str(tmp_path / "v.mp4")!r}), local=True)
        except DownloadError as error:
            print(error)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert "could not be written: File too large" in done.stdout
    assert nothing_is_left(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="reads ru_maxrss")
def test_half_a_gigabyte_takes_little_memory(service, tmp_path):
    size = 500 << 20

    def big(request):
        request.send_response(200)
        request.send_header("Content-Length", str(size))
        request.end_headers()
        request.wfile.write(OUTPUT[:24] + (size - 24).to_bytes(4, "big") + b"mdat")
        block = bytes(1 << 20)
        left = size - 32
        while left:
            left -= request.wfile.write(block[:left])

    service.on_output = [big]
    code = f"""
        import resource
        from pathlib import Path
        from lipsync_nodes.media import download
        def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        before = peak()
        saved = download({service.url + "/output/v.mp4"!r}, Path({str(tmp_path / "v.mp4")!r}), local=True)
        print(saved.stat().st_size, peak() - before)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    saved, kilobytes = map(int, done.stdout.split())
    assert saved == size
    assert kilobytes < 64 << (0 if sys.platform == "darwin" else 10)


def test_the_output_expires_while_it_is_resumed(service, tmp_path):
    service.on_output = [served(upto=100_000), bad.say(403)]
    began = time.monotonic()
    with pytest.raises(DownloadError, match="may have expired"):
        fetch(service, tmp_path / "v.mp4")
    assert nothing_is_left(tmp_path)
    assert time.monotonic() - began < 10
