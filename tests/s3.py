"""A real S3 server for the tests, and a line to it that breaks."""

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults.bad_service import wait_until

S3_KEY, S3_SECRET = "an-id", "a-secret-0123456789"
STARTED = re.compile(r"Starting s3 server on \[(http://127\.0\.0\.1:\d+)/\]")


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    """A server that checks signatures and their expiry; gives its endpoint, and the folder that is its bucket."""
    folder = tmp_path_factory.mktemp("s3")
    (folder / "data" / "bucket").mkdir(parents=True)
    log = folder / "rclone.txt"
    program = shutil.which("rclone", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    command = [program, "serve", "s3", "--addr", "127.0.0.1:0", "--auth-key", f"{S3_KEY},{S3_SECRET}", "-vv",
               "--log-file", str(log), "--config", str(folder / "none.conf"), str(folder / "data")]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    log.touch()
    wait_until(lambda: STARTED.search(log.read_text()))
    yield STARTED.search(log.read_text())[1], folder / "data" / "bucket"
    process.terminate()
    process.wait()


class Line:
    """A TCP line to a server. While `room` is a number, so many bytes of requests pass, and then no more."""

    def __init__(self, endpoint):
        host, port = endpoint.rpartition("/")[2].split(":")
        self._to = host, int(port)
        self.room = None
        self.broken = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self):
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._socket.close()

    def _serve(self):
        with suppress(OSError):
            while True:
                here, _ = self._socket.accept()
                there = socket.create_connection(self._to)
                threading.Thread(target=self._carry, args=(here, there, True), daemon=True).start()
                threading.Thread(target=self._carry, args=(there, here, False), daemon=True).start()

    def _carry(self, source, sink, requests):
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if requests and self.room is not None:
                    data, whole = data[: self.room], len(data)
                    self.room -= len(data)
                    if len(data) < whole:
                        sink.sendall(data)
                        self.broken += 1
                        break
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
