"""The four routes, as the contract says, with its traps."""

import json
import re

import httpx
import pytest

from lipsync_nodes import LipsyncClient
from lipsync_nodes.catalogue import CATALOGUE, spec_named
from lipsync_nodes.contract import JobStatus, parse_job
from lipsync_nodes.sandbox import Sandbox

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


@pytest.mark.parametrize(
    ("endpoint", "change", "word"),
    [
        ("lipsync-image", {"image": None}, "image"),
        ("lipsync-image", {"image": "ftp://media.test/i.png"}, "image"),
        ("lipsync-image", {"image": "/home/me/i.png"}, "image"),
        ("lipsync-image", {"image": "http://media.test/a b.png"}, "image"),
        ("lipsync-image", {"image": "http://media.test:99999/i.png"}, "image"),
        ("lipsync-image", {"image": "http://0*/i.png"}, "image"),
        ("lipsync-image", {"audio": 3}, "audio"),
        ("lipsync-image", {"audio": ["http://media.test/a.mp3"]}, "audio"),
        ("lipsync-image", {"resolution": "1080p"}, "resolution"),
        ("lipsync-image", {"seed": "7"}, "seed"),
        ("lipsync-image", {"seed": 1.5}, "seed"),
        ("lipsync-image", {"seed": True}, "seed"),
        ("lipsync-image", {"prompt": 5}, "prompt"),
        ("lipsync-image", {"mask_image": "mask.png"}, "mask_image"),
        ("lipsync-image", {"image": "portrait.jpg"}, "image"),
        ("lipsync-image", {"image": "C:\\me\\i.png"}, "image"),
        ("lipsync-image", {"image": "file:///home/me/i.png"}, "image"),
        ("lipsync-image", {"image": "//media.test/i.png"}, "image"),
        ("lipsync-image", {"image": "b'\\x89PNG'"}, "image"),
        ("lipsync-image", {"image": "\x89PNG\r\n\0"}, "image"),
        ("lipsync-image", {"image": ""}, "image"),
        ("lipsync-image", {"image": {"source": "i.png"}}, "image"),
        ("lipsync-image", {"mask_image": 0}, "mask_image"),
        ("lipsync-image", {"mask_image": False}, "mask_image"),
        ("lipsync-image", {"audio": "data:audio/mp3;base64,AAAA"}, "audio"),
        ("lipsync-video", {"video": "../v.mp4"}, "video"),
        ("lipsync-image-multi", {"right_audio": "/etc/hostname"}, "right_audio"),
        ("lipsync-video", {"video": None}, "video"),
        ("lipsync-image-multi", {"left_audio": None}, "left_audio"),
        ("lipsync-image-multi", {"right_audio": None}, "right_audio"),
        ("lipsync-image-multi", {"order": "together"}, "order"),
        ("lipsync-image-multi", {"order": None}, "order"),
        ("lipsync-image", {"order": "meanwhile"}, "order"),
        ("lipsync-image", {"video": "http://media.test/v.mp4"}, "video"),
        ("lipsync-video", {"image": "http://media.test/i.png"}, "image"),
        ("lipsync-image", {"seed": None}, "seed"),
        ("lipsync-image", {"seed": 10**40}, "seed"),
        ("lipsync-image", {"prompt": None}, "prompt"),
        ("lipsync-image", {"prompt": ["smile"]}, "prompt"),
        ("lipsync-image", {"mask_image": None}, "mask_image"),
        ("lipsync-image", {"mask_image": ""}, "mask_image"),
        ("lipsync-image", {"mask_image": " "}, "mask_image"),
        ("lipsync-image", {"resolution": None}, "resolution"),
        ("lipsync-image", {"resolution": "720P"}, "resolution"),
        ("lipsync-image", {"resolution": 720}, "resolution"),
    ],
)
def test_a_wrong_field_is_named(box, api, endpoint, change, word):
    answer = api.submit(endpoint, **change)
    assert answer.status_code == 422
    assert list(answer.json()) == ["error"]
    assert f"`{word}`" in answer.json()["error"]
    assert not re.search(
        r"\bpath|bytes|binary", answer.json()["error"]
    )  # what the client takes, and the service does not
    assert box.jobs() == []


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"resolution": "720p", "seed": -1, "prompt": "smile", "mask_image": "https://media.test/m.png"},
        {"seed": 2**31 - 1, "unknown": {"deep": [1, None]}, "extra": 1, "null": None},
        {"image": "HTTPS://user:pass@media.test:65535/图片.png?X-Amz-Signature=a%2Fb&n=1#f"},
        {"image": "http://[::1]:8000/i.png"},
        {"seed": 7.0},
    ],
)
def test_what_fits_is_accepted(api, change):
    assert api.submit(**change).status_code == 200


@pytest.mark.parametrize("missing", ["video", "audio"])
def test_a_missing_field_is_named(box, api, forms, missing):
    form = {name: value for name, value in forms["lipsync-video"].items() if name != missing}
    answer = api.http.post(f"{box.base_url}/lipsync-video", json={"formState": form})
    assert answer.status_code == 422
    assert f"`{missing}`" in answer.json()["error"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", 400),
        (b"hello", 400),
        (b"[]", 400),
        (b'"x"', 400),
        (b"null", 400),
        (b"\xff\xfe", 400),
        (b'{"formState": NaN}', 400),
        (b"[" * 100_000, 400),
        (b'{"a": ' + b"9" * 10_000 + b"}", 400),
        (b"{}", 422),
        (b'{"formState": null}', 422),
        (b'{"formState": []}', 422),
        (b'{"formState": {"image": "\\ud800", "audio": "\\ud800"}}', 422),
        (b'{"formState": {"resolution": "\\ud800"}}', 422),
        (b'{"x": "' + b"x" * 2**20 + b'"}', 413),
        (b'{"formState": {}, "formState": {}}', 400),
        (b'{"formState": {"seed": 1, "seed": 2}}', 400),
        (b'{"formState": {"unknown": 1e999}}', 400),
    ],
)
def test_a_body_that_is_no_submit_is_refused(box, api, body, code):
    answer = api.http.post(f"{box.base_url}/lipsync-image", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == code
    assert list(answer.json()) == ["error"]
    assert box.jobs() == []


@pytest.mark.parametrize(
    "webhook",
    [
        None,
        1,
        "",
        "hook",
        "ftp://media.test/hook",
        ["http://media.test/"],
        "http://media.test/hook",
        "HTTP://10.0.0.1/",
        "http://localhost.media.test/",
        "http://127.0.0.1@media.test/",
    ],
)
def test_a_wrong_webhook_is_named(box, api, forms, webhook):
    body = {"formState": forms["lipsync-image"], "webhook": webhook}
    answer = api.http.post(f"{box.base_url}/lipsync-image", json=body)
    assert answer.status_code == 422
    assert "`webhook`" in answer.json()["error"]


@pytest.mark.parametrize(
    "webhook",
    ["https://media.test/hook?a=b", "http://127.0.0.1:9/", "http://127.8.0.1/x", "http://LOCALHOST/", "http://[::1]:9"],
)
def test_a_webhook_is_https_or_on_this_machine(api, webhook):
    assert api.submit(webhook=webhook).status_code == 200


@pytest.mark.parametrize("name", ["form_state", "seed", "", "x" * 10_000, "\ud800"])
def test_a_field_beside_the_form_is_refused(box, api, forms, name):
    answer = api.http.post(
        f"{box.base_url}/lipsync-image",
        content=json.dumps({"formState": forms["lipsync-image"], name: 1}),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 422
    assert "beside" in answer.json()["error"]
    assert len(answer.json()["error"]) < 300
    assert box.jobs() == []


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (None, 415),
        ("", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/json; charset=latin-1", 415),
        ("application/json", 200),
        ("Application/JSON; charset=UTF-8", 200),
    ],
)
def test_a_submit_says_that_it_is_json(box, api, forms, kind, code):
    headers = {} if kind is None else {"Content-Type": kind}
    body = json.dumps({"formState": forms["lipsync-image"]}).encode()
    answer = api.http.post(f"{box.base_url}/lipsync-image", content=body, headers=headers)
    assert answer.status_code == code, answer.text
    assert len(box.jobs()) == (code == 200)


def test_a_poll_has_no_body(box, api):
    job_id = api.job_id()
    for body in ({"content": b"{}"}, {"content": iter([b"{}"])}):
        answer = api.http.request("GET", f"{box.base_url}/jobs/{job_id}", **body)
        assert (answer.status_code, list(answer.json())) == (400, ["error"])


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
