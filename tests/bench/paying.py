"""Submissions that can be billed: how many POSTs arrive for one submit, with each client's own retries.

The server hangs without an answer, cuts the connection after it has read the request, or answers 503 or 429, both
with `Retry-After: 1`. In the first three cases it may have accepted the job, so each further POST may be billed again.
A 429 refuses the job, so it costs nothing to send it again. All clients have a timeout of two seconds for a request
where they have such an option; a client that still retries after 25 seconds is ended.
"""

import contextlib
import os
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.bench.frame import Row, fresh

FAULTS = ("hang", "cut", "503", "429")
SECONDS, LONGEST = 2.0, 25


class Server:
    """Counts POSTs, and answers all of them with one fault."""

    def __init__(self, fault, certificate=None):
        self.fault, self.posts = fault, 0
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if certificate else None
        if self._tls:
            self._tls.load_cert_chain(certificate)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._answer, args=(self._socket.accept()[0],), daemon=True).start()

    def _answer(self, connection):
        with contextlib.suppress(OSError), connection:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            request = b""
            while not _whole(request):
                if not (data := connection.recv(1 << 16)):
                    return
                request += data
            self.posts += request.startswith(b"POST ")
            if self.fault == "hang":
                time.sleep(LONGEST)
            elif self.fault != "cut":
                reason = {"503": "Service Unavailable", "429": "Too Many Requests"}[self.fault]
                head = f"HTTP/1.1 {self.fault} {reason}\r\nRetry-After: 1\r\nContent-Length: 2\r\nConnection: close"
                connection.sendall(f"{head}\r\nContent-Type: application/json\r\n\r\n{{}}".encode())

    def close(self):
        self._socket.close()


def _whole(request):
    head, found, body = request.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(found) and (len(body) >= int(lengths[0]) if lengths else body.endswith(b"0\r\n\r\n") or not body)


def ours(host):
    from lipsync_nodes import ImageForm, LipsyncClient
    from lipsync_nodes.flows import Policy

    with LipsyncClient("sk_key", f"http://{host}", policy=Policy(request_timeout=SECONDS)) as client:
        client.submit(ImageForm(image="https://x.example/i.png", audio="https://x.example/a.mp3"))


def fal_client(host):  # it knows only https
    os.environ["FAL_QUEUE_RUN_HOST"] = host
    import fal_client

    fal_client.SyncClient(key="k", default_timeout=SECONDS).submit("fal-ai/lipsync", {"a": 1})


def wavespeed(host):
    import wavespeed

    client = wavespeed.Client(api_key="k", base_url=f"http://{host}")
    client.run("wavespeed-ai/infinitetalk", {"a": 1}, timeout=SECONDS)


def replicate(host):
    import httpx
    import replicate

    client = replicate.Client(api_token="k", base_url=f"http://{host}", timeout=httpx.Timeout(SECONDS))
    client.predictions.create(version="v", input={"a": 1})


def syncsdk(host):
    from sync import Sync
    from sync.common import Audio, Video

    inputs = [Video(url="https://x.example/v.mp4"), Audio(url="https://x.example/a.wav")]
    Sync(api_key="k", base_url=f"http://{host}", timeout=SECONDS).generations.create(model="lipsync-2", input=inputs)


def runwayml(host):
    from runwayml import RunwayML

    client = RunwayML(api_key="k", base_url=f"http://{host}", timeout=SECONDS)
    client.image_to_video.create(
        model="gen4_turbo", prompt_image="https://x.example/i.png", prompt_text="hi", ratio="1280:720", duration=5
    )


CLIENTS = {
    "lipsync-nodes": ours,
    "fal-client": fal_client,
    "wavespeed": wavespeed,
    "replicate": replicate,
    "syncsdk": syncsdk,
    "runwayml": runwayml,
}


def submit(who, host, certificate):
    """Submit once, and return how that failed."""
    threading.Timer(LONGEST, lambda: (print('"it went on"', flush=True), os._exit(0))).start()
    os.environ["SSL_CERT_FILE"] = certificate
    try:
        CLIENTS[who](host)
    except Exception as error:  # noqa: BLE001
        print(f'"{type(error).__name__}"', flush=True)
    os._exit(0)


def posts(who, fault, certificate):
    server = Server(fault, certificate if who == "fal-client" else None)
    try:
        fresh(submit, who, server.host, certificate)
    finally:
        server.close()
    return server.posts or "none arrived"


def rows():
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(12) as pool:
        certificate = str(Path(folder) / "both.pem")
        command = (
            "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
        )
        subprocess.run(
            [*command.split(), "-keyout", certificate, "-out", certificate + ".crt"], check=True, capture_output=True
        )
        with Path(certificate).open("ab") as both:
            both.write(Path(certificate + ".crt").read_bytes())
        counted = {(who, fault): pool.submit(posts, who, fault, certificate) for fault in FAULTS for who in CLIENTS}
        for fault in FAULTS:
            mine = counted["lipsync-nodes", fault].result()
            yield Row(f"{fault}: POSTs for one submit", mine, target="" if fault == "429" else "<= 1")
            for peer in list(CLIENTS)[1:]:
                yield Row(f"{fault}: POSTs for one submit", mine, peer, counted[peer, fault].result())
