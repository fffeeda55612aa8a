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
    """Run a graph, and return the lines that its nodes showed, by the node; another browser is shown nothing."""

    async def listen(ws, lines):
        async for message in ws:
            if message.type is aiohttp.WSMsgType.TEXT and "lipsync.ended" in message.data:
                lines.setdefault("ended", []).append(message.json()["data"]["node"])
            if message.type is aiohttp.WSMsgType.BINARY and message.data[:4] == TEXT:
                (length,) = struct.unpack(">I", message.data[4:8])
                name, line = message.data[8 : 8 + length].decode(), message.data[8 + length :].decode()
                lines.setdefault(name, []).append(line)

    async def run(graph, end):
        lines, elsewhere = {}, {}
        url = f"http://127.0.0.1:{comfy.port}/ws?clientId="
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{url}mine") as mine,
            session.ws_connect(f"{url}other") as other,
        ):
            listening = [asyncio.create_task(listen(*of)) for of in ((mine, lines), (other, elsewhere))]
            assert outcome(await asyncio.to_thread(comfy.run, graph, client="mine"))[0] == end
            await mine.close()
            await other.close()
            await asyncio.gather(*listening)
        assert lines.pop("ended")
        assert elsewhere == {}
        return lines

    return lambda graph, end="success": asyncio.run(run(graph, end))


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
        (
            "en",
            {
                "submit": r"submitted, ≤ {credits} credits\.\nJob {job}",
                "first": r"processing: \d+ s(?: \(~[1-9]\d* s\))?, ≤ {credits} credits\.\nJob {job}",
                "last": r"completed: \d+ s, ≤ {credits} credits\.\nJob {job}",
            },
        ),
        (
            "zh",
            {
                "submit": r"已提交，≤ {credits} 积分。\n任务 {job}",
                "first": r"处理中：\d+ 秒(?:（约 [1-9]\d* 秒）)?，≤ {credits} 积分。\n任务 {job}",
                "last": r"已完成：\d+ 秒，≤ {credits} 积分。\n任务 {job}",
            },
        ),
    ],
)
def test_the_line_is_in_the_language_of_the_settings(comfy, box, spoken, sockets, locale, line):
    """It shows the time, the credits and the job id; the last one says how it ended, and stays in the outputs."""
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
    wanted = {name: text.format(credits=int(cost), job=box.jobs()[0]["id"]) for name, text in line.items()}
    assert re.fullmatch(wanted["submit"], lines["submit"][-1]), lines["submit"]
    assert re.fullmatch(wanted["first"], lines["wait"][0]), lines["wait"]
    assert re.fullmatch(wanted["last"], lines["wait"][-1]), lines["wait"]
    entry = comfy.ended(next(reversed(comfy.get("/history"))))
    assert entry["outputs"]["wait"]["text"] == [lines["wait"][-1]]


def test_a_job_by_urls_shows_what_its_video_cost(comfy, spoken, image):
    """Before it is done, nobody knows how long they are."""
    lines = spoken({"run": node("LipsyncImage", **image())})["run"]
    assert "credits" not in lines[0]
    assert re.fullmatch(r"completed: \d+ s, ≈ 10 credits\.\nJob \S+", lines[-1]), lines


def test_a_failed_job_ends_with_its_reason_and_is_an_error(comfy, box, spoken, image):
    box.fault("fail", error="No face was found")
    lines = spoken({"run": node("LipsyncImage", **image())}, "error")["run"]
    assert lines[-1] == f"The job failed: No face was found.\nJob {box.jobs()[0]['id']}"
