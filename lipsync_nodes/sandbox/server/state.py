"""Exports the state of a sandbox as one file, and imports it again: jobs, videos, files, fault rules, requests."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from lipsync_nodes.sandbox.faults.rules import Rule
from lipsync_nodes.sandbox.jobs.store import StoredJob
from lipsync_nodes.sandbox.server.access import check_origin
from lipsync_nodes.sandbox.server.archive import LARGEST_ARCHIVE, BadArchive, unpack, write_archive
from lipsync_nodes.sandbox.server.document import parsed
from lipsync_nodes.sandbox.server.responses import JsonResponse, http_error
from lipsync_nodes.sandbox.server.service import Service

__all__ = ["State"]

# Where an API key may be. The other values are the sandbox's own, and a key such as "key" must not change their names.
_FROM_CLIENTS: Final = ("form", "base", "error")
_SENT: Final = ("path", "query", "headers", "body", "who")
_COUNTS: Final = frozenset({"number", "matched", "struck"})
_OWN_WORDS: Final = frozenset({"action", "where", "code", "remedy"})


class State:
    """The state of one sandbox.

    Args:
        service: the sandbox.

    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._folder = service.runner.outputs.parent

    async def export(self, target: Path) -> None:
        """Write the state to a file. API keys are masked in it."""
        document = self._document()
        part = target.with_name(f"{target.name}.part")
        try:
            await asyncio.to_thread(write_archive, part, document, list(self._files()))
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)

    async def load(self, source: Path) -> dict[str, int]:
        """Replace the state with an exported one; raise `BadArchive` and change nothing if it is not valid.

        Jobs that had not ended start again. The clock goes on to the time of the export if that is later.
        """
        with tempfile.TemporaryDirectory(dir=self._folder, ignore_cleanup_errors=True) as name:
            document = parsed(await asyncio.to_thread(unpack, source, Path(name)))
            await self._service.reset()
            files = self._take_over(Path(name))
        service = self._service
        service.store.restore(document.jobs)
        service.journal.restore(document.requests)
        service.faults.replace(document.rules)
        service.clock.catch_up(document.now)
        service.runner.resume()
        counts = {"jobs": len(document.jobs), "files": files, "rules": len(document.rules)}
        return {**counts, "requests": len(document.requests)}

    def _document(self) -> dict[str, Any]:
        service = self._service
        jobs = TypeAdapter(list[StoredJob]).dump_python(service.store.newest(-1)[::-1], mode="json")
        rules = [rule.model_dump(mode="json", exclude_unset=True) for rule in self._rules()]
        requests = [entry.shown() for entry in service.journal.all()]
        return {
            "lipsync_sandbox_state": 1,
            "now": service.clock.now(),
            "jobs": [job | self._of_clients(job) for job in jobs],
            "rules": [{name: self._masked(rule[name]) for name in rule} | _own_words(rule) for rule in rules],
            "requests": [entry | {name: self._masked(entry[name]) for name in _SENT} for entry in requests],
        }

    def _of_clients(self, job: dict[str, Any]) -> dict[str, Any]:
        """Return what a job has from clients and from rules, without API keys."""
        scheme, colon, rest = (job["webhook"] or "").partition(":")
        return {
            **{name: self._masked(job[name]) for name in _FROM_CLIENTS},
            **{name: self._masked(job[name], names=False) | _own_words(job[name]) for name in ("cause", "quirks")},
            # A host has no asterisks.
            "webhook": f"{scheme}:{self._masked(rest)}".replace("sk_***", "sk_masked") if colon else None,
        }

    def _masked(self, value: Any, *, names: bool = True) -> Any:
        """Return a JSON value without API keys in its texts, and in the names of its objects."""
        if isinstance(value, str):
            return self._service.keys.mask(value)
        if isinstance(value, list):
            return [self._masked(one, names=names) for one in value]
        if isinstance(value, dict):
            return {self._masked(name) if names else name: self._masked(value[name], names=names) for name in value}
        return value

    def _rules(self) -> Iterator[Rule]:
        """Yield the rules with what is left of their counts."""
        for shown in self._service.faults.shown():
            rule = Rule.model_validate({name: value for name, value in shown.items() if name not in _COUNTS})
            left = rule.limit - shown["struck"] if rule.limit >= 0 else rule.limit
            after = max(0, rule.after - shown["matched"])
            if left:
                changes = {"count": left} if left > 0 else {}
                yield rule.model_copy(update=changes | ({"after": after} if rule.after else {}))

    def _files(self) -> Iterator[tuple[str, Path]]:
        for file in self._service.files.all():
            yield f"files/{file.parent.name}/{file.name}", file
        outputs = self._service.runner.outputs  # the test card is not there
        for name in sorted({job.output for job in self._service.store.newest(-1) if job.output}):
            if (outputs / name).is_file():
                yield f"outputs/{name}", outputs / name

    def _take_over(self, unpacked: Path) -> int:
        """Move unpacked files to their places; return how many stored files there are."""
        stored = list((unpacked / "files").glob("*/*"))
        for file in [*stored, *(unpacked / "outputs").glob("*")]:
            target = self._folder / file.relative_to(unpacked)
            target.parent.mkdir(parents=True, exist_ok=True)
            file.replace(target)
        return len(stored)

    async def handle(self, request: Request) -> Response:
        """GET exports the state, PUT replaces it."""
        return await (self.put(request) if request.method == "PUT" else self.get(request))

    async def get(self, _request: Request) -> Response:
        """Respond with the exported state."""
        folder = await asyncio.to_thread(tempfile.mkdtemp, prefix="lipsync-state-")
        target = Path(folder) / "state.zip"
        await self.export(target)
        gone = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
        return FileResponse(target, media_type="application/zip", filename="sandbox-state.zip", background=gone)

    async def put(self, request: Request) -> Response:
        """Replace the state with the body."""
        check_origin(request)
        with tempfile.TemporaryDirectory(prefix="lipsync-state-", ignore_cleanup_errors=True) as folder:
            source = Path(folder) / "state.zip"
            await _save(request.stream(), source)
            try:
                return JsonResponse(await self.load(source))
            except BadArchive as error:
                raise http_error(422, str(error)) from None


async def _save(chunks: AsyncIterator[bytes], target: Path) -> None:
    size = 0
    with target.open("wb") as file:  # a local disk: blocking writes are short
        async for chunk in chunks:
            size += len(chunk)
            if size > LARGEST_ARCHIVE:
                raise http_error(413, "The file is too large.", {"Connection": "close"})
            file.write(chunk)


def _own_words(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values that are words of the sandbox, not of a client."""
    return {name: value for name, value in values.items() if name in _OWN_WORDS}
