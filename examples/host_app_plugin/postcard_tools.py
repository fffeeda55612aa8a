"""A third-party plugin: it publishes local files in a folder behind a web server, and writes job events to a CSV file.

It works wherever lipsync-nodes runs: in the example host, on the command line, in a notebook. The web server here is on
this machine, which a sandbox can reach. For the service, it would have to be a public one.
"""

from __future__ import annotations

import csv
import hashlib
import mimetypes
import os
from dataclasses import asdict, fields
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread

import pluggy

from lipsync_nodes import Asset
from lipsync_nodes.host import JobEvent, hookimpl

FOLDER = Path(os.environ.get("POSTCARD_TOOLS", "postcard-tools"))
COLUMNS = [field.name for field in fields(JobEvent)]


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the library's
        """Print nothing: the terminal belongs to the host."""


@cache
def address() -> str:
    """Start the web server, once, and return the URL of the folder."""
    (FOLDER / "www").mkdir(parents=True, exist_ok=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(FOLDER / "www")))
    Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


class _ForLipsyncNodes:
    """The hooks of the core."""

    def __init__(self) -> None:
        self._lock = Lock()

    @hookimpl
    def lipsync_publish_asset(self, asset: Asset, media_type: str) -> str | None:
        """Copy a file into the folder. Bytes and open files are left to the configured storage."""
        if not isinstance(asset.source, Path):
            return None
        content = asset.source.read_bytes()
        name = hashlib.sha256(content).hexdigest() + (mimetypes.guess_extension(media_type) or "")
        url = f"{address()}/{name}"
        (FOLDER / "www" / name).write_bytes(content)
        return url

    @hookimpl
    def lipsync_job_event(self, event: JobEvent) -> None:
        """Add a line to the table. Events may come from several threads."""
        with self._lock:
            FOLDER.mkdir(parents=True, exist_ok=True)
            with (FOLDER / "events.csv").open("a", newline="", encoding="utf-8") as file:
                table = csv.DictWriter(file, COLUMNS)
                if not file.tell():
                    table.writeheader()
                table.writerow(asdict(event))


class _ForTalkingPostcards:
    """The hook of the host."""

    @pluggy.HookimplMarker("talking_postcards")
    def talking_postcards_arrived(self, url: str) -> None:
        """Keep a list of all postcards."""
        with (FOLDER / "postcards.txt").open("a", encoding="utf-8") as file:
            file.write(f"{url}\n")


for_lipsync_nodes = _ForLipsyncNodes()
for_talking_postcards = _ForTalkingPostcards()
