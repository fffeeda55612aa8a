"""Webhooks on ComfyUI's own server: they end a wait long before the next poll, and nobody forges one."""

import http.client
import json
import socket
import time

import pytest

from lipsync_nodes.ledger import new_callback, token_of
from lipsync_nodes.ledger._tokens import new_secret
from tests.integrations.comfyui.graphs import one, split
from tests.integrations.comfyui.servers import ARCHIVES, outcome

pytestmark = pytest.mark.comfyui

POLL = 60.0


@pytest.fixture(scope="module", params=list(ARCHIVES))
def called(request, make):
    """A ComfyUI whose profile has a public base: its own address."""
    comfy = make(request.param)
    comfy.environment["LIPSYNC_WEBHOOK"] = f"http://127.0.0.1:{comfy.port}/lipsync"
    yield comfy.start()
    comfy.stop()


def ask(comfy, method, path, body=b"{}", kind="application/json"):
    """Return all of an answer that could tell one refusal from another."""
    connection = http.client.HTTPConnection("127.0.0.1", comfy.port, timeout=30)
    connection.request(method, path, body, {"Content-Type": kind})
    answer = connection.getresponse()
    told = answer.status, dict(answer.getheaders()) | {"Date": ""}, answer.read()
    connection.close()
    return told


@pytest.mark.parametrize("make_graph", [split, one], ids=["split", "one"])
def test_a_wait_ends_with_the_webhook_and_not_with_the_next_poll(called, box, image, make_graph):
    box.fault("seconds", seconds=3.0)
    # The service asks for a pause of a minute after the first look; nothing but the webhook comes before that.
    box.fault("status", code=429, headers={"Retry-After": str(POLL)}, where="poll", count=1)
    began = time.monotonic()
    entry = called.run(make_graph(image()), POLL * 2)
    assert outcome(entry) == ("success", "")
    assert time.monotonic() - began < POLL / 2


def test_a_webhook_settles_a_submit_whose_answer_was_lost(called, box, image):
    box.fault("cut_after", where="submit")
    entry = called.run(one(image()))
    assert outcome(entry) == ("success", "")
    assert len(box.jobs()) == len(box.received("submit")) == 1


def test_all_refusals_are_alike(called, box, image):
    genuine = webhook_expected(called, box, image)
    forged = f"/lipsync/{token_of(new_callback(), new_secret())}"
    body = json.dumps({"id": box.jobs()[0]["id"], "status": "completed"}).encode()
    refused = ask(called, "POST", forged, body)
    assert refused[0] == 404
    assert refused[2] == b""
    assert ask(called, "POST", genuine, body)[0] == 200, "or else nothing would be refused for being forged"
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        assert ask(called, method, genuine, body) == refused
    assert ask(called, "POST", "/lipsync/nothing", body) == refused
    assert ask(called, "POST", genuine, b"no json") == refused
    assert ask(called, "POST", genuine, body, "text/plain") == refused
    assert ask(called, "POST", genuine, b" " * (1 << 20)) == refused


def test_a_body_that_breaks_off_is_no_trouble_of_the_server(called):
    before = len(called.log.read_text())
    path = f"/lipsync/{token_of(new_callback(), new_secret())}"
    with socket.create_connection(("127.0.0.1", called.port)) as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
        connection.sendall(head.encode() + b"{")
        time.sleep(0.3)
    assert ask(called, "POST", path)[0] == 404
    time.sleep(0.3)
    assert "Traceback" not in called.log.read_text()[before:]


def webhook_expected(comfy, box, image):
    """Run a job, and return the path that its webhook came by."""
    assert outcome(comfy.run(one(image())))[0] == "success"
    (submit,) = box.received("submit")
    return "/lipsync/" + submit.body["webhook"].rpartition("/")[2]


def test_without_a_public_base_there_is_no_route_and_no_webhook(comfy, box, image):
    assert ask(comfy, "POST", "/lipsync/nothing") == ask(comfy, "POST", "/nowhere/nothing")
    assert outcome(comfy.run(one(image())))[0] == "success"
    assert "webhook" not in box.received("submit")[0].body
