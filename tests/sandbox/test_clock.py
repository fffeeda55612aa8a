"""The sandbox's clock: jobs, webhooks and the expiry of outputs go by it."""

import re
import threading
import time

import httpx
import pytest
from werkzeug import Response

from lipsync_nodes import DownloadError, ImageForm, LipsyncClient
from lipsync_nodes.sandbox import MEDIA, Sandbox

HOUR = 3600.0
DAY = 24 * HOUR


@pytest.fixture(params=["manual", "real"])
def kind(request):
    return request.param


@pytest.fixture
def timed(kind, connect):
    """A sandbox with an instant renderer whose jobs take an hour, and a bare client of it."""
    with Sandbox(renderer="instant", seconds=HOUR, clock=kind) as box:
        yield connect(box)


@pytest.fixture
def still(connect):
    """A sandbox whose clock stands still."""
    with Sandbox(renderer="instant", clock="manual") as box:
        yield connect(box)


@pytest.fixture
def hook(httpserver):
    """Receive webhooks, with the responses of a list; `hook.times` holds when they came, by the sandbox's clock."""

    class Hook:
        url = httpserver.url_for("/hook")
        answers: list = []  # noqa: RUF012
        times: list = []  # noqa: RUF012
        box = None

    def receive(_request):
        Hook.times.append(Hook.box.now)
        return Response(status=Hook.answers.pop(0) if Hook.answers else 204)

    httpserver.expect_request("/hook", method="POST").respond_with_handler(receive)
    return Hook


def test_a_job_of_an_hour_ends_after_an_hour(timed):
    job_id = timed.job_id()
    timed.box.advance(HOUR - 60)
    assert timed.job(job_id)["status"] == "processing"
    timed.box.advance(60)
    job = timed.job(job_id)
    assert job["status"] == "completed"
    assert job["executionTime"] == pytest.approx(1000 * HOUR, abs=20_000)


def test_a_clock_that_stands_still_does_not_run(still):
    before = still.box.now
    time.sleep(0.01)
    assert still.box.now == before
    still.box.advance(1.5)
    assert still.box.now == before + 1.5


def test_the_real_clock_runs(timed, kind):
    before = timed.box.now
    time.sleep(0.01)
    assert (timed.box.now > before) is (kind == "real")


def test_a_manual_job_ends_exactly_when_it_is_due(still):
    still.box.fault("seconds", seconds=90)
    began = still.box.now
    job_id = still.job_id()
    still.box.advance(DAY)
    assert still.job(job_id)["executionTime"] == 90_000
    assert still.box._running.service.store.get(job_id).ended == began + 90


def test_jobs_end_in_the_order_of_their_time(still):
    ids = []
    for seconds in (300, 100, 200):
        still.box.fault("seconds", seconds=seconds)
        ids.append(still.job_id())
    store = still.box._running.service.store
    still.box.advance(250)
    assert [still.job(one)["status"] for one in ids] == ["processing", "completed", "completed"]
    assert store.get(ids[2]).ended - store.get(ids[1]).ended == 100


def test_advance_returns_once_the_webhook_is_delivered(still, hook):
    hook.box = still.box
    still.box.fault("seconds", seconds=60)
    still.job_id(webhook=hook.url)
    began = still.box.now
    still.box.advance(59)
    assert hook.times == []
    still.box.advance(1)
    assert hook.times == [began + 60]
    assert still.box.jobs()[0]["webhook"]["state"] == "delivered"


def test_a_webhook_is_tried_again_by_the_clock(still, hook):
    hook.box, hook.answers = still.box, [500, 500]
    began = still.box.now
    still.job_id(webhook=hook.url)
    still.box.advance(0)
    assert hook.times == [began]
    still.box.advance(0.5)
    assert hook.times == [began, began + 0.5]
    still.box.advance(60)
    assert hook.times == [began, began + 0.5, began + 2.5]
    assert still.box.jobs()[0]["webhook"]["tries"] == 3


def test_a_webhook_is_delayed_by_the_clock(still, hook):
    hook.box = still.box
    still.box.fault("delay", where="webhook", seconds=600)
    job_id = still.job_id(webhook=hook.url)
    still.box.advance(599)
    assert (hook.times, still.job(job_id)["status"]) == ([], "completed")
    still.box.advance(1)
    assert len(hook.times) == 1


def test_an_output_expires_after_seven_days(still, tmp_path):
    output = still.ended(still.job_id())["output"]
    still.box.advance(7 * DAY - 1)
    assert httpx.get(output).status_code == 200
    still.box.advance(1)
    expired = httpx.get(output)
    assert (expired.status_code, expired.json()) == (410, {"error": "The output has expired."})
    with LipsyncClient(still.box.api_key, still.box.base_url) as client:
        with pytest.raises(DownloadError):
            client.download(client.job(still.box.jobs()[0]["id"]), tmp_path / "late.mp4")


@pytest.mark.parametrize(("lasts", "status"), [(60, 410), (None, 200)])
def test_how_long_outputs_last_can_be_chosen(connect, lasts, status):
    with Sandbox(renderer="instant", clock="manual", outputs_expire=lasts) as box:
        api = connect(box)
        output = api.ended(api.job_id())["output"]
        box.advance(365 * DAY)
        assert httpx.get(output).status_code == status


def test_a_rate_limit_has_its_window_on_the_clock(still):
    still.box.fault("submit:rate_limit,requests=2,seconds=60")
    answers = [still.submit() for _ in range(2)]
    still.box.advance(20.5)
    answers += [still.submit(), still.submit()]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    assert [answer.headers["Retry-After"] for answer in answers[2:]] == ["40", "40"]
    still.box.advance(39)
    assert still.submit().status_code == 429
    still.box.advance(1)
    assert [still.submit().status_code for _ in range(3)] == [200, 200, 429]
    [rule] = still.box.faults
    assert (rule["matched"], rule["struck"]) == (8, 4)


def test_a_client_keeps_within_a_rate_limit(connect):
    """It waits as long as Retry-After says, in real time."""
    with Sandbox(renderer="instant") as box, LipsyncClient(box.api_key, box.base_url) as client:
        box.fault("submit:rate_limit,requests=1,seconds=1")
        for _ in range(2):
            client.submit(ImageForm(image="https://m.example/i.png", audio="https://m.example/a.mp3"))
        assert len(box.jobs()) == 2
        assert len(box.received("submit")) == 3


def test_each_poll_advances_the_clock_where_asked(connect):
    with Sandbox(renderer="instant", seconds=30, clock="manual", advance_per_poll=10) as box:
        api = connect(box)
        job_id = api.job_id()
        assert [api.job(job_id)["status"] for _ in range(3)] == ["processing", "processing", "completed"]
        box.advance_per_poll = 0
        now = box.now
        api.job(job_id)
        assert box.now == now


def test_an_unknown_job_does_not_advance_the_clock(still):
    still.box.advance_per_poll = 10
    now = still.box.now
    assert still.poll("00000000-0000-4000-8000-000000000000").status_code == 404
    assert still.box.now == now


def test_a_client_waits_an_hour_in_no_time(connect):
    with Sandbox(renderer="instant", seconds=HOUR, clock="manual", advance_per_poll=600) as box:
        with LipsyncClient(box.api_key, box.base_url) as client:
            job = client.run(ImageForm(image="https://m.example/i.png", audio="https://m.example/a.mp3"))
        assert len(box.received("poll")) == 6
        assert job.execution_time_ms == 3_600_000


def test_a_receiver_may_poll_while_the_clock_is_advanced(still, httpserver):
    """A receiver fetches the job before it believes a webhook; the clock waits for the receiver meanwhile."""
    seen = []

    def receive(request):
        seen.append(still.job(request.get_json()["id"])["status"])
        return Response(status=204)

    httpserver.expect_request("/hook", method="POST").respond_with_handler(receive)
    still.box.advance_per_poll = 10
    still.box.fault("seconds", seconds=60)
    still.job_id(webhook=httpserver.url_for("/hook"))
    still.box.advance(60)
    assert seen == ["completed"]
    assert still.box.jobs()[0]["webhook"]["tries"] == 1


def test_a_poll_does_not_wait_for_receivers(still, httpserver):
    polled, heard = threading.Event(), []

    def receive(_request):
        heard.append(polled.wait(4))  # a try lasts 5 s at most
        return Response(status=204)

    httpserver.expect_request("/hook", method="POST").respond_with_handler(receive)
    still.box.advance_per_poll = 30
    still.box.fault("seconds", seconds=60)
    job_id = still.job_id(webhook=httpserver.url_for("/hook"))
    assert [still.job(job_id)["status"] for _ in range(2)] == ["processing", "completed"]
    polled.set()
    still.box.advance(0)
    assert heard == [True]


def test_a_reset_ends_an_advance(still, hook):
    """The jobs that the clock waits for are gone."""
    hook.box = still.box
    still.box.fault("seconds", seconds=60)
    still.job_id()
    still.box.reset()
    still.box.advance(120)
    assert still.box.jobs() == []


def test_an_early_webhook_waits_for_the_clock(still, hook):
    hook.box = still.box
    still.box.fault("early")
    still.box.fault("seconds", seconds=60)
    submitting = threading.Thread(target=lambda: still.job_id(webhook=hook.url))
    submitting.start()
    while not still.box.jobs():
        time.sleep(0.01)
    assert submitting.is_alive()
    still.box.advance(60)
    submitting.join(10)
    assert len(hook.times) == 1


def test_a_restart_does_not_set_the_clock_back(tmp_path, connect, kind):
    with Sandbox(tmp_path, renderer="instant", clock=kind) as box:
        box.advance(30 * DAY)
        connect(box).job_id()
        then = box.now
    with Sandbox(tmp_path, renderer="instant", clock=kind) as box:
        assert box.now == pytest.approx(then, abs=20)
        assert box.jobs()[0]["age"] < 20


def test_the_clock_over_http(still):
    url = f"{still.box.url}/sandbox/clock"
    first = httpx.get(url).json()
    assert first == {"clock": "manual", "now": still.box.now, "advanced": 0.0, "advance_per_poll": 0.0}
    assert httpx.post(url, json={"advance": 60}).json() == {**first, "now": first["now"] + 60, "advanced": 60.0}
    assert httpx.post(url, json={"advance_per_poll": 5}).json()["advance_per_poll"] == 5
    assert still.box.advance_per_poll == 5


@pytest.mark.parametrize(
    ("body", "code", "problem"),
    [
        (b"{}x", 400, "The body is not JSON."),
        (b'{"advance": -1}', 422, "advance: Input should be greater than or equal to 0"),
        (b'{"advance": 1e10}', 422, "advance: Input should be less than or equal to 1000000000"),
        (b'{"advance": NaN}', 400, "The body is not JSON."),
        (b'{"forward": 1}', 422, "forward: Extra inputs are not permitted"),
        (b"[]", 422, "clock: "),
    ],
)
def test_a_wrong_change_is_refused(still, body, code, problem):
    now = still.box.now
    answer = httpx.post(f"{still.box.url}/sandbox/clock", content=body)
    assert answer.status_code == code
    assert answer.json()["error"].startswith(problem)
    assert still.box.now == now


def test_a_page_of_another_site_cannot_advance_it(still):
    answer = httpx.post(f"{still.box.url}/sandbox/clock", json={"advance": 1}, headers={"Origin": "https://x.example"})
    assert answer.status_code == 403


@pytest.mark.parametrize("seconds", [-1, float("nan"), 1e10])
def test_time_does_not_go_back(still, seconds):
    with pytest.raises(ValueError, match="between 0 and 1000000000"):
        still.box.advance(seconds)
    with pytest.raises(ValueError, match="between 0 and 1000000000"):
        still.box.advance_per_poll = seconds
    with pytest.raises(ValueError, match="between 0 and 1000000000"):
        Sandbox(renderer="instant", advance_per_poll=seconds)


def test_nothing_else_in_the_sandbox_reads_the_time():
    folder = MEDIA.parent
    found = {
        file.relative_to(folder).as_posix()
        for room in ("jobs", "faults", "server")
        for file in (folder / room).rglob("*.py")
        if re.search(r"\btime\.time\(|datetime\.now\(", file.read_text(encoding="utf-8"))
    }
    assert found == {"jobs/clock.py"}


@pytest.mark.parametrize("option", ["renderer", "clock"])
def test_a_word_that_the_sandbox_does_not_know(option):
    with pytest.raises(ValueError, match=f"^{option} must be [a-z]+ or [a-z]+, not 'Real'$"):
        Sandbox(**{option: "Real"})
