"""Answers that are not shaped as documented: what is taken out of them, and what is not."""

import json

import pytest

from lipsync_nodes import Job, JobStatus, WebhookEvent
from lipsync_nodes.service import parse_job

URL = "https://cdn.example:443/a//b/out.mp4?X-Sig=a%2Bb+c%20d#f"
BARE = "https://cdn.example/o/12345?sig=x"
OTHERS = {
    "thumbnail": "https://cdn.example/t.mp4",
    "audio": {"url": "https://cdn.example/a"},
    "input_video": "https://cdn.example/in.mp4",
    "urls": {"get": "https://api.example/jobs/j", "cancel": "https://api.example/jobs/j/cancel"},
    "webhook": "https://hooks.example/cb",
    "poster": "https://cdn.example/p.jpg",
}

SHAPES = {
    "text": URL,
    "white space": f" \n{URL}\t",
    "list": [URL],
    "list of objects": [{"url": URL}],
    "url": {"url": URL},
    "video": {"video": URL},
    "video.url": {"video": {"url": URL, "content_type": "video/mp4", "width": 480}},
    "video_url": {"video_url": URL},
    "nested": {"result": {"videos": [{"file": {"url": f" {URL} "}}]}},
    "JSON in a text": json.dumps([URL]),
    "the video among others": [{**OTHERS, "url": URL}],
    "pictures and sounds first": ["https://x/a.jpg", "https://x/a.WAV?v=.mp4", BARE, URL],
    "the first of two videos": [URL, "https://cdn.example/second.mp4"],
    "a video's name before another": {"file": "https://cdn.example/other.mp4", "video": URL},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_output_is_taken_from_any_shape(shape):
    """The URL itself is unchanged, and what came is kept beside it."""
    came = SHAPES[shape]
    job = parse_job({"id": "j", "status": "completed", "output": came})
    assert job.output == URL
    assert job.received == ({} if came == URL else {"output": came})
    assert Job.model_validate_json(job.model_dump_json(by_alias=True)) == job, "and out of the ledger, too"


@pytest.mark.parametrize(
    "fields",
    [
        {"outputs": [URL]},
        {"video_url": URL},
        {"output_url": URL},
        {"url": URL},
        {"result": URL},
        {"result": {"video": {"url": URL}}},
        {"data": {"video_url": URL}},
        {"video": {"url": URL}},
        {"output": None, "outputs": {"video": URL}},
        {"output": "", "video_url": URL},
        {"output": [], "outputs": [URL], "url": "https://cdn.example/other.mp4"},
    ],
    ids=str,
)
def test_the_output_may_have_another_name(fields):
    assert parse_job({"id": "j", "status": "completed", **OTHERS, **fields}).output == URL


@pytest.mark.parametrize(
    "fields",
    [
        OTHERS,
        {"video": "https://cdn.example/in.mp4", "audio": "https://cdn.example/in.mp3"},
        {"url": "https://api.example/jobs/j"},
        {"output": OTHERS},
        {"output": ["https://x/a.jpg", "https://x/a.wav"]},
        {"output": {"url": "ftp://x/v.mp4"}},
        {"output": {"path": "/srv/v.mp4", "size": 12}},
        {"output": 7},
        {"formState": {"video_url": URL}, "input": {"url": URL}},
    ],
    ids=str,
)
def test_what_is_not_the_video_is_not_taken_for_it(fields):
    job = parse_job({"id": "j", "status": "completed", **fields})
    assert job.output is None
    assert fields.items() <= (job.wire() | job.received).items(), "it can still be seen"


@pytest.mark.parametrize(
    "answer",
    [
        {"data": {"id": "j", "status": "completed", "output": URL}},
        {"code": 200, "message": "success", "data": {"id": "j", "status": "completed", "outputs": [URL]}},
        {"status": "success", "requestId": "trace", "data": {"id": "j", "status": "completed", "output": URL}},
        {"jsonrpc": "2.0", "id": 1, "result": {"id": "j", "status": "completed", "output": URL}},
        {"result": {"job": {"requestId": "j", "status": "completed", "output": URL}}},
        {"data": [{"id": "j", "status": "completed", "output": URL}]},
        [{"id": "j", "status": "completed", "output": URL}],
        {"id": "j", "data": {"status": "completed", "output": URL}},
        {"id": "j", "status": "completed", "result": {"id": "file", "status": "ready", "url": URL}},
        {"id": "j", "status": "Completed", "data": {"status": "stored", "id": "file"}, "output": URL},
    ],
    ids=str,
)
def test_envelopes_are_looked_into(answer):
    for asked_for in (None, "j"):
        job = parse_job(answer, asked_for=asked_for)
        assert (job.id, job.status, job.output) == ("j", JobStatus.COMPLETED, URL)


@pytest.mark.parametrize("answer", [{"job": {"id": "j"}}, {"status": "success", "data": {"requestId": "j"}}], ids=str)
def test_an_id_alone_in_an_envelope_is_the_job_of_a_submit(answer):
    assert parse_job(answer).id == "j"


def test_an_envelope_keeps_what_else_is_in_it():
    wire = parse_job({"trace": 7, "data": {"id": "j", "status": "processing"}}).wire()
    assert (wire["trace"], wire["id"]) == (7, "j")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"error": "rate limit"}, "but says: rate limit"),
        ({"data": None, "code": 500, "message": "task lost"}, "but says: task lost"),
        ({"error": {"code": 3}}, 'but says: {"code": 3}'),
        ({"id": {}, "detail": "no"}, "but says: no"),
        ({}, "it is not a job"),
        (["j"], "not a JSON object"),
    ],
    ids=str,
)
def test_what_is_no_job_is_told_in_the_services_words(answer, words):
    """And never as a dump of the library that checks it."""
    for asked_for in (None, "j"):
        with pytest.raises(ValueError, match="not a") as caught:
            parse_job(answer, asked_for=asked_for)
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("spelling", "status"),
    [
        *((word, "completed") for word in ("COMPLETED", "Completed", " completed ", "succeeded", "success", "Done")),
        *((word, "failed") for word in ("FAILED", "Failed", "failure\n")),
        *((word, "processing") for word in ("PROCESSING", " Processing")),
    ],
)
def test_spelling_and_synonyms_of_a_status_are_understood(spelling, status):
    for job in (parse_job({"id": "j", "status": spelling}), WebhookEvent(id="j", status=spelling)):
        assert job.status is JobStatus(status)
        assert job.wire()["status"] == status
        assert job.received == {"status": spelling}


@pytest.mark.parametrize("status", ["ok", "ready", "created", "complete_soon", "not completed", ""])
def test_an_unknown_status_ends_nothing_whatever_is_beside_it(status):
    job = parse_job({"id": "j", "status": status, "output": URL})
    assert (job.finished, job.status.value, job.output, job.received) == (False, status, URL, {})
