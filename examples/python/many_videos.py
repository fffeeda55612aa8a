"""Many videos at once, on an event loop, with a ledger. If you run it again, nothing is paid twice."""

import asyncio
from pathlib import Path

from lipsync_nodes import AsyncLipsyncClient, ImageForm, Ledger, LipsyncError
from lipsync_nodes.host import content_key
from lipsync_nodes.sandbox import Sandbox


async def make(client: AsyncLipsyncClient, form: ImageForm) -> str:
    """Make one video, or use the one that an earlier run made from the same form."""
    try:
        job = await client.run(form, key=content_key(form, client.profile), poll_interval=0.2)
        return str(await client.download(job, Path("videos") / f"{job.id}.mp4"))
    except LipsyncError as error:
        return f"failed: {error}"


async def main() -> None:
    """Make ten videos at a time. `instant` jobs do not render, because this example is about the client."""
    with Sandbox(renderer="instant") as sandbox:
        face, voice = "https://x.example/face.png", "https://x.example/a.mp3"
        forms = [ImageForm(image=face, audio=voice, seed=seed) for seed in range(10)]
        async with AsyncLipsyncClient(sandbox.api_key, sandbox.base_url, ledger=Ledger("jobs.sqlite")) as client:
            for saved in await asyncio.gather(*(make(client, form) for form in forms)):
                print(saved)


asyncio.run(main())
