"""Checks the arguments of callers early, so that they get a clear error instead of a traceback later."""

from __future__ import annotations

from typing import Final

from lipsync_nodes.errors import InvalidRequest
from lipsync_nodes.service._fields import brief

# Longer ids do not fit into a URL. Those of the service have 36 characters.
LONGEST_ID: Final = 2000


def check_job_id(job_id: object) -> str:
    """Return a job id that can be part of a URL; raise `InvalidRequest` for anything else."""
    if isinstance(job_id, str) and job_id.isprintable() and job_id.strip("./ ") and len(job_id) <= LONGEST_ID:
        return job_id
    raise InvalidRequest(code="argument.not_a_job_id", value=brief(job_id), remedy="give_job_id")


def check_key(key: object) -> str:
    """Return a submission key that the ledger can store; raise `InvalidRequest` for anything else."""
    if not isinstance(key, str) or not key.strip():
        raise InvalidRequest(code="key.blank", value=brief(key), remedy="name_or_no_key")
    try:
        key.encode()
    except UnicodeEncodeError:
        raise InvalidRequest(code="key.not_unicode", value=brief(key), remedy="another_key") from None
    return key
