"""What a node shows while it works, as the frontend is told over the websocket: the line in the user's language."""

import asyncio
import re
import shutil
import struct

import aiohttp
import pytest

from lipsync_nodes import ImageForm, estimate_credits
from lipsync_nodes.sandbox import MEDIA
from tests.integrations.comfyui.graphs import link, node
from tests.integrations.comfyui.servers import outcome

pytestmark = pytest.mark.comfyui

TEXT = struct.pack(">I", 3)  # how ComfyUI marks a message that holds a node's line


@pytest.fixture
def spoken(comfy):
    """Run a graph, and return the lines that its nodes showed, by the node."""

    async def listen(ws, lines):
        async for message in ws:
            if message.type is aiohttp.WSMsgType.BINARY and message.data[:4] == TEXT:
                (length,) = struct.unpack(">I", message.data[4:8])
                name, line = message.data[8 : 8 + length].decode(), message.data[8 + length :].decode()
                lines.setdefault(name, []).append(line)

    async def run(graph):
        lines = {}
        async with aiohttp.ClientSession() as session, session.ws_connect(f"http://127.0.0.1:{comfy.port}/ws") as ws:
            listening = asyncio.create_task(listen(ws, lines))
            assert outcome(await asyncio.to_thread(comfy.run, graph)) == ("success", "")
            await ws.close()
            await listening
        return lines

    return lambda graph: asyncio.run(run(graph))


@pytest.fixture
def sockets(comfy, seeds):
    """A picture and a sound by their sockets: how long the sound is, and what it costs, is known."""
    for name in ("portrait.jpg", "speech_left.mp3"):
        shutil.copy(MEDIA / name, comfy.base / "input")
    loaded = {
        "picture": node("LoadImage", image="portrait.jpg"),
        "sound": node("LoadAudio", audio="speech_left.mp3"),
    }
    return loaded, {"image": link("picture"), "audio": link("sound"), "seed": next(seeds)}


@pytest.mark.parametrize(
    ("locale", "line"),
    [
        ("en", r"{status}: \d+ s(?: \(~\d+ s\))?, ≤ {credits} credits\nJob {job}"),
        ("zh", r"{status}:\d+ 秒(?:\(约 \d+ 秒\))?,≤ {credits} 积分\n任务 {job}"),
    ],
)
def test_the_line_is_in_the_language_of_the_settings(comfy, box, spoken, sockets, locale, line):
    """It shows the time, the credits and the job id."""
    loaded, inputs = sockets
    cost = estimate_credits(ImageForm(image=MEDIA / "portrait.jpg", audio=MEDIA / "speech_left.mp3"))
    graph = {
        **loaded,
        "submit": node("LipsyncSubmitImage", **inputs),
        "wait": node("LipsyncWait", job=link("submit")),
    }
    box.fault("seconds", seconds=2.5)
    comfy.post("/settings/Comfy.Locale", locale)
    try:
        lines = spoken(graph)
    finally:
        comfy.post("/settings/Comfy.Locale", "en")
    wanted = [
        line.format(status=status, credits=int(cost), job=box.jobs()[0]["id"]) for status in ("processing", "completed")
    ]
    for name in ("submit", "wait"):
        shown = [text for text in lines[name] if re.fullmatch(wanted[0], text)]
        assert shown, lines
    assert re.fullmatch(wanted[1], lines["wait"][-1]), lines["wait"]
