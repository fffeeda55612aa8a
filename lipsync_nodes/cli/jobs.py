"""`wait`, `status` and `download`: the commands that take a job id."""

from __future__ import annotations

import click

from lipsync_nodes.cli.endpoints import waiting_options
from lipsync_nodes.cli.session import Session, common_options
from lipsync_nodes.cli.speak import show

__all__ = ["download", "status", "wait"]

job_id = click.argument("job_id")


@click.command()
@job_id
@waiting_options
@common_options
def wait(session: Session, job_id: str, timeout: float | None, poll_interval: float | None) -> None:
    """Wait for a job that was submitted before, and print the URL of its video."""
    with session.client() as (client, _), session.progress("Waiting") as progress:
        job = client.wait(job_id, timeout=timeout, poll_interval=poll_interval, on_update=progress.job)
    show(job.wire(), as_json=session.as_json)


@click.command()
@job_id
@common_options
def status(session: Session, job_id: str) -> None:
    """Fetch a job once and print it, finished or not."""
    with session.client() as (client, _):
        job = client.job(job_id)
    show(job.wire(), as_json=session.as_json)


@click.command()
@click.argument("job")
@click.option("--out", type=click.Path(), default="./", help="File or folder for the video; end a new folder with /.")
@common_options
def download(session: Session, job: str, out: str) -> None:
    """Save the video of a finished job, whole or not at all. JOB is a job id or the URL of an output."""
    with session.client() as (client, to), session.progress("Downloading") as progress:
        if "://" in job:
            saved = client.download(job, out, on_progress=progress.loaded)
        else:
            found = client.job(job)
            saved = client.download(found, to.place(found, out, progress)[0], on_progress=progress.loaded)
    show({"path": str(saved), "bytes": saved.stat().st_size}, as_json=session.as_json)
