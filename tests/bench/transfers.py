"""Downloads and uploads: seconds for one file, and the memory that it takes.

Downloads come from a local server that sends as fast as the kernel can; `curl` writes the same file, and its data
is then synced to the disk, as ours is. Uploads go to a local S3 server (rclone). Ours also hashes the file, which is
how it gets its name. Memory is the growth of a process from a small file to one that is ten times as large.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from tests.bench import _files
from tests.bench.frame import ROOT, Row, by_turns, fresh, peers

MB = 1 << 20
LARGE, SMALL = 500 * MB, 50 * MB
KEY, SECRET = "an-id", "a-secret-0123456789"
BUCKET = "s3://bucket"
START = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"


def video(path, size):
    """Write a file that is a video as far as a download looks."""
    noise = os.urandom(MB)
    with path.open("wb") as file:
        file.write(START + (size - len(START)).to_bytes(4, "big") + b"mdat")
        for _ in range(size // MB - 1):
            file.write(noise)
        file.truncate(size)
    return path


@contextmanager
def program(*command, ready):
    """Run a server, and yield the line that says where it is."""
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield next(line for line in process.stdout if ready in line).strip()
        finally:
            process.kill()


@contextmanager
def web(path):
    with program(sys.executable, _files.__file__, str(path), ready="") as port:
        yield f"http://127.0.0.1:{port}/v.mp4"


@contextmanager
def s3(folder):
    (folder / "s3" / "bucket").mkdir(parents=True)
    rclone = Path(peers()).with_name("rclone")
    options = ["--addr", "127.0.0.1:0", "--auth-key", f"{KEY},{SECRET}", "--config", os.devnull, str(folder / "s3")]
    with program(rclone, "serve", "s3", *options, ready="Starting s3 server") as line:
        yield line.split("[")[1].rstrip("/]")


def timed(work):
    """Return the seconds of some work, and the most memory of this process in MB."""
    import resource

    began = time.perf_counter()
    work()
    return [time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]


def download(url, target):
    from lipsync_nodes.media import download

    return timed(lambda: download(url, Path(target), local=True))


def upload(endpoint, path):
    from lipsync_nodes.media import store_of
    from lipsync_nodes.media._open import digest
    from lipsync_nodes.media._probe import Probe
    from lipsync_nodes.service import Asset
    from lipsync_nodes.settings import Profile

    options = {"endpoint": endpoint, "access_key_id": KEY, "secret_access_key": SECRET, "region": "us-east-1"}
    store = store_of(Profile(storage={"url": BUCKET, "options": options}))
    asset = Asset(Path(path))

    def work():
        store.publish(asset, digest(asset), Probe("video", "video/mp4", ".mp4", None), 60.0)

    figures = timed(work)
    store.delete(digest(asset))
    return figures


def put(endpoint, path):
    import obstore
    from obstore.store import from_url

    config = {"endpoint": endpoint, "access_key_id": KEY, "secret_access_key": SECRET, "region": "us-east-1"}
    store = from_url(BUCKET, config=config, client_options={"allow_http": True})
    figures = timed(lambda: obstore.put(store, "peer", Path(path)))
    obstore.delete(store, "peer")
    return figures


def curl(url, target):
    began = time.perf_counter()
    subprocess.run(["curl", "-s", "-o", target, url], check=True)
    descriptor = os.open(target, os.O_RDWR)
    os.fsync(descriptor)
    os.close(descriptor)
    return time.perf_counter() - began


def rows():
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        large, small, out = video(folder / "large.mp4", LARGE), video(folder / "small.mp4", SMALL), folder / "out.mp4"
        with web(large) as url, web(small) as other:
            peer = (lambda: curl(url, str(out))) if shutil.which("curl") else (lambda: float("nan"))
            ours, theirs = by_turns(lambda: fresh(download, url, str(out))[0], peer)
            yield Row("download 500 MB, MB/s", 500 / ours, "curl and fsync", 500 / theirs, "MB/s", ">= 0.9")
            grown = fresh(download, url, str(out))[1] - fresh(download, other, str(out))[1]
            yield Row("memory of a download, 500 MB beside 50 MB", grown, unit="MB", target="<= 8")
        out.unlink()
        with s3(folder) as endpoint:
            some = video(folder / "some.mp4", 4 * SMALL)
            ours, theirs = by_turns(
                lambda: fresh(upload, endpoint, str(some))[0], lambda: fresh(put, endpoint, str(some))[0]
            )
            yield Row("upload 200 MB", 200 / ours, "obstore.put", 200 / theirs, "MB/s", ">= 0.9")
            grown = fresh(upload, endpoint, str(large))[1] - fresh(upload, endpoint, str(small))[1]
            yield Row("memory of an upload, 500 MB beside 50 MB", grown, unit="MB", target="<= 40")
