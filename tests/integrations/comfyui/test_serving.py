"""Media on ComfyUI's own server, behind a reverse proxy: public while their job runs, and nothing else of it ever."""

import http.client
import shutil
import time
from urllib.parse import urlsplit

import pytest

from lipsync_nodes.sandbox import MEDIA, Sandbox
from tests.integrations.comfyui.conftest import KEY
from tests.integrations.comfyui.graphs import link, node, saved
from tests.integrations.comfyui.proxy import Proxy
from tests.integrations.comfyui.servers import ARCHIVES, outcome

pytestmark = pytest.mark.comfyui


@pytest.fixture(scope="module", params=list(ARCHIVES))
def public(request, make):
    """A ComfyUI whose profile has a public base, and the proxy at that base."""
    comfy = make(request.param)
    with Proxy(comfy.port) as proxy:
        comfy.environment["LIPSYNC_PUBLIC_BASE"] = f"http://127.0.0.1:{proxy.port}"
        for file in ("portrait.jpg", "speech_left.mp3"):
            shutil.copy(MEDIA / file, comfy.base / "input")
        yield comfy.start(), proxy
        comfy.stop()


def graph_of(seeds, kind="LipsyncImage"):
    """A graph with both media by sockets."""
    run = node(kind, image=link("picture"), audio=link("sound"), seed=next(seeds))
    loaded = {"picture": node("LoadImage", image="portrait.jpg"), "sound": node("LoadAudio", audio="speech_left.mp3")}
    return loaded | {"run": run} | ({"save": saved("run")} if kind == "LipsyncImage" else {})


def ask(port, path, method="GET", **headers):
    """Return status, headers and body; the path is sent as it is, dots and all."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    told = answer.status, dict(answer.getheaders()), answer.read()
    connection.close()
    return told


def submitted(box, comfy):
    """Wait for the submit, and return the paths of its media."""
    form = comfy._until(lambda: [one for one in box.received("submit") if one.body], 60)[0].body["formState"]
    return [urlsplit(form[name]).path for name in ("image", "audio")]


def until_gone(proxy, paths):
    """Return the status of each path, as soon as all are gone or after some seconds."""
    for _ in range(50):
        told = [ask(proxy.port, path)[0] for path in paths]
        if told == [404] * len(paths):
            break
        time.sleep(0.1)
    return told


def test_the_service_fetches_the_media_while_the_job_runs_and_nobody_later(make, seeds):
    """The sandbox renders a video of what it fetched through the proxy."""
    with Sandbox(renderer="preview", api_key=KEY, concurrency=1) as sandbox:
        comfy = make("0.30.0", LIPSYNC_BASE_URL=sandbox.base_url)
        for file in ("portrait.jpg", "speech_left.mp3"):
            shutil.copy(MEDIA / file, comfy.base / "input")
        with Proxy(comfy.port) as proxy:
            comfy.environment["LIPSYNC_PUBLIC_BASE"] = f"http://127.0.0.1:{proxy.port}"
            comfy.start()
            try:
                assert outcome(comfy.run(graph_of(seeds), 300)) == ("success", "")
                fetched = {one.path: one.status for one in proxy.passed if "httpx" in one.agent}
                paths = submitted(sandbox, comfy)
                assert fetched == dict.fromkeys(paths, 200)
                assert until_gone(proxy, paths) == [404, 404]
            finally:
                comfy.stop()


def test_a_file_can_be_read_in_parts_while_its_job_runs(public, box, seeds):
    comfy, proxy = public
    box.fault("seconds", seconds=8.0)
    prompt = comfy.queue(graph_of(seeds))
    image, audio = submitted(box, comfy)
    status, headers, whole = ask(proxy.port, image)
    assert (status, headers["Content-Type"], whole[:8]) == (200, "image/png", b"\x89PNG\r\n\x1a\n")
    assert headers["Cache-Control"] == "no-store"
    assert ask(proxy.port, audio)[1]["Content-Type"] == "audio/wav"
    status, headers, part = ask(proxy.port, image, Range="bytes=8-15")
    assert (status, part) == (206, whole[8:16])
    assert headers["Content-Range"] == f"bytes 8-15/{len(whole)}"
    status, headers, nothing = ask(proxy.port, image, "HEAD")
    assert (status, headers["Content-Length"], nothing) == (200, str(len(whole)), b"")
    assert ask(proxy.port, image, "POST")[0] == ask(proxy.port, image, "DELETE")[0] == 404
    assert outcome(comfy.ended(prompt)) == ("success", "")
    assert until_gone(proxy, [image, audio]) == [404, 404]
    assert ask(proxy.port, image)[1]["Cache-Control"] == "no-store"


def test_after_a_failed_job_its_media_are_gone(public, box, seeds):
    comfy, proxy = public
    box.fault("fail", error="no face found", count=1)
    assert outcome(comfy.run(graph_of(seeds)))[0] == "error"
    assert until_gone(proxy, submitted(box, comfy)) == [404, 404]


def test_after_a_refused_submission_its_media_are_gone(public, box, seeds):
    comfy, proxy = public
    box.fault("status", code=402, where="submit", count=1)
    assert outcome(comfy.run(graph_of(seeds)))[0] == "error"
    assert until_gone(proxy, submitted(box, comfy)) == [404, 404]


def test_a_job_that_was_done_before_leaves_no_media_behind(public, box, seeds):
    """A new run of the same inputs publishes them, finds the job, and is not paid for."""
    comfy, _ = public
    folder = comfy.base / "user" / "__lipsync_nodes" / "public"
    before = set(folder.glob("*"))
    graph = graph_of(seeds)
    for name in ("first", "second"):
        graph["save"]["inputs"]["filename_prefix"] = name
        graph["run"]["inputs"]["on_failure"] = "stop" if name == "first" else "skip"  # or else nothing runs again
        assert outcome(comfy.run(graph)) == ("success", "")
    assert len(box.received("submit")) == 1
    assert set(folder.iterdir()) <= before


ROUTES = [
    "/", "/history", "/queue", "/prompt", "/object_info", "/system_stats", "/settings", "/users", "/userdata?dir=",
    "/view?filename=portrait.jpg&type=input", "/upload/image", "/ws", "/extensions", "/lipsync-setup", "/lipsync/x",
    "/lipsync/files", "/lipsync/files/", "/internal/logs", "/api/history", "/docs", "/index.html",
]  # fmt: skip
TRICKS = [
    "/lipsync/files/../../history", "/lipsync/files/..%2f..%2fhistory", "/lipsync/files/%2e%2e/%2e%2e/history",
    "/lipsync/files//history", "//history", "/lipsync/files/..", "/lipsync/files/.%00.png", "/lipsync/files/CON.png",
    "/LIPSYNC/FILES/a.png", "/lipsync/files/..\\..\\history", "/lipsync/files/%5c..%5chistory",
]  # fmt: skip


def test_nothing_else_of_comfyui_is_public(public, box, seeds):
    """Neither another route, nor another name, nor a way around, while a file is public."""
    comfy, proxy = public
    box.fault("seconds", seconds=15.0)
    prompt = comfy.queue(graph_of(seeds))
    image, _ = submitted(box, comfy)
    changed = image.replace(image[20], "0" if image[20] != "0" else "1", 1)
    names = [image.upper(), f"{image}/", f"{image}.part", f"/api{image}", image[:-1], changed, f"{image}%00"]
    for path in [*ROUTES, *TRICKS, *names]:
        for method in ("GET", "POST"):
            assert ask(proxy.port, path, method)[0] == 404, f"{method} {path}"
    for path in [*(trick for trick in TRICKS if trick != "//history"), image[:-1], changed, f"{image}.part"]:
        assert ask(comfy.port, path)[0] in {400, 403, 404}, f"{path}, without the proxy"
    assert ask(proxy.port, image)[0] == 200
    comfy.interrupt()
    comfy.ended(prompt)


def test_a_restart_of_comfyui_while_the_job_runs_keeps_its_media_public(public, box, seeds):
    comfy, proxy = public
    box.fault("seconds", seconds=60.0)
    graph = graph_of(seeds)
    comfy.queue(graph)
    paths = submitted(box, comfy)
    comfy._until(box.jobs, 30)
    time.sleep(1)  # the id is recorded
    comfy.stop(kill=True)
    comfy.start()
    assert [ask(proxy.port, path)[0] for path in paths] == [200, 200]
    assert outcome(comfy.run(graph, 120)) == ("success", "")
    assert len(box.received("submit")) == 1
    assert until_gone(proxy, paths) == [404, 404]


def test_without_a_public_base_nothing_is_served(comfy, box):
    assert ask(comfy.port, "/lipsync/files/x.png")[0] == 404
    assert not (comfy.base / "user" / "__lipsync_nodes" / "public").exists()
