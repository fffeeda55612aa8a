"""`jobs` and `resume`: list what is in the ledger, and continue what is not finished."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lipsync_nodes import AsyncLipsyncClient, Job, LipsyncError, SubmissionUncertain
from lipsync_nodes.cli.endpoints import waiting_options
from lipsync_nodes.cli.output import RUN, as_json_text, plain, write
from lipsync_nodes.cli.session import Connection, Session, Waiting, common_options
from lipsync_nodes.cli.speak import Progress, exit_code, row_of, say, show, tell, unexpected
from lipsync_nodes.cli.tags import tag_option, tags_text
from lipsync_nodes.cli.trouble import in_our_words
from lipsync_nodes.host import ENDS, Entry, video_of

__all__ = ["jobs", "resume"]

WIDTH: Final = 200
LATEST: Final = 30
# The columns of the table, and how wide they are at least.
COLUMNS: Final = {"age": 6, "endpoint": 19, "state": 10, "credits": 7, "webhook": 15, "job id": 36, "output": None}
TAGGED: Final = {**COLUMNS, "output": 20, "verdict": 11, "tags": None}


@click.command()
@click.option("--all", "everything", is_flag=True, help="List all jobs, not only the latest 30.")
@tag_option("Only jobs with this tag. Can be given several times.")
@common_options
def jobs(session: Session, everything: bool, tags: dict[str, str]) -> None:
    """List the jobs that were submitted from this machine: age, endpoint, state, credits, webhook, job id, output.

    The tags and the verdicts of verifications are listed too, if there are any. Jobs made with --sandbox have a ledger
    of their own: add --sandbox to list those.
    """
    with session.opened(key_needed=False) as to:

        def found() -> Iterator[Entry]:
            if not everything and not tags:
                return iter(to.ledger.latest(to.profile, LATEST))
            each = (entry for entry in to.ledger.each(to.profile) if tags.items() <= entry.tags.items())
            return each if everything else iter(deque(each, LATEST))

        if session.as_json and everything:
            _print_json(map(_row, found()))
        elif session.as_json:
            show({"jobs": list(map(_row, found()))}, as_json=True)
        else:
            tagged = any(entry.tags_text or entry.verification_text for entry in found())
            _print_table(map(_row, found()), TAGGED if tagged else COLUMNS)
            if next(found(), None) is None:
                session.say_no_jobs("jobs")


def _print_json(rows: Iterator[dict[str, Any]]) -> None:
    """Print one JSON object piece by piece, because the list may be long."""
    RUN.printed = True
    write('{"jobs": [')
    for number, row in enumerate(rows):
        write((", " if number else "") + as_json_text(row))
    write("]}\n")


def _print_table(rows: Iterator[dict[str, Any]], columns: Mapping[str, int | None]) -> None:
    """Print a table, some rows at a time."""
    console = Console(highlight=False, width=max(WIDTH, shutil.get_terminal_size().columns))
    header = True
    while (some := list(islice(rows, LATEST))) or header:
        table = Table(box=None, header_style="bold", show_header=header)
        for name, width in columns.items():
            # Never cut an id or a path short.
            table.add_column(name, no_wrap=True, min_width=width, overflow="ignore")
        for row in some:
            shown = {**row, "job id": row["id"], "tags": tags_text(row["tags"]), "output": _where(row)}
            table.add_row(*(Text(plain(shown[name] or "")) for name in columns))
        with console.capture() as captured:
            console.print(table, crop=False)
        write(captured.get())
        header = False


def _row(entry: Entry) -> dict[str, Any]:
    job = entry.as_job
    return {
        "id": entry.job_id,
        "endpoint": entry.endpoint,
        "state": entry.state,
        "age": _age(time.time() - entry.created_at),
        "created_at": entry.created_at,
        "key": entry.key,
        "credits": entry.credits,
        "profile": entry.profile,
        "tags": dict(entry.tags),
        "verdict": entry.verdict,
        "webhook": _webhook(entry),
        "webhook_at": entry.webhook_at,
        "output": job.output if job else None,
        "path": entry.saved_to,
        "reason": entry.reason or (job.error if job else "") or (_end_of(job) if job and job.finished else ""),
    }


def _end_of(job: Job) -> str:
    """Return how a job ended. If there is no video, the error quotes the output, which may still contain its URL."""
    try:
        return video_of(job).status.value
    except LipsyncError as error:
        return in_our_words(error).message


def _webhook(entry: Entry) -> str | None:
    """Return the state of a job's webhook: expected, or how long ago it came."""
    if entry.webhook_at is not None:
        return f"came {_age(time.time() - entry.webhook_at)} ago"
    return "expected" if entry.callback and entry.state not in {*ENDS, "refused"} else None


def _where(row: dict[str, Any]) -> str:
    return str(row["path"] or row["output"] or row["reason"] or "")


def _age(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


@click.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Folder for the videos.")
@waiting_options
@common_options
def resume(session: Session, out: Path, timeout: float | None, poll_interval: float | None) -> None:
    """Wait for all unfinished jobs that were submitted from this machine, and save their videos."""
    out.mkdir(parents=True, exist_ok=True)
    waiting: Waiting = {"timeout": timeout, "poll_interval": poll_interval}
    with session.opened() as to, session.progress("Resuming") as progress:
        outcomes = asyncio.run(_resume(to, out, progress, waiting))
        unsettled = to.ledger.unsettled(to.profile)
    saved = {job_id: str(outcome) for job_id, outcome in outcomes if isinstance(outcome, Path)}
    failed = {job_id: outcome for job_id, outcome in outcomes if isinstance(outcome, LipsyncError)}
    _tell(saved, failed, unsettled, as_json=session.as_json)
    codes = [*map(exit_code, failed.values()), *(exit_code(SubmissionUncertain()) for _ in unsettled[:1])]
    sys.exit(max(codes, default=0))


def _tell(saved: dict[str, str], failed: dict[str, LipsyncError], unsettled: list[Entry], *, as_json: bool) -> None:
    if as_json:
        lost = [{**row_of(error), "id": job_id} for job_id, error in failed.items()]
        done = [{"id": job_id, "path": path} for job_id, path in saved.items()]
        show({"saved": done, "failed": lost, "uncertain": [_row(entry) for entry in unsettled]}, as_json=True)
    else:
        say(f"{len(saved)} saved, {len(failed)} failed, {len(unsettled)} uncertain")
    if unsettled:
        tell("Nothing was sent for the uncertain ones; see `lipsync-nodes jobs`.")


async def _resume(
    to: Connection, out: Path, progress: Progress, waiting: Waiting
) -> list[tuple[str, Path | LipsyncError]]:
    async with AsyncLipsyncClient(profile=to.profile, ledger=to.ledger) as client:

        async def one(entry: Entry) -> tuple[str, Path | LipsyncError]:
            job_id, target = entry.job_id or "", entry.target or out
            outcome: Path | LipsyncError
            try:
                # Finished jobs are polled too, because their URL may have changed.
                job = await client.wait(job_id, on_update=lambda job: progress.first_seen(job, "Job id"), **waiting)
                outcome = await to.asave(client, job, target, progress)
            except LipsyncError as error:
                outcome = in_our_words(error)
            except Exception as error:  # noqa: BLE001  # the other jobs continue
                outcome = unexpected(error, f"job {job_id}", may_have_charged=True)
            progress.line(f"{job_id}: {outcome}")
            return job_id, outcome

        return await asyncio.gather(*map(one, to.ledger.unfinished(to.profile)))
