"""What the nodes look like in the frontends, in a real browser: prices, languages, help pages, how a job ended."""

import json
import time

import pytest

from tests.integrations.comfyui.conftest import FACE, VOICE, put_sample_media
from tests.integrations.comfyui.graphs import link, node
from tests.integrations.comfyui.servers import FRONTENDS, PACK
from tests.integrations.comfyui.test_check import TINY, put_tiny
from tests.integrations.comfyui.workflows import Browser, chromium

pytestmark = [
    pytest.mark.comfyui,
    pytest.mark.skipif(chromium() is None, reason="there is no Chromium on this machine"),
]

IDS = list(json.loads((PACK / "locales/en/nodeDefs.json").read_text(encoding="utf-8")))
LINES = """() => app.graph._nodes.flatMap(node => node.widgets ?? [])
    .filter(widget => widget.name === '$$node-text-preview').map(widget => widget.value)"""
# Whether a text is inside of the widget that it is in; null if it is not on the page.
WHOLE = """text => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const {textContent, parentElement} = walker.currentNode, at = textContent.indexOf(text);
        if (at < 0 || !parentElement.checkVisibility()) continue;
        const range = document.createRange();
        range.setStart(walker.currentNode, at);
        range.setEnd(walker.currentNode, at + text.length);
        const {left, right, top, bottom} = range.getBoundingClientRect();
        const widget = parentElement.closest('.dom-widget').getBoundingClientRect();
        const border = 2; // of a line, around its letters
        return widget.left <= left && right <= widget.right && widget.top <= top && bottom <= widget.bottom + border;
    }
    return null;
}"""
WIDGET = """name => {
    const widget = app.graph._nodes[0].widgets.find(widget => widget.name === name);
    return [widget._displayValue ?? widget.value, widget.element?.placeholder ?? widget.options.placeholder ?? ''];
}"""
BADGES = "() => app.graph._nodes[0].badges.map(badge => (typeof badge === 'function' ? badge() : badge).text)"


@pytest.fixture(scope="module", params=FRONTENDS)
def server(request, running):
    comfy = running("0.30.0", request.param)
    put_sample_media(comfy)
    return comfy


@pytest.fixture(scope="module")
def playwright():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture
def opened(server, playwright):
    """Open the frontend in a language."""
    browsers = []

    def opened(locale="en"):
        browsers.append(Browser(playwright, f"http://127.0.0.1:{server.port}", locale))
        return browsers[-1]

    yield opened
    for browser in browsers:
        browser.close()
    server.post("/settings/Comfy.Locale", "en")


def eventually(look, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.2)
    raise TimeoutError(look())


def ran(browser, server, jobs=1):
    """Press Run, and wait until the queue is empty and the frontend has heard of it."""
    before = len(server.get("/history"))
    browser.page.evaluate("count => app.queuePrompt(0, count)", jobs)
    eventually(lambda: len(server.get("/history")) == before + jobs, 60)
    browser.page.wait_for_timeout(1000)


@pytest.mark.parametrize(("locale", "picture"), [("en", "node.jpg"), ("zh", "node.zh.jpg")])
def test_the_help_of_every_node_shows_its_picture(opened, locale, picture):
    browser = opened(locale)
    browser.show("all", {str(number): node(kind) for number, kind in enumerate(IDS, 1)})
    for kind in IDS:
        browser.page.evaluate("kind => app.canvas.selectNode(app.graph._nodes.find(node => node.type === kind))", kind)
        if not browser.page.locator("img[src*='/docs/']").count():
            browser.page.locator("[data-testid=info-button]").first.click()
        image = browser.page.locator(f"img[src*='{kind}']").first
        image.wait_for()
        assert image.get_attribute("src").endswith(f"/docs/{kind}/{picture}")
        eventually(lambda image=image: image.evaluate("image => image.naturalWidth") > 0)
        assert browser.page.locator("table").count() == 0, "the panel is too narrow for tables"


def test_a_failed_job_leaves_its_reason_and_its_whole_id(opened, server, box, image):
    browser = opened()
    browser.show("one", {"3": node("LipsyncImage", **image())})
    box.fault("fail", error="No face was found")
    ran(browser, server)
    job_id = box.jobs()[0]["id"]
    assert browser.page.evaluate(LINES) == [f"The job failed: No face was found.\nJob {job_id}"]
    assert browser.page.evaluate(WHOLE, job_id) is True


def test_a_finished_job_leaves_its_line_also_when_comfyui_has_the_outputs_cached(opened, server, box, image):
    browser = opened()
    job = server.run({"1": node("LipsyncSubmitImage", **image())})["outputs"]["1"]["job_id"][0]
    browser.show("one", {"3": node("LipsyncWait", job=job)})
    ran(browser, server)
    for _ in range(2):
        (line,) = browser.page.evaluate(LINES)
        assert line.startswith("completed: ")
        assert line.endswith(f"\nJob {job}")
        assert browser.page.evaluate(WHOLE, job) is True, "the narrowest of the nodes shows the whole id"
        browser.show("again", {"3": node("LipsyncWait", job=job)})
        ran(browser, server)
    assert len(box.received("submit")) == 1


@pytest.mark.parametrize(
    ("locale", "prices", "order", "prompt"),
    [
        ("en", ["2 credits/s, at least 10", "4 credits/s, at least 20"], "both at once", "Prompt: A friendly"),
        ("zh", ["每秒 2 积分，至少 10 积分", "每秒 4 积分，至少 20 积分"], "同时", "提示词：友好的"),
    ],
)
def test_price_choices_and_examples_are_shown_before_run(opened, locale, prices, order, prompt):
    browser = opened(locale)
    browser.show("one", {"3": node("LipsyncImageMulti")})
    assert prices[0] in browser.page.evaluate(BADGES)
    browser.page.evaluate("() => app.graph._nodes[0].widgets.find(w => w.name === 'resolution').value = '720p'")
    assert prices[1] in browser.page.evaluate(BADGES)
    assert browser.page.evaluate(WIDGET, "order")[0] == order
    assert browser.page.evaluate(WIDGET, "prompt")[1].startswith(prompt)
    assert browser.api()["3"]["inputs"]["order"] == "meanwhile", "only the label is translated"


@pytest.mark.parametrize("locale", ["en", "zh"])
def test_there_is_room_for_what_a_check_found_and_for_how_the_job_ended(opened, server, box, seeds, locale):
    put_tiny(server.base / "input" / "tiny.png")
    browser = opened(locale)
    graph = {
        "1": node("LoadImage", image="tiny.png"),
        "2": node("LoadAudio", audio="lipsync_speech_left.mp3"),
        "3": node("LipsyncImage", image=link("1"), audio=link("2"), seed=next(seeds)),
    }
    browser.show("one", graph)
    ran(browser, server)
    (line,) = browser.page.evaluate(LINES)
    found, *_, job = line.splitlines()
    assert TINY[locale] in found
    for text in (found, job):
        assert browser.page.evaluate(WHOLE, text[-30:]) is True


def test_five_runs_are_one_video_unless_the_seed_is_to_change(opened, server, box, seeds):
    browser = opened()
    inputs = {"image": FACE, "audio": f"{VOICE}?{next(seeds)}"}
    browser.show("one", {"3": node("LipsyncSubmitImage", **inputs)})
    ran(browser, server, 5)
    assert len(box.received("submit")) == 1
    browser.page.evaluate("() => app.graph._nodes[0].widgets.find(w => w.value === 'fixed').value = 'randomize'")
    ran(browser, server, 5)
    assert len(box.received("submit")) in {5, 6}, "the first of them may still have the seed of before"
