"""The page `/lipsync-setup`: where the key goes, and whether the service accepts it. It never shows a key."""

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.integrations.comfyui.conftest import KEY

pytestmark = pytest.mark.comfyui

CROSS_SITE = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


def asked(comfy, path="", *, method="GET", **headers):
    """Return the status and the page."""
    url = f"http://127.0.0.1:{comfy.port}/lipsync-setup{path}"
    request = urllib.request.Request(url, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def checked(comfy, **headers):
    return asked(comfy, "/check", method="POST", **headers)


def test_it_says_where_the_key_goes_on_this_system(comfy, environment):
    for lang, words in (("en", "ComfyUI has an API key"), ("zh", "ComfyUI 已有 API 密钥")):
        status, page = asked(comfy, f"?lang={lang}")
        assert status == 200
        assert words in page
        assert "export LIPSYNC_API_KEY=sk_…" in page
        assert str(Path(environment["HOME"]) / ".config/lipsync-nodes/profiles.toml") in page
        assert "<script" not in page
        assert "<input" not in page, "there is no field for a key"
        assert KEY not in page


def test_its_language_is_that_of_comfyui_or_of_the_browser(comfy):
    assert 'lang="en"' in asked(comfy)[1]
    assert 'lang="zh"' in asked(comfy, **{"Accept-Language": "zh-CN,zh;q=0.9"})[1]
    comfy.post("/settings/Comfy.Locale", "zh")
    try:
        assert 'lang="zh"' in asked(comfy)[1]
        assert 'lang="en"' in asked(comfy, "?lang=en")[1]
    finally:
        comfy.post("/settings/Comfy.Locale", "en")


def test_the_check_answers_yes_or_no_and_shows_no_key(comfy, box):
    status, page = checked(comfy)
    assert (status, '<p class="yes">' in page) == (200, True)
    box.fault("status", where="poll", code=401, body=json.dumps({"error": f"the key {KEY} is wrong"}), count=-1)
    status, page = checked(comfy, **{"Sec-Fetch-Site": "same-origin", "Origin": f"http://127.0.0.1:{comfy.port}"})
    assert (status, '<p class="no">' in page) == (200, True)
    assert KEY not in page + comfy.log.read_text()
    assert "The API key could not be confirmed" in comfy.log.read_text()
    assert box.received("submit") == []


@pytest.mark.parametrize("headers", CROSS_SITE, ids=str)
def test_another_site_cannot_ask(comfy, box, headers):
    assert checked(comfy, **headers)[0] == 403
    assert box.requests == []


def test_opening_the_address_of_the_check_asks_nothing(comfy, box):
    assert "ComfyUI has an API key" in asked(comfy, "/check")[1]
    assert box.requests == []


@pytest.mark.parametrize(
    ("environment_", "words"),
    [
        ({"LIPSYNC_API_KEY": "", "LIPSYNC_BASE_URL": "https://lipsync.studio/api/v1"}, "ComfyUI has no API key"),
        ({"LIPSYNC_PROFILE": "<b>gone"}, "There is no profile &#x27;&lt;b&gt;gone&#x27;"),
    ],
)
def test_it_says_what_is_missing(make, environment_, words):
    comfy = make("0.30.0", **environment_).start()
    try:
        assert words in asked(comfy)[1]
        assert '<p class="no">' in checked(comfy)[1]
    finally:
        comfy.stop()
