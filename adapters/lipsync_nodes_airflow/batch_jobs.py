"""The jobs of a batch: submitted, polled and saved, with a record of each and a manifest of all."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from hashlib import sha256
from typing import Any, Final

from airflow.providers.common.compat.sdk import Context, ObjectStoragePath

from lipsync_nodes import (
    AuthenticationError,
    InsufficientCredits,
    Job,
    JobFailed,
    JobNotFound,
    Ledger,
    LipsyncClient,
    LipsyncError,
)
from lipsync_nodes.host import Budget, CheckMode, RecordsJournal, refusal, video_of
from lipsync_nodes_airflow.batch_lines import Item
from lipsync_nodes_airflow.batch_manifest import Manifest, Row
from lipsync_nodes_airflow.checking import report, submit_options
from lipsync_nodes_airflow.hooks import LipsyncHook
from lipsync_nodes_airflow.journal import generation_of, place_of, store_of_task
from lipsync_nodes_airflow.storage import FolderStore, folder_of, save

__all__ = ["Jobs"]

AT_A_TIME: Final = 4
EVERY: Final = 60.0
# How long a job that the service does not know is looked for.
LOOK_SECONDS: Final = 10.0
HEAD: Final = "lipsync/batch"


class Jobs:
    """The jobs of a batch while a try of the task works on them.

    Each submission has its own record in the task's state. The key of a record has the number of the batch, which
    changes when a task is cleared whose batch was complete. The manifest in the output folder is only an index of the
    records: it saves asking for each of them, and if it is lost, they are asked.
    """

    def __init__(
        self,
        task: Any,
        context: Context,
        hook: LipsyncHook,
        items: Sequence[Item],
        *,
        faults: dict[int, LipsyncError],
        ledger: Ledger,
    ) -> None:
        self._task, self.faults = task, faults
        self._rows = {item.key: Row(item) for item in items}
        self._ti = context["ti"]
        self._profile = hook.profile
        self._run, self._generation = place_of(context), generation_of(context)
        self.client: LipsyncClient
        self._folder = folder_of(task.output_path)
        name = sha256(self._run.encode()).hexdigest()[:12]
        self._store = (
            FolderStore(f"{self._folder}.lipsync/{name}/") if (kept := store_of_task(context)) is None else kept
        )
        self._number = self._number_now()
        self.journal = RecordsJournal(self._store, self._generation, ledger=ledger)
        self._stopped = False
        self._troubles: list[tuple[Row, LipsyncError]] = []
        self._told = time.monotonic()
        self._manifest = Manifest(
            f"{self._folder}manifest-{name}.json",
            self._folder,
            batch={"run": self._run, "number": self._number},
            generation=self._generation,
            rows=self._rows,
            faults=self.faults,
        )
        for row in self._manifest.read():
            if row.job_id:
                self.journal.adopt(self._key(row), row.job_id)
            self._stopped |= bool(row.error) and task.on_failure == "stop"

    @property
    def running(self) -> list[str]:
        """The ids of the jobs that have not ended."""
        return [str(row.job_id) for row in self._rows.values() if row.status == "running"]

    @property
    def unsent(self) -> list[Row]:
        """The jobs that were not submitted."""
        return [row for row in self._rows.values() if row.status == "not submitted"]

    @property
    def sent(self) -> bool:
        """Whether a job was submitted."""
        return any(row.job_id for row in self._rows.values())

    @property
    def longest(self) -> float | None:
        """The length of the longest video in seconds, if it is known."""
        return max((row.item.credits and row.item.credits.seconds) or 0.0 for row in self._rows.values())

    @property
    def more(self) -> bool:
        """Whether more jobs are to be submitted."""
        return bool(self.unsent) and not self._stopped

    def check(self) -> None:
        """Check the media of the jobs that were not submitted yet, and the budget of all. Take out the wrong ones.

        Raises:
            LipsyncError: a file cannot be read now, or the budget is not enough.

        """
        for row in self.unsent:
            try:
                row.item.check()
            except LipsyncError as error:
                if error.retryable:
                    raise
                self.faults.update(dict.fromkeys(row.item.lines, error))
                del self._rows[row.item.key]
        self._stopped |= bool(self.faults) and self._task.on_failure == "stop"
        self._check_budget()

    def look(self) -> dict[int, LipsyncError]:
        """Check what the media of the unsent jobs show, and log it. Return the refusals by the numbers of lines.

        A refused job counts as failed, also after a wait or in another try, until the task is cleared.
        """
        refused: dict[int, LipsyncError] = {}
        mode: CheckMode = self._task.check or self._profile.check
        for row in self.unsent if mode != "off" else ():
            self._tell_sometimes()
            with ExitStack() as files:
                verdict = self.client.check(row.item.form(files), lengths=row.item.lengths, fetch=self._task.fetch)
            report(self._task.log, verdict, row.place)
            row.checked = True
            if found := verdict.refused_by(mode):
                error = refusal(found)
                row.error = str(error.speak("airflow"))
                refused.update(dict.fromkeys(row.item.lines, error))
        self._stopped |= bool(refused) and self._task.on_failure == "stop"
        return refused

    def advance(self) -> bool:
        """Save what has ended, and submit what fits. Return whether a job has ended.

        Raises:
            LipsyncError: a temporary error, and nothing is running.

        """
        self._troubles = []
        before = len(self.running)
        self._each(self._collect, [row for row in self._rows.values() if row.status in {"running", "completed"}])
        ended = len(self.running) < before
        most = self._profile.max_concurrency
        room = None if most is None else max(0, most - len(self.running))
        self._each(self._submit, self.unsent[:room])
        if self._troubles and not self.running:
            self._end_of(self._troubles)
        self._manifest.write()
        return ended

    def _end_of(self, troubles: list[tuple[Row, LipsyncError]]) -> None:
        """Leave temporary errors to a retry. If no retry is left, "skip" takes them as failures."""
        if self._task.on_failure == "stop" or self._ti.try_number <= self._ti.max_tries:
            self._manifest.write()
            raise troubles[0][1]
        for row, error in troubles:
            row.error = str(error)

    def release_all(self) -> None:
        """Record that the batch is complete, so that clearing the task makes new videos."""
        self._store.set(HEAD, {"number": self._number, "ended": self._generation})

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines of the manifest."""
        return self._manifest.lines

    @property
    def manifest(self) -> dict[str, Any]:
        """The head of the manifest, as the task returns it."""
        return self._manifest.head(self.lines)

    @property
    def summary(self) -> str:
        """The progress in a sentence."""
        states = [row.status for row in self._rows.values()]
        counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        return f"{len(states)} jobs: {counts}"

    def _number_now(self) -> int:
        head = self._store.get(HEAD) or {"number": 0}
        if head.get("ended") not in {None, self._generation}:  # cleared
            head = {"number": head["number"] + 1}
            self._store.set(HEAD, head)
        return int(head["number"])

    def _check_budget(self) -> None:
        if self._profile.budget is not None:
            budget = Budget(self._profile.budget)
            with ExitStack() as held:
                for row in self._rows.values():
                    held.enter_context(budget.holding(row.item.credits))

    def _each(self, what: Callable[[Row], None], rows: Sequence[Row]) -> None:
        """Do this for all rows, some at a time."""
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            try:
                for _ in pool.map(lambda row: self._kept(what, row), rows):
                    if self._tell_sometimes():
                        self._manifest.write()
            except BaseException:  # a time-out or a signal: what is being submitted is still recorded
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _tell_sometimes(self) -> bool:
        """Log the progress, if it is time to. Return whether it was."""
        if time.monotonic() - self._told <= EVERY:
            return False
        self._told = time.monotonic()
        self._task.log.info("%s", self.summary)
        return True

    def _kept(self, what: Callable[[Row], None], row: Row) -> None:
        """Do this for a row, and keep its error."""
        try:
            what(row)
        except LipsyncError as error:
            error.speak("airflow")
            self._task.log.warning("%s", error)
            if error.retryable:
                self._troubles.append((row, error))
                return
            row.job_id, row.error = row.job_id or error.job_id, str(error)
            if self._task.on_failure == "stop" or isinstance(error, AuthenticationError | InsufficientCredits):
                self._stopped = True

    def _submit(self, row: Row) -> None:
        if self._stopped:
            return
        options = submit_options(self._task, row.item.tags, row.place)
        with ExitStack() as files:
            job = self.client.submit(
                row.item.form(files),
                key=self._key(row),
                webhook=self._task.webhook or None,
                estimate=row.item.credits,
                resubmit_uncertain=self._task.resubmit_uncertain,
                **(options | {"check": "off"} if row.checked else options),
            )
        row.job_id = job.id

    def _collect(self, row: Row) -> None:
        try:
            job = self._look(str(row.job_id))
        except JobFailed:
            self.journal.release(str(row.job_id))
            raise
        if not job.finished:
            return
        row.output = job.output
        for out in dict.fromkeys(row.item.lines.values()):
            path = self._manifest.target(row, out)
            # A file that is named after its job is the job's video, and complete.
            if out is not None or not ObjectStoragePath(path).exists():
                save(self.client, job, path)
        row.saved = True

    def _look(self, job_id: str) -> Job:
        try:
            job = self.client.job(job_id)
        except JobNotFound:  # some servers of the service may not know it yet
            job = self.client.wait(job_id, timeout=LOOK_SECONDS, poll_interval=1.0, just_submitted=True)
        return video_of(job) if job.finished else job

    def _key(self, row: Row) -> str:
        return f"lipsync/{self._number}/{row.item.key}"
