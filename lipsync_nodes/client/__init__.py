"""The clients: `LipsyncClient` and `AsyncLipsyncClient`. Each name is loaded when it is first used."""

from typing import TYPE_CHECKING

from lipsync_nodes._lazy import lazy

if TYPE_CHECKING:
    from lipsync_nodes.client._async import AsyncLipsyncClient
    from lipsync_nodes.client._checking import refusal
    from lipsync_nodes.client._options import SubmitOptions
    from lipsync_nodes.client._service_check import check_service
    from lipsync_nodes.client._sync import LipsyncClient
    from lipsync_nodes.client._verify import VerifyOptions

__all__ = [
    "AsyncLipsyncClient", "LipsyncClient", "SubmitOptions", "VerifyOptions", "check_service", "refusal",
]  # fmt: skip

_HOMES = {
    "client._async": ("AsyncLipsyncClient",),
    "client._checking": ("refusal",),
    "client._options": ("SubmitOptions",),
    "client._service_check": ("check_service",),
    "client._sync": ("LipsyncClient",),
    "client._verify": ("VerifyOptions",),
}
__getattr__, __dir__ = lazy(__name__, _HOMES)
