"""Verifies the video of a job: finds its file, and records the result."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Flag
from typing import TYPE_CHECKING, TypedDict

from lipsync_nodes.media import download, source_and_target
from lipsync_nodes.service import Job, check_job_id, video_of
from lipsync_nodes.settings import Profile

if TYPE_CHECKING:  # loaded when something is verified
    from lipsync_nodes.checks import Verification
    from lipsync_nodes.ledger import Ledger


class VerifyOptions(TypedDict, total=False):
    """The options of `verify`.

    Attributes:
        audio: the speech, which begins with the video; with two people, that of the left one. Default: the sound track
            of the video.
        right_audio: the speech of the right one of two people.
        order: the order in which two people speak. Default: that of the job if the ledger has it, else `meanwhile`.
        source: the video that got the new speech. It is compared with the same speech, to see what was gained.
        progress: a function to call with a growing fraction from 0 to 1.

    """

    audio: str | Path | None
    right_audio: str | Path | None
    order: str | None
    source: str | Path | None
    progress: Callable[[float], object] | None


@dataclass(frozen=True, slots=True)
class Subject:
    """What to verify.

    Attributes:
        job_id: the id of the job; None for a file.
        file: the video on this machine; None if it has to be downloaded.
        order: the order in which two people speak, if the ledger has it.
        job: the job, if its video has to be downloaded.

    """

    job_id: str | None
    file: Path | None
    order: str | None = None
    job: Job | None = None

    @property
    def unknown(self) -> str | None:
        """The id of the job if it has to be fetched first."""
        return self.job_id if self.file is None and self.job is None else None

    def known(self, job: Job) -> Subject:
        return dataclasses.replace(self, job=job)


class Verifying:
    """The part of a client that verifies videos. Its methods block."""

    profile: Profile
    _ledger: Ledger

    def subject(self, given: Job | str | Path) -> Subject:
        """Find out whether it is a file or a job, and whether the job's video was saved."""
        if isinstance(given, Path) or (isinstance(given, str) and Path(given).is_file()):
            return Subject(None, Path(given))
        job = given if isinstance(given, Job) else None
        job_id = job.id if job else check_job_id(given)
        entry = self._ledger.entry_of(job_id)
        saved = Path(entry.saved_to) if entry and entry.saved_to else None
        return Subject(job_id, saved if saved and saved.is_file() else None, entry.order if entry else None, job)

    def verified(self, subject: Subject, stop: Flag, options: VerifyOptions) -> Verification:
        """Verify a video. If it is that of a job, record the result in the ledger."""
        from lipsync_nodes.checks import verify  # noqa: PLC0415  # slow to load

        report = options.get("progress")

        def progress(done: float) -> None:
            if stop.is_set():
                raise InterruptedError  # nobody waits for the result any more
            if report is not None:
                report(done)

        with self._video(subject, stop) as file:
            found = verify(
                file,
                audio=options.get("audio"),
                right_audio=options.get("right_audio"),
                order=options.get("order") or subject.order or "meanwhile",
                source=options.get("source"),
                progress=progress,
            )
        if subject.job_id is not None:
            self._ledger.verified(subject.job_id, found.as_json())
        return found

    @contextmanager
    def _video(self, subject: Subject, stop: Flag) -> Iterator[Path]:
        """Yield the file of the video: the saved one, or a temporary copy."""
        if subject.file is not None:
            yield subject.file
        elif subject.job is not None:
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                job = video_of(subject.job) if subject.job.status.finished else subject.job
                url, target = source_and_target(job, Path(folder) / "video.mp4")
                yield download(url, target, local=self.profile.local, identity=subject.job_id, stop=stop)
