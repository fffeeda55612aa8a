"""The clients: `LipsyncClient` and `AsyncLipsyncClient`."""

from lipsync_nodes.client._async import AsyncLipsyncClient
from lipsync_nodes.client._base import deadline_for
from lipsync_nodes.client._options import SubmitOptions
from lipsync_nodes.client._service_check import check_service
from lipsync_nodes.client._sync import LipsyncClient

__all__ = [
    "AsyncLipsyncClient",
    "LipsyncClient",
    "SubmitOptions",
    "check_service",
    "deadline_for",
]
