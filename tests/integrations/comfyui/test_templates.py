"""The templates in ComfyUI's frontend, in a real browser: each opens as it was saved, nothing amiss."""

import json

import pytest

from tests.integrations.comfyui.conftest import put_sample_media
from tests.integrations.comfyui.servers import PACK, REPOSITORY
from tests.integrations.comfyui.workflows import GRAPHS, Browser, chromium

pytestmark = [
    pytest.mark.comfyui,
    pytest.mark.skipif(chromium() is None, reason="there is no Chromium on this machine"),
]

OPEN = """async name => {
    const template = await (await fetch(`/api/workflow_templates/lipsync_nodes_comfyui/${name}.json`)).json();
    await app.loadGraphData(template, true, true, name);
}"""
# Of each node: whether the frontend knows it, and what it shows of its widgets and its connected inputs.
NODES = """() => Object.fromEntries(app.graph._nodes.filter(node => node.type !== 'MarkdownNote').map(
    node => [node.id, {
    known: !!node.constructor.nodeData && !node.has_errors,
    widgets: (node.widgets || []).filter(widget => widget.serialize !== false).length,
    values: node.serialize().widgets_values,
    linked: node.inputs.filter(input => input.link != null).map(input => input.name),
}]))"""
DIALOGS = """() => [...document.querySelectorAll('[role=dialog], .p-dialog')]
    .filter(dialog => dialog.checkVisibility()).map(dialog => dialog.innerText)"""


@pytest.fixture(scope="module")
def browser(running):
    from playwright.sync_api import sync_playwright

    comfy = running("0.30.0")
    put_sample_media(comfy)
    with sync_playwright() as playwright:
        browser = Browser(playwright, f"http://127.0.0.1:{comfy.port}")
        browser.faults = []
        browser.page.on("pageerror", lambda error: browser.faults.append(str(error)))
        yield browser
        browser.close()


@pytest.mark.parametrize("name", GRAPHS)
def test_a_template_opens_as_it_was_saved(browser, name):
    template = json.loads((PACK / "example_workflows" / f"{name}.json").read_text(encoding="utf-8"))
    example = json.loads((REPOSITORY / "examples/comfyui" / f"{name}.json").read_text(encoding="utf-8"))
    browser.page.evaluate(OPEN, name)
    shown = browser.page.evaluate(NODES)
    assert browser.page.evaluate(DIALOGS) == []
    assert browser.faults == []
    assert shown.keys() == example.keys()
    for saved in (node for node in template["nodes"] if node["type"] != "MarkdownNote"):
        node = shown[str(saved["id"])]
        assert node["known"], saved["type"]
        if saved["type"].startswith("Lipsync"):  # ComfyUI's own players and buttons hold now this, now that
            assert node["values"] == saved["widgets_values"], saved["type"]
        assert node["linked"] == [given["name"] for given in saved["inputs"] if given.get("link") is not None]
    assert browser.api() == example, "what Run would send"


def test_a_workflow_of_before_the_check_opens_with_its_defaults(browser):
    """Widgets have no names in a saved workflow: new ones come after all others."""
    template = json.loads((PACK / "example_workflows" / "lipsync_batch.json").read_text(encoding="utf-8"))
    (submit,) = (node for node in template["nodes"] if node["type"] == "LipsyncSubmitImage")
    now = list(submit["widgets_values"])
    assert now[-2:] == ["warn", ""]
    submit["widgets_values"] = now[:-2]
    submit["inputs"] = [given for given in submit["inputs"] if given["name"] not in {"check", "tags"}]
    browser.page.evaluate("template => app.loadGraphData(template)", template)
    shown = browser.page.evaluate(NODES)[str(submit["id"])]
    assert (shown["known"], shown["values"]) == (True, now)


def test_a_template_with_an_unknown_node_is_noticed(browser):
    """Or else the test above could not fail."""
    template = json.loads((PACK / "example_workflows" / "lipsync_image.json").read_text(encoding="utf-8"))
    for node in template["nodes"]:
        node["type"] = node["type"].replace("Lipsync", "Lapsync")
    browser.page.evaluate("template => app.loadGraphData(template)", template)
    assert [node["known"] for node in browser.page.evaluate(NODES).values()].count(False) == 1
