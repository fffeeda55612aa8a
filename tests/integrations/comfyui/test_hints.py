"""What a user of ComfyUI is told to do: nothing that only Python or a command line can. No ComfyUI is needed."""

import re
import wave
from dataclasses import replace

import pytest

from lipsync_nodes import ImageForm, LipsyncClient, LipsyncError
from lipsync_nodes.flows import Accepted, Budget, Uncertain
from lipsync_nodes.flows._submit import _uncertain_before
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.sandbox import MEDIA
from lipsync_nodes.service import Job
from lipsync_nodes.settings import Profile
from tests.conftest import QUICK
from tests.faults import bad_service as bad

FORM = ImageForm(image="https://x/i.png", audio="https://x/a.mp3")


@pytest.fixture
def service():
    with bad.BadService() as service:
        yield service


class Full(Ledger):
    """A ledger on a full disk."""

    def record(self, event, profile):
        if isinstance(event, Accepted):
            raise LipsyncError("The disk is full.")
        return super().record(event, profile)


def submit_again(client, service, tmp_path):
    service.on_submit = [bad.cut_after_reading]
    with pytest.raises(LipsyncError):
        client.submit(FORM, key="k")
    client.submit(FORM, key="k")


def submit_with_a_webhook(client, service, tmp_path):
    service.on_submit = [bad.cut_after_reading]
    client.submit(FORM, key="k", webhook="auto")


def submit_a_forgotten_one(client, service, tmp_path):
    raise _uncertain_before(Uncertain(1, "the service knows no job job-1", job_id="job-1", since=0.0))


def run_one_that_is_cancelled(client, service, tmp_path):
    service.on_poll = [bad.end_with(status="cancelled")]
    client.run(FORM, key="k", poll_interval=0.05)


def run_one_without_an_output(client, service, tmp_path):
    service.on_poll = [bad.end_with(status="completed")]
    client.run(FORM, key="k", poll_interval=0.05)


def wait_for_one_that_is_not_found(client, service, tmp_path):
    client.submit(FORM, key="k")
    service.on_poll = [bad.say(404)]
    client.wait("job-1", poll_interval=0.05)


def submit_on_a_full_disk(client, service, tmp_path):
    with Full(tmp_path / "full.sqlite") as ledger:
        LipsyncClient(profile=client.profile, ledger=ledger).submit(FORM, key="k")


def wait_too_short(client, service, tmp_path):
    service.on_poll = [bad.still()]
    client.wait("job-1", timeout=0.1, poll_interval=0.05)


def download_what_is_gone(client, service, tmp_path):
    client.download(Job(id="job-1", status="completed", output=f"{service.url}/nothing.mp4"), tmp_path / "video.mp4")


def submit_eleven_minutes(client, service, tmp_path):
    with wave.open(str(tmp_path / "long.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(2 * 8000 * 660))
    client.submit(ImageForm(image=MEDIA / "portrait.jpg", audio=tmp_path / "long.wav"))


def submit_within_a_budget(client, service, tmp_path):
    LipsyncClient(profile=client.profile, budget=Budget(100)).submit(FORM)


def submit_without_a_key(client, service, tmp_path):
    LipsyncClient(profile=Profile(base_url="https://service.example")).submit(FORM)


def submit_a_file_without_storage(client, service, tmp_path):
    profile = Profile(api_key="sk_hints_0123456789", base_url="https://service.example")
    media = {"image": MEDIA / "portrait.jpg", "audio": MEDIA / "speech_left.mp3"}
    LipsyncClient(profile=profile).submit(ImageForm(**media))


def submit_into_a_full_queue(client, service, tmp_path):
    service.on_poll = [bad.still()]
    profile = client.profile.model_copy(update={"max_concurrency": 1})
    with Ledger(tmp_path / "queue.sqlite") as ledger:
        crowded = LipsyncClient(profile=profile, ledger=ledger, policy=replace(QUICK, longest_queue=1.0))
        for _ in range(2):
            crowded.submit(FORM)


def submit_with_a_webhook_of_nobody(client, service, tmp_path):
    profile = client.profile.model_copy(update={"webhook": None})
    LipsyncClient(profile=profile).submit(FORM, webhook="auto")


TOLD = {
    submit_into_a_full_queue: "Nothing was submitted. The limits are the profile's max_concurrency",
    submit_with_a_webhook_of_nobody: "Set LIPSYNC_WEBHOOK to it.",
    submit_without_a_key: "Set LIPSYNC_API_KEY, before ComfyUI starts, to your key",
    submit_a_file_without_storage: 'public_base = "https://comfy.example"',
    submit_again: "Look for the job in your account at the service; if it is not there, run this node once with "
    "`force_new` on.",
    submit_with_a_webhook: "If the job was made, its webhook tells of it: run again to be given it",
    submit_a_forgotten_one: "A Lipsync Wait node with job-1 polls it again.",
    run_one_that_is_cancelled: "To pay for a new job, run this node once with `force_new` on.",
    run_one_without_an_output: "Poll the job again later. If nothing changes, send its id",
    wait_for_one_that_is_not_found: "A Lipsync Wait node with job-1 polls it again.",
    submit_on_a_full_disk: "The job was made but could not be recorded: give its id job-1 to a Lipsync Wait node.",
    wait_too_short: "The job goes on and is not lost: run again, or give job-1 to a Lipsync Wait node.",
    download_what_is_gone: "The job itself is done: a Lipsync Wait node with job-1 fetches it again. Do it soon.",
    submit_eleven_minutes: "Nothing was sent. Cut it, for example with Trim Audio Duration.",
    submit_within_a_budget: "Connect the audio itself, whose length can be seen",
}


@pytest.mark.parametrize("case", TOLD, ids=lambda case: case.__name__)
def test_a_hint_is_one_that_a_user_of_comfyui_can_follow(case, service, tmp_path):
    webhook = {"base": "https://hooks.example", "secret": "s" * 32}
    profile = Profile(api_key="sk_hints_0123456789", base_url=service.base_url, webhook=webhook)
    with (
        Ledger(tmp_path / "ledger.sqlite") as ledger,
        LipsyncClient(profile=profile, ledger=ledger, policy=QUICK) as client,
        pytest.raises(LipsyncError) as caught,
    ):
        case(client, service, tmp_path)
    hint = caught.value.speak("comfyui", "en").hint
    assert TOLD[case] in hint
    assert not re.search(r"--\w|=True|client\.|`lipsync-nodes ", hint)
    assert re.search("[\u4e00-\u9fff]", caught.value.speak("comfyui", "zh").hint)
