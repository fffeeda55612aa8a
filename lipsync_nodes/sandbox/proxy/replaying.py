"""The proxy that replays a tape. It knows that a job is polled, so it does not depend on the client's rhythm.

A submission is answered as often as it was recorded. A poll is answered with what the recorded polls had shown by the
same time after the submission. What was recorded only once and passes, such as a 429, is answered once.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any, Final

from starlette.types import Receive, Scope, Send

from lipsync_nodes.sandbox.proxy.forwarding import NOT_BELOW, unanswered
from lipsync_nodes.sandbox.proxy.redaction import conceal_credentials, hidden, hidden_body, hidden_query
from lipsync_nodes.sandbox.proxy.routes import Asked, Gone, asked, respond, respond_in_part, whole_body
from lipsync_nodes.sandbox.proxy.tape import Exchanged
from lipsync_nodes.service import parse_job

__all__ = ["Replaying"]

_OK: Final = range(200, 300)
_NO_SUBMIT: Final = (
    "The tape has no such submission: POST {path} with this formState. It was recorded {recorded} times, and this is "
    "time {time}. Nothing was sent to the service."
)
_NO_JOB: Final = "The tape has no poll of the job {job_id}."
_NO_REQUEST: Final = "The tape has no such request: {method} {path}."
_NOT_KEPT: Final = frozenset({"content-length", "content-encoding", "date"})


class Replaying:
    """ASGI application that answers from a tape, and sends nothing anywhere.

    Args:
        tape: the recorded exchanges, in order.
        speed: how much faster than recorded the jobs run.
        clock: returns the seconds of a clock that only runs forward.

    """

    def __init__(self, tape: list[Exchanged], speed: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._speed = speed
        self._submits: dict[str, deque[Exchanged]] = defaultdict(deque)
        self._recorded: dict[str, int] = defaultdict(int)
        self._jobs: dict[str, _Job] = {}
        self._others: dict[tuple[str, ...], deque[Exchanged]] = defaultdict(deque)
        for one in tape:
            self._load(one)

    def _load(self, one: Exchanged) -> None:
        job_id = one.path.removeprefix("/jobs/")
        if one.method == "POST" and "json" in one.request:
            key = _submit_key(one.path, one.request)
            self._submits[key].append(one)
            self._recorded[key] += 1
            if (accepted := _accepted(one)) is not None:
                self._jobs[accepted] = _Job(one.at)
        elif one.method == "GET" and job_id != one.path:
            self._jobs.setdefault(job_id, _Job(one.at)).polls.append(one)
        else:
            self._others[_other_key(one.method, one.path, one.query)].append(one)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        to = asked(scope)
        if to is None:
            await respond(send, 404, {"error": NOT_BELOW})
            return
        conceal_credentials(scope["headers"])
        try:
            body = await whole_body(receive)
        except Gone:
            await respond(send, 413, {"error": "The request is incomplete or too large."})
            return
        found = self._submit(to, body) if to.method == "POST" else self._poll(to) if to.job_id else self._other(to)
        await (
            _play(found, send, receive)
            if isinstance(found, Exchanged)
            else respond(send, found[0], {"error": found[1]})
        )

    def _submit(self, to: Asked, body: bytes) -> Exchanged | tuple[int, str]:
        key = _submit_key(hidden(to.path), hidden_body(body))
        waiting = self._submits.get(key)
        if not waiting:
            # A 4xx tells the client that nothing was accepted.
            recorded = self._recorded.get(key, 0)
            return 422, _NO_SUBMIT.format(path=to.path, recorded=recorded, time=recorded + 1)
        one = waiting.popleft()
        if (job_id := _accepted(one)) is not None:
            self._jobs[job_id].began = self._clock()
        return one

    def _poll(self, to: Asked) -> Exchanged | tuple[int, str]:
        job = self._jobs.get(hidden(to.job_id))
        if job is None or not job.polls:
            return 404, _NO_JOB.format(job_id=to.job_id)
        return job.at(self._clock(), self._speed)

    def _other(self, to: Asked) -> Exchanged | tuple[int, str]:
        waiting = self._others.get(_other_key(to.method, hidden(to.path), hidden_query(to.query)))
        if not waiting:
            return 404, _NO_REQUEST.format(method=to.method, path=to.path)
        return waiting.popleft() if len(waiting) > 1 else waiting[0]


class _Job:
    """The recorded polls of a job.

    Attributes:
        submitted: when the job was submitted, or first polled, by the tape.
        began: the same by the clock of the replay.

    """

    def __init__(self, submitted: float) -> None:
        self.submitted = submitted
        self.began: float | None = None
        self.polls: list[Exchanged] = []
        self._passed: set[int] = set()

    def at(self, now: float, speed: float) -> Exchanged:
        """Return the answer to a poll: what was recorded until the same time after the submission."""
        if self.began is None:
            self.began = now
        elapsed = (now - self.began) * speed
        due = [n for n, one in enumerate(self.polls) if one.at - self.submitted <= elapsed] or [0]
        lasting = [n for n in due if self._lasts(n)]
        passing = [n for n in due if not self._lasts(n) and n not in self._passed]
        if passing:
            self._passed.add(passing[0])
            return self.polls[passing[0]]
        return self.polls[lasting[-1] if lasting else self._next_lasting(due[-1])]

    def _lasts(self, number: int) -> bool:
        """Whether an answer stays true: it is a state of the job, or the last that was recorded."""
        return self.polls[number].status in _OK or number == len(self.polls) - 1

    def _next_lasting(self, number: int) -> int:
        return next(n for n in range(number, len(self.polls)) if self._lasts(n))


async def _play(one: Exchanged, send: Send, receive: Receive) -> None:
    """Send a recorded response; where there was none, what the proxy had answered."""
    if one.status is None:
        await respond(send, 502, unanswered(one.reason, sent=one.sent))
        return
    headers = {name: value for name, value in one.headers.items() if name not in _NOT_KEPT}
    text = one.answer.get("text", "")
    content = json.dumps(one.answer["json"]).encode("ascii") if "json" in one.answer else text.encode()
    if one.reason:
        await respond_in_part(send, receive, one.status, content, headers)
    else:
        await respond(send, one.status, content, headers)


def _submit_key(path: str, request: dict[str, Any]) -> str:
    """Return what identifies a submission. The webhook does not: its port may differ in each run."""
    body = request.get("json")
    form = body.get("formState") if isinstance(body, dict) else None
    return f"{path} {json.dumps(request if form is None else form, sort_keys=True)}"


def _other_key(method: str, path: str, query: str) -> tuple[str, ...]:
    return method, path, query


def _accepted(one: Exchanged) -> str | None:
    """Return the id of the job that a recorded submission created, if its answer says so."""
    if one.status not in _OK:
        return None
    try:
        return parse_job(one.answer.get("json")).id
    except ValueError:
        return None
