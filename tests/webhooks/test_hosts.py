"""Where the receiver lives: in another application, on another host, behind a service that signs."""

import asyncio
import json
import logging

import pytest
from standardwebhooks import Webhook as Signer
from starlette.applications import Starlette
from starlette.routing import Mount

from lipsync_nodes import AsyncLipsyncClient, LipsyncClient
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.settings import Profile
from lipsync_nodes.settings._nested import Webhook
from lipsync_nodes.webhooks import WebhookReceiver
from tests.faults.bad_service import wait_until
from tests.receiving import Receiving, only_entry, rows
from tests.webhooks.conftest import FORM, LONG


def test_it_mounts_in_an_application_and_logs_no_token(sandbox, path, caplog):
    """It mounts in an application and its tokens are in no access log."""
    caplog.set_level(logging.DEBUG)
    options = {
        "mount": lambda receiver: Starlette(routes=[Mount("/hooks/lipsync", receiver)], lifespan=receiver.lifespan),
        "path": "/hooks/lipsync",
        "server": {"access_log": True, "log_level": "trace"},
    }
    with Receiving(sandbox.api_key, sandbox.base_url, path, **options) as receiving:
        with LipsyncClient(profile=receiving.profile, ledger=receiving.ledger) as client:
            client.run(FORM, webhook="auto", poll_interval=LONG, timeout=20)
    of_uvicorn = [record.getMessage() for record in caplog.records if record.name.startswith("uvicorn")]
    assert any("POST /hooks/lipsync/cb_***" in line for line in of_uvicorn)
    token = rows(sandbox)[0].webhook.rpartition("/")[2]
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert not any(token in line for line in ours)


def test_aiohttp_serves_it_in_a_few_lines(sandbox, path):
    """As ComfyUI's server would."""
    web = pytest.importorskip("aiohttp.web", exc_type=ImportError)

    async def serve_and_run():
        with Ledger(path) as ledger:
            profile = Profile(api_key=sandbox.api_key, base_url=sandbox.base_url)
            with WebhookReceiver(profile, ledger) as receiver:

                async def webhook(request):
                    body = request.content.iter_any()
                    return web.Response(status=await receiver.handle("POST", request.path, request.headers, body))

                app = web.Application()
                app.router.add_post("/lipsync/{token}", webhook)
                runner = web.AppRunner(app)
                await runner.setup()
                site = web.TCPSite(runner, "127.0.0.1", 0)
                await site.start()
                base = f"http://127.0.0.1:{runner.addresses[0][1]}/lipsync"
                ours = profile.model_copy(update={"webhook": Webhook(base=base)})
                async with AsyncLipsyncClient(profile=ours, ledger=ledger) as client:
                    job = await client.run(FORM, webhook="auto", poll_interval=LONG, timeout=20)
                await runner.cleanup()
                return job

    assert asyncio.run(serve_and_run()).output


def test_a_token_of_another_host_works_with_a_shared_secret(sandbox, tmp_path):
    """The submitter and the receiver have ledgers of their own, as Airflow's workers have none in common."""
    shared = {"secret": "shared by all hosts, 0123456789"}
    with Ledger(tmp_path / "here.sqlite") as ledger:
        there = Profile(
            api_key=sandbox.api_key, base_url=sandbox.base_url, webhook={"base": "http://127.0.0.1:1", **shared}
        )
        told = []
        with WebhookReceiver(there, ledger, on_job=told.append) as receiver:
            with LipsyncClient(profile=there) as client:
                job = client.submit(FORM, webhook="auto")
            path = rows(sandbox)[0].webhook
            headers = {"Content-Type": "application/json; charset=utf-8"}
            body = json.dumps({"id": job.id, "status": "completed"}).encode()
            assert receiver.receive("POST", path, headers, body) == 200
            wait_until(lambda: told)
        assert told[0].id == job.id
        (entry,) = ledger.entries()
        assert (entry.state, entry.job_id) == ("completed", job.id)


def test_where_the_service_signs_what_is_not_signed_is_refused(sandbox, path):
    secret = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="
    profile = Profile(
        api_key=sandbox.api_key,
        base_url=sandbox.base_url,
        webhook={"base": "http://127.0.0.1:1", "signing_secret": secret},
    )
    with Ledger(path) as ledger, WebhookReceiver(profile, ledger) as receiver:
        with LipsyncClient(profile=profile, ledger=ledger) as client:
            job = client.submit(FORM, webhook="auto")
        to = rows(sandbox)[0].webhook
        body = json.dumps({"id": job.id}).encode()
        plain = {"Content-Type": "application/json"}
        from datetime import UTC, datetime

        now = datetime.now(UTC)
        signature = Signer(secret).sign("m1", now, body.decode())
        signed = {**plain, "Webhook-Id": "m1", "Webhook-Timestamp": str(int(now.timestamp()))}
        for headers in (
            plain,
            {**signed, "Webhook-Signature": "v1"},
            {**signed, "Webhook-Signature": "v1,AAAA"},
            {**signed, "Webhook-Signature": signature, "Webhook-Timestamp": "12345"},
        ):
            assert receiver.receive("POST", to, headers, body) == 404
        assert receiver.receive("POST", to, {**signed, "Webhook-Signature": signature}, b"\xff" + body) == 404
        assert receiver.receive("POST", to, {**signed, "Webhook-Signature": signature}, body) == 200
        wait_until(lambda: only_entry(path).handled_at)
