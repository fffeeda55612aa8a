"""`demo`: all three endpoints in the sandbox, with a real photograph and real speech, without an API key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lipsync_nodes import ImageForm, ImageMultiForm, LipsyncClient, VideoForm, estimate_credits
from lipsync_nodes.cli.session import Session, common_options
from lipsync_nodes.cli.speak import Progress, say, show
from lipsync_nodes.host import Form, Resolution, media_seconds
from lipsync_nodes.sandbox import MEDIA, Sandbox

__all__ = ["demo"]

POLL_SECONDS = 0.3


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("lipsync-demo"),
    show_default=True,
    help="Folder for the videos.",
)
@click.option(
    "--resolution",
    type=click.Choice(["480p", "720p"]),
    default="480p",
    show_default=True,
    help="Resolution of the videos.",
)
@common_options
def demo(session: Session, out: Path, resolution: Resolution) -> None:
    """Make three videos with the sandbox, without an API key: one face, two people, and new speech for a video."""
    out.mkdir(parents=True, exist_ok=True)
    with (
        session.progress("Starting the sandbox") as progress,
        Sandbox() as sandbox,
        LipsyncClient(sandbox.api_key, sandbox.base_url) as client,
    ):
        studio = _Studio(client, sandbox, out, progress)
        made = studio.make_all(resolution)
    if session.as_json:
        show({"videos": made}, as_json=True)
        return
    for video in made:
        say("{path}  {seconds:.1f} s  {credits} credits  sync {sync:.2f}".format_map(video))
    say("These are previews by the sandbox, to build and test with; the service renders in its own quality.")


_SPEECH = ("speech_left.mp3", "speech_right.mp3")


class _Studio:
    """Makes one video after the other."""

    def __init__(self, client: LipsyncClient, sandbox: Sandbox, out: Path, progress: Progress) -> None:
        self._client = client
        self._sandbox = sandbox
        self._out = out
        self._progress = progress

    def make_all(self, resolution: Resolution) -> list[dict[str, Any]]:
        """Make a video with each endpoint."""
        face, duet, left, right = (MEDIA / name for name in ("portrait.jpg", "duet.jpg", *_SPEECH))
        two = ImageMultiForm(image=duet, left_audio=left, right_audio=right, resolution=resolution)
        made = [
            self.make("image", ImageForm(image=face, audio=left, resolution=resolution)),
            self.make("image-multi", two),
        ]
        talking = Path(made[0]["path"])
        return [*made, self.make("video", VideoForm(video=talking, audio=right, resolution=resolution))]

    def make(self, name: str, form: Form) -> dict[str, Any]:
        """Run and download one job. Return its length, its estimated credits and its lip-sync score."""
        job = self._client.run(form, poll_interval=POLL_SECONDS, on_update=self._progress.job)
        path = self._client.download(job, self._out / f"{name}.mp4")
        credits_ = estimate_credits(form)
        sync = self._sandbox.report(job.id)["sync"]
        return {"id": job.id, "path": str(path), "seconds": media_seconds(path), "credits": credits_, "sync": sync}
