"""What a request has to look like: what is accepted, and what is refused with which sentence."""

import json
import re

import pytest


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
