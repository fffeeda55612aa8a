"""Logs what becomes of a job, and counts it in Airflow's metrics.

lipsync.submits, lipsync.credits    counters, by `endpoint`: paid submissions, and the most credits that they cost
lipsync.waits                       a counter, by `outcome`: completed, failed or timeout
lipsync.wait_seconds                a timer of these waits
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from airflow.providers.common.compat.sdk import Stats

from lipsync_nodes import Job, JobFailed, JobTimeout
from lipsync_nodes.host import Submission, brief, usual_wait

__all__ = ["Progress", "counted_wait", "duration", "report_submission"]

# The seconds between two lines on a job whose status does not change.
QUIET: Final = 60.0
_log = logging.getLogger(__name__)


def report_submission(submission: Submission, job_id: str) -> None:
    """Log and count a submission that was paid for."""
    tags = {"endpoint": submission.endpoint}
    credits_ = "an unknown number of credits" if submission.credits is None else f"at most {submission.credits} credits"
    _log.info("Submitted job %s to %s, for %s: %s", job_id, submission.endpoint, credits_, _form(submission.form_state))
    if submission.tags:
        _log.info("The tags of job %s: %s", job_id, ", ".join(map("=".join, submission.tags.items())))
    Stats.incr("lipsync.submits", tags=tags)
    if submission.credits:
        Stats.incr("lipsync.credits", count=int(submission.credits), tags=tags)


class Progress:
    """Logs a job after a poll: each new status, and otherwise a line each minute.

    Args:
        log: the logger.
        began: when the wait began, in seconds since 1970.
        seconds: the length of the video in seconds, if it is known.

    """

    def __init__(self, log: Any, began: float, seconds: float | None = None) -> None:
        self._log, self._began = log, began
        self._usual = f"; usually {' to '.join(map(duration, usual_wait(seconds)))}" if seconds else ""
        self._status: object = None
        self._logged_at = 0.0

    def __call__(self, job: Job) -> None:
        """Log the job, if it is time to."""
        now = time.time()
        if job.status == self._status and now - self._logged_at < QUIET:
            return
        self._status, self._logged_at = job.status, now
        usual = "" if job.finished else self._usual
        self._log.info("Job %s is %s after %s%s", job.id, job.status.value, duration(now - self._began), usual)


@contextmanager
def counted_wait(began: float) -> Iterator[None]:
    """Count the wait in this block by its outcome. Other errors are not outcomes of a wait."""
    outcome = "completed"
    try:
        yield
    except JobFailed:
        outcome = "failed"
        raise
    except JobTimeout:
        outcome = "timeout"
        raise
    except BaseException:
        outcome = ""
        raise
    finally:
        if outcome:
            tags = {"outcome": outcome}
            Stats.incr("lipsync.waits", tags=tags)
            Stats.timing("lipsync.wait_seconds", timedelta(seconds=max(0.0, time.time() - began)), tags=tags)


def duration(seconds: float) -> str:
    """Return a time for people: 8 s, 3 min 20 s, 2 h 5 min."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    if not minutes:
        return f"{whole} s"
    if minutes < 60:  # noqa: PLR2004  # minutes in an hour
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def _form(fields: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_shown(value)}" for name, value in fields.items())


def _shown(value: Any) -> str:
    """Return a value of the form. Of a URL, the query and the user are left out: they may contain a signature."""
    if isinstance(value, Mapping):
        return f"{{{_form(value)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, str) and value.lower().startswith(("http://", "https://")):
        parts = urlsplit(value)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
    return brief(value)
