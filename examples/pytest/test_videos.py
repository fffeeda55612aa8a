"""What should happen: a video is made."""

from lipsync_nodes import ImageForm, ImageMultiForm, LipsyncClient, VideoForm


def test_a_photo_talks(lipsync_client, lipsync_media, tmp_path):
    form = ImageForm(image=lipsync_media.face.path, audio=lipsync_media.voice.path)
    job = lipsync_client.run(form, poll_interval=0.05)
    assert lipsync_client.download(job, tmp_path / "talking.mp4").stat().st_size > 0


def test_the_service_gets_what_was_meant(lipsync_client, lipsync_sandbox, lipsync_media):
    lipsync_client.submit(VideoForm(video=lipsync_media.film.url, audio=lipsync_media.voice.url, seed=7))
    [submit] = lipsync_sandbox.received("submit")
    assert submit.path == "/api/v1/lipsync-video"
    assert submit.body["formState"]["video"] == lipsync_media.film.url
    assert submit.body["formState"]["seed"] == 7


def test_code_that_makes_its_own_client(lipsync_sandbox, lipsync_media):
    two = ImageMultiForm(
        image=lipsync_media.two_faces.url,
        left_audio=lipsync_media.voice.url,
        right_audio=lipsync_media.other_voice.url,
    )
    with LipsyncClient() as client:  # LIPSYNC_BASE_URL leads to the sandbox
        job = client.submit(two)
    assert [job.id] == [known["id"] for known in lipsync_sandbox.jobs()]
