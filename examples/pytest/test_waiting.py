"""What takes long: a job of an hour, and the webhook at its end."""

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

from lipsync_nodes import ImageForm

FORM = ImageForm(image="https://example.com/face.png", audio="https://example.com/voice.mp3")


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def receiver():
    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        server.url, server.bodies = f"http://127.0.0.1:{server.server_port}/webhook", []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.lipsync_fault("job:seconds,seconds=3600")
def test_a_webhook_comes_after_an_hour(lipsync_client, lipsync_sandbox, receiver):
    job = lipsync_client.submit(FORM, webhook=receiver.url)
    lipsync_sandbox.advance(3500)
    assert receiver.bodies == []
    lipsync_sandbox.advance(100)
    [body] = receiver.bodies
    assert (body["id"], body["status"]) == (job.id, "completed")


@pytest.mark.lipsync_fault("job:seconds,seconds=3600")
def test_a_client_waits_for_an_hour(lipsync_async_client, lipsync_sandbox):
    lipsync_sandbox.advance_per_poll = 600
    job = asyncio.run(lipsync_async_client.run(FORM, poll_interval=0.05))
    assert job.execution_time_ms >= 3_600_000


def test_a_video_expires(lipsync_client, lipsync_sandbox):
    job = lipsync_client.run(FORM, poll_interval=0.05)
    lipsync_sandbox.advance(8 * 24 * 3600)
    assert httpx.get(job.output).status_code == 410
