"""Runs flows over HTTP. This is the only room of the core that imports httpx.

The design follows from measurements:

- Creating a TLS context blocks for 32 ms, so there is one for each process.
- Thousands of requests that wait in httpx's pool slow an event loop down quadratically, so their number is limited
  before they reach the pool.
- If the server is just closing an idle connection, a submission on it has an unknown outcome. So each submission uses
  its own connection.

You can pass a client of httpx or of its successor httpx2. Exceptions are recognized by the names that both have.

Each name is loaded when it is first used: the blocking driver needs no asyncio.
"""

from typing import TYPE_CHECKING

from lipsync_nodes._lazy import lazy

if TYPE_CHECKING:
    from lipsync_nodes.http._aio import AsyncTransport
    from lipsync_nodes.http._files import CutShort, Downloads, deliver, fetch, upload
    from lipsync_nodes.http._forward import Forwarded, Forwarder, Unanswered
    from lipsync_nodes.http._sync import Transport
    from lipsync_nodes.http._wire import Recorder

__all__ = [
    "AsyncTransport", "CutShort", "Downloads", "Forwarded", "Forwarder", "Recorder", "Transport", "Unanswered",
    "deliver", "fetch", "upload",
]  # fmt: skip

_HOMES = {
    "http._aio": ("AsyncTransport",),
    "http._files": ("CutShort", "Downloads", "deliver", "fetch", "upload"),
    "http._forward": ("Forwarded", "Forwarder", "Unanswered"),
    "http._sync": ("Transport",),
    "http._wire": ("Recorder",),
}
__getattr__, __dir__ = lazy(__name__, _HOMES)
