"""One talking face: submit, wait, download. It runs in the sandbox; the last lines say what to change."""

from pathlib import Path

from lipsync_nodes import ImageForm, LipsyncClient, estimate_credits
from lipsync_nodes.sandbox import MEDIA, Sandbox

with Sandbox() as sandbox, LipsyncClient(sandbox.api_key, sandbox.base_url) as client:
    form = ImageForm(image=MEDIA / "portrait.jpg", audio=MEDIA / "speech_left.mp3", resolution="480p", seed=7)
    print("It will cost at most", estimate_credits(form), "credits.")
    job = client.run(form, poll_interval=0.5, on_update=lambda job: print(job.status))
    print("Saved", client.download(job, Path("talking.mp4")))

# To use the service, leave the sandbox out: `LipsyncClient()` reads LIPSYNC_API_KEY, the media are public URLs (or
# files, with a storage), and poll_interval stays at its default.
