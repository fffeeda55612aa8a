"""Attacks on a receiver over real HTTP: all are refused alike, none is believed, none makes it look often or grow."""

import itertools
import json
import logging
import socket
import threading
import time
import tracemalloc
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from lipsync_nodes import LipsyncClient
from lipsync_nodes.ledger import new_callback, token_of
from lipsync_nodes.ledger._tokens import new_secret
from lipsync_nodes.ledger._webhook_rules import REDELIVERY_SECONDS
from tests.faults.bad_service import wait_until
from tests.receiving import Receiving, rows
from tests.webhooks.conftest import FORM

JSON = {"Content-Type": "application/json"}
REFUSED = (404, {"content-length": "0"}, b"")


def ask(url, body=b"", *, method="POST", headers=JSON):
    """Send a request as bytes and return the answer: status, headers without the date, body."""
    to = urlsplit(url)
    lines = [f"{method} {to.path} HTTP/1.1", f"Host: {to.netloc}", f"Content-Length: {len(body)}", "Connection: close"]
    head = "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""])
    with socket.create_connection((to.hostname, to.port), timeout=10) as connection:
        connection.sendall(head.encode() + body)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, rest = answer.partition(b"\r\n\r\n")
    status, *fields = head.decode().split("\r\n")
    named = dict(field.lower().split(": ", 1) for field in fields)
    return int(status.split()[1]), {n: v for n, v in named.items() if n not in {"date", "server", "connection"}}, rest


@dataclass
class Scene:
    """Two jobs of ours that run, and where their webhooks go."""

    receiving: Receiving
    sandbox: object
    job_id: str
    webhook: str
    other_id: str
    other_webhook: str
    base: str

    def body(self, **fields):
        return json.dumps({"id": self.job_id, "status": "completed", "output": "https://evil.example/x.mp4", **fields})

    def entry(self):
        return next(entry for entry in self.receiving.ledger.entries() if entry.job_id == self.job_id)


@pytest.fixture
def scene(sandbox, tmp_path):
    """The jobs run on: each look of the receiver is one that an attack has caused."""
    sandbox.fault("seconds", seconds=60, count=-1)
    with Receiving(sandbox.api_key, sandbox.base_url, tmp_path / "ledger.sqlite") as receiving:
        with LipsyncClient(profile=receiving.profile, ledger=receiving.ledger) as client:
            one, two = (client.submit(FORM, webhook="auto").id for _ in range(2))
        other, first = (row.webhook for row in rows(sandbox))
        yield Scene(receiving, sandbox, one, first, two, other, receiving.url)


def wrong_token(scene):
    return f"{scene.base}/{token_of(new_callback(), new_secret())}"


def one_letter_off(scene):
    return scene.webhook[:-1] + ("A" if scene.webhook[-1] != "A" else "B")


# What is sent: where to, the body, and what else is odd.
ATTACKS = {
    "no token": lambda s: (f"{s.base}/", s.body(), {}),
    "another path": lambda s: (f"{s.base}/api/v1/jobs", s.body(), {}),
    "wrong token": lambda s: (wrong_token(s), s.body(), {}),
    "a token one letter off": lambda s: (one_letter_off(s), s.body(), {}),
    "the token of another job": lambda s: (s.other_webhook, s.body(), {}),
    "an id that is not ours": lambda s: (s.webhook, s.body(id="a-job-of-somebody-else"), {}),
    "1 MiB body": lambda s: (s.webhook, s.body(pad="x" * (1 << 20)), {}),
    "64 KiB and one byte": lambda s: (s.webhook, s.body().ljust((1 << 16) + 1), {}),
    **{
        f"method {method}": lambda s, method=method: (s.webhook, s.body(), {"method": method})
        for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS")
    },
    "content type text/plain": lambda s: (s.webhook, s.body(), {"headers": {"Content-Type": "text/plain"}}),
    "content type of a form": lambda s: (
        s.webhook,
        s.body(),
        {"headers": {"Content-Type": "application/x-www-form-urlencoded"}},
    ),
    "no content type": lambda s: (s.webhook, s.body(), {"headers": {}}),
    "malformed JSON": lambda s: (s.webhook, "{" + s.body(), {}),
    "JSON nested beyond measure": lambda s: (s.webhook, "[" * 60_000, {}),
    "not UTF-8": lambda s: (s.webhook, b"\xff\xfe\xff", {}),
    "JSON that is no object": lambda s: (s.webhook, json.dumps([s.job_id]), {}),
    "empty body": lambda s: (s.webhook, "", {}),
    **{
        f"id is {value!r:.20}": lambda s, value=value: (s.webhook, s.body(id=value), {})
        for value in (None, 7, True, ["x"], {"x": 1}, "", " ", "..", "x" * 201, "a\nb", 1e400)
    },
}


def test_attacks_are_refused_all_alike_and_cause_nothing(scene):
    before = [(entry.state, entry.job, entry.webhook_job_id) for entry in scene.receiving.ledger.entries()]
    answers = {}
    for attack, made in ATTACKS.items():
        url, body, odd = made(scene)
        answers[attack] = ask(url, body if isinstance(body, bytes) else body.encode(), **odd)
    assert {attack: answer for attack, answer in answers.items() if answer != REFUSED} == {}
    time.sleep(0.2)
    assert scene.sandbox.received("poll") == []
    assert [(entry.state, entry.job, entry.webhook_job_id) for entry in scene.receiving.ledger.entries()] == before


def test_a_forged_output_costs_one_poll_a_second(scene):
    """Whoever has a token can say that the job has ended, as often as they like; the service says that it has not."""
    began, answers = time.monotonic(), set()
    while time.monotonic() - began < 3:
        answers.add(ask(scene.webhook, scene.body().encode())[0])
    looks, took = len(scene.sandbox.received("poll")), time.monotonic() - began
    assert answers == {200}, "it tells nobody whether the job has ended"
    assert 1 <= looks <= took + 1
    entry = scene.entry()
    assert entry.state == "live"
    assert "evil" not in str(scene.receiving.ledger.entries())


def test_a_replay_is_ignored_at_first_and_refused_later(sandbox, tmp_path):
    """Soon after the end it may be the service that did not hear our answer; later it is not."""
    clock = type("Clock", (), {"late": 0.0, "__call__": lambda self: time.time() + self.late})()
    with Receiving(sandbox.api_key, sandbox.base_url, tmp_path / "ledger.sqlite") as receiving:
        receiving.ledger._clock = clock
        with LipsyncClient(profile=receiving.profile, ledger=receiving.ledger) as client:
            job = client.run(FORM, webhook="auto", poll_interval=60)
        wait_until(lambda: receiving.ledger.entries()[0].handled_at)
        url, body = rows(sandbox)[0].webhook, json.dumps({**job.wire(), "output": "https://evil.example"}).encode()
        looks = len(sandbox.received("poll"))
        before = receiving.ledger.entries()
        for _ in range(20):
            assert ask(url, body)[0] == 200
        clock.late = REDELIVERY_SECONDS + 10
        for _ in range(20):
            assert ask(url, body) == REFUSED
        assert len(sandbox.received("poll")) == looks
        assert receiving.ledger.entries() == before


def test_an_uncertain_token_takes_no_job_of_another(scene):
    """The submit's answer was lost, so any job could be its own; not one that another submission has."""
    scene.sandbox.fault("cut_after", where="submit")
    with LipsyncClient(profile=scene.receiving.profile, ledger=scene.receiving.ledger) as client:
        with pytest.raises(Exception, match="no answer came"):
            client.submit(FORM, webhook="auto", key="k")
    lost = rows(scene.sandbox)[0]
    assert ask(lost.webhook, scene.body().encode()) == REFUSED
    # A job that does not exist is heeded, as far as a look; and the right one is still taken after it.
    assert ask(lost.webhook, scene.body(id="no-such-job").encode())[0] == 200
    time.sleep(2.5)
    assert len(scene.sandbox.received("poll")) <= 3
    assert [entry.state for entry in scene.receiving.ledger.entries()] == ["live", "live", "uncertain"]
    assert ask(lost.webhook, scene.body(id=lost.id).encode())[0] == 200
    wait_until(lambda: scene.receiving.ledger.entries()[2].job_id == lost.id)


def test_a_flood_of_ids_costs_one_poll_a_second(scene):
    """A flood of ids for an uncertain submit costs one look a second."""
    scene.sandbox.fault("cut_after", where="submit")
    with LipsyncClient(profile=scene.receiving.profile, ledger=scene.receiving.ledger) as client:
        with pytest.raises(Exception, match="no answer came"):
            client.submit(FORM, webhook="auto", key="k")
    webhook, began, count = rows(scene.sandbox)[0].webhook, time.monotonic(), 0
    while time.monotonic() - began < 2.5:
        count += 1
        assert ask(webhook, scene.body(id=f"no-such-job-{count}").encode())[0] == 200
    looks, took = len(scene.sandbox.received("poll")), time.monotonic() - began
    assert count > 2 * took
    assert 1 <= looks <= took + 1


def test_a_slow_body_is_given_up(scene, monkeypatch):
    monkeypatch.setattr("lipsync_nodes.webhooks._receiver.BODY_SECONDS", 0.3)
    to = urlsplit(scene.webhook)
    with socket.create_connection((to.hostname, to.port), timeout=10) as connection:
        head = f"POST {to.path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 404")


def test_a_flood_of_requests_leaves_no_trace(scene, capsys):
    """Wrong tokens, replays and forgeries on eight connections; memory is measured once a thousand have come."""
    to = urlsplit(scene.webhook)
    kinds = [(urlsplit(wrong_token(scene)).path, scene.body()), (to.path, scene.body()), (to.path, "{")]
    kinds += [(urlsplit(scene.other_webhook).path, scene.body())]
    requests = [
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
        for path, body in kinds
    ]
    began, numbers, statuses = time.monotonic(), itertools.count(1), set()
    sizes = {}

    def attack(index):
        with socket.create_connection((to.hostname, to.port), timeout=10) as connection:
            for number in range(625):
                time.sleep(max(0.0, began + number / 125 - time.monotonic()))
                connection.sendall(requests[(index + number) % len(requests)].encode())
                statuses.add(connection.recv(1000).split()[1])
                if (sent := next(numbers)) in {1000, 4800}:
                    sizes[sent] = tracemalloc.get_traced_memory()[0]

    logging.disable()  # the suite keeps each line of each log
    tracemalloc.start()
    try:
        threads = [threading.Thread(target=attack, args=(index,)) for index in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        tracemalloc.stop()
        logging.disable(logging.NOTSET)
    looks, took = len(scene.sandbox.received("poll")), time.monotonic() - began
    sent, grown = next(numbers) - 1, (sizes[4800] - sizes[1000]) / 1024
    with capsys.disabled():
        print(f"\n{sent} attacks in {took:.1f} s: {looks} looks, {grown:+.0f} KiB after the first thousand")  # noqa: T201
    assert statuses == {b"404", b"200"}
    assert sent == 5000
    assert looks <= took + 1
    assert grown < 512
    assert [entry.state for entry in scene.receiving.ledger.entries()] == ["live", "live"]
