"""What the tools do. A call that is repeated, or was cut off and is made again, finds its job and pays nothing."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

from lipsync_nodes.agents._roots import Roots
from lipsync_nodes.checks import Verdict
from lipsync_nodes.client import AsyncLipsyncClient
from lipsync_nodes.errors import DownloadError, InvalidRequest, JobTimeout, LipsyncError, SubmitTimeout
from lipsync_nodes.flows import Budget
from lipsync_nodes.ledger import Entry, Ledger, report_of
from lipsync_nodes.media import PreparedForm, content_key, estimate_credits, known_credits, source_and_target
from lipsync_nodes.service import CATALOGUE, Credits, Job, JobStatus, NodeSpec, spec_named, video_of

# In seconds. Many hosts give up a call after 60 s.
WAIT: Final = 30
LONGEST_WAIT: Final = 45
SUBMIT: Final = 50.0
SAVE: Final = 45.0
SAVE_AFTER_WAIT: Final = 10.0
DAY: Final = 86_400
LATEST_VIDEOS: Final = 100

Given = Mapping[str, Any]
Json = dict[str, Any]


class Call(Protocol):
    """The call of a tool: what the host tells its user meanwhile, and asks."""

    def tell(self, job: Job) -> Awaitable[None]:
        """Report the progress of a job."""

    def agree(self, question: str, name: str) -> Awaitable[None]:
        """Raise `InvalidRequest` if the user declines to pay. *name* is that of the same question in another call."""


class Tools:
    """The tools of one host. The arguments that they are *given* match the schemas of `tools_of`.

    Args:
        client: the client. Its budget is what may be spent.
        ledger: its ledger, which finds the jobs of repeated calls.
        roots: the folders for media. Videos are saved in the first one.
        budget: the client's budget; None if nothing has to be paid for. It counts what all processes with this ledger
            have spent for the same host.
        host: the name of the host in `lipsync_nodes.words`; it is also a tag of the submissions.

    """

    def __init__(
        self, client: AsyncLipsyncClient, ledger: Ledger, roots: Roots, budget: Budget | None, host: str
    ) -> None:
        self._client, self._ledger, self._roots, self._budget, self._host = client, ledger, roots, budget, host
        self._sending: set[asyncio.Task[Job]] = set()

    async def submit(self, spec: NodeSpec, given: Given, call: Call) -> Json:
        """Submit a job and wait a while for its video. The same inputs find the same job and are paid for once."""
        began, verdicts = time.monotonic(), list[Verdict]()
        form = await asyncio.to_thread(self._roots.form, spec, given)
        cost = await asyncio.to_thread(known_credits, form, lengths=_lengths(spec, given))
        job = await self._submitted(form, cost, verdicts, call, again=given.get("again", False))
        answer = await self._followed(job, given.get("wait_seconds", WAIT) + began - time.monotonic(), call)
        return answer | {"warnings": [one.line("en", self._host) for verdict in verdicts for one in verdict.problems]}

    async def wait(self, given: Given, call: Call) -> Json:
        """Wait for a job and save its video. If the wait ends or is cancelled, the job goes on."""
        return await self._followed(Job(id=given["job_id"]), given.get("wait_seconds", WAIT), call)

    async def status(self, given: Given, _call: Call) -> Json:
        """Fetch a job once, without waiting."""
        job = await self._client.job(given["job_id"])
        return self._answer(job, next_=self._next(job))

    async def download(self, given: Given, _call: Call) -> Json:
        """Save the video of a finished job in the first root folder, unless it is there."""
        job = video_of(await self._client.job(given["job_id"]))
        return self._answer(job, await self._saved(job, SAVE))

    async def check(self, given: Given, _call: Call) -> Json:
        """Check inputs without submitting them: files, lengths, faces, speech and cost. Nothing is sent or paid for."""
        spec = spec_named(given["endpoint"])
        _check_names(spec, given)
        form = await asyncio.to_thread(self._roots.form, spec, given)
        verdict = await self._client.check(form, lengths=_lengths(spec, given))
        return verdict.as_json("en", self._host)

    async def estimate(self, given: Given, _call: Call) -> Json:
        """Estimate what a job would cost, in credits. Nothing is sent, and only what the cost depends on is needed."""
        spec = spec_named(given["endpoint"])
        form = await asyncio.to_thread(self._roots.form, spec, given, draft=True)
        cost = await asyncio.to_thread(estimate_credits, form, lengths=_lengths(spec, given))
        known = {"credits": cost, "exact": cost.exact, "caveat": cost.caveat}
        return known | {"money": self._money(cost), "budget_left": await self._left()}

    async def jobs(self, given: Given, _call: Call) -> Json:
        """List the latest jobs that were submitted from this machine, oldest first."""
        latest = await asyncio.to_thread(self._ledger.latest, self._client.profile, int(given.get("latest", 20)))
        return {"jobs": [_row(entry) for entry in latest]}

    async def report(self, given: Given, _call: Call) -> Json:
        """Report what the jobs of this account cost: number, seconds and credits by group, and which have no video."""
        since = time.time() - given["days"] * DAY if "days" in given else None
        by = given.get("by", "")
        found = await asyncio.to_thread(report_of, self._ledger, self._client.profile, by=by, since=since)
        return found.as_json()

    def videos(self) -> list[Path]:
        """Return the files of the latest videos that were saved in the first root folder and are still there."""
        latest = self._ledger.latest(self._client.profile, LATEST_VIDEOS) if self._roots.folders else []
        files = dict.fromkeys(Path(entry.saved_to) for entry in latest if entry.saved_to)
        return [file for file in files if file.is_relative_to(self._roots.first) and _is_file_itself(file)]

    async def close(self) -> None:
        """Wait for submissions whose calls were cancelled."""
        await asyncio.gather(*self._sending, return_exceptions=True)

    async def _submitted(
        self, form: PreparedForm, cost: Credits | None, verdicts: list[Verdict], call: Call, *, again: bool
    ) -> Job:
        """Submit, or find the job of the same inputs. A job that failed is paid for again only if that is asked for."""
        key = await asyncio.to_thread(content_key, form, self._client.profile)
        known = await asyncio.to_thread(self._ledger.job_under, key, self._client.profile)
        if known and known.finished and not again:
            video_of(known)  # raises an error if it has none
        left = await self._left()
        pays = known is None or (known.finished and known.status is not JobStatus.COMPLETED)
        if pays and left and cost is not None and cost <= left:
            price = f" ({money})" if (money := self._money(cost)) else ""
            question = f"Spend up to {cost} credits{price} on {form.spec.id}? {left} are left of the budget."
            await call.agree(question, f"{key}-{cost}")
        # A task of its own goes on if the call is cancelled, so that its job gets into the ledger.
        sending = asyncio.create_task(
            self._client.submit(
                form,
                key=key,
                estimate=cost,
                resubmit_uncertain=again,
                tags={"host": self._host},
                on_check=verdicts.append,
            )
        )
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)
        if not (await asyncio.wait([sending], timeout=SUBMIT))[0]:
            raise SubmitTimeout(
                code="agents.still_sending", seconds=SUBMIT, may_have_charged=True, remedy="same_inputs_later"
            )
        return sending.result()

    async def _left(self) -> int | None:
        """Return what is left of the budget."""
        if self._budget is None:
            return None
        tags = {"host": self._host}
        return await asyncio.to_thread(self._ledger.left_of, self._budget, self._client.profile, tags)

    def _money(self, cost: int) -> str:
        """Return the price of credits; empty if the profile has no price."""
        profile = self._client.profile
        return "" if profile.price is None else f"{profile.price * cost} {profile.currency}".strip()

    async def _followed(self, job: Job, seconds: float, call: Call) -> Json:
        """Wait for a job, and save its video. A job that has not ended is no error."""
        try:
            job = await self._client.wait(job.id, timeout=max(seconds, 0.1), on_update=call.tell)
            return self._answer(job, await self._saved(job, SAVE_AFTER_WAIT) if self._roots.folders else None)
        except (JobTimeout, DownloadError) as error:
            return self._answer(job, next_=error.speak(self._host).hint)
        except LipsyncError as error:
            error.job_id = error.job_id or job.id
            raise

    async def _saved(self, job: Job, seconds: float) -> Path:
        file = source_and_target(job, self._roots.first)[1]  # named after the job
        return file if file.exists() else await self._client.download(job, file, timeout=seconds)

    def _next(self, job: Job) -> str:
        """Return what to do next about a job that was fetched once."""
        if not job.finished:
            return JobTimeout(job_id=job.id).speak(self._host).hint
        try:
            video_of(job)
        except LipsyncError as error:
            return str(error.speak(self._host))
        return ""

    def _answer(self, job: Job, path: Path | None = None, next_: str = "") -> Json:
        entry = self._ledger.entry_of(job.id)
        return {
            "job_id": job.id,
            "status": job.status.value,
            "output": job.output,
            "path": path and str(path),
            "credits": entry and entry.credits,
            "warnings": [],
            "next": next_,
        }


def _lengths(spec: NodeSpec, given: Given) -> dict[str, float | None]:
    return {field.name: given.get(field.seconds) for field in spec.timed}


def _check_names(spec: NodeSpec, given: Given) -> None:
    """Raise `InvalidRequest` for fields of other endpoints, which the schema of a tool for all of them allows."""
    own = {field.name for field in spec.fields}
    if strange := sorted({field.name for one in CATALOGUE for field in one.fields if field.name in given} - own):
        raise InvalidRequest(code="batch.no_such_field", endpoint=spec.id, fields=strange)


def _is_file_itself(file: Path) -> bool:
    """Return whether a file is there, and no link is on the way to it."""
    return file.is_file() and os.path.realpath(file) == str(file)


def _row(entry: Entry) -> Json:
    known = {name: getattr(entry, name) for name in ("job_id", "endpoint", "state", "credits")}
    when, job = datetime.fromtimestamp(entry.created_at, UTC), entry.as_job
    return known | {"submitted": when.isoformat(" ", "seconds"), "output": job and job.output, "path": entry.saved_to}
