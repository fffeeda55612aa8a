"""The MCP server: the tools of the core by the Model Context Protocol."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from base64 import b64encode
from collections.abc import Iterable
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any, Final, Self

import mcp_types as types
import uvicorn
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from mcp.server import Server, ServerRequestContext
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from lipsync_nodes import AsyncLipsyncClient, InvalidRequest, Job, LipsyncError, __version__
from lipsync_nodes.cli.session import Connection, Session
from lipsync_nodes.cli.speak import tell, unexpected
from lipsync_nodes.cli.webhook import listen
from lipsync_nodes.host import Budget, Roots, Tool, Tools, tools_of

__all__ = ["serve"]

ABOUT: Final = (
    "Lip-sync videos. Check and estimate first: both are free. A submit returns a job id; lipsync_wait waits on."
)
# A question without fields: the user accepts or declines.
FORM: Final[dict[str, Any]] = {"type": "object", "properties": {}}
QUIET: Final[dict[str, Any]] = {"log_level": "warning", "access_log": False, "timeout_graceful_shutdown": 3}
VIDEO: Final = "video/mp4"
Result = types.CallToolResult | types.InputRequiredResult


class _Question(Exception):  # never leaves this module
    """A newer client asks its user, and calls again with the answer."""

    def __init__(self, name: str, params: types.ElicitRequestFormParams) -> None:
        self.result = types.InputRequiredResult(input_requests={name: types.ElicitRequest(params=params)})


class _Call:
    """The call of a tool."""

    def __init__(self, context: ServerRequestContext, params: types.CallToolRequestParams) -> None:
        self._context, self._answers, self._began = context, params.input_responses or {}, time.monotonic()

    async def tell(self, job: Job) -> None:
        seconds = time.monotonic() - self._began
        await self._context.session.report_progress(seconds, message=f"{job.id}: {job.status}")

    async def agree(self, question: str, name: str) -> None:
        """Ask the user, if the client can. Otherwise the budget alone decides."""
        session, answer = self._context.session, self._answers.get(name)
        able = session.client_capabilities.elicitation if session.client_capabilities else None
        if able is None or (able.url and not able.form):
            return
        if self._context.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            answer = await session.elicit_form(question, FORM, self._context.request_id)
        elif answer is None:
            raise _Question(name, types.ElicitRequestFormParams(message=question, requested_schema=FORM))
        if getattr(answer, "action", None) != "accept":
            raise InvalidRequest(code="mcp.declined", remedy="nothing_sent")


class _Handlers:
    """What the server answers."""

    def __init__(self, tools: Tools) -> None:
        self._tools, self._table = tools, {tool.name: tool for tool in tools_of(tools)}

    async def tools(self, _context: Any, _params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_shown(tool) for tool in self._table.values()])

    async def call(self, context: ServerRequestContext, params: types.CallToolRequestParams) -> Result:
        if params.name not in self._table:
            raise MCPError(types.INVALID_PARAMS, f"There is no tool {params.name!r}.")
        try:
            return await _carried_out(self._table[params.name], params.arguments or {}, _Call(context, params))
        except _Question as question:
            return question.result
        except Exception as error:  # noqa: BLE001  # also a bug of ours: the agent needs to know
            failure = error if isinstance(error, LipsyncError) else unexpected(error)
            about = {"error": failure.as_json(host="mcp")}
            return types.CallToolResult(content=_text(str(failure)), structured_content=about, is_error=True)

    async def videos(self, _context: Any, _params: Any) -> types.ListResourcesResult:
        files = await asyncio.to_thread(self._tools.videos)
        return types.ListResourcesResult(resources=[types.Resource(**_named(file)) for file in files])

    async def video(self, _context: Any, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        files = {file.as_uri(): file for file in await asyncio.to_thread(self._tools.videos)}
        if (file := files.get(str(params.uri))) is None:
            raise MCPError(types.INVALID_PARAMS, "No video of a job is there.")
        blob = b64encode(await asyncio.to_thread(file.read_bytes)).decode()
        content = types.BlobResourceContents(uri=params.uri, mime_type=VIDEO, blob=blob)
        return types.ReadResourceResult(contents=[content])


def _named(file: Path) -> dict[str, Any]:
    return {"name": file.name, "uri": file.as_uri(), "mime_type": VIDEO}


def _shown(tool: Tool) -> types.Tool:
    hints = types.ToolAnnotations(
        read_only_hint=tool.reads, destructive_hint=False, idempotent_hint=True, open_world_hint=tool.connects
    )
    schemas: dict[str, Any] = {"input_schema": tool.takes, "output_schema": tool.returns}
    return types.Tool(name=tool.name, description=tool.about, annotations=hints, **schemas)


async def _carried_out(tool: Tool, arguments: dict[str, Any], call: _Call) -> types.CallToolResult:
    given = {name: value for name, value in arguments.items() if value is not None}
    if fault := best_match(Draft202012Validator(tool.takes).iter_errors(given)):
        raise InvalidRequest(code="mcp.wrong_arguments", reason=fault.message[:200])
    answer = await tool.run(given, call)
    content = _text(json.dumps(answer))
    if path := answer.get("path"):
        content.append(types.ResourceLink(**_named(Path(path))))
    return types.CallToolResult(content=content, structured_content=answer)


def _text(text: str) -> list[types.ContentBlock]:
    return [types.TextContent(text=text)]


def serve(session: Session, folders: Iterable[Path], budget: int, port: int | None) -> None:
    """Run the server until its client has gone, or Ctrl-C. Without a *port*, it serves stdio."""
    with session.opened(lasting=False) as to:
        asyncio.run(_serve(to, folders, budget, port))


async def _serve(to: Connection, folders: Iterable[Path], budget: int, port: int | None) -> None:
    limit = None if to.profile.free else Budget(budget)
    async with AsyncLipsyncClient(profile=to.profile, ledger=to.ledger, budget=limit) as client:
        tools = Tools(client, to.ledger, Roots(folders), limit, "mcp")
        answers = _Handlers(tools)
        server = Server(
            "lipsync-nodes",
            version=__version__,
            instructions=ABOUT,
            on_list_tools=answers.tools,
            on_call_tool=answers.call,
            on_list_resources=answers.videos,
            on_read_resource=answers.video,
        )
        try:
            await (_stdio(server) if port is None else _http(server, port))
        finally:
            await tools.close()


class _Lines:
    """Standard input, read by a thread that does not keep the program from ending, unlike that of the SDK."""

    def __init__(self) -> None:
        self._lines: asyncio.Queue[bytes] = asyncio.Queue()
        threading.Thread(target=self._read, args=[asyncio.get_running_loop()], daemon=True).start()

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        file = os.fdopen(os.dup(0), "rb")  # `sys.stdin` would be locked by this thread when Python exits
        with suppress(RuntimeError):  # the loop has ended
            for line in chain(file, [b""]):
                loop.call_soon_threadsafe(self._lines.put_nowait, line)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        if line := await self._lines.get():
            return line.decode("utf-8", "replace")
        raise StopAsyncIteration


async def _stdio(server: Server) -> None:
    lines: Any = _Lines()
    async with stdio_server(lines) as (read, write):
        await server.run(read, write, server.create_initialization_options())


async def _http(server: Server, port: int) -> None:
    with listen("127.0.0.1", port) as listener:
        tell(f"MCP server: http://127.0.0.1:{listener.getsockname()[1]}/mcp")
        await uvicorn.Server(uvicorn.Config(server.streamable_http_app(), **QUIET)).serve([listener])
