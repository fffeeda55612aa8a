"""The HTTP face: the contract's four routes, the asset store, the outputs."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from lipsync_nodes.catalogue import CATALOGUE, NodeSpec
from lipsync_nodes.errors import InvalidRequest
from lipsync_nodes.sandbox.jobs.runner import API
from lipsync_nodes.sandbox.jobs.store import Row
from lipsync_nodes.sandbox.server.control import control_routes
from lipsync_nodes.sandbox.server.files import TooLarge
from lipsync_nodes.sandbox.server.parsing import read_submit, refuse_body
from lipsync_nodes.sandbox.server.responses import Answer, refuse, sent_to
from lipsync_nodes.sandbox.server.service import Service

__all__ = ["build_app"]

_EARLY: Final = frozenset({"early"})
_JOB_ID: Final = re.compile(r"[0-9a-f-]{36}")
# What a file holds was sent by somebody: it is shown, never run.
_INERT: Final = {"Content-Security-Policy": "sandbox; default-src 'none'", "X-Content-Type-Options": "nosniff"}
ENGINE: Final = {"X-Lipsync-Preview-Engine": "lipsync-nodes sandbox"}

Handler = Callable[[Request], Awaitable[Response]]


def build_app(service: Service) -> Starlette:
    """Return the sandbox as an ASGI application, without faults."""
    contract = Contract(service)
    storage = Storage(service)
    routes = [
        *(Route(API + spec.path, contract.submit(spec), methods=["POST"]) for spec in CATALOGUE),
        Route(API + "/jobs/{job_id}", contract.poll, methods=["GET"]),
        Route("/outputs/{name}", storage.output, methods=["GET"]),
        Route("/files/{digest}/{name}", storage.get, methods=["GET"]),
        Route("/files/{name}", storage.put, methods=["PUT"]),
        *control_routes(service),
    ]
    spoken = {HTTPException: _say, InvalidRequest: _say_invalid, ClientDisconnect: _unheard, 500: _sorry}
    return Starlette(routes=routes, exception_handlers=spoken)


class Contract:
    """Submit and poll, as the service does them."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def submit(self, spec: NodeSpec) -> Handler:
        """Return the handler of an endpoint."""

        async def handle(request: Request) -> Response:
            self._service.keys.check(request)
            webhook, state = await read_submit(request, spec)
            base = sent_to(request, self._service.url)
            row = Row(spec.id, state, base, webhook, quirks=self._quirks(request.url.path))
            self._service.works.take_on(self._service.store.add(row))
            await self._perhaps_early(row, request.url.path)
            return Answer({"id": row.id, "status": "processing"})

        return handle

    async def poll(self, request: Request) -> Response:
        """Answer with the job object."""
        self._service.keys.check(request)
        refuse_body(request)
        job_id = request.path_params["job_id"]
        row = self._service.store.count_poll(job_id) if _JOB_ID.fullmatch(job_id) else None
        if row is None:
            raise refuse(404, "There is no such job.")
        return Answer(row.wire(sent_to(request, self._service.url), polls=row.polls))

    def _quirks(self, path: str) -> dict[str, Any]:
        quirks: dict[str, Any] = {}
        for rule in self._service.faults.draw("job", "POST", path):
            value = {"fail": rule.error, "seconds": rule.seconds, "no_output": True}
            quirks[rule.action] = value.get(rule.action, {"status": rule.status, "polls": rule.polls})
        return quirks

    async def _perhaps_early(self, row: Row, path: str) -> None:
        """Let the webhook come before the submit's answer, if a rule says so."""
        if row.webhook and self._service.faults.draw("webhook", "POST", path, only=_EARLY):
            await self._service.unless_stopping(self._service.works.settled(row.id))


class Storage:
    """Files in, files and videos out."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def put(self, request: Request) -> Response:
        """Store a file under its content's name."""
        self._service.keys.check(request)
        try:
            path = await self._service.files.put(request.path_params["name"], request.stream())
        except TooLarge:
            raise refuse(413, "The file is too large.", {"Connection": "close"}) from None
        url = f"{sent_to(request, self._service.url)}/files/{quote(path)}"
        digest, _, name = path.partition("/")
        return Answer({"url": url, "digest": digest, "name": name}, status_code=201, headers={"Location": url})

    async def get(self, request: Request) -> Response:
        """Give a stored file, or the part of it that a Range asks for."""
        file = self._service.files.find(request.path_params["digest"], request.path_params["name"])
        if file is None:
            raise refuse(404, "There is no such file.")
        return FileResponse(file, headers=_INERT)

    async def output(self, request: Request) -> Response:
        """Give a job's video, or the part of it that a Range asks for."""
        name = request.path_params["name"]
        row = self._service.store.get(name.removesuffix(".mp4")) if name.endswith(".mp4") else None
        file = self._service.works.output_of(row) if row else None
        if file is None:
            raise refuse(404, "There is no such output.")
        return FileResponse(file, media_type="video/mp4", headers={**ENGINE, **_INERT})


async def _say(request: Request, error: Exception) -> Response:
    """Answer with an error's sentence."""
    assert isinstance(error, HTTPException)  # noqa: S101  # it is registered for this
    plain = {404: "There is nothing here.", 405: f"{request.method} is not allowed here."}
    spoken = error.detail if not _is_phrase(error) else plain.get(error.status_code, error.detail)
    return Answer({"error": spoken}, status_code=error.status_code, headers=error.headers)


def _is_phrase(error: HTTPException) -> bool:
    """Whether it only says what the status code says."""
    return error.detail == HTTPException(error.status_code).detail


async def _say_invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, InvalidRequest)  # noqa: S101  # it is registered for this
    return Answer({"error": error.message}, status_code=422)


async def _unheard(_request: Request, _error: Exception) -> Response:
    return Answer({"error": "The request broke off."}, status_code=400)  # nobody is there to hear it


async def _sorry(_request: Request, _error: Exception) -> Response:
    return Answer({"error": "The sandbox itself failed; its log says more."}, status_code=500)
