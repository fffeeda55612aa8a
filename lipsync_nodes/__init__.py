"""lipsync-nodes: lip-sync videos for Python and for workflow engines.

`LipsyncClient` (or `AsyncLipsyncClient`) submits a form, waits for the job and saves its video:

    from lipsync_nodes import ImageForm, LipsyncClient

    with LipsyncClient() as client:  # the key comes from LIPSYNC_API_KEY
        job = client.run(ImageForm(image="https://…/face.png", audio="https://…/voice.mp3"))
        client.download(job, "talking.mp4")

Importing this package is fast, because each name is loaded when it is first used (PEP 562).
"""

from lipsync_nodes._lazy import lazy

TYPE_CHECKING = False  # for type checkers, this name is true; importing `typing` takes 8 ms
if TYPE_CHECKING:
    from lipsync_nodes.client import AsyncLipsyncClient, LipsyncClient
    from lipsync_nodes.errors import (
        AuthenticationError,
        BudgetExceeded,
        CheckRefused,
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
    from lipsync_nodes.ledger import Ledger
    from lipsync_nodes.media import estimate_credits
    from lipsync_nodes.service import Asset, Credits, ImageForm, ImageMultiForm, Job, JobStatus, VideoForm, WebhookEvent
    from lipsync_nodes.settings import Profile
    from lipsync_nodes.webhooks import WebhookReceiver

__all__ = [
    "Asset", "AsyncLipsyncClient", "AuthenticationError", "BudgetExceeded", "CheckRefused", "ConfigurationError",
    "ConnectionFailed", "Credits", "DownloadError", "ImageForm", "ImageMultiForm", "InsufficientCredits",
    "InvalidRequest", "Job", "JobFailed", "JobNotFound", "JobStatus", "JobStopped", "JobTimeout", "Ledger",
    "LipsyncClient", "LipsyncError", "Profile", "RateLimited", "ServiceError", "SubmissionUncertain", "SubmitTimeout",
    "VideoForm", "WebhookEvent", "WebhookReceiver", "estimate_credits",
]  # fmt: skip

__version__ = "0.1.0"

_HOMES = {
    "client": ("AsyncLipsyncClient", "LipsyncClient"),
    "errors": (
        "AuthenticationError", "BudgetExceeded", "CheckRefused", "ConfigurationError", "ConnectionFailed",
        "DownloadError", "InsufficientCredits", "InvalidRequest", "JobFailed", "JobNotFound", "JobStopped",
        "JobTimeout", "LipsyncError", "RateLimited", "ServiceError", "SubmissionUncertain", "SubmitTimeout",
    ),
    "ledger": ("Ledger",),
    "media": ("estimate_credits",),
    "service": ("Asset", "Credits", "ImageForm", "ImageMultiForm", "Job", "JobStatus", "VideoForm", "WebhookEvent"),
    "settings": ("Profile",),
    "webhooks": ("WebhookReceiver",),
}  # fmt: skip
__getattr__, __dir__ = lazy(__name__, _HOMES)
