"""Every fault does what it says, as often as it says, over real HTTP."""

import json
import threading
import time
from contextlib import suppress

import httpx
import pytest

from lipsync_nodes.sandbox import Sandbox
from lipsync_nodes.sandbox.faults.rules import ACTIONS, Faults, Rule


def test_delay_lets_the_request_go_on(box, api):
    box.fault("delay", where="submit", seconds=1.5)
    began = time.monotonic()
    assert api.submit().status_code == 200
    assert time.monotonic() - began >= 1.5
    assert api.submit().status_code == 200
    assert [rule["struck"] for rule in box.faults] == [1]


def test_hang_reads_the_request_and_never_answers(box, api, until):
    box.fault("hang", where="submit")
    with pytest.raises(httpx.ReadTimeout):
        api.http.post(
            f"{box.base_url}/lipsync-image", json={"formState": {"a": 1}}, timeout=httpx.Timeout(20, read=0.3)
        )
    assert until(lambda: box.received("submit"))[0].body == {"formState": {"a": 1}}
    assert box.jobs() == []


def test_hang_ends_after_its_seconds(box, api):
    box.fault("hang", where="poll", seconds=0.2)
    with pytest.raises(httpx.RemoteProtocolError):
        api.poll("x")


def test_cut_before_acts_nothing(box, api):
    box.fault("cut_before", where="submit")
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)):
        api.submit()
    assert box.jobs() == []
    assert len(box.received("submit")) == 1


def test_cut_after_leaves_a_job(box, api):
    box.fault("cut_after", where="submit")
    with pytest.raises(httpx.RemoteProtocolError):
        api.submit()
    [job] = box.jobs()
    assert api.ended(job["id"])["status"] == "completed"
    assert len(box.received("submit")) == 1


def test_status_refuses(box, api):
    box.fault("status", where="submit", code=429, headers={"Retry-After": "7"}, count=2)
    for _ in range(2):
        answer = api.submit()
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
        assert list(answer.json()) == ["error"]
    assert box.jobs() == []
    assert api.submit().status_code == 200


def test_status_with_act_carries_it_out(box, api):
    box.fault("status", where="submit", code=502, body="<h1>Bad gateway</h1>", act=True)
    answer = api.submit()
    assert (answer.status_code, answer.text) == (502, "<h1>Bad gateway</h1>")
    assert answer.headers["content-type"] == "text/html"
    assert len(box.jobs()) == 1


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [("<html>", None, "<html>"), ([1, None], None, "[1, null]"), ("", "application/json", ""), (None, None, "null")],
)
def test_body_answers_something_else(box, api, body, content_type, text):
    box.fault("body", where="submit", body=body, content_type=content_type, act=True)
    answer = api.submit()
    assert (answer.status_code, answer.text) == (200, text)
    assert answer.headers["content-type"] == content_type or not content_type
    assert len(box.jobs()) == 1


@pytest.mark.parametrize(("given", "sent"), [({}, 2123), ({"bytes": 100}, 100), ({"bytes": 0}, 0)])
def test_truncate_sends_a_part_under_the_full_length(box, api, given, sent):
    output = api.ended(api.job_id())["output"]
    box.fault("truncate", where="output", **given)
    with api.http.stream("GET", output) as answer:
        assert answer.headers["content-length"] == "4247"
        with pytest.raises(httpx.RemoteProtocolError):
            answer.read()
    assert answer.num_bytes_downloaded == sent
    assert len(api.http.get(output).content) == 4247


def test_drip_sends_byte_by_byte(box, api):
    job_id = api.job_id()
    job = api.ended(job_id)
    box.fault("drip", where="poll", pause=0.002)
    began = time.monotonic()
    with api.http.stream("GET", f"{box.base_url}/jobs/{job_id}") as answer:
        chunks = list(answer.iter_raw())
    assert time.monotonic() - began >= 0.002 * len(json.dumps(job, separators=(",", ":")))
    assert len(chunks) > 10
    assert json.loads(b"".join(chunks)) == job


def test_fail_ends_the_job_with_its_error(box, api):
    box.fault("fail", error="Audio is silent", path="*/lipsync-video")
    good = api.job_id("lipsync-image")
    bad = api.job_id("lipsync-video")
    assert api.ended(good)["status"] == "completed"
    assert api.ended(bad)["error"] == "Audio is silent"


def test_job_status_shows_an_unknown_status_at_first(box, api):
    box.fault("job_status", status="created", polls=2)
    job_id = api.job_id()
    seen = [api.job(job_id) for _ in range(3)]
    assert [job["status"] for job in seen] == ["created", "created", "completed"]
    assert seen[0]["output"] is None


def test_no_output_completes_without_a_video(box, api):
    box.fault("no_output")
    job = api.ended(api.job_id())
    assert (job["status"], job["output"]) == ("completed", None)


def test_seconds_keeps_the_job_processing(box, api):
    box.fault("seconds", seconds=60)
    assert api.job(api.job_id())["status"] == "processing"
    box.fault("seconds", seconds=0.4)
    began = time.monotonic()
    api.ended(api.job_id())
    assert time.monotonic() - began >= 0.4


def test_faults_strike_uploads_and_files(box, api):
    url = api.put("a.bin", b"0123456789")
    box.fault("status", where="files", method="PUT", code=507)
    box.fault("truncate", where="files", method="GET")
    assert api.http.get(f"{box.base_url}/jobs/x").status_code == 404
    assert api.http.put(f"{box.url}/files/b.bin", content=b"x").status_code == 507
    with pytest.raises(httpx.RemoteProtocolError):
        api.http.get(url)


def test_count_and_after(box, api):
    box.fault("status", where="poll", code=500, after=1, count=2)
    assert [api.poll("x").status_code for _ in range(5)] == [404, 500, 500, 404, 404]
    assert box.faults == [{"action": "status", "where": "poll", "code": 500, "after": 1, "count": 2,
                           "number": box.faults[0]["number"], "matched": 3, "struck": 2}]  # fmt: skip


def test_always_until_cleared(box, api):
    box.fault("status", code=500, count=-1)
    assert {api.poll("x").status_code for _ in range(5)} == {500}
    assert api.submit().status_code == 500
    box.clear_faults()
    assert api.poll("x").status_code == 404


def test_chance_is_the_same_for_the_same_seed():
    def struck(seed):
        faults = Faults()
        faults.add(Rule(action="status", where="poll", count=-1, probability=0.5, seed=seed))
        return [bool(faults.strike("poll", "GET", "/x")) for _ in range(50)]

    assert struck(1) == struck(1) != struck(2)
    assert 10 < sum(struck(1)) < 40


def test_a_rule_that_settles_leaves_the_later_ones():
    faults = Faults()
    for rule in (Rule(action="delay"), Rule(action="status"), Rule(action="hang")):
        faults.add(rule)
    assert [rule.action for rule in faults.strike("poll", "GET", "/x")] == ["delay", "status"]
    assert [rule.action for rule in faults.strike("poll", "GET", "/x")] == ["hang"]


@pytest.mark.parametrize(
    "rule",
    [
        {"action": "explode"},
        {"action": "delay", "where": "job"},
        {"action": "fail", "where": "submit"},
        {"action": "status", "seconds": 3},
        {"action": "status", "code": 99},
        {"action": "drop", "count": -2},
        {"action": "hang", "probability": 2},
        {},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(box, api, rule):
    assert api.http.put(f"{box.url}/sandbox/faults", json=[rule]).status_code == 422
    if "action" in rule:
        with pytest.raises(ValueError, match=r"validation error|^action: Input should be"):
            box.fault(**rule)
    assert box.faults == []


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_can_be_set_over_http(box, api, action):
    url = f"{box.url}/sandbox/faults"
    assert api.http.put(url, json=[{"action": action}]).json()[0]["action"] == action
    assert len(api.http.post(url, json={"action": action, "count": 3}).json()) == 2
    first, second = api.http.get(url).json()
    assert second == {"action": action, "count": 3, "number": first["number"] + 1, "matched": 0, "struck": 0}
    assert api.http.delete(f"{url}/{first['number']}").json() == [second]
    assert api.http.delete(f"{url}/{first['number']}").status_code == 404
    assert api.http.delete(url).json() == box.faults == []


def test_prefer_asks_for_one_code(box, api):
    body = {"formState": {}}
    url = f"{box.base_url}/lipsync-image"
    assert api.http.post(url, json=body, headers={"Prefer": "code=429"}).status_code == 429
    assert api.http.post(url, json=body).status_code == 422
    twice = [("Prefer", "code=503"), ("Prefer", "wait=10")]
    assert api.http.post(url, json=body, headers=twice).status_code == 503


def test_a_code_without_a_name_can_be_asked_for(box, api):
    box.fault("submit:499")
    assert api.submit().status_code == 499
    answer = api.http.post(f"{box.base_url}/lipsync-image", json={}, headers={"Prefer": "code=599"})
    assert (answer.status_code, answer.json()) == (599, {"error": "Status 599: a fault that was asked for."})


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("submit:429", "rule: must be a JSON object"),
        ({"action": "fail", "where": "submit"}, "rule: fail can be at job, not at submit"),
    ],
)
def test_a_wrong_rule_is_named_in_plain_words(box, api, rule, sentence):
    assert api.http.post(f"{box.url}/sandbox/faults", json=rule).json() == {"error": sentence}


def test_another_sites_page_may_not_switch_faults(box, api):
    evil = {"Origin": "http://evil.test"}
    assert api.http.post(f"{box.url}/sandbox/reset", headers=evil).status_code == 403
    assert api.http.put(f"{box.url}/sandbox/faults", json=[], headers=evil).status_code == 403
    assert api.http.post(f"{box.url}/sandbox/reset", headers={"Origin": box.url}).status_code == 204


@pytest.mark.parametrize("action", ["hang", "delay", "drip", "early"])
def test_stop_waits_for_nobody(connect, until, action):
    box = Sandbox(renderer="instant", seconds=60 if action == "early" else 0).start()
    api = connect(box)
    box.fault(action, **{"hang": {}, "delay": {}, "drip": {"pause": 30}, "early": {}}[action])

    def call():
        with suppress(httpx.HTTPError):
            api.submit(webhook="http://127.0.0.1:9/")

    client = threading.Thread(target=call)
    client.start()
    until(lambda: box.received("submit"))
    began = time.monotonic()
    box.stop()
    assert time.monotonic() - began < 20  # of 30, 60 or for ever
    client.join(20)
    assert not client.is_alive()


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("submit:429", {"where": "submit", "action": "status", "code": 429}),
        ("503", {"action": "status", "code": 503}),
        (
            "submit:429,retry_after=2,times=3",
            {"where": "submit", "action": "status", "code": 429, "headers": {"Retry-After": "2"}, "count": 3},
        ),
        ("submit:429, retry_after=2, times=3", {
            "where": "submit", "action": "status", "code": 429, "headers": {"Retry-After": "2"}, "count": 3,
        }),
        ("job:fail,error=No face, try another=", {"where": "job", "action": "fail", "error": "No face, try another="}),
        ("fail", {"action": "fail"}),
        ("job:seconds,seconds=3600,times=-1", {"where": "job", "action": "seconds", "seconds": 3600, "count": -1}),
        ("webhook:duplicate,times=3", {"where": "webhook", "action": "duplicate", "times": 3}),
        ("poll:500,after=1,act=true,body=busy", {
            "where": "poll", "action": "status", "code": 500, "after": 1, "act": True, "body": "busy",
        }),
        ('body,where=poll,body={"status":"odd"}', {"where": "poll", "action": "body", "body": {"status": "odd"}}),
        (
            'submit:402,path=*/lipsync-video,headers={"X-A":"b"},retry_after=1',
            {
                "where": "submit", "action": "status", "code": 402, "path": "*/lipsync-video",
                "headers": {"X-A": "b", "Retry-After": "1"},
            },
        ),
    ],
)  # fmt: skip
def test_a_rule_on_one_line(line, rule):
    assert Rule.parse(line) == Rule.model_validate(rule)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "submit:",
        "submit:4290",
        "sumbit:429",
        "job:429",
        "fail,seconds=3",
        "submit:429,retries=2",
        "429,times=x",
        "fail,error=",
        "429,Retry-After=2",
    ],
)
def test_a_line_that_is_no_rule(line):
    with pytest.raises(ValueError, match="validation error"):
        Rule.parse(line)
