"""What callers hand in, checked before anything is done with it: a sentence now, instead of a traceback later."""

from __future__ import annotations

from typing import Final

from lipsync_nodes.errors import InvalidRequest
from lipsync_nodes.service._fields import brief

__all__ = [
    "check_job_id",
    "check_key",
]


# Longer ones fit into no URL; the service's own have 36 characters.
LONGEST_ID: Final = 2000


def check_job_id(job_id: object) -> str:
    """Return a job id that can stand in a URL, whatever a person typed or a host passed on."""
    if isinstance(job_id, str) and job_id.isprintable() and job_id.strip("./ ") and len(job_id) <= LONGEST_ID:
        return job_id
    raise InvalidRequest(code="argument.not_a_job_id", value=brief(job_id), remedy="give_job_id")


def check_key(key: object) -> str:
    """Return a submission key that the ledger can hold."""
    if not isinstance(key, str) or not key.strip():
        raise InvalidRequest(code="key.blank", value=brief(key), remedy="name_or_no_key")
    try:
        key.encode()
    except UnicodeEncodeError:
        raise InvalidRequest(code="key.not_unicode", value=brief(key), remedy="another_key") from None
    return key
