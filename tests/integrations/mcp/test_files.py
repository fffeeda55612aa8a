"""The files of an agent, through the server."""

import asyncio
import base64
import os

import pytest
from mcp.shared.exceptions import MCPError

from lipsync_nodes.sandbox import MEDIA
from tests.integrations.mcp.serving import INPUTS

PICTURE = "data:image/jpeg;base64," + base64.b64encode((MEDIA / "portrait.jpg").read_bytes()).decode()
NOW = {**INPUTS, "wait_seconds": 0}


def test_only_files_of_the_roots_are_read(site, sandbox):
    secret = site.root.parent / "secret.jpg"
    secret.write_bytes((MEDIA / "portrait.jpg").read_bytes())
    (site.root / "link.jpg").symlink_to(secret)

    async def calls():
        async with site.client("--budget", 100) as client:
            for path in ("../secret.jpg", str(secret), "link.jpg", secret.as_uri(), "C:\\secret.jpg"):
                for tool, more in (("lipsync_image", {}), ("lipsync_check", {"endpoint": "lipsync-image"})):
                    inputs = {**INPUTS, **more, "image": path}
                    refused = (await client.call_tool(tool, inputs)).structured_content["error"]
                    assert refused["code"] == "roots.outside", path
                    assert str(site.root.resolve()) in refused["remedy"]
            assert not sandbox.received("submit")
            assert not sandbox.received("files")
            for image in (str(site.root / "portrait.jpg"), (site.root / "portrait.jpg").as_uri(), PICTURE):
                assert not (await client.call_tool("lipsync_image", NOW | {"image": image})).is_error

    asyncio.run(calls())
    assert len(sandbox.received("submit")) == 1, "the content is the same"


def test_a_video_that_became_a_link_is_not_read(site):
    secret = site.root.parent / "secret.mp4"
    secret.write_bytes(b"secret")
    link_to_secret = site.root / "link.mp4"
    link_to_secret.symlink_to(secret)

    async def calls():
        async with site.client("--budget", 100) as client:
            made = (await client.call_tool("lipsync_image", INPUTS)).structured_content
            (link,) = (await client.list_resources()).resources
            await asyncio.to_thread(os.replace, link_to_secret, made["path"])
            assert (await client.list_resources()).resources == []
            with pytest.raises(MCPError):
                await client.read_resource(link.uri)

    asyncio.run(calls())


def test_without_a_root_there_are_urls_and_inline_data(site, sandbox):
    async def calls():
        async with site.client("--budget", 100, root=False) as client:
            refused = (await client.call_tool("lipsync_image", INPUTS)).structured_content["error"]
            assert (refused["code"], refused["facts"]["roots"]) == ("roots.outside", [])
            inputs = {"image": PICTURE, "audio": "https://media.example/voice.mp3", "audio_seconds": 7}
            made = (await client.call_tool("lipsync_image", inputs)).structured_content
            assert (made["status"], made["path"], made["credits"]) == ("completed", None, 14)
            refused = (await client.call_tool("lipsync_download", {"job_id": made["job_id"]})).structured_content[
                "error"
            ]
            assert refused["code"] == "roots.none"

    asyncio.run(calls())
