"""A service that misbehaves on purpose, over real sockets: each submit, poll and download does what a test asks for."""

import json
import socket
import struct
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

OUTPUT = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + b"\0\0\0\x10mdat" + b"12345678"


class BadService:
    """Serves the contract on loopback. `on_submit` and `on_poll` hold behaviours, the last of which goes on for ever.

    `paid` are the jobs that exist, `posts` and `polls` what arrived; a behaviour may make a job and not say so.
    """

    def __init__(self):
        self.on_submit = [accept]
        self.on_poll = [finish]
        self.on_output = [deliver]
        self.on_upload = [store]
        self.paid, self.posts, self.polls, self.keys = [], [], [], set()
        self.webhooks = []  # where each submit that was read wants to be called
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.service = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.base_url = f"{self.url}/api/v1"

    def __enter__(self):
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def make_job(self):
        with self._lock:
            self.paid.append(f"job-{len(self.paid) + 1}")
            return self.paid[-1]

    def next_of(self, behaviours):
        with self._lock:
            return behaviours.pop(0) if len(behaviours) > 1 else behaviours[0]

    def call_back(self, times=1):
        """Deliver the webhook of the latest job."""
        body = {"id": self.paid[-1], "status": "completed", "output": f"{self.url}/output/{self.paid[-1]}.mp4"}
        for _ in range(times):
            httpx.post(self.webhooks[-1], json=body, timeout=10)

    def linger(self, seconds=30.0):
        """Let time pass, but not beyond the test."""
        self._over.wait(seconds)


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 256

    def handle_error(self, *_):
        """A client that gave up is what most of these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    @property
    def service(self):
        return self.server.service

    def do_POST(self):
        self.service.posts.append((self.path, {**self.headers, "X-Port": self.client_address[1]}))
        self.service.next_of(self.service.on_submit)(self)

    def do_PUT(self):
        self.service.next_of(self.service.on_upload)(self)

    def do_GET(self):
        if self.path.startswith("/output"):
            self.service.next_of(self.service.on_output)(self)
            return
        self.service.polls.append((self.path, dict(self.headers)))
        self.service.next_of(self.service.on_poll)(self)

    def read(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.service.webhooks.append(body.get("webhook"))
        return body

    def answer(self, status, body=b"", *, kind="application/json", headers=()):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def cut(self, *, reset=False):
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def drip(self, raw, pause=0.05):
        """Send byte by byte: each read is quick, their sum is not."""
        self.close_connection = True
        with suppress(OSError):
            for byte in raw:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                self.service._over.wait(pause)

    def log_message(self, *_):
        pass


# Behaviours of submits.


def accept(request):
    request.read()
    request.answer(200, {"id": request.service.make_job(), "status": "processing"})


def accept_as_request_id(request):
    request.read()
    request.answer(200, {"requestId": request.service.make_job(), "status": "processing"})


def refuse(status, body=None, **headers):
    """Answer with an error and make no job; the headers' names are written with underscores."""

    def behave(request):
        request.read()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request.answer(status, {"error": f"refused with {status}"} if body is None else body, headers=named)

    return behave


def cut_before_reading(request):
    request.cut(reset=True)


def cut_after_reading(request):
    request.read()
    request.service.make_job()
    request.cut()


def hang(request):
    request.read()
    request.service.make_job()
    request.service.linger()
    request.cut()


def drip_headers(request):
    request.read()
    job = request.service.make_job()
    body = json.dumps({"id": job, "status": "processing"})
    request.drip(f"HTTP/1.1 200 OK\r\nX-Slow: {'x' * 400}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())


def drip_body(request):
    request.read()
    body = json.dumps({"id": request.service.make_job(), "status": "processing", "pad": "x" * 400})
    request.wfile.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode())
    request.drip(body.encode())


def accept_saying(body, *, status=200, kind="application/json", **headers):
    """Make a job, and answer with something else than its description; headers as of `refuse`."""

    def behave(request):
        request.read()
        request.service.make_job()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request.answer(status, body, kind=kind, headers=named)

    return behave


def accept_cutting_the_answer(request):
    request.read()
    body = json.dumps({"id": request.service.make_job(), "status": "processing"}).encode()
    request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body[: len(body) // 2])
    request.cut()


# Behaviours of uploads, polls and downloads.


def store(request):
    request.rfile.read(int(request.headers["Content-Length"]))
    request.answer(201, {"url": f"{request.service.url}{request.path}"})


def take_no_files(request):
    request.rfile.read(int(request.headers["Content-Length"]))
    request.answer(404)


def job_id_of(request):
    return request.path.rsplit("/", 1)[1]


def finish(request):
    job = {
        "id": job_id_of(request),
        "model": "lipsync-image",
        "status": "completed",
        "error": "",
        "executionTime": 1200,
    }
    request.answer(200, {**job, "output": f"{request.service.url}/output/{job_id_of(request)}.mp4", "timings": None})


def still(status="processing"):
    def behave(request):
        request.answer(
            200, {"id": job_id_of(request), "model": "lipsync", "status": status, "output": None, "error": ""}
        )

    return behave


def say(status, body=None, *, kind="application/json", **headers):
    def behave(request):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request.answer(status, {"error": f"says {status}"} if body is None else body, kind=kind, headers=named)

    return behave


def end_with(**fields):
    def behave(request):
        request.answer(200, {"id": job_id_of(request), "model": "lipsync-image", "error": "", **fields})

    return behave


def cut_poll(request):
    request.cut()


def hang_poll(request):
    request.service.linger()
    request.cut()


def drip_poll(request):
    body = json.dumps({"id": job_id_of(request), "status": "processing", "pad": "x" * 400})
    request.drip(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())


def deliver(request):
    request.answer(200, OUTPUT, kind="video/mp4")


@contextmanager
def unused_port():
    """A port at which surely nobody listens: it is taken, and whoever has it does not."""
    with socket.socket() as owner:
        owner.bind(("127.0.0.1", 0))
        yield owner.getsockname()[1]


def wait_until(condition, seconds=60.0):
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not come about in time"
        time.sleep(0.01)
