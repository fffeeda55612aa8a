"""What the sandbox shows of a job beside the API's own object."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from lipsync_nodes import words
from lipsync_nodes.checks import Reason
from lipsync_nodes.errors import LipsyncError
from lipsync_nodes.sandbox.jobs.store import StoredJob
from lipsync_nodes.sandbox.server.service import Service

__all__ = ["describe", "sentences", "warning_shown"]


def describe(service: Service, job: StoredJob, base: str) -> dict[str, Any]:
    """Return what the page shows of a job: the API's job object, and what else the sandbox knows."""
    webhook = urlsplit(job.webhook or "")
    return {
        **job.api_object(base, service.clock.now()),
        **sentences(job),
        "endpoint": job.endpoint,
        "form": job.form,
        "created": job.created,
        "age": max(0.0, service.clock.now() - job.created),
        "progress": service.runner.progress.get(job.id) if job.status == "processing" else None,
        "lengths": job.lengths,
        "credits": job.credits,
        "doubt": job.doubt,
        "picture": {name: value for name, value in job.picture.items() if name != "warning"},
        # Only the receiver and the service should know the path of a callback URL.
        "webhook": {"to": f"{webhook.scheme}://{webhook.netloc}/…", **job.delivery} if job.webhook else None,
    }


def warning_shown(job: StoredJob) -> dict[str, Any] | None:
    """Return what is wrong with the video, with its sentences; None if nothing is."""
    warning = job.picture.get("warning")
    if not warning:
        return None
    reason = Reason(code=warning["code"], **warning["facts"])
    return {**warning, "message": words.message(reason), "message_zh": words.message(reason, "zh")}


def sentences(job: StoredJob) -> dict[str, Any]:
    """Return a job's error and its warning. The error is empty if there is only an English sentence."""
    code, facts = job.cause.get("code", ""), job.cause.get("facts", {})
    error = LipsyncError(code=code, remedy=tuple(job.cause.get("remedy", ())), **facts)
    chinese = words.render(error, "zh") if code else ""
    return {"code": code, "facts": facts, "error_zh": chinese, "warning": warning_shown(job)}
