"""Checks the arguments of callers early, so that they get a clear error instead of a traceback later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lipsync_nodes.errors import InvalidRequest
from lipsync_nodes.service._fields import brief

# Longer ids do not fit into a URL. Those of the service have 36 characters.
LONGEST_ID: Final = 2000
MOST_TAGS: Final = 20
LONGEST_TAG_NAME: Final = 40
LONGEST_TAG_VALUE: Final = 200


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


def check_tags(tags: object) -> dict[str, str]:
    """Return the tags of a submission: at most 20, with short names and values; raise `InvalidRequest` for others."""
    if not isinstance(tags, Mapping):
        raise InvalidRequest(code="tags.no_object", value=brief(tags), remedy="nothing_sent")
    if len(tags) > MOST_TAGS:
        raise InvalidRequest(code="tags.too_many", most=MOST_TAGS, found=len(tags), remedy="nothing_sent")
    for name, value in tags.items():
        if not _short(name, LONGEST_TAG_NAME) or "=" in name:
            raise InvalidRequest(code="tags.wrong_name", name=brief(name), most=LONGEST_TAG_NAME, remedy="nothing_sent")
        if not _short(value, LONGEST_TAG_VALUE):
            most = LONGEST_TAG_VALUE
            raise InvalidRequest(
                code="tags.wrong_value", name=name, value=brief(value), most=most, remedy="nothing_sent"
            )
    return dict(tags)


def _short(text: object, most: int) -> bool:
    """Return whether this is a text of one line that is not too long."""
    return isinstance(text, str) and 0 < len(text) <= most and text.isprintable() and text == text.strip()
