"""Nothing is paid for twice, beyond the budget, or without the consent of a user who can be asked."""

import asyncio

import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitResult

from tests.integrations.mcp.conftest import KEY
from tests.integrations.mcp.serving import CREDITS, INPUTS

NOW = {**INPUTS, "wait_seconds": 0}


def paid(sandbox):
    return len(sandbox.received("submit"))


def test_a_client_that_gives_up_and_calls_again_gets_the_same_job(serving, sandbox):
    async def calls():
        sandbox.fault("delay", where="submit", seconds=7.0, count=1)
        async with serving.connected() as client:
            with pytest.raises(MCPError):
                await client.call_tool("lipsync_image", INPUTS, read_timeout_seconds=5)
            answer = (await client.call_tool("lipsync_image", INPUTS)).structured_content
            assert (answer["status"], answer["next"]) == ("completed", "")
            jobs = (await client.call_tool("lipsync_jobs", {"latest": 1})).structured_content["jobs"]
            assert [job["job_id"] for job in jobs] == [answer["job_id"]]

    asyncio.run(calls())
    assert paid(sandbox) == 1


def test_ten_equal_calls_at_once_are_one_job(serving, sandbox):
    async def calls():
        sandbox.fault("delay", where="submit", seconds=1.0)
        async with serving.connected() as client:
            inputs = {**INPUTS, "seed": 2}
            answers = await asyncio.gather(*(client.call_tool("lipsync_image", inputs) for _ in range(10)))
            return {answer.structured_content["job_id"] for answer in answers}

    assert len(asyncio.run(calls())) == paid(sandbox) == 1


def test_the_budget_holds_across_restarts_and_is_not_spent_by_default(site, sandbox):
    async def calls(*options, seed=None):
        async with site.client(*options) as client:
            return await client.call_tool("lipsync_image", NOW | {"seed": seed})

    refused = asyncio.run(calls())
    assert refused.structured_content["error"]["code"] == "budget.exceeded"
    assert "Ask the user to raise the server's budget" in refused.content[0].text
    assert paid(sandbox) == 0
    assert not asyncio.run(calls("--budget", 2 * CREDITS - 1)).is_error
    refused = asyncio.run(calls("--budget", 2 * CREDITS - 1, seed=1))
    assert f"{CREDITS - 1} of the budget of {2 * CREDITS - 1} are left" in refused.content[0].text
    assert paid(sandbox) == 1


def test_a_url_without_a_length_is_not_paid_for(serving, sandbox):
    async def calls():
        async with serving.connected() as client:
            return await client.call_tool("lipsync_image", NOW | {"audio": "https://media.example/voice.mp3"})

    refused = asyncio.run(calls())
    assert refused.structured_content["error"]["code"] == "budget.unknown_cost"
    assert "`audio_seconds`" in refused.content[0].text
    assert paid(sandbox) == 0


def test_a_job_that_failed_is_paid_for_again_only_if_that_is_asked_for(serving, sandbox):
    async def calls():
        sandbox.fault("fail", where="job", error="the face is hidden", count=1)
        inputs = {**INPUTS, "seed": 3}
        async with serving.connected() as client:
            for _ in range(2):
                failed = (await client.call_tool("lipsync_image", inputs)).structured_content["error"]
                assert failed["code"] == "job.failed"
                assert "the face is hidden" in failed["message"]
                assert "`again`" in failed["remedy"]
            status = (await client.call_tool("lipsync_status", {"job_id": failed["job_id"]})).structured_content
            assert status["status"] == "failed"
            assert failed["message"] in status["next"]
            assert "`again`" in status["next"]
            assert paid(sandbox) == 1
            again = (await client.call_tool("lipsync_image", inputs | {"again": True})).structured_content
            assert (again["status"], again["job_id"] != failed["job_id"]) == ("completed", True)

    asyncio.run(calls())
    assert paid(sandbox) == 2


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_user_is_asked_before_anything_is_paid_for(serving, sandbox, mode):
    asked = []
    inputs = {**NOW, "prompt": mode}

    async def ask(_context, params):
        asked.append(params.message)
        return ElicitResult(action="decline") if len(asked) == 1 else ElicitResult(action="accept", content={})

    async def calls():
        async with serving.connected(mode=mode, elicitation_callback=ask) as client:
            declined = await client.call_tool("lipsync_image", inputs)
            assert declined.structured_content["error"]["code"] == "mcp.declined"
            assert paid(sandbox) == 0
            for more in ({}, {}, {"again": True}):  # after the first time, the job is there
                assert not (await client.call_tool("lipsync_image", inputs | more)).is_error

    asyncio.run(calls())
    assert asked[0].startswith(f"Spend up to {CREDITS} credits on lipsync-image? ")
    assert (len(asked), paid(sandbox)) == (2, 1)


def test_a_wait_that_is_cancelled_does_not_end_the_job(serving, sandbox):
    seen = []

    async def progress(seconds, _total, message):
        seen.append((seconds, message))

    async def calls():
        sandbox.fault("seconds", where="job", seconds=6.0)
        async with serving.connected() as client:
            started = (await client.call_tool("lipsync_image", {**NOW, "seed": 5})).structured_content
            job = {"job_id": started["job_id"]}
            assert started["status"] == "processing"
            assert f"lipsync_wait with job_id '{started['job_id']}'" in started["next"]
            waiting = asyncio.create_task(client.call_tool("lipsync_wait", job, progress_callback=progress))
            await asyncio.sleep(2)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            assert seen == sorted(seen)
            assert f"{started['job_id']}: processing" in seen[0][1]
            status = (await client.call_tool("lipsync_status", job)).structured_content
            assert (status["status"], status["next"]) == ("processing", started["next"])
            early = (await client.call_tool("lipsync_wait", {**job, "wait_seconds": 0.5})).structured_content
            assert early["status"] == "processing"
            done = (await client.call_tool("lipsync_wait", job)).structured_content
            assert (done["status"], done["path"] is not None) == ("completed", True)

    asyncio.run(calls())
    assert paid(sandbox) == 1


def test_a_key_that_the_service_echoes_is_masked(serving, sandbox):
    """The fixture looks for it in all that passed."""

    async def calls():
        body = {"error": f"no account has the key {KEY}"}
        sandbox.fault("status", where="submit", code=422, body=body, count=1)
        async with serving.connected() as client:
            return (await client.call_tool("lipsync_image", {**NOW, "seed": 7})).structured_content["error"]

    error = asyncio.run(calls())
    assert (error["code"], error["may_have_charged"]) == ("service.refused", False)
    assert "no account has the key sk_***" in error["message"]


def test_an_uncertain_submission_is_not_sent_again(serving, sandbox):
    async def calls():
        sandbox.fault("cut_after", where="submit", count=1)
        async with serving.connected() as client:
            for code in ("submit.no_answer", "submit.in_doubt_before"):
                refused = await client.call_tool("lipsync_image", {**NOW, "seed": 8})
                assert refused.structured_content["error"]["code"] == code
                assert "Ask the user to look for the job" in refused.content[0].text
            assert "`again` set to true" in refused.content[0].text

    asyncio.run(calls())
    assert paid(sandbox) == 1
