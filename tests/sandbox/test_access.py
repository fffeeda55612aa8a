"""Pages of other origins, other machines with a token, and what the request journal tells of who came."""

import logging
import re

import httpx
import pytest

from lipsync_nodes import ImageForm, LipsyncClient
from lipsync_nodes.errors import ConfigurationError
from lipsync_nodes.sandbox import Sandbox
from lipsync_nodes.sandbox._token import announce

TOKEN = "a-token.of_our~own"
FORM = ImageForm(image="https://example.com/face.png", audio="https://example.com/voice.mp3")
HERE = [
    "http://localhost",
    "http://localhost:5173",
    "http://127.0.0.1:3000",
    "https://localhost:8443",
    "http://[::1]:80",
]
ELSEWHERE = [
    "null", "https://evil.test", "http://localhost.evil.test", "http://evil.test:80/http://localhost", "http://127.0.0.2",
    "http://localhost:5173.evil.test", "http://alocalhost", "file://", "http://127.0.0.1:3000/",
]  # fmt: skip


def asked(url, origin, method="POST"):
    """Send the preflight of a browser."""
    ask = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization,content-type"}
    return httpx.options(url, headers={"Origin": origin, **ask})


@pytest.mark.parametrize("origin", HERE)
def test_a_page_on_this_machine_may_call(box, api, origin):
    for path in ("/api/v1/lipsync-image", "/sandbox/faults", "/files/a.png"):
        answer = asked(box.url + path, origin)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == origin
        assert answer.headers["access-control-allow-headers"] == "authorization,content-type"
    answer = api.http.get(f"{box.base_url}/jobs/none", headers={"Origin": origin})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (404, origin)
    assert "Origin" in answer.headers["vary"]
    assert "Retry-After" in answer.headers["access-control-expose-headers"]
    assert httpx.post(f"{box.url}/sandbox/reset", headers={"Origin": origin}).status_code == 204


@pytest.mark.parametrize("origin", ELSEWHERE)
def test_a_page_of_another_site_may_not(box, api, origin):
    assert asked(f"{box.base_url}/lipsync-image", origin).status_code == 400
    for answer in (
        asked(f"{box.base_url}/lipsync-image", origin),
        api.http.get(f"{box.base_url}/jobs/none", headers={"Origin": origin}),
        httpx.get(f"{box.url}/sandbox/jobs", headers={"Origin": origin}),
    ):
        assert "access-control-allow-origin" not in answer.headers
    assert httpx.post(f"{box.url}/sandbox/reset", headers={"Origin": origin}).status_code == 403


def test_a_page_can_read_a_fault_and_a_preflight_uses_none_up(box, api):
    box.fault("status", where="submit", code=429, headers={"Retry-After": "2"})
    assert asked(f"{box.base_url}/lipsync-image", HERE[0]).status_code == 200
    assert box.requests == []
    answer = api.http.post(f"{box.base_url}/lipsync-image", headers={"Origin": HERE[0]}, json={})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (429, HERE[0])


def test_without_an_origin_nothing_is_added(api):
    assert not [name for name in api.poll("none").headers if name.startswith("access-control")]


@pytest.fixture(scope="module")
def open_box():
    """A sandbox that other machines can reach."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIPSYNC_SANDBOX_TOKEN", TOKEN)
        with Sandbox(renderer="instant", host="0.0.0.0") as box:
            yield box


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "jobs"), ("GET", "requests"), ("GET", "faults"), ("GET", "form"), ("POST", "faults"), ("PUT", "faults"),
        ("DELETE", "faults"), ("POST", "reset"), ("GET", "nothing"), ("POST", "clock"), ("GET", ""),
    ],
)  # fmt: skip
def test_everything_under_sandbox_needs_the_token(open_box, method, path):
    url = f"{open_box.url}/sandbox/{path}"
    for refused in (
        httpx.request(method, url),
        httpx.request(method, url, headers={"Authorization": "Bearer wrong"}),
        httpx.request(method, url, headers={"Authorization": f"Basic {TOKEN}"}),
        httpx.request(method, url, headers={"Authorization": f"Bearer {open_box.api_key}"}),
        httpx.request(method, url, params={"token": ""}),
    ):
        assert refused.status_code == 401
        assert TOKEN not in refused.text
    for accepted in (
        httpx.request(method, url, headers={"Authorization": f"Bearer {TOKEN}"}),
        httpx.request(method, url, params={"token": TOKEN}),
    ):
        assert accepted.status_code != 401


def test_the_page_and_the_clients_work_beside_the_token(open_box, caplog):
    for ours in ("httpx", "httpcore"):  # the loggers of this test's own client
        caplog.set_level(logging.CRITICAL, ours)
    caplog.set_level(logging.DEBUG)
    open_box.reset()
    assert open_box.token == TOKEN
    assert httpx.get(open_box.url, params={"token": TOKEN}).headers["referrer-policy"] == "no-referrer"
    with LipsyncClient(open_box.api_key, open_box.base_url) as client:
        job = client.run(FORM, poll_interval=0.1)
    httpx.get(f"{open_box.base_url}/jobs/{job.id}?token={TOKEN}", headers={"Referer": f"{open_box.url}/?token={TOKEN}"})
    httpx.get(f"{open_box.base_url}/jobs/{job.id}", params={"token": TOKEN})
    assert not re.search(r"a-token|our.own", str(open_box.requests))
    assert "***" in open_box.requests[-1].query
    assert TOKEN not in caplog.text
    assert open_box.requests[0].where == "submit"


def test_a_token_is_made_and_printed_once(monkeypatch, capsys, caplog):
    monkeypatch.delenv("LIPSYNC_SANDBOX_TOKEN", raising=False)
    with Sandbox(renderer="instant", host="0.0.0.0") as box, Sandbox(renderer="instant", host="0.0.0.0") as other:
        assert len(box.token) > 20
        assert box.token != other.token
        announce(box.token, None, box.url)
        assert f"{box.url}/?token={box.token}" in capsys.readouterr().err
        assert box.token not in caplog.text
    with Sandbox(renderer="instant") as closed:
        assert closed.token == ""
        announce(closed.token, None, closed.url)
        assert capsys.readouterr().err == ""


@pytest.mark.parametrize("token", ["short", "with spaces in it", "with/slashes", "令牌令牌令牌令牌"])
def test_a_token_that_cannot_be_masked_is_refused(token):
    with pytest.raises(ConfigurationError, match="at least 8 characters"):
        Sandbox(renderer="instant", token=token).start()


def test_the_journal_tells_when_who_and_how_it_ended(box, api, until):
    job_id = api.job_id()
    api.ended(job_id)
    box.fault("cut_before", where="poll")
    with pytest.raises(httpx.HTTPError):
        api.poll(job_id)
    page_key = httpx.get(f"{box.url}/sandbox/form").json()["key"]
    httpx.get(f"{box.base_url}/jobs/{job_id}", headers={"Authorization": f"Bearer {page_key}"})
    httpx.get(f"{box.url}/outputs/{job_id}.mp4", headers={"User-Agent": "Mozilla/5.0 (X11)"})
    until(lambda: all(entry.milliseconds is not None for entry in box.requests))
    entries = httpx.get(f"{box.url}/sandbox/requests?limit=4").json()
    assert [(entry["where"], entry["status"]) for entry in entries[1:]] == [
        ("poll", None), ("poll", 200), ("output", 200),
    ]  # fmt: skip
    assert [entry["who"] for entry in entries] == [f"python-httpx/{httpx.__version__}"] * 2 + ["page", "browser"]
    assert all(0 <= entry["milliseconds"] < 60_000 and entry["time"] > 1.7e9 for entry in entries)
    assert page_key not in str(entries)
    assert httpx.get(f"{box.url}/sandbox/requests?limit=no").status_code == 422
    assert httpx.get(f"{box.url}/sandbox/requests?limit=0").json() == []


def test_what_the_page_shows_uses_up_no_fault(box, api):
    job_id = api.job_id()
    api.ended(job_id)
    box.fault("status", where="output", code=503)
    url, shown = f"{box.url}/outputs/{job_id}.mp4", {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "video"}
    assert httpx.get(url, headers=shown).status_code == 200
    assert httpx.get(url).status_code == 503
    assert len(box.received("output")) == 1


def test_the_page_needs_no_key_where_only_one_is_accepted():
    with Sandbox(renderer="instant", api_key="sk_only_this") as box:
        form = httpx.get(f"{box.url}/sandbox/form").json()
        assert form["shown_key"] == "$LIPSYNC_API_KEY"
        answer = httpx.get(f"{box.base_url}/jobs/x", headers={"Authorization": f"Bearer {form['key']}"})
        assert answer.status_code == 404
        assert "sk_only_this" not in str(form)


BODIES = ['{"a": NaN}', '{"a": 1e999}', "[" * 900 + "]" * 900, '{"a": "\\ud800"}']


@pytest.mark.parametrize("body", BODIES, ids=["nan", "too-large", "deep", "surrogate"])
def test_a_strange_body_does_not_spoil_the_journal(box, body):
    headers = {"Authorization": "Bearer sk_abcd", "Content-Type": "application/json"}
    answer = httpx.post(f"{box.base_url}/lipsync-image", content=body, headers=headers)
    assert answer.status_code in {400, 422}
    (noted,) = httpx.get(f"{box.url}/sandbox/requests").json()
    assert noted["body"] in (body, {"a": "\ud800"})
