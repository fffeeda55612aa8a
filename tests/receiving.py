"""A receiver on a real server: in a thread, as in a host that mounts one, and as a program of its own."""

import asyncio
import json
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager

import uvicorn

from lipsync_nodes.ledger import Ledger
from lipsync_nodes.settings import Profile
from lipsync_nodes.settings._nested import Webhook
from lipsync_nodes.webhooks import WebhookReceiver

COMMAND = [sys.executable, "-c", "from lipsync_nodes.cli import main; main()"]


class Receiving:
    """Serves a receiver, or an application with one in it, on a port of its own; `profile` submits to it."""

    def __init__(self, api_key, base_url, ledger, *, mount=lambda receiver: receiver, path="", server=None, **options):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}{path}"
        self.profile = Profile(api_key=api_key, base_url=base_url, webhook=Webhook(base=self.url))
        self.ledger = Ledger(ledger)
        self.receiver = WebhookReceiver(self.profile, self.ledger, **options)
        config = uvicorn.Config(mount(self.receiver), log_config=None, lifespan="on", **server or {})
        self._server = uvicorn.Server(config)

    def __enter__(self):
        self._thread = threading.Thread(target=asyncio.run, args=(self._server.serve([self._socket]),))
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.should_exit = True
        self._thread.join()
        self.receiver.close()
        self.ledger.close()
        self._socket.close()


@contextmanager
def serving(env, folder, *options):
    """Run `webhook serve`; gives what it prints first."""
    command = [*COMMAND, "webhook", "serve", "--port", "0", "--json", *options]
    with subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()
            _, err = process.communicate(timeout=30)
            assert "Traceback" not in err
            assert "cb_" not in err


def rows(sandbox):
    """Return all that the sandbox knows of its jobs, the newest first: it alone is told the tokens."""
    return sandbox._server.service.store.newest()


def only_entry(path):
    with Ledger(path) as ledger:
        (entry,) = ledger.entries()
    return entry
