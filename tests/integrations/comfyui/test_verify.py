"""The node that compares the mouth in a video with the speech: of a job, of its id, or of a video of the graph."""

import pytest

from lipsync_nodes import Ledger
from tests.integrations.comfyui.conftest import put_sample_media
from tests.integrations.comfyui.graphs import link, node
from tests.integrations.comfyui.servers import outcome

pytestmark = pytest.mark.comfyui


def verified(comfy, graph, **inputs):
    """Run a verify node after the other nodes; return the verdict and whether it is in sync, by their sockets."""
    graph = {
        **graph,
        "verify": node("LipsyncVerify", **inputs),
        "text": node("PreviewAny", source=link("verify")),
        "in_sync": node("PreviewAny", source=link("verify", 1)),
    }
    entry = comfy.run(graph, seconds=240)
    assert outcome(entry) == ("success", "")
    text, in_sync = (entry["outputs"][name]["text"][0] for name in ("text", "in_sync"))
    assert entry["outputs"]["verify"]["text"] == [text]
    return text, in_sync


def test_a_job_is_verified_by_its_socket_and_by_its_id(newest, box, seeds):
    """The result is kept in the ledger."""
    put_sample_media(newest)
    graph = {
        "face": node("LoadImage", image="lipsync_portrait.jpg"),
        "voice": node("LoadAudio", audio="lipsync_speech_left.mp3"),
        "other": node("LoadAudio", audio="lipsync_speech_right.mp3"),
        "submit": node(
            "LipsyncSubmitImage", image=link("face"), audio=link("voice"), seed=next(seeds), profile="sandbox"
        ),
    }
    text, in_sync = verified(newest, graph, job=link("submit"))
    assert in_sync == "True"
    assert "score of quality" in text
    with Ledger(newest.base / "user/__lipsync_nodes/ledger.sqlite") as ledger:
        entry = max((one for one in ledger.entries() if one.verification), key=lambda one: one.created_at)
    assert entry.verification["verdict"] == "in_sync"
    assert verified(newest, {}, job=entry.job_id, profile="sandbox") == (text, in_sync)
    newest.post("/settings/Comfy.Locale", "zh")
    try:
        text, in_sync = verified(newest, graph, job=entry.job_id, profile="sandbox", audio=link("other"))
    finally:
        newest.post("/settings/Comfy.Locale", "en")
    assert in_sync == "False"
    assert "同步" in text
    assert box.requests == []


def test_a_video_of_the_graph_needs_no_profile(newest, box):
    put_sample_media(newest)
    graph = {
        "clip": node("LoadVideo", file="lipsync_talking.mp4"),
        "voice": node("LoadAudio", audio="lipsync_speech_right.mp3"),
    }
    assert verified(newest, graph, job=link("clip"), audio=link("voice"))[1] == "False"
    assert box.requests == []


def test_an_empty_job_is_refused(newest):
    status, answer = newest.post("/prompt", {"prompt": {"verify": node("LipsyncVerify", job=" ")}})
    assert status == 400
    assert "`job` is empty" in str(answer["node_errors"])
