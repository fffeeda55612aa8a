"""The page and its data."""

import re

import httpx


def test_the_page_says_what_it_is_in_two_languages(box):
    page = httpx.get(box.url)
    assert page.headers["content-type"].startswith("text/html")
    assert "They do not show the quality of the real service" in page.text
    assert "预览引擎" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_the_page_loads_nothing_and_runs_no_foreign_code(box):
    """The page needs nothing from elsewhere and runs nothing that others sent."""
    text = httpx.get(box.url).text
    assert not re.findall(r"(?:src|href)=\"(?!/)", text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|https?://", text)


def test_the_page_has_the_same_words_in_both_languages(box):
    text = httpx.get(box.url).text
    english, chinese = (
        re.findall(r"(\w+): \"[^\"]*\"", block)
        for block in re.findall(r"^  (?:en|zh): \{(.*?)^  \},", text, re.DOTALL | re.MULTILINE)
    )
    assert english == chinese
    assert set(re.findall(r"data-text=\"(\w+)\"", text)) <= set(english)
    assert set(re.findall(r"\bT\.(\w+)", text)) <= set(english)


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
