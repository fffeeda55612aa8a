"""A job whose video does not follow the sound says so: on the page, in the list of jobs and in a header."""

import shutil

import cv2
import httpx
import numpy as np
import pytest

from lipsync_nodes.sandbox import Sandbox

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)


@pytest.fixture(scope="module")
def warned_box():
    with Sandbox(concurrency=2) as box:
        yield box


@pytest.fixture(scope="module")
def jobs(warned_box, clips, portrait):
    """A job that speaks, one whose mask keeps the mouth as it is, and one without speech: their API objects."""
    from tests.sandbox.conftest import Api

    api = Api(warned_box)
    black = cv2.imencode(".png", np.zeros((64, 64, 3), np.uint8))[1].tobytes()
    image, mask = api.put("face.jpg", portrait), api.put("mask.png", black)
    voice, silence = (api.put(f"{name}.wav", clips[name].read_bytes()) for name in ("left", "silence"))
    ids = {
        "speaks": api.job_id(image=image, audio=voice),
        "masked": api.job_id(image=image, audio=voice, mask_image=mask),
        "silent": api.job_id(image=image, audio=silence),
    }
    yield {name: api.ended(job_id, 120) for name, job_id in ids.items()}
    api.http.close()


@pytest.mark.parametrize(
    ("name", "code", "english", "chinese"),
    [
        ("masked", "verify.not_moving", "The mouth does not move", "嘴没有动"),
        ("silent", "sandbox.no_speech", "No speech was heard", "没有听到语音"),
    ],
)
def test_a_mouth_that_does_not_follow_is_warned_of(warned_box, jobs, name, code, english, chinese):
    job = jobs[name]
    warning = warned_box.report(job["id"])["warning"]
    assert warning["code"] == code
    assert english in warning["message"]
    assert chinese in warning["message_zh"]
    header = httpx.get(job["output"]).headers["X-Lipsync-Preview-Warning"]
    assert header == f"{code}: {warning['message']}"
    assert [shown["warning"] for shown in warned_box.jobs() if shown["id"] == job["id"]] == [warning]


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
@pytest.mark.parametrize(("locale", "words"), [("en-US", "Warning: The mouth"), ("zh-CN", "警告：有语音")])
def test_the_page_shows_warnings_in_its_language(warned_box, jobs, locale, words):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(locale=locale).new_page()
        page.goto(warned_box.url)
        page.wait_for_selector(".warning:visible")
        shown = {
            row.get_attribute("data-id"): row.locator(".warning").inner_text() for row in page.locator(".job").all()
        }
        browser.close()
    assert shown[jobs["masked"]["id"]].startswith(words)
    assert shown[jobs["speaks"]["id"]] == ""


def test_a_mouth_that_follows_is_not_warned_of(warned_box, jobs):
    report = warned_box.report(jobs["speaks"]["id"])
    assert (report["warning"], report["sync"] > 0.7) == (None, True)
    assert "X-Lipsync-Preview-Warning" not in httpx.get(jobs["speaks"]["output"]).headers


def test_the_job_of_the_api_is_as_documented(jobs):
    """A client of the service sees a completed job, as it would from the service."""
    assert jobs["masked"].keys() == jobs["speaks"].keys()
    assert (jobs["masked"]["status"], jobs["masked"]["error"]) == ("completed", "")
