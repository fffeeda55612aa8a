"""The pages for people: the sandbox's own, the API's at `/docs`, and what the form of the first one shows."""

from __future__ import annotations

import importlib.util
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from lipsync_nodes.sandbox.jobs.store import API_PATH
from lipsync_nodes.sandbox.server.files import in_chunks
from lipsync_nodes.sandbox.server.openapi import document
from lipsync_nodes.sandbox.server.responses import JsonResponse, http_error, reached_at
from lipsync_nodes.sandbox.server.service import Service
from lipsync_nodes.service import CATALOGUE, NodeSpec
from lipsync_nodes.settings import LOCAL_KEY

__all__ = ["page_routes"]

_FOLDER: Final = Path(__file__).parent / "page"
_MEDIA: Final = Path(__file__).parents[1] / "media"
# The media for demos: their kind, and how many people they show.
_SHIPPED: Final = {
    "portrait.jpg": ("image", 1),
    "duet.jpg": ("image", 2),
    "film.mp4": ("video", 1),
    "speech_left.mp3": ("audio", 1),
    "speech_right.mp3": ("audio", 1),
}
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; media-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Swagger UI sets styles of elements and has its icons in data URLs.
_DOCS_POLICY: Final = _POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'").replace(
    "img-src 'self'", "img-src 'self' data:"
)
_OF_SWAGGER: Final = frozenset({"swagger-ui.css", "swagger-ui-bundle.js"})
_KINDS: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_NO_DOCS: Final = "The files of Swagger UI are not installed: pip install 'lipsync-nodes[sandbox]'."


def page_routes(service: Service) -> list[Route]:
    """Return the routes. Only those under `/sandbox` say something about this sandbox."""
    pages = _Pages(service)
    return [
        Route("/", pages.page, methods=["GET"]),
        Route(API_PATH, pages.to_page, methods=["GET"]),
        Route("/page/{name}", pages.part, methods=["GET"]),
        Route("/docs", pages.docs, methods=["GET"]),
        Route("/openapi.json", pages.openapi, methods=["GET"]),
        Route("/sandbox/form", pages.form, methods=["GET"]),
    ]


class _Pages:
    def __init__(self, service: Service) -> None:
        self._service = service

    async def page(self, _request: Request) -> Response:
        return _html("index.html", _POLICY)

    async def to_page(self, _request: Request) -> Response:
        return RedirectResponse("/")

    async def docs(self, _request: Request) -> Response:
        if _swagger() is None:
            raise http_error(404, _NO_DOCS)
        return _html("docs.html", _DOCS_POLICY)

    async def part(self, request: Request) -> Response:
        """Respond with a style sheet or a script of a page."""
        name = request.path_params["name"]
        folder = _swagger() if name in _OF_SWAGGER else _FOLDER
        file = next((file for file in folder.iterdir() if file.name == name), None) if folder else None
        if file is None or file.suffix not in _KINDS:
            raise http_error(404, "There is no such file.")
        headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        return FileResponse(file, media_type=_KINDS[file.suffix], headers=headers)

    async def openapi(self, request: Request) -> Response:
        return JsonResponse(document(reached_at(request, self._service.url), token=bool(self._service.keys.token)))

    async def form(self, request: Request) -> Response:
        """Respond with what the page's form needs: the endpoints, the media for demos, and the page's API key."""
        base = reached_at(request, self._service.url)
        shown_key = LOCAL_KEY if self._service.keys.any else "$LIPSYNC_API_KEY"
        return JsonResponse(
            {
                "endpoints": [_endpoint(spec) for spec in CATALOGUE],
                "media": [await self._medium(base, name, kind, people) for name, (kind, people) in _SHIPPED.items()],
                "key": self._service.keys.page,
                "shown_key": shown_key,
            }
        )

    async def _medium(self, base: str, name: str, kind: str, people: int) -> dict[str, Any]:
        path = await self._service.files.put(name, in_chunks(_MEDIA / name))
        return {"name": name, "kind": kind, "people": people, "url": f"{base}/files/{quote(path)}"}


def _html(name: str, policy: str) -> Response:
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",  # the address may have the token in it
    }
    return HTMLResponse((_FOLDER / name).read_text(encoding="utf-8"), headers=headers)


def _swagger() -> Path | None:
    """Return the folder of Swagger UI's files. The package is for Flask; only its files are used."""
    found = importlib.util.find_spec("flask_swagger_ui")
    places = list(found.submodule_search_locations or ()) if found else []
    folder = Path(places[0]) / "dist" if places else None
    return folder if folder and folder.is_dir() else None


def _endpoint(spec: NodeSpec) -> dict[str, Any]:
    """Return an endpoint and its fields. A field that is an object is the client's own."""
    names = {"id": spec.id, "form": spec.form.__name__, "title": spec.title, "zh_title": spec.zh_title}
    return {**names, "help": spec.help, "fields": [asdict(field) for field in spec.fields if field.type != "object"]}
