"""The page's form, faults and lists, in a real browser."""

import ast
import base64
import json
import shutil
import subprocess
import sys

import httpx
import pytest

from lipsync_nodes.sandbox import MEDIA, Sandbox
from lipsync_nodes.service import CATALOGUE

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
DROP = """([field, name, text]) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const dropped = new DataTransfer();
    dropped.items.add(new File([bytes], name));
    const place = document.getElementById("field-" + field).closest("fieldset");
    for (const kind of ["dragover", "drop"])
        place.dispatchEvent(new DragEvent(kind, { dataTransfer: dropped, bubbles: true, cancelable: true }));
}"""
ENDED = """(video) => new Promise((done) => {
    video.muted = true;
    video.onended = () => done(video.currentTime);
    video.play();
})"""


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser):
    """Open a sandbox's page; at the end there must be no error and no request to elsewhere."""
    contexts, problems = [], []

    def opened(url, **options):
        contexts.append(browser.new_context(**{"locale": "en-US", **options}))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda said: problems.append(said.text) if "Content Security Policy" in said.text else None)
        origin = "/".join(url.split("/")[:3])
        page.on("request", lambda request: problems.append(request.url) if origin not in request.url else None)
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert problems == []


def drop(page, field, name, content):
    page.evaluate(DROP, [field, name, base64.b64encode(content).decode()])
    page.wait_for_selector(f"#field-{field} option:checked[value$='/{name}']", state="attached")


def test_a_job_of_dropped_files_is_submitted_and_its_video_plays(opened, portrait, tone):
    with Sandbox(concurrency=1) as box:
        page = opened(box.url)
        page.wait_for_selector(".empty")
        drop(page, "image", "my_face.jpg", portrait)
        drop(page, "audio", "voice.wav", tone(1))
        page.select_option("#field-resolution", "720p")
        page.fill("#field-seed", "7")
        page.fill("#field-prompt", "She nods")
        page.click("#submit")
        page.wait_for_selector(".job.completed video", timeout=60_000)
        assert page.locator("video").last.evaluate(ENDED) > 0.9
        [job] = box.jobs()
        submit = box.received("submit")[0]
        outputs = box.received("output")
    form = submit.body["formState"]
    assert {name: form[name] for name in ("resolution", "seed", "prompt")} == {
        "resolution": "720p", "seed": 7, "prompt": "She nods",
    }  # fmt: skip
    assert form["image"].endswith("my_face.jpg")
    assert submit.who == "page"
    assert submit.headers["content-type"] == "application/json"
    assert outputs == [], "what the page shows is not in the journal"
    assert job["form"] == form


def test_every_endpoint_and_field_of_the_catalogue_is_there(opened, box):
    page = opened(box.url)
    page.wait_for_selector("#endpoint")
    assert page.locator("#endpoint option").count() == len(CATALOGUE)
    for spec in CATALOGUE:
        page.select_option("#endpoint", spec.id)
        for field in spec.fields:
            assert page.locator(f"#field-{field.name}").count() == (field.type != "object"), field.name
        page.click("#submit")
        page.wait_for_selector("#said.good")
    assert sorted(job["endpoint"] for job in box.jobs()) == sorted(spec.id for spec in CATALOGUE)


def test_the_request_is_shown_as_it_would_be_sent(opened, box, tmp_path):
    page = opened(box.url)
    page.click("#request-shown summary")
    page.fill("#field-prompt", 'It\'s "fine" $HOME `x` é')
    shown = {}
    for tab in ("curl", "Python", "JSON"):
        page.click(f"role=tab[name={tab}]")
        shown[tab] = page.inner_text("#code")
    body = json.loads(shown["JSON"])
    ast.parse(shown["Python"])
    (tmp_path / "shown.py").write_text(shown["Python"], encoding="utf-8")
    subprocess.run([sys.executable, "shown.py"], cwd=tmp_path, check=True, timeout=60)
    if shutil.which("curl"):
        subprocess.run(["bash", "-c", shown["curl"]], check=True, timeout=60, capture_output=True)
    sent = [entry.body for entry in box.received("submit")]
    assert sent == [body] * len(sent)
    assert sent


def test_faults_are_set_by_a_button_and_deleted(opened, box):
    page = opened(box.url)
    page.click("text=429, retry after 2 s")
    page.click("text=Job fails")
    page.wait_for_selector("#faults li:nth-child(2) code")
    page.click("#submit")
    page.wait_for_selector("#said.error")
    assert page.inner_text("#said").startswith("429 (Retry-After: 2)")
    page.click("#submit")
    page.wait_for_selector(".job.failed")
    assert "does not document" in page.inner_text(".job.failed dl")
    page.click("#faults button >> nth=0")
    page.wait_for_selector("#faults li:only-child code")
    assert [rule["action"] for rule in box.faults] == ["fail"]
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("#reset")
    page.wait_for_selector(".empty")
    assert box.jobs() == box.faults == box.requests == []


def test_rules_are_shown_as_lines_that_can_be_used_again(opened, box):
    lines = [
        "submit:429,retry_after=2,count=3",
        'poll:503,headers={"X-A": "b"},body={"a": 1}',
        "job:fail,error=No, a=b c",
    ]
    for line in lines:
        box.fault(line)
    box.fault("seconds", seconds=3600, path="*/lipsync-image")
    page = opened(box.url)
    page.wait_for_selector("#faults li:nth-child(4) code")
    shown = page.locator("#faults code").all_inner_texts()
    assert shown[0] == lines[0]
    rules = box.faults
    box.clear_faults()
    for line in shown:
        box.fault(line)
    numbers = {"number": 0}
    assert [rule | numbers for rule in box.faults] == [rule | numbers for rule in rules]


def test_the_journal_shows_other_programs(opened, box, api):
    api.poll("none")
    page = opened(box.url)
    page.wait_for_selector("#requests .error")
    cells = page.locator("#requests tr").first.locator("td").all_inner_texts()
    assert cells[1:4] == ["GET", "/api/v1/jobs/none", "404"]
    assert cells[5].startswith("python-httpx/")


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_a_phone_needs_no_scrolling_sideways(opened, box, api, locale):
    api.ended(api.job_id(prompt="x" * 400))
    page = opened(box.url, locale=locale, viewport={"width": 360, "height": 740})
    page.wait_for_selector(".job.completed")
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_the_language_can_be_chosen(opened, box):
    page = opened(box.url)
    page.click("#language")
    page.wait_for_selector("html[lang=zh]")
    assert page.inner_text("#submit") == "提交"


def test_a_page_elsewhere_asks_for_the_token(opened):
    with Sandbox(renderer="instant", host="0.0.0.0", token="a-long-token") as box:
        page = opened(box.url)
        page.fill("#token input", "a-long-token")
        page.click("#token button")
        page.wait_for_selector("#submit")
        other = opened(f"{box.url}/?token=a-long-token")
        other.wait_for_selector("#submit")
        assert "token" not in other.url
        other.click("#submit")
        other.wait_for_selector(".job.completed")
        assert "a-long-token" not in str(box.requests)


@pytest.mark.parametrize("here", ["localhost", "127.0.0.1"])
def test_a_page_on_another_port_reads_a_fault_and_sets_one(browser, box, httpserver, here):
    httpserver.expect_request("/").respond_with_data("<p>another program</p>", content_type="text/html")
    page = browser.new_page()
    page.goto(f"http://{here}:{httpserver.port}/")
    set_fault = """async (url) => (await fetch(url + "/sandbox/faults", {method: "POST",
        body: JSON.stringify({action: "status", where: "poll", code: 429, headers: {"Retry-After": "9"}})})).status"""
    assert page.evaluate(set_fault, box.url) == 200
    call = """async (url) => {
        const answer = await fetch(url + "/api/v1/jobs/x", {headers: {Authorization: "Bearer sk_x"}});
        return [answer.status, answer.headers.get("Retry-After")];
    }"""
    assert page.evaluate(call, box.url) == [429, "9"]
    assert page.evaluate(call, box.url) == [404, None]
    page.close()


def test_docs_shows_the_api_and_sends_a_request(opened, box):
    pytest.importorskip("flask_swagger_ui")
    page = opened(f"{box.url}/docs")
    page.wait_for_selector(".opblock")
    shown = page.locator(".opblock-summary-path").all_inner_texts()
    document = httpx.get(f"{box.url}/openapi.json").json()
    assert len(shown) == sum(map(len, document["paths"].values())) + len(document["webhooks"])
    page.click("#operations-service-submit-image .opblock-summary")
    form = {"image": f"{box.url}/{MEDIA.name}", "audio": f"{box.url}/{MEDIA.name}"}
    page.fill("#operations-service-submit-image textarea", json.dumps({"formState": form}))
    page.click("#operations-service-submit-image .execute")
    page.wait_for_selector("#operations-service-submit-image .live-responses-table")
    [job] = box.jobs()
    assert job["form"] == form
