"""The user's Cancel, wherever it comes: it is obeyed, and no job that is paid for is lost by it."""

import signal
import time

import pytest

from tests.integrations.comfyui.graphs import listed, node, one, saved
from tests.integrations.comfyui.servers import moment, outcome

pytestmark = pytest.mark.comfyui


def test_a_job_whose_answer_was_on_its_way_is_picked_up(comfy, box, image):
    inputs = image()
    box.fault("drip", where="submit", pause=0.06)
    prompt = comfy.queue(one(inputs))
    comfy._until(box.jobs, 20)
    began = time.time()
    comfy.interrupt()
    entry = comfy.ended(prompt)
    assert outcome(entry)[0] == "interrupted"
    assert moment(entry, "execution_interrupted") - began < 4, "the answer takes longer"
    assert outcome(comfy.run(one(inputs))) == ("success", "")
    assert len(box.received("submit")) == 1


def test_a_cancel_before_the_submit_keeps_the_old_job(newest, box, image):
    """A cancel before a new job is sent leaves the old one to the next run."""
    inputs = image()
    assert outcome(newest.run(one(inputs))) == ("success", "")
    box.fault("status", code=429, headers={"Retry-After": "60"}, where="submit", count=1)
    prompt = newest.queue(one(inputs | {"force_new": True}))
    newest._until(lambda: len(box.received("submit")) == 2, 20)
    newest.interrupt()
    assert outcome(newest.ended(prompt))[0] == "interrupted"
    assert outcome(newest.run(one(inputs) | {"more": saved("run")})) == ("success", "")
    assert len(box.jobs()) == 1


def test_a_shutdown_waits_for_a_submit_on_its_way(make, box, image):
    """ComfyUI ends in good order only after the answer to a submit is known."""
    comfy, inputs = make("0.30.0").start(), image()
    box.fault("drip", where="submit", pause=0.03)
    comfy.queue(one(inputs))
    comfy._until(box.jobs, 20)
    comfy.process.send_signal(signal.SIGINT)
    comfy.process.wait(30)
    comfy.start()
    try:
        assert outcome(comfy.run(one(inputs))) == ("success", "")
        assert len(box.received("submit")) == 1
    finally:
        comfy.stop()


def test_another_nodes_failure_loses_no_submitted_job(newest, box, image):
    """The answer to the submit is on its way when the other node fails."""
    inputs = image()
    box.fault("drip", where="submit", pause=0.03)
    box.fault("delay", where="poll", seconds=1.0)
    graph = {"slow": node("LipsyncImage", **inputs), "fails": node("LipsyncWait", job="job_of_nobody")}
    assert outcome(newest.run(graph))[0] == "error"
    assert outcome(newest.run({"slow": graph["slow"]})) == ("success", "")
    assert len(box.received("submit")) == 1


def test_a_list_is_cancelled_as_a_whole(comfy, box, image):
    box.fault("seconds", seconds=20.0, count=-1)
    prompt = comfy.queue(listed("LipsyncImage", image()))
    comfy._until(lambda: len(box.received("poll")) >= 2, 20)
    began = time.time()
    comfy.interrupt()
    entry = comfy.ended(prompt)
    assert outcome(entry)[0] == "interrupted"
    assert moment(entry, "execution_interrupted") - began < 10, "not when the jobs have ended"


def test_no_cancel_is_lost_to_the_progress_bar(newest, box, image):
    """It looks for the Cancel, too, once a second; so many nodes that one of their bars is the first to see it."""
    for after in (0.5, 0.6, 0.7, 0.8):
        box.reset()
        box.fault("seconds", seconds=3.0, count=-1)
        prompt = newest.queue({f"run{n}": node("LipsyncImage", **image()) for n in range(8)})
        newest._until(lambda: len(box.received("poll")) >= 8, 30)
        time.sleep(after)
        newest.interrupt()
        assert outcome(newest.ended(prompt))[0] == "interrupted"
