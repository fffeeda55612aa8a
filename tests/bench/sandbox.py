"""The instant sandbox: processor time of the server for a submission and for a poll, beside bare Starlette.

A submission includes the end of its job. Bare Starlette reads the same requests, parses the JSON, and responds with
JSON of the same shape, on the same uvicorn with the same HTTP parser (h11); it checks no key and no field, writes no
journal, and stores and runs no job. Each server is a process of its own. One client sends 1,000 requests of each kind,
one after the other, over one connection; the least of nine runs that take turns.
"""

import http.client
import json
import subprocess
import sys
from contextlib import contextmanager
from urllib.parse import urlsplit

from tests.bench.frame import ROOT, Row, by_turns

REQUESTS = 1000
FORM = {"image": "https://example.com/face.png", "audio": "https://example.com/voice.mp3", "resolution": "720p"}
BODY = json.dumps({"formState": FORM})
HEADERS = {
    "Authorization": "Bearer sk_benchmark", "Content-Type": "application/json", "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate", "User-Agent": "lipsync-nodes/0.1.0",
}  # fmt: skip


class Server:
    """A server in a process of its own."""

    def __init__(self, process):
        self._process = process
        url = urlsplit(process.stdout.readline().strip())
        self._path = url.path
        self._http = http.client.HTTPConnection(url.hostname, url.port)
        self.job_id = self.send("POST", "/lipsync-image", BODY)["id"]

    def send(self, method, path, body=None):
        self._http.request(method, self._path + path, body, HEADERS)
        with self._http.getresponse() as response:
            assert response.status == 200, response.read()
            return json.load(response)

    def cpu(self):
        """Return its processor time until now, in seconds."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def each(self, *request):
        """Return how many milliseconds it works for one request of many."""
        self._http.close()  # the server has ended an idle connection; the first request opens a new one
        began = self.cpu()
        for _ in range(REQUESTS):
            self.send(*request)
        return 1000 * (self.cpu() - began) / REQUESTS

    def submit(self):
        return self.each("POST", "/lipsync-image", BODY)

    def poll(self):
        return self.each("GET", f"/jobs/{self.job_id}")


@contextmanager
def server(kind):
    command = [sys.executable, "-m", "tests.bench._server", kind]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Server(process)
        process.stdin.close()


def rows():
    with server("sandbox") as ours, server("bare") as bare:
        figures = by_turns(ours.submit, bare.submit, ours.poll, bare.poll, times=9)
    yield Row("submit", figures[0], "bare Starlette", figures[1], "ms", "<= 2.0")
    yield Row("poll", figures[2], "bare Starlette", figures[3], "ms", "<= 2.0")
