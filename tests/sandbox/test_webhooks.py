"""The webhooks of the sandbox, and their faults."""

import time

import pytest
from werkzeug import Response


@pytest.fixture
def hook(httpserver):
    """Receive webhooks; `hook.bodies` holds what came."""

    class Hook:
        url = httpserver.url_for("/hook/secret-token")
        bodies: list = []  # noqa: RUF012
        answers: list = []  # noqa: RUF012

    def receive(request):
        Hook.bodies.append(request.get_json())
        return Response(status=Hook.answers.pop(0) if Hook.answers else 204)

    httpserver.expect_request("/hook/secret-token", method="POST").respond_with_handler(receive)
    return Hook


def test_a_webhook_brings_the_job(api, hook, until):
    job_id = api.job_id(webhook=hook.url)
    until(lambda: hook.bodies)
    assert hook.bodies == [api.job(job_id)]


def test_a_webhook_is_tried_again(box, api, hook, until):
    hook.answers[:] = [500]
    api.job_id(webhook=hook.url)
    until(lambda: box.jobs()[0]["webhook"].get("state") == "delivered")
    assert len(hook.bodies) == 2
    assert box.jobs()[0]["webhook"]["tries"] == 2
    assert "secret-token" not in str(box.jobs())


def test_a_webhook_that_nobody_hears_does_not_hold_up_the_job(box, api, until):
    job_id = api.job_id(webhook="http://127.0.0.1:9/hook")
    assert api.ended(job_id)["status"] == "completed"
    assert box.jobs()[0]["webhook"]["state"] == "pending"
    webhook = until(lambda: (hook := box.jobs()[0]["webhook"])["state"] == "failed" and hook)
    assert (webhook["tries"], webhook["last"]) == (3, "ConnectError")


def test_duplicate_delivers_more_than_once(box, api, hook, until):
    box.fault("duplicate", times=3)
    api.job_id(webhook=hook.url)
    until(lambda: len(hook.bodies) == 3)
    until(lambda: box.jobs()[0]["webhook"]["deliveries"] == 3)
    assert hook.bodies[0] == hook.bodies[2]


def test_drop_delivers_nothing(box, api, hook, until):
    box.fault("drop")
    api.job_id(webhook=hook.url)
    until(lambda: box.jobs()[0]["webhook"].get("state") == "dropped")
    assert hook.bodies == []


def test_early_delivers_before_the_submit_is_answered(box, api, hook):
    box.fault("early")
    box.fault("seconds", seconds=0.2)
    answer = api.submit(webhook=hook.url)
    assert [body["id"] for body in hook.bodies] == [answer.json()["id"]]
    assert answer.json()["status"] == "processing"


def test_a_webhook_can_be_late_or_forged(box, api, hook, until):
    box.fault("delay", where="webhook", seconds=0.3)
    box.fault("body", where="webhook", body={"id": "forged"})
    began = time.monotonic()
    api.job_id(webhook=hook.url)
    until(lambda: hook.bodies)
    assert time.monotonic() - began >= 0.3
    assert hook.bodies == [{"id": "forged"}]
