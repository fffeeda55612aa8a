"""The profile `sandbox` on a real ComfyUI: free previews by a sandbox that ComfyUI starts by itself, then pay."""

import json
import os
import signal
from contextlib import suppress
from pathlib import Path

import av
import pytest

from tests.integrations.comfyui.conftest import put_sample_media
from tests.integrations.comfyui.graphs import link, node, saved
from tests.integrations.comfyui.servers import REPOSITORY, outcome
from tests.integrations.comfyui.workflows import GRAPHS

pytestmark = pytest.mark.comfyui


def graph(profile, seed):
    """A picture and a speech of this machine, and one node."""
    return {
        "face": node("LoadImage", image="lipsync_portrait.jpg"),
        "voice": node("LoadAudio", audio="lipsync_speech_left.mp3"),
        "run": node(
            "LipsyncImage", image=link("face"), audio=link("voice"), resolution="480p", seed=seed, profile=profile
        ),
        "save": saved("run"),
    }


def ran(comfy, profile, seed):
    """Run the graph to its end, and return what the node shows."""
    entry = comfy.run(graph(profile, seed), seconds=240)
    assert outcome(entry) == ("success", "")
    return entry["outputs"]["run"]


def sandboxes(comfy):
    """Return the process ids of the sandboxes of a ComfyUI."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (process / "cmdline").read_text().split("\0")
            if "-c" in words and str(comfy.base / "user/__lipsync_nodes/sandbox") in words:
                found.append(int(process.name))
    return found


@pytest.fixture
def alone(make):
    """A ComfyUI of its own, without an API key and without a base URL."""
    comfy = make("0.30.0", LIPSYNC_API_KEY="", LIPSYNC_BASE_URL="https://lipsync.studio/api/v1")
    put_sample_media(comfy)
    yield comfy.start()
    comfy.stop()


def test_preview_then_pay(comfy, sample_media, box, seeds):
    """One graph, two runs: nothing is sent to the service by the first, one job is paid for by the second."""
    seed = next(seeds)
    preview = ran(comfy, "sandbox", seed)
    assert box.requests == []
    (shown,) = preview["images"]
    assert shown["filename"] == f"preview_{preview['job_id'][0]}.mp4"
    assert "Free sandbox preview, not the service's quality." in preview["text"][0]
    with av.open(str(comfy.base / "temp" / shown["subfolder"] / shown["filename"])) as video:
        assert "not by lipsync.studio" in video.metadata["comment"]
    ran(comfy, "sandbox", seed)
    assert box.requests == []
    paid = ran(comfy, "", seed)
    assert len(box.received("submit")) == 1
    assert paid["job_id"] != preview["job_id"]
    assert "credits" in paid["text"][0]
    assert "sandbox" not in paid["text"][0]
    assert not paid["images"][0]["filename"].startswith("preview")
    assert len(sandboxes(comfy)) == 1


def test_a_wait_with_the_other_profile_changes_nothing(comfy, sample_media, box, seeds):
    """A paid job is unknown to the sandbox, and a preview to the service; both are still picked up afterwards."""
    seed = next(seeds)
    found = {profile: ran(comfy, profile, seed)["job_id"] for profile in ("", "sandbox")}
    for profile, (job_id,) in found.items():
        other = "" if profile else "sandbox"
        state, text = outcome(comfy.run({"wait": node("LipsyncWait", job=job_id, profile=other)}))
        assert state == "error"
        assert "Check the job id and `profile`: sandbox for a preview" in text
    for profile, job_id in found.items():
        assert ran(comfy, profile, seed)["job_id"] == job_id
    assert len(box.received("submit")) == 1


def test_every_template_runs_without_a_key_and_says_that_it_is_a_preview(alone, seeds):
    for name in GRAPHS.keys() - {"lipsync_recover_by_job_id"}:
        example = json.loads((REPOSITORY / "examples/comfyui" / f"{name}.json").read_text(encoding="utf-8"))
        example["3"]["inputs"]["seed"] = next(seeds)
        nodes = [number for number, of in example.items() if of["class_type"].startswith("Lipsync")]
        entry = alone.run(example, seconds=240)
        assert outcome(entry) == ("success", ""), name
        shown = {number: entry["outputs"].get(number, {}).get("text", []) for number in nodes}
        lines = [line for of in shown.values() for line in of]
        assert all(shown.values()), "ComfyUI leaves out a node that refuses its inputs, and runs the others"
        assert all("Free sandbox preview, not the service's quality." in line for line in lines), (name, lines)


def test_the_template_that_recovers_a_job_asks_for_its_id_first(alone, seeds):
    """It has no job yet, so it asks for one, not for a key; and it gets a preview, too."""
    graph = json.loads((REPOSITORY / "examples/comfyui/lipsync_recover_by_job_id.json").read_text(encoding="utf-8"))
    status, text = refused(alone, graph)
    assert status == 400
    assert "`job` is empty" in text
    assert "LIPSYNC_API_KEY" not in text
    made = ran(alone, "sandbox", next(seeds))
    graph["3"]["inputs"] |= {"job": made["job_id"][0], "profile": "sandbox"}
    entry = alone.run(graph)
    assert outcome(entry) == ("success", "")
    assert entry["outputs"]["3"]["images"][0]["filename"].startswith("preview_")


def test_without_a_key_the_node_says_where_it_goes_and_the_sandbox_works(alone, seeds):
    state, text = refused(alone, graph("", next(seeds)))
    assert state == 400
    assert "/lipsync-setup" in text
    assert "set `profile` of the node to sandbox" in text
    assert sandboxes(alone) == [], "nothing is started before it is needed"
    assert ran(alone, "sandbox", next(seeds))["images"]


def test_the_sandbox_ends_with_comfyui_and_the_next_start_picks_its_job_up(alone, seeds):
    seed = next(seeds)
    first = ran(alone, "sandbox", seed)
    (pid,) = sandboxes(alone)
    alone.stop(kill=True)
    alone._until(lambda: not Path(f"/proc/{pid}").exists() and sandboxes(alone) == [], 30)
    alone.start()
    assert ran(alone, "sandbox", seed)["job_id"] == first["job_id"]
    (again,) = sandboxes(alone)
    os.kill(again, signal.SIGKILL)
    alone._until(lambda: sandboxes(alone) == [], 30)
    assert ran(alone, "sandbox", next(seeds))["job_id"] != first["job_id"], "it was started again"
    alone.stop()
    alone._until(lambda: sandboxes(alone) == [], 30)


def refused(comfy, wanted):
    status, answer = comfy.post("/prompt", {"prompt": wanted})
    return status, str(answer)
