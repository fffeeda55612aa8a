"""The check before a job is paid for: its findings are on the node, or the node refuses; and the node that checks."""

import shutil

import av
import pytest

from lipsync_nodes import Ledger
from lipsync_nodes.sandbox import MEDIA
from tests.integrations.comfyui.conftest import FACE, VOICE
from tests.integrations.comfyui.graphs import link, node
from tests.integrations.comfyui.servers import outcome
from tests.integrations.comfyui.without_server import run_in_comfyui

pytestmark = pytest.mark.comfyui

TINY = {"en": "pixels from forehead to chin", "zh": "人脸从额头到下巴只有"}
BEGINS = {"en": "Error (image): ", "zh": "错误（image）："}


def put_tiny(path):
    """Save the portrait as a small part of a large picture, where its face is a few pixels high."""
    with av.open(str(MEDIA / "portrait.jpg")) as media:
        face = next(media.decode(video=0)).reformat(120, 120, "rgb24").to_ndarray()
    wall = face[:1, :1].repeat(720, 0).repeat(1280, 1)
    wall[300:420, 600:720] = face
    with av.open(str(path), "w", format="image2") as out:
        stream = out.add_stream("png", 1)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "rgb24"
        for packet in (*stream.encode(av.VideoFrame.from_ndarray(wall, "rgb24")), *stream.encode()):
            out.mux(packet)


@pytest.fixture
def tiny(newest, seeds):
    """The inputs of an image node whose face is too small, and the nodes that load them."""
    put_tiny(newest.base / "input" / "tiny.png")
    shutil.copy(MEDIA / "speech_left.mp3", newest.base / "input")
    loaded = {"face": node("LoadImage", image="tiny.png"), "voice": node("LoadAudio", audio="speech_left.mp3")}
    return loaded, {"image": link("face"), "audio": link("voice"), "seed": next(seeds)}


@pytest.fixture(params=["en", "zh"])
def speaking(newest, request):
    """The newest ComfyUI, with its settings in a language."""
    newest.post("/settings/Comfy.Locale", request.param)
    yield request.param
    newest.post("/settings/Comfy.Locale", "en")


@pytest.mark.parametrize("kind", ["LipsyncImage", "LipsyncSubmitImage"])
def test_refuse_sends_nothing_and_says_why(newest, box, tiny, speaking, kind):
    loaded, inputs = tiny
    state, text = outcome(newest.run({**loaded, "run": node(kind, check="refuse", **inputs)}))
    assert state == "error"
    assert TINY[speaking] in text
    assert not box.received("submit")


@pytest.mark.parametrize("kind", ["LipsyncImage", "LipsyncSubmitImage"])
@pytest.mark.parametrize("given", [{}, {"check": "warn"}], ids=["default", "warn"])
def test_warn_submits_once_and_the_warning_is_on_the_node(newest, box, tiny, speaking, kind, given):
    """Above the line that says how the job ended. The log has it in English."""
    loaded, inputs = tiny
    entry = newest.run({**loaded, "run": node(kind, **inputs, **given)})
    assert outcome(entry) == ("success", "")
    assert len(box.received("submit")) == 1
    (text,) = entry["outputs"]["run"]["text"]
    found, *_, job = text.splitlines()
    assert found.startswith(BEGINS[speaking])
    assert TINY[speaking] in found
    assert job.endswith(box.jobs()[0]["id"])
    assert BEGINS["en"] in newest.log.read_text()


def test_off_looks_at_nothing(newest, box, tiny):
    loaded, inputs = tiny
    entry = newest.run({**loaded, "run": node("LipsyncImage", check="off", **inputs)})
    assert outcome(entry) == ("success", "")
    assert TINY["en"] not in entry["outputs"]["run"]["text"][0]
    assert len(box.received("submit")) == 1


def checked(comfy, loaded, inputs, **more):
    """Run a check node, and return its report and what it says of `ok`, which goes through a socket."""
    graph = {
        **loaded,
        "check": node("LipsyncCheck", endpoint="lipsync-image", **inputs, **more),
        "report": node("PreviewAny", source=link("check")),
        "ok": node("PreviewAny", source=link("check", 1)),
    }
    entry = comfy.run(graph)
    assert outcome(entry) == ("success", "")
    report, ok = (entry["outputs"][name]["text"][0] for name in ("report", "ok"))
    assert entry["outputs"]["check"]["text"] == [report]
    return report, ok


def test_the_check_node_reports_and_sends_nothing(newest, box, tiny, speaking):
    loaded, inputs = tiny
    report, ok = checked(newest, loaded, inputs)
    assert TINY[speaking] in report.splitlines()[0]
    assert {"en": "credits.", "zh": "积分。"}[speaking] in report.splitlines()[-1]
    assert ok == "False"
    shutil.copy(MEDIA / "portrait.jpg", newest.base / "input")
    report, ok = checked(newest, {**loaded, "face": node("LoadImage", image="portrait.jpg")}, inputs)
    assert report.startswith({"en": "No problem was found.", "zh": "未发现问题。"}[speaking])
    assert ok == "True"
    assert box.requests == []


def test_the_report_is_made_anew_when_the_job_was_paid_for_or_the_language_changed(newest, box, tiny):
    """ComfyUI keeps the outputs of a node whose inputs are the same."""
    loaded, inputs = tiny
    before, _ = checked(newest, loaded, inputs)
    assert outcome(newest.run({**loaded, "run": node("LipsyncSubmitImage", **inputs)})) == ("success", "")
    after, _ = checked(newest, loaded, inputs)
    assert [box.jobs()[0]["id"] in report for report in (before, after)] == [False, True]
    newest.post("/settings/Comfy.Locale", "zh")
    try:
        assert TINY["zh"] in checked(newest, loaded, inputs)[0]
    finally:
        newest.post("/settings/Comfy.Locale", "en")


def test_what_is_refused_can_be_skipped_like_a_failed_job(newest, box, tiny, image):
    """The nodes after it do not run, and those of other jobs do."""
    loaded, inputs = tiny
    refused = {"run": node("LipsyncImage", check="refuse", on_failure="skip", **inputs)}
    other = {"other": node("LipsyncImage", **image())}
    after = {f"id of {name}": node("PreviewAny", source=link(name, 2)) for name in ("run", "other")}
    entry = newest.run({**loaded, **refused, **other, **after})
    assert outcome(entry) == ("success", "")
    assert TINY["en"] in entry["outputs"]["run"]["text"][0]
    assert [name for name in after if name in entry["outputs"]] == ["id of other"]
    assert len(box.received("submit")) == 1


def test_the_check_node_needs_no_api_key_and_starts_no_sandbox(make, newest, tiny):
    loaded, inputs = tiny
    comfy = make("0.30.0", LIPSYNC_API_KEY="", LIPSYNC_BASE_URL="https://far.invalid/api/v1")
    shutil.copytree(newest.base / "input", comfy.base / "input", dirs_exist_ok=True)
    comfy.start()
    try:
        for profile in ("", "sandbox"):
            assert TINY["en"] in checked(comfy, loaded, inputs, profile=profile)[0]
        assert not (comfy.base / "user/__lipsync_nodes/sandbox").exists()
    finally:
        comfy.stop()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"image": "face.png"}, "`image`: must be a public http(s) URL"),
        ({"audio": ""}, "`audio`: is empty"),
        ({"endpoint": "nonsense"}, "`endpoint` must be one of lipsync"),
        ({"profile": "nobody"}, "There is no profile 'nobody'"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_the_check_node_refuses_what_is_no_form(newest, wrong, words):
    inputs = {"endpoint": "lipsync-image", "image": FACE, "audio": VOICE} | wrong
    status, answer = newest.post("/prompt", {"prompt": {"check": node("LipsyncCheck", **inputs)}})
    assert status == 400
    assert words in str(answer["node_errors"])


def test_tags_are_in_the_ledger_and_not_in_the_request(newest, box, image):
    entry = newest.run({"run": node("LipsyncSubmitImage", tags="client=acme, project=a=b", **image())})
    assert outcome(entry) == ("success", "")
    with Ledger(newest.base / "user/__lipsync_nodes/ledger.sqlite") as ledger:
        assert ledger.entry_of(box.jobs()[0]["id"]).tags == {"client": "acme", "project": "a=b"}
    (submit,) = box.received("submit")
    assert "acme" not in str(submit.body)


def test_a_text_that_is_no_tag_is_refused(newest, box, image):
    words = {"acme": "`client=acme, project=x`", "client=acme, x": "got 'x'", "=acme": "The name of a tag"}
    for wrong, said in words.items():
        status, answer = newest.post("/prompt", {"prompt": {"run": node("LipsyncImage", tags=wrong, **image())}})
        assert status == 400
        assert said in answer["node_errors"]["run"]["errors"][0]["details"]
    assert not box.received("submit")


ENCODED = """
    import torch
    import lipsync_nodes_comfyui.media as media
    counts = []
    png = media._png
    media._READERS["image"] = lambda value: counts.append("image") or png(value)
    given = {"image": torch.rand(1, 256, 256, 3), "audio": "https://media.example/voice.mp3", "resolution": "480p"}
    try:
        asyncio.run(NODES["LipsyncSubmitImage"].execute(**given, check="refuse"))
    except Exception as error:
        print(type(error).__name__, counts)
"""


def test_a_picture_by_a_socket_is_encoded_once(tmp_path):
    """The check looks at what would be sent."""
    said = run_in_comfyui(ENCODED, tmp_path, LIPSYNC_API_KEY="sk_x", LIPSYNC_BASE_URL="http://127.0.0.1:9/api/v1")
    assert said.splitlines()[-1] == "CheckRefused ['image']"
