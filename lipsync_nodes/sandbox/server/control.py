"""The routes that only the sandbox has: its jobs, the request journal, the fault rules, the clock, reset."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lipsync_nodes.sandbox.faults.rules import Rule, problems_of
from lipsync_nodes.sandbox.jobs.clock import LONGEST_ADVANCE
from lipsync_nodes.sandbox.server.access import check_origin
from lipsync_nodes.sandbox.server.decoding import decoded
from lipsync_nodes.sandbox.server.describing import describe
from lipsync_nodes.sandbox.server.responses import JsonResponse, http_error, reached_at
from lipsync_nodes.sandbox.server.service import Service
from lipsync_nodes.sandbox.server.state import State

__all__ = ["control_routes"]

_LIMIT: Final = re.compile(r"[0-9]{1,6}")


def control_routes(service: Service) -> list[Route]:
    """Return the routes. They need no API key, but the token if the sandbox is open to other machines."""
    control, state = _Control(service), State(service)
    return [
        Route("/sandbox/jobs", control.jobs, methods=["GET"]),
        Route("/sandbox/requests", control.requests, methods=["GET"]),
        Route("/sandbox/faults", control.faults, methods=["GET", "PUT", "POST", "DELETE"]),
        Route("/sandbox/faults/{number}", control.fault, methods=["DELETE"]),
        Route("/sandbox/clock", control.clock, methods=["GET", "POST"]),
        Route("/sandbox/reset", control.reset, methods=["POST"]),
        Route("/sandbox/state", state.handle, methods=["GET", "PUT"]),
    ]


class _ClockChange(BaseModel):
    """The body of `POST /sandbox/clock`. Both values are seconds."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)

    advance: float = Field(default=0.0, ge=0, le=LONGEST_ADVANCE)
    advance_per_poll: float | None = Field(default=None, ge=0, le=LONGEST_ADVANCE)


def _clock_shown(service: Service) -> dict[str, Any]:
    clock = service.clock
    shown = {"clock": clock.kind, "now": clock.now(), "advanced": clock.advanced}
    return {**shown, "advance_per_poll": service.advance_per_poll}


class _Control:
    def __init__(self, service: Service) -> None:
        self._service = service

    async def jobs(self, request: Request) -> Response:
        base = reached_at(request, self._service.url)
        text = json.dumps([describe(self._service, job, base) for job in self._service.store.newest()])
        return JsonResponse(json.loads(self._service.keys.mask(text)))

    async def requests(self, request: Request) -> Response:
        """Respond with the recorded requests, the oldest first; with `?limit=50`, with the latest 50."""
        limit = request.query_params.get("limit")
        if limit is not None and not _LIMIT.fullmatch(limit):
            raise http_error(422, "limit: must be a number of at most six digits")
        entries = self._service.journal.all(None if limit is None else int(limit))
        return JsonResponse([entry.shown() for entry in entries])

    async def faults(self, request: Request) -> Response:
        """GET returns the rules, PUT replaces them, POST adds to them, DELETE removes them all."""
        if request.method not in {"GET", "HEAD"}:
            check_origin(request)
        if request.method == "DELETE":
            self._service.faults.replace([])
        elif request.method == "PUT":
            self._service.faults.replace(_parse_rules(await request.body()))
        elif request.method == "POST":
            for rule in _parse_rules(await request.body()):
                self._service.faults.add(rule)
        return JsonResponse(self._service.faults.shown())

    async def fault(self, request: Request) -> Response:
        """Remove one rule."""
        check_origin(request)
        number = request.path_params["number"]
        if not _LIMIT.fullmatch(number) or not self._service.faults.remove(int(number)):
            raise http_error(404, "There is no such fault rule.")
        return JsonResponse(self._service.faults.shown())

    async def clock(self, request: Request) -> Response:
        """GET returns the time, POST advances the clock or sets by how much each poll advances it."""
        service = self._service
        if request.method == "POST":
            check_origin(request)
            with _refusing(named="clock"):
                change = _ClockChange.model_validate(decoded(await request.body()))
            if change.advance_per_poll is not None:
                service.advance_per_poll = change.advance_per_poll
            if change.advance:
                await service.wait_unless_stopping(service.runner.advance(change.advance))
        return JsonResponse(_clock_shown(service))

    async def reset(self, request: Request) -> Response:
        check_origin(request)
        await self._service.reset()
        return Response(status_code=204)


def _parse_rules(body: bytes) -> list[Rule]:
    """Parse one rule or a list of rules."""
    with _refusing(named="rule"):
        data = decoded(body)
        return [Rule.model_validate(rule, strict=True) for rule in (data if isinstance(data, list) else [data])]


@contextmanager
def _refusing(named: str) -> Iterator[None]:
    """Turn the errors of a body that is wrong into responses."""
    try:
        yield
    except ValidationError as error:
        raise http_error(422, problems_of(error, whole=named)) from None
    except ValueError:
        raise http_error(400, "The body is not JSON.") from None
