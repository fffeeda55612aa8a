"""The tools by the official client, over stdio and HTTP, with servers that are killed."""

import asyncio
import json
import os
import signal
import subprocess
import sys

import httpx
import pytest
from jsonschema import Draft202012Validator
from mcp.shared.exceptions import MCPError

from tests.integrations.mcp.serving import CREDITS, INPUTS

TOOLS = ["lipsync_check", "lipsync_download", "lipsync_estimate", "lipsync_image", "lipsync_image_multi"]
TOOLS += ["lipsync_jobs", "lipsync_report", "lipsync_status", "lipsync_video", "lipsync_wait"]
READING = {"lipsync_check", "lipsync_estimate", "lipsync_jobs", "lipsync_report", "lipsync_status"}


@pytest.mark.parametrize("kind", ["stdio", "http"])
def test_a_video_by_three_calls_and_the_server_is_killed_between_them(site, sandbox, kind):
    async def before():
        async with site.client("--budget", CREDITS, kind=kind) as client:
            check_tools((await client.list_tools()).tools)
            checked = await client.call_tool("lipsync_check", {"endpoint": "lipsync-image", **INPUTS})
            assert (checked.structured_content["ok"], checked.structured_content["credits"]) == (True, CREDITS)
            if kind == "http":
                await check_pages(site.url)
            submitted = await client.call_tool("lipsync_image", {**INPUTS, "wait_seconds": 0})
            site.kill()
            return submitted.structured_content["job_id"]

    async def after():
        async with site.client("--budget", CREDITS, kind=kind) as client:
            again = (await client.call_tool("lipsync_image", {**INPUTS, "wait_seconds": 0})).structured_content
            waited = await client.call_tool("lipsync_wait", {"job_id": again["job_id"]})
            assert again["job_id"] == waited.structured_content["job_id"] == job_id
            await check_video(client, waited)

    job_id = asyncio.run(before())
    asyncio.run(after())
    assert len(sandbox.received("submit")) == 1


def check_tools(tools):
    assert sorted(tool.name for tool in tools) == TOOLS
    for tool in tools:
        for schema in (tool.input_schema, tool.output_schema):
            Draft202012Validator.check_schema(schema)
            assert set(schema["required"]) <= set(schema["properties"])
        hints = tool.annotations
        assert (hints.read_only_hint, hints.destructive_hint) == (tool.name in READING, False)
        assert hints.idempotent_hint
        assert json.dumps(tool.input_schema, ensure_ascii=False).replace("…", "") < "\u4e00", "English only"


async def check_pages(url):
    """A page of another site could name this machine by a host name of its own."""
    async with httpx.AsyncClient() as http:
        host = await http.post(url, json={}, headers={"Host": "evil.example"})
        page = await http.post(url, json={}, headers={"Origin": "https://evil.example"})
    assert (host.status_code, page.status_code) == (421, 403)


async def check_video(client, waited):
    answer, link = waited.structured_content, waited.content[-1]
    video = (waited.structured_content["job_id"], "completed", CREDITS)
    assert (answer["job_id"], answer["status"], answer["credits"]) == video
    assert (link.type, link.mime_type) == ("resource_link", "video/mp4")
    (listed,) = (await client.list_resources()).resources
    (content,) = (await client.read_resource(listed.uri)).contents
    assert listed.uri == link.uri
    assert content.blob.startswith("AAAA"), "an MP4"
    with pytest.raises(MCPError):
        await client.read_resource(link.uri.replace(".mp4", ".jpg"))


def test_the_other_tools(site, sandbox):
    async def calls():
        async with site.client("--budget", 2 * CREDITS) as client:
            return await others(client)

    async def others(client):
        call = client.call_tool
        cost = (await call("lipsync_estimate", {"endpoint": "lipsync-image", "audio_seconds": 10})).structured_content
        assert cost == {"credits": 20, "exact": True, "caveat": "", "money": "", "budget_left": 2 * CREDITS}
        assert not sandbox.received("submit")
        made = (await call("lipsync_image", {**INPUTS, "wait_seconds": 0, "seed": None})).structured_content
        status = (await call("lipsync_status", {"job_id": made["job_id"]})).structured_content
        assert (status["status"], status["path"]) == ("completed", None)
        saved = (await call("lipsync_download", {"job_id": made["job_id"]})).structured_content
        assert saved["path"] == str(site.root.resolve() / f"{made['job_id']}.mp4")
        (job,) = (await call("lipsync_jobs", {"latest": 1.0})).structured_content["jobs"]
        assert (job["job_id"], job["state"], job["path"]) == (made["job_id"], "completed", saved["path"])
        report = (await call("lipsync_report", {"by": "tag", "days": 1})).structured_content
        assert [(one["name"], one["credits"]) for one in report["groups"]] == [("host=mcp", CREDITS)]
        missing = await call("lipsync_status", {"job_id": "no-such-job"})
        assert missing.is_error
        error = missing.structured_content["error"]
        assert (error["code"], error["job_id"]) == ("service.no_such_job", "no-such-job")
        assert "lipsync_jobs" in missing.content[0].text
        for wrong in ({}, {"job_id": ""}, {"job_id": "x", "wait_seconds": 99}, {"job_id": "x", "nonsense": 1}):
            refused = await call("lipsync_wait", wrong)
            assert refused.structured_content["error"]["code"] == "mcp.wrong_arguments"
        for wrong, said in ({"image": "portrait.jpg"}, "`audio`"), ({**INPUTS, "video": "a.mp4"}, "has no field video"):
            refused = await call("lipsync_check", {"endpoint": "lipsync-image", **wrong})
            assert refused.is_error
            assert said in refused.content[0].text
        with pytest.raises(MCPError, match="no tool"):
            await call("lipsync_nothing", {})

    asyncio.run(calls())


@pytest.mark.skipif(os.name == "nt", reason="a signal ends a process of Windows at once")
def test_a_signal_ends_the_server_although_its_client_is_still_there(site):
    words = [sys.executable, *site._words(["--budget", "1"])]
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
    with site.log.open("a") as log:
        server = subprocess.Popen(words, env=site.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
    server.stdin.write(json.dumps(message).encode() + b"\n")
    server.stdin.flush()
    site.passed.append(server.stdout.readline().decode())
    server.send_signal(signal.SIGTERM)
    assert server.wait(30) == 143
    assert server.communicate()[0] == b"", "nothing else is printed"
