"""`run --batch`: many jobs from a file of JSON lines. A second run does not pay for or fetch finished jobs again.

Each line is an object with `endpoint` (`image`, `video`, `image-multi`) and the endpoint's fields. It can also have
`key`, `out`, `tags` (an object of names and values, for `report`) and lengths of its media, such as `audio_seconds`. If
a line is wrong or its job fails, the others still run. The errors are reported at the end, with the highest exit code.
With `--strict`, nothing is sent if any line is wrong.

    {"endpoint": "image", "image": "https://…/face.png", "audio": "https://…/voice.mp3", "out": "hello.mp4"}
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from lipsync_nodes import AsyncLipsyncClient, InvalidRequest, LipsyncError
from lipsync_nodes.cli.batch_file import Line, read_batch
from lipsync_nodes.cli.checking import Findings, check_options
from lipsync_nodes.cli.session import Connection, Session, Waiting, common_options
from lipsync_nodes.cli.speak import Progress, exit_code, row_of, show, unexpected
from lipsync_nodes.cli.tags import tag_option
from lipsync_nodes.cli.trouble import in_our_words
from lipsync_nodes.cli.verify import averification_of, said_of, verify_option
from lipsync_nodes.host import SubmitOptions, require_perception

__all__ = ["batch_options", "run_batch"]


def batch_options(command: Callable[..., object]) -> Callable[..., object]:
    """Add the options of a batch."""
    for option in (
        click.option("--strict", is_flag=True, help="With --batch: send nothing if any line is wrong."),
        click.option("--budget", type=click.IntRange(0), help="With --batch: maximum credits for the whole batch."),
        verify_option,
        tag_option("With --batch: tag of all lines. A line's own `tags` come first."),
        click.option("--concurrency", type=click.IntRange(1), default=4, show_default=True, help="Jobs at a time."),
        click.option("--timeout", type=float, help="Maximum seconds for each job."),
        click.option("--poll-interval", type=float, help="Average seconds between two polls of a job."),
        click.option(
            "--out", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Folder for the videos."
        ),
        click.option(
            "--batch",
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            help="File with one job in each line, as a JSON object.",
        ),
    ):
        command = option(command)
    return common_options(check_options(command))


def run_batch(
    *,
    session: Session,
    batch: Path | None,
    out: Path,
    concurrency: int,
    budget: int | None,
    strict: bool,
    verifies: bool,
    tags: dict[str, str],
    timeout: float | None,
    poll_interval: float | None,
    **checking: Any,
) -> None:
    """Run every line, report each result, and exit with the highest exit code."""
    if batch is None:
        raise click.UsageError("Name an endpoint (see --help), or a file with --batch.")
    if verifies:
        require_perception()  # before anything is paid
    waiting: Waiting = {"timeout": timeout, "poll_interval": poll_interval}
    with session.opened() as to, session.progress("Reading the batch") as progress:
        out.mkdir(parents=True, exist_ok=True)
        lines = list(read_batch(batch, out, to.profile, tags))
        if strict and (faults := [line.fault for line in lines if line.fault]):
            raise InvalidRequest(code="batch.wrong_line", fault=faults[0], remedy="nothing_sent")
        batch_ = _Batch(lines, to, progress, waiting, checking, verifies)
        outcomes = asyncio.run(batch_.run(concurrency, budget))
    _report(lines, outcomes, batch_.checks, as_json=session.as_json)


@dataclass
class _Batch:
    """The lines of a file while they run."""

    lines: list[Line]
    to: Connection
    progress: Progress
    waiting: Waiting
    checking: dict[str, Any]
    verifies: bool = False
    checks: dict[int, Findings] = field(default_factory=dict)
    ended: int = 0
    running: int = 0

    async def run(self, concurrency: int, budget: int | None) -> list[dict[str, Any] | LipsyncError]:
        """Run all lines, *concurrency* at a time, and return the result of each."""
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
                outcome = line.fault or await self._carry_through(client, line)
            except LipsyncError as error:
                outcome = error
            except Exception as error:  # noqa: BLE001  # the other lines continue
                outcome = unexpected(error, f"line {line.number}", may_have_charged=True)
        self._count(running=-1, ended=1)
        self.progress.line(f"[{self.ended}/{len(self.lines)}] line {line.number}: {_said(outcome)}")
        return outcome

    def _count(self, *, running: int, ended: int = 0) -> None:
        self.running += running
        self.ended += ended
        self.progress.say(f"{self.ended} of {len(self.lines)} done, {self.running} running")

    async def _carry_through(self, client: AsyncLipsyncClient, line: Line) -> dict[str, Any]:
        assert line.form is not None  # noqa: S101  # it has no fault
        findings = Findings(self.to.profile.check, self.progress.line, f"line {line.number}: ")
        self.checks[line.number] = findings
        options: SubmitOptions = {
            "key": line.key,
            "estimate": line.credits,
            "target": line.target,
            "tags": line.tags,
            **findings.options(self.checking),
        }
        job = await client.run(
            line.form,
            **options,
            on_update=lambda job: self.progress.first_seen(job, f"line {line.number}, job id"),
            **self.waiting,
        )
        saved = await self.to.asave(client, job, line.target, self.progress)
        made = {"id": job.id, "status": job.status.value, "output": job.output, "path": str(saved)}
        return made | ({"verification": await averification_of(client, job, line.form)} if self.verifies else {})


def _said(outcome: dict[str, Any] | LipsyncError) -> str:
    if isinstance(outcome, LipsyncError):
        return f"{type(outcome).__name__}: {in_our_words(outcome)}"
    return f"{outcome['path']}: {said_of(outcome['verification'])}" if "verification" in outcome else outcome["path"]


def _report(
    lines: list[Line],
    outcomes: list[dict[str, Any] | LipsyncError],
    checks: Mapping[int, Findings],
    *,
    as_json: bool,
) -> None:
    failures = [outcome for outcome in outcomes if isinstance(outcome, LipsyncError)]
    rows = [
        {
            "line": line.number,
            **(outcome if isinstance(outcome, dict) else row_of(outcome)),
            "check": checks[line.number].as_json if line.number in checks else None,
        }
        for line, outcome in zip(lines, outcomes, strict=True)
    ]
    summary = {"done": len(lines) - len(failures), "failed": len(failures)}
    show({**summary, "jobs": rows} if as_json else summary, as_json=as_json)
    sys.exit(max(map(exit_code, failures), default=0))
