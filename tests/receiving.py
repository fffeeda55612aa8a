"""A receiver on a real server, in a thread: what a host does that mounts one."""

import asyncio
import socket
import threading

import uvicorn

from lipsync_nodes.ledger import Ledger
from lipsync_nodes.settings import Profile, Webhook
from lipsync_nodes.webhooks import WebhookReceiver


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
