"""`client.verify`, with both clients: which file it looks at, and what the ledger has afterwards."""

from __future__ import annotations

import asyncio

import pytest

from lipsync_nodes import AsyncLipsyncClient, DownloadError, JobFailed, Ledger, LipsyncClient
from tests.conftest import FORMS


@pytest.fixture(params=[LipsyncClient, AsyncLipsyncClient], ids=["sync", "async"])
def client_kind(request):
    return request.param


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        yield ledger


@pytest.fixture
def kept(face_of, sandbox, ledger, talking_video, monkeypatch):
    """A client with a ledger, and a sandbox whose videos are the talking portrait."""
    monkeypatch.setattr("lipsync_nodes.sandbox.jobs.runner._TEST_CARD", talking_video)
    (sandbox._running.service.runner.outputs / "card.mp4").unlink(missing_ok=True)
    return face_of(api_key=sandbox.api_key, base_url=sandbox.base_url, ledger=ledger)


@pytest.mark.parametrize("by_id", [True, False], ids=["id", "job"])
def test_a_video_that_was_not_saved_is_downloaded_for_it(kept, sandbox, ledger, by_id):
    job = kept.run(FORMS["image"])
    found = kept.verify(job.id if by_id else job)
    assert found.verdict == "in_sync"
    entry = ledger.entry_of(job.id)
    assert (entry.verification, entry.saved_to) == (found.as_json(), None)
    assert len(sandbox.received("submit")) == 1


def test_a_saved_video_is_not_downloaded_again(kept, sandbox, ledger, tmp_path):
    job = kept.run(FORMS["image"])
    kept.download(job, tmp_path / "v.mp4")
    before = len(sandbox.requests)
    assert kept.verify(job.id).verdict == "in_sync"
    assert len(sandbox.requests) == before
    assert ledger.entry_of(job.id).verification["verdict"] == "in_sync"


def test_a_file_needs_no_job(kept, sandbox, talking_video):
    before = len(sandbox.requests)
    assert kept.verify(talking_video).verdict == kept.verify(str(talking_video)).verdict == "in_sync"
    assert len(sandbox.requests) == before


def test_the_order_of_the_job_is_known(kept, ledger, rendered, tmp_path):
    from tests.check import videos

    left, right = videos.said(videos.LEFT, 2.4), videos.said(videos.RIGHT, 2.4)
    video = rendered("left_right", left, right=right, image=videos.DUET, order="left_right")
    job = kept.run(FORMS["image-multi"].model_copy(update={"order": "left_right"}))
    ledger.saved(job.id, video)
    sounds = {"audio": video.with_name("left_right.wav"), "right_audio": video.with_name("left_right right.wav")}
    assert kept.verify(job.id, **sounds).verdict == "in_sync"
    assert kept.verify(job.id, **sounds, order="meanwhile").verdict == "out_of_sync"


def test_a_job_that_failed_has_no_video(kept, sandbox):
    sandbox.fault("fail", error="Too loud")
    job_id = kept.submit(FORMS["image"]).id
    with pytest.raises(JobFailed):
        kept.wait(job_id)
    with pytest.raises(JobFailed):
        kept.verify(job_id)


def test_a_job_that_goes_on_has_no_video_yet(kept, sandbox):
    sandbox.fault("seconds", seconds=30)
    with pytest.raises(DownloadError):
        kept.verify(kept.submit(FORMS["image"]).id)


def test_a_cancelled_verification_stops(talking_video):
    """Its thread does not look at the rest of the video."""
    seen = []

    async def cancelled():
        async with AsyncLipsyncClient(api_key="sk_x_0123456789", base_url="http://127.0.0.1:9/api/v1") as client:
            task = asyncio.create_task(client.verify(talking_video, progress=seen.append))
            while not seen:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(cancelled())
    assert seen[-1] < 1
