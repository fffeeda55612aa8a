"""Compares the service's responses with what is known of its API.

The shapes are those of the sandbox's OpenAPI document, so the sandbox and this check have the same rules. Whether the
clients understand a response is what `lipsync_nodes.service` says when it reads it.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

from lipsync_nodes.sandbox.proxy.differences import Basis, Difference
from lipsync_nodes.sandbox.proxy.redaction import hidden, hidden_body
from lipsync_nodes.sandbox.proxy.routes import Asked
from lipsync_nodes.sandbox.proxy.shapes import breaches, load, shown
from lipsync_nodes.service import Answer, Job, NodeSpec, parse_job

__all__ = ["Contract"]

_OK: Final = 200
_MOST_JOBS: Final = 10_000
_NEWS_HEADERS: Final = ("retry-after", "retry-after-ms", "location", "x-ratelimit-limit", "ratelimit-limit")


@dataclass(frozen=True, slots=True)
class _Known:
    """What earlier responses said of a job."""

    spec: NodeSpec | None = None
    ended: str = ""
    output: str = ""


class Contract:
    """Finds differences. It remembers the jobs that it has seen, so that it notices if one changes after its end."""

    def __init__(self) -> None:
        load()
        self._jobs: OrderedDict[str, _Known] = OrderedDict()

    def differences(self, to: Asked, answer: Answer) -> Iterator[Difference]:
        """Yield what is different in a whole response."""
        if to.where == "other":
            return
        request = f"{to.method} {to.path}"
        for one in self._differences(to, answer):
            yield replace(one, where=to.where, request=str(hidden(request)))

    def _differences(self, to: Asked, answer: Answer) -> Iterator[Difference]:
        if not answer.ok:
            yield from _news(answer)
            return
        if answer.status != _OK:
            yield _difference("status", "200", "inferred", answer.status)
        kind = answer.headers.get("content-type", "")
        if kind.partition(";")[0].strip().lower() != "application/json":
            yield _difference("header content-type", "application/json", "documented", kind or "no such header")
        try:
            body = json.loads(answer.body)
        except (ValueError, RecursionError):
            came = hidden_body(answer.body)["text"] or "an empty body"
            yield replace(_difference("$", "JSON", "documented", came), read=False)
            return
        yield from self._body(to, body)

    def _body(self, to: Asked, body: Any) -> Iterator[Difference]:
        """Yield what is different in the JSON: first its shape, then what it says."""
        try:
            job: Job | None = parse_job(body, asked_for=to.job_id or None)
        except ValueError:
            job = None
        inner, path = _unwrapped(body, job)
        if path != "$":
            yield _difference("$", "the job itself", "documented", f"the job in an envelope, {path}")
        name = "Accepted" if to.where == "submit" else "Job"
        found = list(breaches(name, inner, path))
        yield from (replace(one, read=job is not None and _is_read(one, job)) for one in found)
        if to.where == "submit":
            if job:
                self._remember(job.id, _Known(to.spec))
        elif isinstance(inner, dict) and job:
            broken = {_field(one) for one in found}
            yield from (one for one in self._said(to, inner, job) if _field(one) not in broken)

    def _said(self, to: Asked, fields: dict[str, Any], job: Job) -> Iterator[Difference]:
        """Yield what does not fit together in a job object, or with its earlier ones."""
        status, output, error = fields.get("status"), fields.get("output"), fields.get("error")
        if fields.get("id") != to.job_id:
            yield _difference("$.id", "the id that was asked for", "documented", fields.get("id"))
        if status == "completed" and not output:
            yield replace(_difference("$.output", "the URL of a completed job", "documented", output), read=False)
        if status in {"processing", "failed"} and output:
            yield _difference("$.output", f"null while a job is {status}", "documented", output)
        if status == "failed" and not error:
            yield _difference("$.error", "why the job failed", "documented", error)
        if status in {"processing", "completed"} and error:
            yield _difference("$.error", f'"" while a job is {status}', "documented", error)
        yield from self._model(to.job_id, fields)
        yield from self._history(to.job_id, job)

    def _model(self, job_id: str, fields: dict[str, Any]) -> Iterator[Difference]:
        """Yield what is different in the model's name: only lipsync-image's is documented."""
        spec, model = self._jobs.get(job_id, _Known()).spec, fields.get("model")
        basis: Basis = "documented" if spec and spec.id == "lipsync-image" else "inferred"
        if fields.get("status") == "processing" and model != "lipsync":
            yield _difference("$.model", '"lipsync" while a job is processing', basis, model)
        if fields.get("status") in {"completed", "failed"} and (model != spec.id if spec else model == "lipsync"):
            yield _difference("$.model", "the endpoint's name once a job has ended", basis, model)

    def _history(self, job_id: str, job: Job) -> Iterator[Difference]:
        known = self._jobs.get(job_id, _Known())
        status, output = job.status.value, _without_query(job.output or "")
        if known.ended and status != known.ended:
            expected = "the same status as before, once a job has ended"
            yield _difference("$.status", expected, "inferred", f"{status} after {known.ended}")
        elif known.output and output != known.output:
            yield _difference("$.output", "the same URL in each poll", "inferred", "another one")
        if job.finished:
            self._remember(job_id, replace(known, ended=status, output=output))

    def _remember(self, job_id: str, known: _Known) -> None:
        self._jobs[job_id] = known
        if len(self._jobs) > _MOST_JOBS:
            self._jobs.popitem(last=False)


def _unwrapped(body: Any, job: Job | None) -> tuple[Any, str]:
    """Return the object with the job's own fields, and its path: within an envelope, if it is in one."""
    at, path = body, "$"
    while job is not None:
        if isinstance(at, list) and len(at) == 1:
            at, path = at[0], f"{path}[0]"
        elif isinstance(at, dict) and not _is_job(at) and (name := _envelope(at)):
            at, path = at[name], f"{path}.{name}"
        else:
            break
    return at, path


def _is_job(fields: dict[str, Any]) -> bool:
    return (
        bool(fields.get("status")) and isinstance(fields["status"], str) and ("id" in fields or "requestId" in fields)
    )


def _envelope(fields: dict[str, Any]) -> str | None:
    for name in ("data", "job", "result", "response"):
        inner = fields.get(name)
        inner = inner[0] if isinstance(inner, list) and len(inner) == 1 else inner
        if isinstance(inner, dict) and ("status" in inner or "id" in inner):
            return name
    return None


def _is_read(one: Difference, job: Job) -> bool:
    """Whether the clients understand a job object in spite of this difference."""
    return _field(one) != "output" or job.status != "completed" or bool(job.output)


def _field(one: Difference) -> str:
    return one.path.rpartition(".")[2]


def _news(answer: Answer) -> Iterator[Difference]:
    """Yield what a response that is not 2xx shows: no such response is documented."""
    (body,) = hidden_body(answer.body).values()
    headers = {name: value for name, value in answer.headers.items() if name in _NEWS_HEADERS}
    came = shown(body) + (f" with {shown(hidden(headers))}" if headers else "")
    yield Difference("", f"status {answer.status}", "", "undocumented", came)


def _difference(path: str, expected: str, basis: Basis, came: object) -> Difference:
    return Difference("", path, expected, basis, shown(came))


def _without_query(url: str) -> str:
    try:
        return urlsplit(url)._replace(query="", fragment="").geturl()
    except ValueError:
        return url
