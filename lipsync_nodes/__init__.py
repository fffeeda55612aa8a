"""lipsync-nodes: a lip-sync video API for Python and for workflow engines.

`LipsyncClient` (or `AsyncLipsyncClient`) takes a form, submits it, waits for the job and saves its video:

    from lipsync_nodes import ImageForm, LipsyncClient

    with LipsyncClient() as client:  # the key comes from LIPSYNC_API_KEY
        job = client.run(ImageForm(image="https://…/face.png", audio="https://…/voice.mp3"))
        client.download(job, "talking.mp4")

Importing this package is nearly free: each name is loaded when it is first used (PEP 562).
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lipsync_nodes.client import AsyncLipsyncClient, LipsyncClient
    from lipsync_nodes.contract import ImageForm, ImageMultiForm, Job, JobStatus, VideoForm, WebhookEvent
    from lipsync_nodes.credits import Credits, estimate_credits
    from lipsync_nodes.errors import (
        AuthenticationError,
        BudgetExceeded,
        ConfigurationError,
        ConnectionFailed,
        DownloadError,
        InsufficientCredits,
        InvalidRequest,
        JobFailed,
        JobNotFound,
        JobStopped,
        JobTimeout,
        LipsyncError,
        RateLimited,
        ServiceError,
        SubmissionUncertain,
        SubmitTimeout,
    )

__all__ = [
    "AsyncLipsyncClient",
    "AuthenticationError",
    "BudgetExceeded",
    "ConfigurationError",
    "ConnectionFailed",
    "Credits",
    "DownloadError",
    "ImageForm",
    "ImageMultiForm",
    "InsufficientCredits",
    "InvalidRequest",
    "Job",
    "JobFailed",
    "JobNotFound",
    "JobStatus",
    "JobStopped",
    "JobTimeout",
    "LipsyncClient",
    "LipsyncError",
    "RateLimited",
    "ServiceError",
    "SubmissionUncertain",
    "SubmitTimeout",
    "VideoForm",
    "WebhookEvent",
    "estimate_credits",
]

__version__ = "0.1.0"

_HOMES = {
    "client": ("AsyncLipsyncClient", "LipsyncClient"),
    "contract": ("ImageForm", "ImageMultiForm", "Job", "JobStatus", "VideoForm", "WebhookEvent"),
    "credits": ("Credits", "estimate_credits"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOME_OF.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
