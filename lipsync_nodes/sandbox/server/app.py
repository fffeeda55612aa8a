"""The ASGI application: the routes of the API, of the file store and of the outputs."""

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

from lipsync_nodes.errors import InvalidRequest
from lipsync_nodes.sandbox.jobs.store import API_PATH, StoredJob
from lipsync_nodes.sandbox.server.control import control_routes
from lipsync_nodes.sandbox.server.describing import warning_shown
from lipsync_nodes.sandbox.server.files import TooLarge
from lipsync_nodes.sandbox.server.pages import page_routes
from lipsync_nodes.sandbox.server.parsing import parse_submit, refuse_body
from lipsync_nodes.sandbox.server.responses import JsonResponse, http_error, reached_at
from lipsync_nodes.sandbox.server.service import Service
from lipsync_nodes.service import CATALOGUE, NodeSpec

__all__ = ["build_app"]

_EARLY: Final = frozenset({"early"})
_JOB_ID: Final = re.compile(r"[0-9a-f-]{36}")
# Stored files are not trusted. A browser may show them, but must not run scripts in them.
_NO_SCRIPTS: Final = {"Content-Security-Policy": "sandbox; default-src 'none'", "X-Content-Type-Options": "nosniff"}
_ENGINE: Final = {"X-Lipsync-Preview-Engine": "lipsync-nodes sandbox"}

Handler = Callable[[Request], Awaitable[Response]]


def build_app(service: Service) -> Starlette:
    """Return the sandbox as an ASGI application, without faults."""
    api = _Api(service)
    storage = _Storage(service)
    routes = [
        *(Route(API_PATH + spec.path, api.submit(spec), methods=["POST"]) for spec in CATALOGUE),
        Route(API_PATH + "/jobs/{job_id}", api.poll, methods=["GET"]),
        Route("/outputs/{name}", storage.output, methods=["GET"]),
        Route("/files/{digest}/{name}", storage.get, methods=["GET"]),
        Route("/files/{name}", storage.put, methods=["PUT"]),
        *page_routes(service),
        *control_routes(service),
    ]
    handlers = {
        HTTPException: _http_error,
        InvalidRequest: _invalid_request,
        ClientDisconnect: _disconnected,
        500: _internal_error,
    }
    return Starlette(routes=routes, exception_handlers=handlers)


class _Api:
    """Submit and poll, like the service."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def submit(self, spec: NodeSpec) -> Handler:
        """Return the handler of an endpoint."""

        async def handle(request: Request) -> Response:
            self._service.keys.check(request)
            webhook, state = await parse_submit(request, spec)
            base = reached_at(request, self._service.url)
            path = request.scope["path"]  # `request.url` would be built for each request
            quirks = self._job_faults(path)
            job = StoredJob(spec.id, state, base, webhook, created=self._service.clock.now(), quirks=quirks)
            job = self._service.runner.accept(job)
            await self._deliver_early(job, path)
            return JsonResponse({"id": job.id, "status": "processing"})

        return handle

    async def poll(self, request: Request) -> Response:
        """Respond with the job object."""
        self._service.keys.check(request)
        refuse_body(request)
        job_id = request.path_params["job_id"]
        job = await self._polled(job_id) if _JOB_ID.fullmatch(job_id) else None
        if job is None:
            raise http_error(404, "There is no such job.")
        base, now = reached_at(request, self._service.url), self._service.clock.now()
        return JsonResponse(job.api_object(base, now, polls=job.polls))

    async def _polled(self, job_id: str) -> StoredJob | None:
        """Count the poll, advance the clock if polls do so, and return the job."""
        service = self._service
        # A receiver of a webhook may poll while the clock waits for its response.
        if service.advance_per_poll and not service.clock.moving and service.store.get(job_id):
            await service.runner.advance(service.advance_per_poll, outside=False)
        return service.store.count_poll(job_id)

    def _job_faults(self, path: str) -> dict[str, Any]:
        """Return what the matching fault rules change in a new job."""
        faults: dict[str, Any] = {}
        for rule in self._service.faults.strike("job", "POST", path):
            values = {"fail": rule.error, "seconds": rule.seconds, "no_output": True}
            faults[rule.action] = values.get(rule.action, {"status": rule.status, "polls": rule.polls})
        return faults

    async def _deliver_early(self, job: StoredJob, path: str) -> None:
        """If a rule says so, wait until the webhook is delivered, so that it arrives before the response."""
        if job.webhook and self._service.faults.strike("webhook", "POST", path, only=_EARLY):
            await self._service.wait_unless_stopping(self._service.runner.wait_for(job.id))


class _Storage:
    """Stored files and videos."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def put(self, request: Request) -> Response:
        """Store a file."""
        self._service.keys.check(request)
        try:
            path = await self._service.files.put(request.path_params["name"], request.stream())
        except TooLarge:
            raise http_error(413, "The file is too large.", {"Connection": "close"}) from None
        url = f"{reached_at(request, self._service.url)}/files/{quote(path)}"
        digest, _, name = path.partition("/")
        created = {"url": url, "digest": digest, "name": name}
        return JsonResponse(created, status_code=201, headers={"Location": url})

    async def get(self, request: Request) -> Response:
        """Respond with a stored file, or with the part of it that a Range header asks for."""
        file = self._service.files.find(request.path_params["digest"], request.path_params["name"])
        if file is None:
            raise http_error(404, "There is no such file.")
        return FileResponse(file, headers=_NO_SCRIPTS)

    async def output(self, request: Request) -> Response:
        """Respond with a job's video, or with the part of it that a Range header asks for."""
        name = request.path_params["name"]
        job = self._service.store.get(name.removesuffix(".mp4")) if name.endswith(".mp4") else None
        file = self._service.runner.output_of(job) if job else None
        if file is None:
            raise http_error(404, "There is no such output.")
        if self._has_expired(job):
            raise http_error(410, "The output has expired.")
        headers = {**_ENGINE, **_warning(job), **_NO_SCRIPTS}
        return FileResponse(file, media_type="video/mp4", headers=headers)

    def _has_expired(self, job: StoredJob | None) -> bool:
        lasts, ended = self._service.outputs_expire, job.ended if job else None
        return lasts is not None and ended is not None and self._service.clock.now() >= ended + lasts


def _warning(job: StoredJob | None) -> dict[str, str]:
    """Return the header that says why a video may be wrong."""
    warning = warning_shown(job) if job else None
    return {"X-Lipsync-Preview-Warning": f"{warning['code']}: {warning['message']}"} if warning else {}


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # it is registered for this
    sentences = {404: "There is nothing here.", 405: f"{request.method} is not allowed here."}
    detail = error.detail if not _is_phrase(error) else sentences.get(error.status_code, error.detail)
    return JsonResponse({"error": detail}, status_code=error.status_code, headers=error.headers)


def _is_phrase(error: HTTPException) -> bool:
    """Whether the detail is only the standard phrase of the status code."""
    return error.detail == HTTPException(error.status_code).detail


async def _invalid_request(_request: Request, error: Exception) -> Response:
    assert isinstance(error, InvalidRequest)  # noqa: S101  # it is registered for this
    return JsonResponse({"error": error.message}, status_code=422)


async def _disconnected(_request: Request, _error: Exception) -> Response:
    return JsonResponse(
        {"error": "The request broke off."}, status_code=400
    )  # only for the log, because the client has disconnected


async def _internal_error(_request: Request, _error: Exception) -> Response:
    return JsonResponse({"error": "The sandbox itself failed; its log says more."}, status_code=500)
