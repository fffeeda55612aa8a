"""What goes wrong in ComfyUI and costs money, each trap on a real server."""

import time
from functools import reduce
from operator import or_

import pytest

from tests.integrations.comfyui.graphs import link, listed, node, one, saved, split
from tests.integrations.comfyui.servers import moment, outcome, seconds_of

pytestmark = pytest.mark.comfyui


def test_a_profile_that_changes_its_account_runs_the_cached_nodes_again(make, box, image, tmp_path):
    """ComfyUI would show the video of the old account, which may be a sandbox, as that of the new one."""
    profiles = tmp_path / "profiles.toml"
    profiles.touch(0o600)
    profiles.write_text('[default]\naccount_name = "first"\n')
    comfy = make("0.30.0", LIPSYNC_CONFIG=str(profiles)).start()
    graph = split(image())
    try:
        for name, jobs in (("first", 1), ("second", 2), ("first", 2)):
            profiles.write_text(f'[default]\naccount_name = "{name}"\n')
            assert outcome(comfy.run(graph)) == ("success", "")
            assert len(box.received("submit")) == jobs
    finally:
        comfy.stop()


def test_a_failed_job_and_run_again_is_one_new_job(newest, box, image):
    graph = split(image())
    box.fault("fail", error="no face found", count=1)
    state, text = outcome(newest.run(graph))
    assert state == "error"
    assert "no face found" in text
    assert box.jobs()[0]["id"] in text
    assert outcome(newest.run(graph)) == ("success", "")
    assert len(box.received("submit")) == 2


def test_the_same_graph_twice_is_one_job(comfy, box, image):
    graph = split(image())
    for _ in range(2):
        assert outcome(comfy.run(graph))[0] == "success"
    assert len(box.received("submit")) == 1


def test_the_one_node_version_twice_is_one_job(newest, box, image):
    inputs = image()
    for graph in (one(inputs), one(inputs) | {"more": saved("run")}):
        assert outcome(newest.run(graph))[0] == "success"
    assert len(box.received("submit")) == 1


def test_force_new_is_one_new_job_on_each_run(newest, box, image):
    """The newest job is what the next run without `force_new` finds."""
    inputs = image()
    newest.run(split(inputs))
    for _ in range(2):
        assert outcome(newest.run(split(inputs | {"force_new": True})))[0] == "success"
    assert len(box.received("submit")) == 3
    entry = newest.run(split(inputs))
    assert len(box.received("submit")) == 3
    assert entry["outputs"]["wait"]["job_id"] == [box.jobs()[0]["id"]]


def test_a_refused_force_new_keeps_the_old_job(newest, box, image):
    """Where the new submit is refused, the next run still finds the old job."""
    inputs = image()
    assert outcome(newest.run(one(inputs)))[0] == "success"
    box.fault("status", code=402, body={"error": "insufficient credits"}, where="submit")
    assert outcome(newest.run(one(inputs | {"force_new": True})))[0] == "error"
    entry = newest.run(one(inputs) | {"more": saved("run")})
    assert outcome(entry) == ("success", "")
    assert len(box.jobs()) == 1
    assert len(box.received("submit")) == 2


def test_only_force_new_sends_an_uncertain_submit_again(newest, box, image):
    """An uncertain submit is one whose answer was lost."""
    inputs = image()
    box.fault("cut_after", where="submit", count=1)
    assert outcome(newest.run(one(inputs)))[0] == "error"
    state, text = outcome(newest.run(one(inputs)))
    assert state == "error"
    assert "if it is not there, run this node once with `force_new` on" in text
    assert len(box.received("submit")) == 1
    assert outcome(newest.run(one(inputs | {"force_new": True}))) == ("success", "")
    assert outcome(newest.run(one(inputs) | {"more": saved("run")}))[0] == "success"
    assert len(box.received("submit")) == 2


def test_a_crash_while_waiting_loses_and_pays_nothing(make, box, image):
    comfy = make("0.30.0").start()
    graph = split(image())
    box.fault("seconds", seconds=12.0)
    comfy.queue(graph)
    comfy._until(box.jobs, 20)
    time.sleep(1)
    comfy.stop(kill=True)
    comfy.start()
    try:
        entry = comfy.run(graph)
        assert outcome(entry) == ("success", "")
        assert entry["outputs"]["wait"]["job_id"] == [box.jobs()[0]["id"]]
        assert len(box.received("submit")) == 1
    finally:
        comfy.stop()


def cancelled(comfy, graph, waits):
    """Interrupt a graph once it waits, and return after how many seconds the frontend was told of its end."""
    prompt = comfy.queue(graph)
    comfy._until(waits, 20)
    began = time.time()
    comfy.interrupt()
    entry = comfy.ended(prompt)
    assert outcome(entry)[0] == "interrupted"
    return moment(entry, "execution_interrupted") - began


@pytest.mark.parametrize("make_graph", [split, one], ids=["split", "one"])
def test_an_interrupt_ends_within_a_second(comfy, box, image, make_graph):
    """The next run picks the job up.

    The second is on top of what a node takes that has no job to leave, in the same server; the best of three.
    """
    ours, bare = [], []
    for _ in range(3):
        bare.append(cancelled(comfy, {"bare": node("BareWait")}, (comfy.base / "temp" / "bare_waits").exists))
        box.reset()
        box.fault("seconds", seconds=4.0)
        graph = make_graph(image())
        ours.append(cancelled(comfy, graph, lambda: box.received("poll")))
    assert min(ours) < min(bare) + 0.9
    assert outcome(comfy.run(graph))[0] == "success"
    assert len(box.received("submit")) == 1


def test_the_failure_of_another_node_is_no_cancel_of_the_user(newest, box, image):
    box.fault("fail", count=1)
    failing, waiting = image(), image()
    graph = {
        "fails": node("LipsyncImage", **failing),
        "save1": saved("fails"),
        "waits": node("LipsyncImage", **waiting),
        "save2": saved("waits"),
    }
    box.fault("seconds", seconds=2.0, after=1)
    assert outcome(newest.run(graph))[0] == "error"
    box.clear_faults()
    assert outcome(newest.run(graph))[0] == "success"
    assert len(box.received("submit")) == 3, "the one that failed was submitted anew, the other was picked up"


def pair(number, inputs, **wait):
    """Return submit and wait as two nodes."""
    submit = {f"submit{number}": node("LipsyncSubmitImage", **inputs)}
    return submit | {f"run{number}": node("LipsyncWait", job=link(f"submit{number}"), **wait)}


def single(number, inputs, **run):
    """Return submit and wait in one node."""
    return {f"run{number}": node("LipsyncImage", **inputs, **run)}


@pytest.mark.parametrize("make_nodes", [pair, single])
def test_one_of_four_fails_and_the_others_give_their_videos(newest, box, image, make_nodes):
    graph = {}
    for n in range(4):
        graph |= make_nodes(n, image(), on_failure="skip") | {f"save{n}": saved(f"run{n}", f"skip/{n}")}
    box.fault("fail", count=1, after=1)
    entry = newest.run(graph)
    assert outcome(entry)[0] == "success"
    assert len([name for name in entry["outputs"] if name.startswith("save")]) == 3
    ends = [out["text"][0] for name, out in entry["outputs"].items() if name.startswith("run")]
    assert sorted(end.partition(":")[0] for end in ends) == ["The job failed", *["completed"] * 3]
    assert len(box.received("submit")) == 4


@pytest.mark.parametrize("failing", [0, 1])
def test_one_of_a_list_fails_and_the_other_gives_its_video(comfy, box, image, failing):
    box.fault("fail", error="no face found", after=failing)
    entry = comfy.run(listed("LipsyncImage", image(), on_failure="skip") | {"save": saved("run")})
    assert outcome(entry) == ("success", "")
    shown = entry["outputs"]["run"]
    assert len(shown["images"]) == len(shown["output_url"]) == 1
    failed, completed = sorted(shown["text"], key=lambda text: "\ncompleted: " in text)
    assert "no face found" in failed
    assert completed.startswith("Error (image): "), "the picture has no face"
    assert "\ncompleted: " in completed
    assert set(shown["job_id"]) == {job["id"] for job in box.jobs()}


@pytest.mark.parametrize("make_nodes", [pair, single])
def test_three_waits_take_the_time_of_one(newest, box, image, make_nodes):
    box.fault("seconds", seconds=4.0, count=-1)
    alone, together = (newest.run(reduce(or_, [make_nodes(n, image()) for n in range(number)])) for number in (1, 3))
    assert outcome(alone) == outcome(together) == ("success", "")
    assert seconds_of(together) < 2 * seconds_of(alone)


def test_a_job_id_recovers_a_job_of_anywhere(newest, box, image):
    first = newest.run({"submit": node("LipsyncSubmitImage", **image())})
    (job_id,) = first["outputs"]["submit"]["job_id"]
    entry = newest.run({"wait": node("LipsyncWait", job=job_id), "save": saved("wait")})
    assert entry["outputs"]["wait"]["job_id"] == [job_id]
    assert (newest.base / "output" / "saved").is_dir(), "the video got through to what comes after"


def test_a_download_overwrites_none_that_ends_alike(newest, box, image):
    (url,) = newest.run(one(image()))["outputs"]["run"]["output_url"]
    graph = {f"load{n}": node("LipsyncDownload", output_url=f"{url}?part={n}", save_in="output") for n in range(2)}
    entry = newest.run(graph)
    assert outcome(entry) == ("success", "")
    names = [entry["outputs"][name]["images"][0]["filename"] for name in graph]
    assert len(set(names)) == 2
    assert all((newest.base / "output" / "lipsync" / name).is_file() for name in names)
