"""The tools as a table: names, texts and JSON Schemas. Those of the endpoints come from the catalogue."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

from lipsync_nodes.agents._tools import LONGEST_WAIT, WAIT, Call, Given, Json, Tools
from lipsync_nodes.service import CATALOGUE

MEDIA: Final = "A path in a root folder, a public URL, or a small file as data:TYPE;base64,…"
TEXT: Final = {"type": "string"}
TEXT_OR_NULL: Final = {"type": ["string", "null"]}
NUMBER_OR_NULL: Final = {"type": ["integer", "null"]}
FLAG: Final = {"type": "boolean"}
LIST: Final = {"type": "array"}
JOB: Final = {"job_id": TEXT | {"minLength": 1}}
SECONDS: Final = {"type": "number", "minimum": 0, "maximum": LONGEST_WAIT, "default": WAIT}
AGAIN: Final = FLAG | {"default": False, "description": "Pay for a new job after one that failed or stopped."}
ANSWER: Final = {
    **JOB,
    "status": TEXT,
    "output": TEXT_OR_NULL | {"description": "URL of the video; it expires."},
    "path": TEXT_OR_NULL | {"description": "Where the video was saved."},
    "credits": NUMBER_OR_NULL | {"description": "The most that the job can cost, if that is known."},
    "warnings": LIST | {"items": TEXT, "description": "What a check of the inputs found."},
    "next": TEXT | {"description": "What to do next; empty if the job is completed."},
}
COST: Final = {
    "credits": {"type": "integer"},
    "exact": FLAG | {"description": "Whether it is exact. Otherwise it is the most."},
    "caveat": TEXT,
    "money": TEXT | {"description": "The price of the credits; empty if the profile has none."},
    "budget_left": NUMBER_OR_NULL,
}
GROUPS: Final = TEXT | {"description": "One group for each tag, tag:NAME, endpoint, day, profile or verdict."}
DAYS: Final = {"type": "integer", "minimum": 1, "maximum": 10_000, "description": "Only jobs of the last days."}
REPORT: Final = {"groups": LIST, "total": {"type": "object"}, "unusable": LIST}
CHECKED: Final = {"ok": FLAG, "credits": NUMBER_OR_NULL, "findings": LIST}


class Tool(NamedTuple):
    """One tool.

    Attributes:
        name, about: what a model reads.
        takes, returns: the JSON Schemas of its arguments and of its result.
        run: carries it out.
        reads: whether it only reads, and changes and spends nothing.
        connects: whether it talks to the service.

    """

    name: str
    about: str
    takes: Json
    returns: Json
    run: Callable[[Given, Call], Awaitable[Json]]
    reads: bool
    connects: bool


def tools_of(tools: Tools) -> Iterator[Tool]:
    """Yield all tools."""
    endpoint: Json = {"endpoint": TEXT | {"enum": [spec.id for spec in CATALOGUE]}}
    for spec in CATALOGUE:
        inputs = spec.arguments
        for field in spec.media:
            inputs[field.name] |= {"description": f"{field.help} {MEDIA}"}
        takes = inputs | {"wait_seconds": SECONDS, "again": AGAIN}
        needs = [field.name for field in spec.fields if field.required]
        about = f"{spec.help}. {tools.submit.__doc__}"
        yield _tool(partial(tools.submit, spec), takes, needs, ANSWER, name=spec.id, about=about)
        endpoint |= inputs
    yield _tool(tools.wait, JOB | {"wait_seconds": SECONDS}, JOB, ANSWER)
    yield _tool(tools.status, JOB, JOB, ANSWER, reads=True)
    yield _tool(tools.download, JOB, JOB, ANSWER)
    yield _tool(tools.check, endpoint, ["endpoint"], CHECKED, reads=True, connects=False)
    yield _tool(tools.estimate, endpoint, ["endpoint"], COST, reads=True, connects=False)
    yield _tool(tools.report, {"by": GROUPS, "days": DAYS}, [], REPORT, reads=True, connects=False)
    latest = {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}
    yield _tool(tools.jobs, {"latest": latest}, [], {"jobs": LIST}, reads=True, connects=False)


def _tool(
    run: Any,
    takes: Json,
    needs: Iterable[str],
    returns: Json,
    *,
    name: str = "",
    about: str = "",
    reads: bool = False,
    connects: bool = True,
) -> Tool:
    name = (name or f"lipsync-{run.__name__}").replace("-", "_")
    schemas = _object(takes, needs), _object(returns, returns)
    return Tool(name, about or run.__doc__ or "", *schemas, run, reads, connects)


def _object(properties: Json, required: Iterable[str]) -> Json:
    return {"type": "object", "properties": properties, "required": [*required], "additionalProperties": False}
