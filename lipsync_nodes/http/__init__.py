"""Carries a flow out over HTTP. The only room of the core that imports httpx.

Measured facts behind the design: a TLS context costs 32 ms of blocking, so there is one per process; a loop that has
thousands of requests waiting inside httpx's pool slows down quadratically, so requests in flight are bounded before the
pool; a submit on an idle connection that the server is just closing has an unknown outcome, so each submit travels on a
connection of its own.

A client of httpx or of its successor httpx2 can be handed in: exceptions are told apart by the names that both share.
"""

from lipsync_nodes.http._aio import AsyncTransport
from lipsync_nodes.http._files import CutShort, Downloads, deliver, fetch, upload
from lipsync_nodes.http._sync import Interrupted, Transport
from lipsync_nodes.http._wire import Recorder

__all__ = [
    "AsyncTransport",
    "CutShort",
    "Downloads",
    "Interrupted",
    "Recorder",
    "Transport",
    "deliver",
    "fetch",
    "upload",
]
