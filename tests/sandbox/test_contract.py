"""The four routes, as the contract says, with its traps."""

import re

import httpx
import pytest

from lipsync_nodes import LipsyncClient
from lipsync_nodes.sandbox import Sandbox
from lipsync_nodes.service import CATALOGUE, JobStatus, parse_job, spec_named

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
FIELDS = ["id", "model", "status", "output", "error", "executionTime", "timings"]


@pytest.mark.parametrize("endpoint", [spec.id for spec in CATALOGUE])
def test_every_endpoint_takes_its_form_and_ends_with_a_video(api, endpoint):
    accepted = api.submit(endpoint)
    assert accepted.status_code == 200
    assert accepted.json().keys() == {"id", "status"}
    assert accepted.json()["status"] == "processing"
    assert UUID.fullmatch(accepted.json()["id"])
    job = api.ended(accepted.json()["id"])
    assert type(job["executionTime"]) is int
    assert list(job) == FIELDS
    assert (job["status"], job["model"], job["error"], job["timings"]) == ("completed", endpoint, "", None)
    video = httpx.get(job["output"])
    assert video.headers["content-type"] == "video/mp4"
    assert video.headers["x-lipsync-preview-engine"] == "lipsync-nodes sandbox"
    assert video.content[4:8] == b"ftyp"


def test_a_processing_job_has_no_output(box, api):
    """While a job is processing, its model is `lipsync` and it has no output."""
    box.fault("seconds", seconds=30)
    job = api.job(api.job_id())
    assert list(job) == FIELDS
    assert (job["status"], job["model"], job["output"], job["error"]) == ("processing", "lipsync", None, "")
    assert isinstance(job["executionTime"], int)


def test_a_failed_job_has_an_error_and_no_output(box, api):
    box.fault("fail", error="Invalid audio format")
    job = api.ended(api.job_id())
    assert (job["status"], job["output"], job["error"]) == ("failed", None, "Invalid audio format")


def test_the_project_reads_what_the_sandbox_says(api):
    job = parse_job(api.ended(api.job_id()))
    assert job.status is JobStatus.COMPLETED
    assert job.output
    assert not job.model_extra


def test_execution_time_is_in_milliseconds_and_stays(connect):
    with Sandbox(renderer="instant", seconds=0.3) as box:
        api = connect(box)
        job = api.ended(api.job_id())
        assert 300 <= job["executionTime"] < 60_000
        assert api.job(job["id"])["executionTime"] == job["executionTime"]


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer key", "Basic sk_abcd_efgh", "sk_abcd_efgh", "Bearer sk_", "Bearer sk_a b"],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/v1/lipsync-image"), ("GET", "/api/v1/jobs/x"), ("PUT", "/files/a.png")],
)
def test_without_a_key_nothing_is_done(box, forms, method, path, authorization):
    headers = {} if authorization is None else {"Authorization": authorization}
    body = {"formState": forms["lipsync-image"]}
    answer = httpx.request(method, box.url + path, headers=headers, json=body)
    assert answer.status_code == 401
    assert list(answer.json()) == ["error"]
    assert answer.headers["www-authenticate"] == "Bearer"
    assert box.jobs() == []


def test_any_key_will_do_unless_one_is_named(box, forms):
    body = {"formState": forms["lipsync-image"]}
    any_key = {"Authorization": "Bearer sk_any_key"}
    assert httpx.post(f"{box.base_url}/lipsync-image", json=body, headers=any_key).status_code == 200
    with Sandbox(renderer="instant", api_key="sk_only_this") as strict:
        url = f"{strict.base_url}/lipsync-image"
        assert httpx.post(url, json=body, headers=any_key).status_code == 401
        only = {"Authorization": f"Bearer {strict.api_key}"}
        assert httpx.post(url, json=body, headers=only).status_code == 200


@pytest.mark.parametrize("endpoint", [spec.id for spec in CATALOGUE])
def test_what_the_client_sends_is_taken(box, endpoint, forms):
    spec = spec_named(endpoint)
    full = {"prompt": "smile", "seed": 7, "mask_image": "https://media.test/m.png", "extra": {"new": None}}
    with LipsyncClient(box.api_key, box.base_url) as client:
        for more in ({}, {"prompt": " ", "mask_image": "", "seed": None}, full):
            assert client.submit(spec.form(**forms[endpoint], **more), webhook="https://media.test/hook").id


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/api/v1/jobs/none", 404),
        ("GET", "/api/v1/jobs/00000000-0000-4000-8000-000000000000", 404),
        ("GET", "/api/v1/nothing", 404),
        ("POST", "/api/v1/lipsync-nothing", 404),
        ("GET", "/api/v1/lipsync-image", 405),
        ("PUT", "/api/v1/lipsync-image", 405),
        ("DELETE", "/api/v1/jobs/x", 405),
        ("POST", "/outputs/x.mp4", 405),
        ("GET", "/outputs/../../etc/passwd", 404),
        ("GET", "/outputs/none.mp4", 404),
    ],
)
def test_other_requests_get_a_json_error(box, api, method, path, code):
    answer = api.http.request(method, box.url + path)
    assert answer.status_code == code
    assert list(answer.json()) == ["error"]
    assert ("allow" in answer.headers) == (code == 405)


def test_the_same_seed_gives_the_same_ids(connect):
    def ids():
        with Sandbox(renderer="instant", seed=5) as box:
            api = connect(box)
            first = [api.job_id(), api.job_id()]
            box.reset()
            assert api.job_id() == first[0]
        return first

    assert ids() == ids()
    assert len(set(ids())) == 2


def test_the_output_is_where_the_client_reaches_the_sandbox(box, api):
    port = box.url.rpartition(":")[2]
    job_id = api.job_id()
    api.ended(job_id)
    job = api.http.get(f"http://localhost:{port}/api/v1/jobs/{job_id}").json()
    assert job["output"] == f"http://localhost:{port}/outputs/{job_id}.mp4"
