"""The page and its data."""

import json
import re
import shutil
import sqlite3
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest

from lipsync_nodes.sandbox import Sandbox
from lipsync_nodes.sandbox.server import pages

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
NO_FACE = ("No face was found in the image.", "在图像中没有找到人脸。")
DAMAGED = (
    "audio: The file cannot be read: it is damaged or of an unknown format.",
    "audio: 无法读取文件：文件已损坏或格式未知。",
)
GONE = ("image could not be fetched: 404 from {url}/outputs/none.mp4", "无法从 {url}/outputs/none.mp4 获取 image：404")


PARTS = sorted(path.name for path in Path(pages.__file__).parent.joinpath("page").iterdir() if path.suffix != ".html")


def test_the_page_says_what_it_is_in_two_languages(box):
    page = httpx.get(box.url)
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    words = httpx.get(f"{box.url}/page/words.js").text
    assert "They do not show the quality of the real service" in words
    assert "预览引擎" in words


def test_the_parts_of_the_page_are_all_that_can_be_read(box):
    for name in PARTS:
        assert httpx.get(f"{box.url}/page/{name}").status_code == 200
    for name in ("index.html", "..%2fapp.py", "%2e%2e", "none.js", "a%00.js"):
        assert httpx.get(f"{box.url}/page/{name}").status_code == 404


def test_the_page_loads_nothing_and_runs_no_foreign_code(box):
    """The page needs nothing from elsewhere and runs nothing that others sent."""
    text = "".join(httpx.get(box.url + path).text for path in ("/", "/docs", *(f"/page/{name}" for name in PARTS)))
    assert not re.findall(r"(?:src|href)=\"(?!/)", text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|\son\w+=\"", text)
    assert set(re.findall(r"https?://\w+[\w.]*", text)) == {"http://www.w3.org"}  # the namespace of the icon


def test_the_page_has_the_same_words_in_both_languages(box):
    text = "".join(httpx.get(box.url + path).text for path in ("/", *(f"/page/{name}" for name in PARTS)))
    english, chinese = (
        re.findall(r"(\w+): \"[^\"]*\"", block)
        for block in re.findall(r"^  (?:en|zh): \{(.*?)^  \},", text, re.DOTALL | re.MULTILINE)
    )
    assert english == chinese
    assert set(re.findall(r"data-text=\"(\w+)\"", text)) <= set(english)
    assert set(re.findall(r"\bT\.(\w+)", text)) <= set(english)
    assert set(re.findall(r"^  \[\"(fault\w+)\"", text, re.MULTILINE)) <= set(english)


def test_the_page_gets_all_that_it_shows(box, api, until):
    box.fault("fail", error="<script>alert(1)</script>", path="*/lipsync-video")
    api.ended(api.job_id("lipsync-image", prompt="<b>"))
    api.ended(api.job_id("lipsync-video", webhook="http://127.0.0.1:9/secret"))
    until(lambda: box.jobs()[0]["webhook"].get("state") == "failed")
    failed, completed = httpx.get(f"{box.url}/sandbox/jobs").json()
    assert (failed["endpoint"], failed["status"], failed["error"]) == (
        "lipsync-video", "failed", "<script>alert(1)</script>",
    )  # fmt: skip
    assert failed["webhook"]["to"] == "http://127.0.0.1:9/…"
    assert completed["form"]["prompt"] == "<b>"
    assert completed["webhook"] is None
    assert {"age", "progress", "credits", "picture", "lengths", "output"} <= completed.keys()


@pytest.fixture(scope="module")
def failed_box():
    with Sandbox(concurrency=1) as box:
        yield box


@pytest.fixture
def failed(failed_box, connect, portrait, tone):
    """Fail three jobs for real reasons and one by a fault rule; return their API objects, newest first."""
    failed_box.reset()
    failed_box.fault("fail", error="Too loud", path="*/lipsync-image-multi")
    api = connect(failed_box)
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
    image, audio = api.put("face.jpg", portrait), api.put("voice.wav", tone(1))
    jobs = [
        api.job_id(image=api.put("noise.png", cv2.imencode(".png", noise)[1].tobytes()), audio=audio),
        api.job_id(image=image, audio=api.put("damaged.mp3", b"this is no sound")),
        api.job_id(image=f"{failed_box.url}/outputs/none.mp4", audio=audio),
        api.job_id("lipsync-image-multi", image=image, left_audio=audio, right_audio=audio),
    ]
    return [api.ended(job) for job in reversed(jobs)]


def reasons(box, language):
    return ["Too loud", *(texts[language].format(url=box.url) for texts in (GONE, DAMAGED, NO_FACE))]


def test_a_failed_job_has_a_code_facts_and_both_texts(failed, failed_box):
    """The API keeps its one English sentence; only the sandbox's own list knows more."""
    shown = httpx.get(f"{failed_box.url}/sandbox/jobs").json()
    assert [job["error"] for job in failed] == [job["error"] for job in shown] == reasons(failed_box, 0)
    assert [job["error_zh"] for job in shown] == ["", *reasons(failed_box, 1)[1:]]
    assert [(job["code"], job["facts"]) for job in shown] == [
        ("", {}),
        ("sandbox.not_fetched", {"field": "image", "status": 404, "url": f"{failed_box.url}/outputs/none.mp4"}),
        ("preview.unreadable", {"media": "file", "place": "audio"}),
        ("preview.no_face", {"media": "image"}),
    ]
    assert not {"code", "facts", "error_zh", "cause"} & failed[0].keys()


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
@pytest.mark.parametrize(("locale", "language"), [("en-US", 0), ("zh-CN", 1), ("de-DE", 0)])
def test_the_page_shows_errors_in_its_language(failed, failed_box, locale, language):
    """What a fault rule says is shown as it is."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(locale=locale).new_page()
        page.goto(failed_box.url)
        page.wait_for_selector(".job.failed")
        shown = page.locator(".job.failed .error").all_inner_texts()
        browser.close()
    assert shown == reasons(failed_box, language)


def test_an_older_job_keeps_its_english_error(tmp_path, connect):
    with Sandbox(tmp_path, renderer="instant") as box:
        box.fault("fail", error="Too loud")
        api = connect(box)
        api.ended(api.job_id())
    with sqlite3.connect(tmp_path / "sandbox.sqlite3") as database:
        row = json.loads(database.execute("SELECT row FROM jobs").fetchone()[0])
        del row["cause"]
        database.execute("UPDATE jobs SET row = ?", (json.dumps(row),))
    database.close()
    with Sandbox(tmp_path, renderer="instant") as box:
        [job] = box.jobs()
        assert (job["error"], job["error_zh"], job["code"], job["facts"]) == ("Too loud", "", "", {})
