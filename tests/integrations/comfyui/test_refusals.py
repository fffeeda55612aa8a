"""Bad input costs nothing, and says what is wrong in a sentence; the key is found nowhere."""

import json
import re
import shutil

import pytest

from lipsync_nodes import ImageForm, estimate_credits
from lipsync_nodes.sandbox import MEDIA
from tests.conftest import keys_in
from tests.integrations.comfyui.conftest import FACE, KEY, VOICE
from tests.integrations.comfyui.graphs import link, node, one, split
from tests.integrations.comfyui.servers import outcome

pytestmark = pytest.mark.comfyui


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"image": "face.png"}, "`image`: must be a public http(s) URL"),
        ({"image": ""}, "`image`: is empty"),
        ({"image": "ftp://media.example/face.png"}, "must be a public http(s) URL"),
        ({"extra": "{"}, "`extra` must be a JSON object"),
        ({"extra": "[1]"}, "must be a JSON object"),
        ({"resolution": "8k"}, "`resolution`"),
        ({"profile": "nobody"}, "There is no profile 'nobody'"),
        ({"save_in": "outputs"}, "`save_in` must be one of temp, output, got 'outputs'"),
        ({"on_failure": "skipp"}, "`on_failure` must be one of stop, skip, got 'skipp'"),
        ({"seed": -5}, "`seed` must be from -1 to"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bad_input_is_refused_before_the_run_begins(comfy, box, wrong, words):
    inputs = {"image": FACE, "audio": VOICE} | wrong
    status, answer = comfy.post("/prompt", {"prompt": one(inputs)})
    assert status == 400
    (error,) = answer["node_errors"]["run"]["errors"]
    assert words in error["details"], "it is said once, of the node that it is about"
    assert not box.received("submit")


FIRST = {
    "Give `image` a public URL, or load a file": {"image": ""},
    "Give `audio` a public URL, or load a file": {"audio": "voice.mp3"},
    "Set `profile` to one of these, or leave it empty": {"profile": "nobody"},
    "`resolution` must be one of 480p, 720p": {"resolution": "8k"},
    "`seed` must be from -1 to": {"seed": -5},
    "`extra` must be a JSON object": {"extra": "{"},
    "请为 `image` 给出公开网址": {"image": "face.png"},
    "请将 `profile` 设为以下之一": {"profile": "nobody"},
}


def test_a_refusal_begins_with_what_to_do(comfy):
    """The frontend shows the text as a short notice. With Chinese settings, it is Chinese to its end."""
    for words, wrong in FIRST.items():
        chinese = words.startswith("请")
        comfy.post("/settings/Comfy.Locale", "zh" if chinese else "en")
        try:
            _, answer = comfy.post("/prompt", {"prompt": one({"image": FACE, "audio": VOICE} | wrong)})
        finally:
            comfy.post("/settings/Comfy.Locale", "en")
        (error,) = answer["node_errors"]["run"]["errors"]
        assert error["details"].startswith(words)
        assert not (chinese and re.search("must be|there is|[a-z] [a-z]+ [a-z]", error["details"]))


def test_what_the_other_nodes_cannot_use_is_refused(newest):
    said = {
        "`job` is empty": node("LipsyncWait", job=" "),
        "`output_url` must be": node("LipsyncDownload", output_url="clip.mp4"),
        "`endpoint` must be one of lipsync": node("LipsyncEstimate", endpoint="nonsense"),
    }
    for words, wrong in said.items():
        status, answer = newest.post("/prompt", {"prompt": {"run": wrong}})
        assert status == 400
        (error,) = answer["node_errors"]["run"]["errors"]
        assert words in error["details"]


def test_a_kind_of_media_that_the_input_does_not_take_is_refused(newest):
    graph = {
        "silence": node("EmptyAudio", duration=1.0, sample_rate=44100, channels=2),
        "run": node("LipsyncImage", image=["silence", 0], audio=VOICE),
    }
    status, _ = newest.post("/prompt", {"prompt": graph})
    assert status == 400


def test_without_a_key_the_run_says_what_to_do(make, image):
    """The pack loads all the same. Only a server on this machine needs no key."""
    comfy = make("0.30.0", LIPSYNC_API_KEY="", LIPSYNC_BASE_URL="https://far.invalid/api/v1").start()
    try:
        status, answer = comfy.post("/prompt", {"prompt": one(image())})
        assert status == 400
        (error,) = answer["node_errors"]["run"]["errors"]
        assert error["details"].startswith("Set LIPSYNC_API_KEY, before ComfyUI starts")
        assert "sk_" not in error["details"]
    finally:
        comfy.stop()


def test_one_budget_for_all_nodes_can_be_raised_meanwhile(make, box, tmp_path, seeds):
    """A budget is one for all nodes and can be raised while ComfyUI runs."""
    cost = estimate_credits(ImageForm(image=MEDIA / "portrait.jpg", audio=MEDIA / "speech_left.mp3"))
    profiles = tmp_path / "profiles.toml"
    profiles.touch(0o600)
    profiles.write_text(f"[default]\nbudget = {int(cost * 1.5)}\n")
    comfy = make("0.30.0", LIPSYNC_CONFIG=str(profiles)).start()
    for name in ("portrait.jpg", "speech_left.mp3"):
        shutil.copy(MEDIA / name, comfy.base / "input")
    loaded = {"picture": node("LoadImage", image="portrait.jpg"), "sound": node("LoadAudio", audio="speech_left.mp3")}
    first, second = (
        loaded | {"run": node(kind, image=link("picture"), audio=link("sound"), seed=next(seeds))}
        for kind in ("LipsyncImage", "LipsyncSubmitImage")
    )
    try:
        assert outcome(comfy.run(first)) == ("success", "")
        state, text = outcome(comfy.run(second))
        assert state == "error"
        assert f"of the budget of {int(cost * 1.5)} are left" in text
        assert len(box.received("submit")) == 1
        profiles.write_text(f"[default]\nbudget = {cost * 2}\n")
        assert outcome(comfy.run(second)) == ("success", "")
    finally:
        comfy.stop()


def test_errors_are_in_the_language_of_the_settings(comfy, box, image):
    """Both what is refused before the run, and what a job ends with; ComfyUI shows the class where it is imported."""
    comfy.post("/settings/Comfy.Locale", "zh")
    try:
        _, answer = comfy.post("/prompt", {"prompt": one(image() | {"seed": -5})})
        (error,) = answer["node_errors"]["run"]["errors"]
        assert "`seed` 必须在 -1 到" in error["details"]
        box.fault("fail", error="no face found", count=1)
        entry = comfy.run(one(image()))
    finally:
        comfy.post("/settings/Comfy.Locale", "en")
    told = dict(entry["status"]["messages"])["execution_error"]
    assert told["exception_message"].startswith("任务失败：no face found。任务 ID：")
    assert told["exception_type"] == "lipsync_nodes.JobFailed"
    assert "lipsync_nodes.errors." not in json.dumps([answer, told["exception_message"], told["exception_type"]])


def test_the_key_is_in_no_workflow_history_log_or_file(newest, box, image):
    box.fault("fail", error="no face found", count=1)
    failed, good = split(image()), one(image())
    assert outcome(newest.run(failed))[0] == "error"
    assert outcome(newest.run(good))[0] == "success"
    box.fault("status", code=401, body=f'{{"error": "bad key {KEY}"}}', where="submit")
    assert outcome(newest.run(one(image())))[0] == "error"
    said = json.dumps([newest.get(path) for path in ("/history", "/queue", "/object_info", "/settings")])
    assert "LipsyncImage" in said
    assert KEY not in said
    assert keys_in(newest.base) == {}
