"""What can go wrong: too many requests, a job that fails, a response that is lost."""

import time

import pytest

from lipsync_nodes import ImageForm, JobFailed, SubmissionUncertain


@pytest.fixture
def form(lipsync_media):
    return ImageForm(image=lipsync_media.face.url, audio=lipsync_media.voice.url)


@pytest.mark.lipsync_fault("submit:429,retry_after=1")
def test_the_pace_of_a_429_is_kept(lipsync_client, lipsync_sandbox, form):
    began = time.monotonic()
    lipsync_client.submit(form)
    assert time.monotonic() - began >= 1
    assert len(lipsync_sandbox.received("submit")) == 2
    assert len(lipsync_sandbox.jobs()) == 1


@pytest.mark.lipsync_fault("job:fail,error=No face was found")
def test_a_failed_job_raises(lipsync_client, form):
    with pytest.raises(JobFailed, match="No face was found"):
        lipsync_client.run(form, poll_interval=0.05)


@pytest.mark.lipsync_fault("submit:cut_after")
def test_a_lost_response_is_not_paid_for_twice(lipsync_client, lipsync_sandbox, form):
    with pytest.raises(SubmissionUncertain):
        lipsync_client.submit(form)
    assert len(lipsync_sandbox.jobs()) == 1
