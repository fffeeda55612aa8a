"""Reads responses that do not have the documented shape. Pure functions on decoded JSON.

The documented shape always takes precedence. Otherwise, these rules apply in order:

- **Envelope.** An object in `data`, `job`, `result` or `response` is the job if it has a status, or if only it has an
  id. Its fields take precedence over those of the envelope. A job with the documented shape is not unwrapped.
- **Output.** A string in `output` is the URL. Otherwise the video's URL is in the first of `output`, `outputs`,
  `video_url`, `output_url`, `result`, `data`, `video` and `url` that has one. If there are several, the URL of a video
  file is preferred, then one whose name contains "video", then the first. These are never used: a URL whose name or
  suffix shows that it is a thumbnail, a sound, an input or a link of the API; a string in `video`, which may be the
  input's; and a `url` beside the status that is not a video file, which may be the job's own.
- **Status.** Only a status ends a job. An output together with an unknown status does not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

from lipsync_nodes.service._fields import check_media_url

ENVELOPES: Final = ("data", "job", "result", "response")
DOCUMENTED: Final = frozenset({"processing", "completed", "failed"})
WORDS: Final = ("error", "message", "detail", "msg")
OUTPUTS: Final = ("output", "outputs", "video_url", "output_url", "result", "data", "video", "url")
VIDEOS: Final = frozenset({".mp4", ".mov", ".m4v", ".webm", ".mkv", ".avi"})
OTHER_FILES: Final = frozenset(
    {
        *(".jpg", ".jpeg", ".png", ".webp", ".avif", ".heic", ".gif", ".bmp", ".svg"),
        *(".wav", ".mp3", ".m4a", ".aac", ".ogg", ".opus", ".flac"),
        *(".json", ".txt", ".vtt", ".srt"),
    }
)
OTHER_NAMES: Final = re.compile(
    "thumb|poster|cover|preview|audio|image|mask|input|source|original|webhook|callback|status"
    "|^(get|cancel|self|web|stream|links)$",
    re.IGNORECASE,
)
# JSON may be nested very deeply, or contain half of an emoji. Neither can be encoded again.
DEEPEST: Final = 100


def writable(value: Any, depth: int = 0) -> Any:
    """Return a decoded JSON value in a form that can be encoded again. It comes with the id of a paid job."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if depth > DEEPEST:
        return None
    if isinstance(value, dict):
        return {writable(name): writable(inner, depth + 1) for name, inner in value.items()}
    return [writable(inner, depth + 1) for inner in value] if isinstance(value, list) else value


def id_in(fields: Mapping[str, Any]) -> str | None:
    """Return the job id. The service's documentation calls it requestId, its examples id. It may be a number."""
    for name in ("id", "requestId"):
        value = fields.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, str) and value.strip():
            return value
    return None


def said(body: object) -> str:
    """Return the service's error message, in any shape and in an envelope too; empty if there is none."""
    if isinstance(body, Mapping):
        inner = (_only(body.get(name)) for name in ENVELOPES)
        deeper = (said(value) for value in inner if isinstance(value, Mapping))
        body = next((body[name] for name in WORDS if body.get(name)), None) or next(filter(None, deeper), "")
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)


def opened(answer: Mapping[str, Any], asked_for: str | None = None) -> dict[str, Any]:
    """Return the fields of the job in a response, without envelopes. *asked_for* is its id, if that is known."""
    fields = dict(answer)
    if _is_documented(fields, asked_for):
        return fields
    for name in ENVELOPES:
        inner = _only(fields.get(name))
        job = opened(inner, asked_for) if isinstance(inner, Mapping) else {}
        if _is_job(job, fields, asked_for):
            del fields[name]
            return {**fields, **job}
    return fields


def _is_documented(fields: Mapping[str, Any], asked_for: str | None) -> bool:
    status, job_id = fields.get("status"), id_in(fields)
    documented = isinstance(status, str) and status.strip().lower() in DOCUMENTED
    return bool(documented and (job_id or asked_for)) or bool(status and asked_for and job_id == asked_for)


def _is_job(inner: Mapping[str, Any], envelope: Mapping[str, Any], asked_for: str | None) -> bool:
    if inner.get("status"):
        return True
    job_id = id_in(inner)
    return job_id is not None and (id_in(envelope) is None if asked_for is None else job_id == asked_for)


def _only(value: object) -> object:
    """Return the element of a list with one element, and anything else unchanged."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def output_in(fields: Mapping[str, Any]) -> str | None:
    """Return the URL of a job's video, without surrounding white space; None if there is none."""
    output = _decoded(fields.get("output"))
    if isinstance(output, str) and output:
        return output
    for name in OUTPUTS:
        value = _decoded(fields.get(name))
        if not value or (name == "video" and isinstance(value, str)):
            continue
        urls = [found for found in _urls(value, name) if name != "url" or _suffix(found[1]) in VIDEOS]
        if urls:
            return min(urls, key=_rank)[1]
    return None


def _decoded(value: Any) -> Any:
    """Return a string without surrounding white space, decoded if it is JSON."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    try:
        return json.loads(text) if text[:1] in {"[", "{"} else text
    except (ValueError, RecursionError):
        return text


def _urls(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Yield the URLs in a value that may be that of the video, each with its field name."""
    if isinstance(value, Mapping):
        for inner_name, inner in value.items():
            if not OTHER_NAMES.search(str(inner_name)):
                yield from _urls(inner, f"{name}.{inner_name}")
    elif isinstance(value, list):
        for inner in value:
            yield from _urls(inner, name)
    elif isinstance(value, str) and _is_url(value.strip()) and _suffix(value.strip()) not in OTHER_FILES:
        yield name, value.strip()


def _rank(found: tuple[str, str]) -> tuple[bool, bool]:
    name, url = found
    return _suffix(url) not in VIDEOS, "video" not in name.lower()


def _is_url(text: str) -> bool:
    try:
        return bool(check_media_url(text))
    except ValueError:
        return False


def _suffix(url: str) -> str:
    return PurePosixPath(urlsplit(url).path).suffix.lower()
