"""`run --batch`: many jobs from a file of JSON lines, safe to run again: what is finished is not paid or fetched anew.

Each line is an object with `endpoint` (`image`, `video`, `image-multi`), the endpoint's fields, and perhaps `key`,
`out` and `audio_seconds`, `right_audio_seconds`, `video_seconds`:

    {"endpoint": "image", "image": "https://…/face.png", "audio": "https://…/voice.mp3", "out": "hello.mp4"}
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from lipsync_nodes.assets import check
from lipsync_nodes.catalogue import spec_named
from lipsync_nodes.cli.session import LENGTHS, Connection, Session, Waiting, common_options, cost_of, form_of
from lipsync_nodes.cli.speak import Progress, exit_code, show
from lipsync_nodes.client import AsyncLipsyncClient
from lipsync_nodes.contract import Form
from lipsync_nodes.errors import InvalidRequest, LipsyncError
from lipsync_nodes.ledger import content_key
from lipsync_nodes.results import plain_name
from lipsync_nodes.settings import Profile

__all__ = ["batch_options", "run_batch"]


def batch_options(command: Callable[..., object]) -> Callable[..., object]:
    """Add the options of a batch."""
    for option in (
        click.option("--budget", type=int, help="With --batch: the most credits that it may cost in all."),
        click.option("--concurrency", type=click.IntRange(1), default=4, show_default=True, help="Jobs at a time."),
        click.option("--timeout", type=float, help="Seconds to wait for each job at most."),
        click.option("--poll-interval", type=float, help="Mean seconds between two looks at a job."),
        click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Folder."),
        click.option("--batch", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="JSON lines."),
    ):
        command = option(command)
    return common_options(command)


@dataclass(frozen=True)
class Line:
    """One line of the file, checked."""

    number: int
    form: Form
    key: str
    target: Path
    credits: int | None


def run_batch(
    *,
    session: Session,
    batch: Path | None,
    out: Path,
    concurrency: int,
    budget: int | None,
    timeout: float | None,
    poll_interval: float | None,
) -> None:
    """Run every line, say what became of each, and end with the gravest exit code."""
    if batch is None:
        raise click.UsageError("Name an endpoint (see --help), or a file with --batch.")
    waiting: Waiting = {"timeout": timeout, "poll_interval": poll_interval}
    with session.opened() as to, session.progress("Reading the batch") as progress:
        lines = _read(batch, out, to.profile)
        outcomes = asyncio.run(_Batch(lines, to, progress, waiting).run(concurrency, budget))
    _report(lines, outcomes, as_json=session.as_json)


@dataclass
class _Batch:
    """The lines of a file on their way."""

    lines: list[Line]
    to: Connection
    progress: Progress
    waiting: Waiting
    ended: int = 0
    running: int = 0

    async def run(self, concurrency: int, budget: int | None) -> list[dict[str, Any] | LipsyncError]:
        """Run all lines, so many at a time, and return what became of each."""
        gate = asyncio.Semaphore(concurrency)
        async with AsyncLipsyncClient(profile=self.to.profile, ledger=self.to.ledger, budget=budget) as client:
            return await asyncio.gather(*(self._one(client, gate, line) for line in self.lines))

    async def _one(
        self, client: AsyncLipsyncClient, gate: asyncio.Semaphore, line: Line
    ) -> dict[str, Any] | LipsyncError:
        outcome: dict[str, Any] | LipsyncError
        async with gate:
            self._count(running=1)
            try:
                outcome = await self._carry_through(client, line)
            except LipsyncError as error:
                outcome = error
        self._count(running=-1, ended=1)
        said = outcome["path"] if isinstance(outcome, dict) else f"{type(outcome).__name__}: {outcome}"
        self.progress.line(f"[{self.ended}/{len(self.lines)}] line {line.number}: {said}")
        return outcome

    def _count(self, *, running: int, ended: int = 0) -> None:
        self.running += running
        self.ended += ended
        self.progress.say(f"{self.ended} of {len(self.lines)} done, {self.running} running")

    async def _carry_through(self, client: AsyncLipsyncClient, line: Line) -> dict[str, Any]:
        job = await client.run(
            line.form,
            key=line.key,
            estimate=line.credits,
            target=line.target,
            on_update=lambda job: self.progress.first_seen(job, f"line {line.number}: job"),
            **self.waiting,
        )
        saved = await asyncio.to_thread(self.to.saved, job, line.target) or await client.download(job, line.target)
        return {"id": job.id, "status": job.status.value, "output": job.output, "path": str(saved)}


def _read(batch: Path, out: Path, profile: Profile) -> list[Line]:
    """Check every line before anything is sent."""
    out.mkdir(parents=True, exist_ok=True)
    seen: Counter[str] = Counter()
    lines: list[Line] = []
    for number, values in _objects(batch):
        try:
            line = _line(number, values, out, profile, seen)
            if any(line.key == other.key or line.target == other.target for other in lines):
                raise InvalidRequest("its `key` or `out` is that of an earlier line.")
        except LipsyncError as error:
            raise InvalidRequest(f"{batch}, line {number}: {error.message}", hint="Nothing was sent.") from None
        lines.append(line)
    return lines


def _objects(batch: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    # Not splitlines: a JSON string may hold a line separator of Unicode.
    for number, text in enumerate(batch.read_text(encoding="utf-8-sig").split("\n"), 1):
        if text.strip():
            try:
                values = json.loads(text)
            except ValueError:
                values = None
            if not isinstance(values, dict) or not isinstance(values.get("endpoint"), str):
                raise InvalidRequest(
                    f'{batch}, line {number}: not a JSON object with "endpoint".', hint="Nothing was sent."
                )
            yield number, values


def _line(number: int, values: dict[str, Any], out: Path, profile: Profile, seen: Counter[str]) -> Line:
    spec = spec_named(values.pop("endpoint"))
    key, name = (_typed(values.pop(field, None), field, str) for field in ("key", "out"))
    lengths = {length: _typed(values.pop(length, None), length, (int, float)) for length in LENGTHS}
    if strange := values.keys() - {field.name for field in spec.fields}:
        raise InvalidRequest(f"{spec.id} has no field {', '.join(sorted(strange))}.")
    form = form_of(spec, values)
    for asset in form.assets:
        check(form, asset)
    if key is None:
        key = content_key(form, profile)
        seen[key] += 1
        # Equal lines ask for as many videos; each has its own place among them, also the next time.
        place = f" {seen[key]}" if seen[key] > 1 else ""
        # Named as version 0.1 did: a batch that it paid for finds its videos.
        name = name or f"{key.former[:16]}{place.replace(' ', '-')}.mp4"
        key += place
    try:
        cost = cost_of(form, lengths)
    except InvalidRequest:  # a length is not known
        cost = None
    return Line(number, form, key, out / (name or f"{plain_name(key)}.mp4"), cost)


def _typed(value: Any, field: str, kind: type | tuple[type, ...]) -> Any:
    if value is not None and (not isinstance(value, kind) or isinstance(value, bool) or value == ""):
        raise InvalidRequest(f"`{field}` cannot be {value!r:.40}.")
    return value


def _report(lines: list[Line], outcomes: list[dict[str, Any] | LipsyncError], *, as_json: bool) -> None:
    failures = [outcome for outcome in outcomes if isinstance(outcome, LipsyncError)]
    rows = [
        {"line": line.number, **outcome}
        if isinstance(outcome, dict)
        else {"line": line.number, "id": outcome.job_id, "error": type(outcome).__name__, "message": str(outcome)}
        for line, outcome in zip(lines, outcomes, strict=True)
    ]
    summary = {"done": len(lines) - len(failures), "failed": len(failures)}
    show({**summary, "jobs": rows} if as_json else summary, as_json=as_json)
    sys.exit(max(map(exit_code, failures), default=0))
