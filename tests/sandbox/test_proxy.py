"""The proxy: records against the sandbox, replays at any rhythm, finds ten differences and invents none."""

import json
import threading
import time
from contextlib import suppress

import httpx
import pytest
from werkzeug import Response

from lipsync_nodes import ConfigurationError, ImageForm, InvalidRequest, LipsyncClient, RateLimited, SubmissionUncertain
from lipsync_nodes.sandbox import Proxy, Sandbox

KEY = "sk_proxy_0123456789"
SIGNED = "https://media.example/face.png?X-Amz-Signature=0a1b2c3d4e&X-Amz-Expires=60"
FORM = ImageForm(image=SIGNED, audio="https://user:hunter2@media.example/voice.mp3?sig=abcdef", prompt="hello")
JOB_ID = "0b1c2d3e-4f50-4a6b-8c7d-9e0f1a2b3c4d"
SECRETS = (KEY, "0a1b2c3d4e", "hunter2", "abcdef", "cookie-value")


def headers(key=KEY):
    return {"Authorization": f"Bearer {key}"}


def states(client, form, pause):
    """Submit and poll with a rhythm. Return the statuses without repetitions, and the last job."""
    job = client.submit(form)
    seen = [job.status]
    for _ in range(int(20 / pause)):
        with suppress(RateLimited):
            job = client.job(job.id)
        if job.status != seen[-1]:
            seen.append(job.status)
        if job.finished:
            return seen, job
        time.sleep(pause)
    raise AssertionError(seen)


def recorded(tmp_path, **fault):
    """Record one job of a second at the sandbox. Return the tape, the states and the job."""
    tape = tmp_path / "tape.jsonl"
    with Sandbox(renderer="instant", seconds=1, api_key=KEY) as box, Proxy(box.base_url, record=tape) as proxy:
        if fault:
            box.fault(**fault)
        with LipsyncClient(KEY, proxy.base_url) as client:
            seen, job = states(client, FORM, 0.1)
        assert len(box.received("submit")) == 1
        return tape, seen, job, proxy


def test_a_poller_of_any_rhythm_sees_the_same(tmp_path):
    tape, seen, job, proxy = recorded(tmp_path)
    assert seen == ["processing", "completed"]
    assert proxy.differences == proxy.news == []
    for pause in (0.01, 0.1, 1.0):
        with Proxy(replay=tape) as replay, LipsyncClient("sk_other_key", replay.base_url) as client:
            began = time.monotonic()
            assert states(client, FORM, pause) == (seen, job)
            assert time.monotonic() - began >= 0.8


def test_no_secret_is_on_the_tape(tmp_path):
    tape, *_ = recorded(tmp_path)
    content = tape.read_text()
    assert not [secret for secret in SECRETS if secret in content]
    assert "X-Amz-Signature=***" in content
    lines = [json.loads(line) for line in content.splitlines()]
    assert lines[0]["lipsync_tape"] == 1
    assert lines[1]["request"]["json"]["formState"]["prompt"] == "hello"
    assert lines[1]["request_headers"]["authorization"] == "***"
    assert lines[1]["at"] < lines[2]["at"]
    assert lines[1]["took"] <= lines[1]["lasted"]


def test_what_passes_is_answered_once_at_any_rhythm(tmp_path):
    tape, *_ = recorded(
        tmp_path, action="status", where="poll", code=429, headers={"Retry-After": "0"}, count=2, after=2
    )
    for pause in (0.02, 0.7):
        with Proxy(replay=tape, speed=2) as replay, httpx.Client(headers=headers()) as http:
            body = {"formState": FORM.form_state()}
            job_id = http.post(f"{replay.base_url}/lipsync-image", json=body).json()["id"]
            codes = []
            for _ in range(int(3 / pause)):
                codes.append((answer := http.get(f"{replay.base_url}/jobs/{job_id}")).status_code)
                time.sleep(pause)
            assert codes.count(429) == 2
            assert answer.json()["status"] == "completed"


def test_a_second_submission_is_not_on_the_tape(tmp_path):
    tape, *_ = recorded(tmp_path)
    with Proxy(replay=tape) as replay, LipsyncClient(KEY, replay.base_url) as client:
        job = client.submit(FORM)
        with pytest.raises(InvalidRequest, match="no such submission"):
            client.submit(FORM)
        with pytest.raises(InvalidRequest, match="recorded 0 times"):
            client.submit(FORM.model_copy(update={"prompt": "other"}))
        assert client.job(job.id)
    with Proxy(replay=tape) as replay, httpx.Client() as http:
        assert "no poll of the job" in http.get(f"{replay.base_url}/jobs/{JOB_ID}").json()["error"]
        assert "no such request" in http.get(f"{replay.base_url}/balance").json()["error"]
        assert http.get(f"{replay.base_url.removesuffix('/v1')}/x").status_code == 404


def test_a_job_that_was_submitted_elsewhere_can_be_replayed(tmp_path):
    tape, _, job, _ = recorded(tmp_path)
    with Proxy(replay=tape) as replay, LipsyncClient(KEY, replay.base_url) as client:
        assert client.wait(job.id, poll_interval=0.05) == job


def test_the_fuller_life_of_a_sandbox_has_no_difference(tmp_path):
    with Sandbox(renderer="instant", api_key=KEY) as box, Proxy(box.base_url) as proxy:
        box.fault("fail", error="No face was found", path="*/lipsync-image")
        with httpx.Client(headers=headers()) as http:
            for path, form in (
                ("lipsync-image", {"image": "https://m.example/i.png", "audio": "https://m.example/a.mp3"}),
                ("lipsync-video", {"video": "https://m.example/v.mp4", "audio": "https://m.example/a.mp3"}),
            ):
                job_id = http.post(f"{proxy.base_url}/{path}", json={"formState": form}).json()["id"]
                while http.get(f"{proxy.base_url}/jobs/{job_id}").json()["status"] == "processing":
                    time.sleep(0.02)
                http.get(f"{proxy.base_url}/jobs/{job_id}")
            assert http.get(f"{proxy.base_url}/jobs/{JOB_ID}").status_code == 404
            assert http.post(f"{proxy.base_url}/lipsync-image", json={}).status_code == 422
        assert proxy.differences == []
        assert [(one.where, one.path) for one in proxy.news] == [("poll", "status 404"), ("submit", "status 422")]


DEVIATIONS = {
    ("submit", "status", "inferred"),
    ("submit", "$.id", "documented"),
    ("submit", "$.status", "documented"),
    ("poll", "header content-type", "documented"),
    ("poll", "$.executionTime", "documented"),
    ("poll", "$.error", "documented"),
    ("poll", "$.output", "documented"),
    ("poll", "$.progress", "inferred"),
    ("poll", "$.model", "inferred"),
    ("poll", "$.timings", "inferred"),
}


def test_ten_deviations_are_found_and_none_is_invented(httpserver):
    job_id = JOB_ID.upper().replace("-", "")
    httpserver.expect_request("/v1/lipsync-image").respond_with_json({"id": job_id, "status": "queued"}, status=202)
    job = {
        "id": JOB_ID, "model": "infinitetalk", "status": "completed", "output": ["https://cdn.example/v.mp4"],
        "error": None, "executionTime": "12.5s", "timings": {"inference": 3}, "progress": 100,
    }  # fmt: skip
    polled = Response(json.dumps(job), content_type="text/plain")
    httpserver.expect_request(f"/v1/jobs/{JOB_ID}").respond_with_response(polled)
    with Proxy(httpserver.url_for("/v1")) as proxy, httpx.Client(headers=headers()) as http:
        for _ in range(3):
            http.post(f"{proxy.base_url}/lipsync-image", json={"formState": {}})
            http.get(f"{proxy.base_url}/jobs/{JOB_ID}")
        found = proxy.differences
    assert {(one.where, one.path, one.basis) for one in found} == DEVIATIONS
    assert len(found) == len(DEVIATIONS) == 10
    assert all(one.read for one in found)
    (output,) = [one for one in found if one.path == "$.output"]
    assert str(output) == ('poll $.output: expected a string or null (documented), came ["https://cdn.example/v.mp4"]')


@pytest.mark.parametrize(
    ("body", "path", "read"),
    [
        (b"<html>", "$", False),
        (b'{"data": {"id": "%s", "status": "processing"}}' % JOB_ID.encode(), "$", True),
        (b'{"requestId": "%s", "status": "processing"}' % JOB_ID.encode(), "$.id", True),
        (b'{"message": "hi"}', "$.id", False),
    ],
)
def test_other_shapes_of_an_accepted_submission(httpserver, body, path, read):
    httpserver.expect_request("/lipsync-image").respond_with_data(body, content_type="application/json")
    with Proxy(httpserver.url_for("/")) as proxy:
        httpx.post(f"{proxy.base_url}/lipsync-image", json={"formState": {}}, headers=headers())
        assert (proxy.differences[0].path, proxy.differences[0].read) == (path, read)


def test_a_job_that_changes_after_its_end_is_different(httpserver):
    job = {
        "id": JOB_ID, "model": "lipsync-image", "status": "completed", "output": "https://cdn.example/v.mp4?sig=1",
        "error": "", "executionTime": 1, "timings": None,
    }  # fmt: skip
    url = f"/jobs/{JOB_ID}"
    for change in ({}, {"output": "https://cdn.example/v.mp4?sig=2"}, {"status": "processing", "output": None}):
        httpserver.expect_ordered_request(url).respond_with_json(job | change)
    with Proxy(httpserver.url_for("/")) as proxy, httpx.Client(headers=headers()) as http:
        for _ in range(3):
            http.get(f"{proxy.base_url}{url}")
        assert [one.path for one in proxy.differences] == ["$.model", "$.status"]


def test_a_submission_is_sent_once_whatever_happens(tmp_path):
    tape = tmp_path / "tape.jsonl"
    with Sandbox(renderer="instant") as box, Proxy(box.base_url, record=tape) as proxy:
        for action in ("cut_after", "cut_before", "truncate"):
            box.clear_faults()
            box.fault(action, where="submit")
            before = len(box.received("submit"))
            with LipsyncClient(KEY, proxy.base_url) as client, pytest.raises(SubmissionUncertain):
                client.submit(FORM)
            assert len(box.received("submit")) == before + 1
        base = proxy.base_url
    with Proxy("http://127.0.0.1:9/api/v1") as proxy:  # nobody listens
        answer = httpx.post(f"{proxy.base_url}/lipsync-image", json={}, headers=headers())
        assert (answer.status_code, "received nothing" in answer.json()["error"]) == (502, True)
    with Proxy(replay=tape) as replay, LipsyncClient(KEY, replay.base_url) as client:
        for _ in range(3):
            with pytest.raises(SubmissionUncertain):
                client.submit(FORM)
    assert base


def test_a_response_is_read_to_its_end_although_the_client_left(tmp_path):
    tape = tmp_path / "tape.jsonl"
    with Sandbox(renderer="instant") as box:
        box.fault("delay", where="submit", seconds=0.6)
        with Proxy(box.base_url, record=tape) as proxy:
            body = {"formState": FORM.form_state()}
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(f"{proxy.base_url}/lipsync-image", json=body, headers=headers(), timeout=0.2)
        (job,) = box.jobs()
    assert job["id"] in tape.read_text()


def test_a_stop_lets_a_submission_end(until):
    with Sandbox(renderer="instant", api_key=KEY) as box, Proxy(box.base_url) as proxy, httpx.Client() as http:
        box.fault("submit:delay,seconds=1")
        answers = []
        body = {"formState": FORM.form_state()}
        post = threading.Thread(
            target=lambda: answers.append(http.post(f"{proxy.base_url}/lipsync-image", json=body, headers=headers()))
        )
        post.start()
        until(lambda: box.received("submit"))
        proxy.stop()
        post.join()
        assert [answer.status_code for answer in answers] == [200]
        assert answers[0].headers.get_list("date") == answers[0].headers.get_list("date")[:1]


def test_a_body_streams(httpserver):
    released = threading.Event()

    def slowly(_request):
        def parts():
            yield b"first "
            released.wait(5)
            yield b"second"

        return Response(parts(), content_type="text/plain")

    httpserver.expect_request("/slow").respond_with_handler(slowly)
    with Proxy(httpserver.url_for("/")) as proxy, httpx.stream("GET", f"{proxy.base_url}/slow") as answer:
        parts = answer.iter_raw()
        assert next(parts) == b"first "
        released.set()
        assert b"".join(parts) == b"second"


def test_the_key_goes_to_the_service_and_a_redirect_to_the_client(httpserver):
    seen = []

    def moved(request):
        seen.append(request.headers.get("Authorization"))
        return Response(status=302, headers={"Location": "https://elsewhere.example/x", "Set-Cookie": "a=cookie-value"})

    httpserver.expect_request("/jobs/x").respond_with_handler(moved)
    with Proxy(httpserver.url_for("/")) as proxy:
        answer = httpx.get(f"{proxy.base_url}/jobs/x?a=1", headers=headers())
    assert seen == [f"Bearer {KEY}"]
    assert (answer.status_code, answer.headers["location"]) == (302, "https://elsewhere.example/x")


def test_a_tape_is_not_overwritten_and_a_broken_one_says_so(tmp_path):
    tape = tmp_path / "tape.jsonl"
    tape.write_text('{"lipsync_tape": 1}\n{"at": 0, "method": "GET", "path": "/x"}\n{"at": 1, "met')
    with pytest.raises(ConfigurationError, match="not overwritten"):
        Proxy("http://127.0.0.1:9", record=tape).start()
    with Proxy(replay=tape):
        pass
    (tmp_path / "other.jsonl").write_text("{}\n")
    with pytest.raises(ConfigurationError, match="is not a tape"):
        Proxy(replay=tmp_path / "other.jsonl").start()
    with pytest.raises(ConfigurationError, match="not both"):
        Proxy("http://127.0.0.1:9", replay=tape)


def test_another_host_name_is_refused():
    with Proxy("http://127.0.0.1:9/api/v1") as proxy:
        assert httpx.get(f"{proxy.base_url}/jobs/x", headers={"Host": "evil.example"}).status_code == 421
