"""What the contract does not have: the page, the fault switch, the journal, reset, the OpenAPI document."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from lipsync_nodes.sandbox.faults.rules import Rule
from lipsync_nodes.sandbox.jobs.store import Row
from lipsync_nodes.sandbox.server.openapi import document
from lipsync_nodes.sandbox.server.responses import Answer, refuse, sent_to
from lipsync_nodes.sandbox.server.service import Service

__all__ = ["control_routes", "shown"]

_PAGE: Final = Path(__file__).parent / "page" / "index.html"
_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; media-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def control_routes(service: Service) -> list[Route]:
    """Return the routes; they need no key, so they are for this machine only."""
    control = _Control(service)
    return [
        Route("/", control.page, methods=["GET"]),
        Route("/openapi.json", control.openapi, methods=["GET"]),
        Route("/sandbox/jobs", control.jobs, methods=["GET"]),
        Route("/sandbox/requests", control.requests, methods=["GET"]),
        Route("/sandbox/faults", control.faults, methods=["GET", "PUT", "POST", "DELETE"]),
        Route("/sandbox/reset", control.reset, methods=["POST"]),
    ]


def shown(service: Service, row: Row, base: str) -> dict[str, Any]:
    """Return what the page shows of a job: the contract's object, and what the sandbox knows beyond it."""
    webhook = urlsplit(row.webhook or "")
    return {
        **row.wire(base),
        "endpoint": row.endpoint,
        "form": row.form,
        "created": row.created,
        "age": max(0.0, time.time() - row.created),
        "progress": service.works.progress.get(row.id) if row.status == "processing" else None,
        "lengths": row.lengths,
        "credits": row.credits,
        "doubt": row.doubt,
        "picture": row.picture,
        # The path of a webhook is a secret between its receiver and the service.
        "webhook": {"to": f"{webhook.scheme}://{webhook.netloc}/…", **row.delivery} if row.webhook else None,
    }


class _Control:
    def __init__(self, service: Service) -> None:
        self._service = service

    async def page(self, _request: Request) -> Response:
        headers = {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"}
        return HTMLResponse(_PAGE.read_text(encoding="utf-8"), headers=headers)

    async def openapi(self, request: Request) -> Response:
        return Answer(document(sent_to(request, self._service.url)))

    async def jobs(self, request: Request) -> Response:
        base = sent_to(request, self._service.url)
        text = json.dumps([shown(self._service, row, base) for row in self._service.store.newest()])
        return Answer(json.loads(self._service.keys.mask(text)))

    async def requests(self, _request: Request) -> Response:
        return Answer([entry.shown() for entry in self._service.journal.all()])

    async def faults(self, request: Request) -> Response:
        """GET them; PUT these instead; POST one more; DELETE all."""
        if request.method not in {"GET", "HEAD"}:
            _own(request)
        if request.method == "DELETE":
            self._service.faults.replace([])
        elif request.method == "PUT":
            self._service.faults.replace(_rules(await request.body()))
        elif request.method == "POST":
            for rule in _rules(await request.body()):
                self._service.faults.add(rule)
        return Answer(self._service.faults.shown())

    async def reset(self, request: Request) -> Response:
        _own(request)
        await self._service.reset()
        return Response(status_code=204)


def _own(request: Request) -> None:
    """Refuse another site's page: a browser sends it here without asking."""
    origin = request.headers.get("origin")
    if origin and urlsplit(origin).netloc != request.headers.get("host"):
        raise refuse(403, "Another site's page may not change the sandbox.")


def _rules(body: bytes) -> list[Rule]:
    """Read one rule or a list of rules."""
    try:
        data = json.loads(body)
        return [Rule.model_validate(rule) for rule in (data if isinstance(data, list) else [data])]
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc'])) or 'rule'}: {fault['msg']}" for fault in error.errors())
        raise refuse(422, "; ".join(faults)) from None
    except (ValueError, RecursionError):
        raise refuse(400, "The body is not JSON.") from None
