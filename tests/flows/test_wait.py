"""The flows of a wait, a look and a run, played to their end with no socket, no clock and no sleep."""

import pytest

from lipsync_nodes.errors import (
    AuthenticationError,
    InvalidRequest,
    JobFailed,
    JobNotFound,
    JobTimeout,
    LipsyncError,
    ServiceError,
)
from lipsync_nodes.flows import Claim, Found, Policy, Seen
from lipsync_nodes.flows import _submit as submitting
from lipsync_nodes.flows import _wait as flow
from lipsync_nodes.service import Answer, Job
from tests.stage import DONE, LOST, PROCESSING, STEADY, SUBMISSION, UNREACHED, Stage, answer


def wait(*replies, timeout=100.0, poll_interval=7.5):
    stage = Stage(*replies)
    return stage, lambda: stage.play(flow.wait("j1", STEADY, timeout=timeout, poll_interval=poll_interval))


def test_waiting_looks_until_the_job_has_its_video():
    stage, play = wait(PROCESSING, answer(id="j1", status="unheard-of"), DONE)
    assert play().output == "https://x/out.mp4"
    assert [send.path for send in stage.sent] == ["/jobs/j1"] * 3
    assert [event.job.status.value for event in stage.events] == ["processing", "unheard-of", "completed"]


def test_pauses_are_spread_over_what_the_service_advises():
    for chance, seconds in ((0.0, 5.0), (0.5, 7.5), (1.0, 10.0)):
        assert Policy(chance=lambda chance=chance: chance).spread(7.5) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "trouble", [LOST, UNREACHED, answer(500), answer(503), answer(429), answer(408), Answer(200, {}, b"{")]
)
def test_passing_trouble_does_not_end_a_wait(trouble):
    _, play = wait(trouble, trouble, DONE)
    assert play().id == "j1"


def test_a_wait_ends_by_its_deadline_with_a_last_look():
    stage, play = wait(PROCESSING, timeout=20)
    with pytest.raises(JobTimeout) as caught:
        play()
    assert 1010 < stage.now <= 1020
    assert stage.now + stage.sent[-1].timeout == pytest.approx(1020), "there is time for the answer to the last look"
    assert caught.value.job_id == "j1"
    assert "client.wait('j1')" in str(caught.value)
    assert "`lipsync-nodes wait j1`" in str(caught.value.speak("cli"))
    assert all(1 <= send.timeout <= 20 for send in stage.sent)


def test_a_time_out_tells_of_the_last_trouble():
    _, play = wait(answer(500), timeout=5)
    with pytest.raises(JobTimeout) as caught:
        play()
    assert isinstance(caught.value.__cause__, ServiceError)


def test_a_huge_retry_after_does_not_keep_a_wait_asleep():
    stage, play = wait(answer(429, {"retry-after": "86400"}), DONE, timeout=1000)
    assert play().id == "j1"
    assert stage.pauses == [STEADY.longest_pace]


@pytest.mark.parametrize("status", [301, 400, 401, 402, 403, 404, 405, 410, 422])
def test_polling_ends_where_asking_further_is_of_no_use(status):
    stage, play = wait(answer(status))
    with pytest.raises(Exception) as caught:  # noqa: PT011  # the class is the table of test_errors
        play()
    assert caught.value.status_code == status
    assert len(stage.sent) == 1


@pytest.mark.parametrize("known", [{"known": True}, {"just_submitted": True}])
def test_a_404_now_and_then_does_not_end_a_wait(known):
    """The job was made, whatever one server of the service says."""
    gone = answer(404)
    stage = Stage(gone, gone, gone, PROCESSING, gone, gone, gone, DONE)
    assert stage.play(flow.wait("j1", STEADY, timeout=1000, poll_interval=6, **known)).output
    assert "Gone" not in stage.told


def test_a_job_that_is_not_found_again_and_again_is_missing():
    stage = Stage(PROCESSING, answer(404))
    with pytest.raises(JobNotFound, match=r"client\.wait\('j1'\)") as caught:
        stage.play(flow.wait("j1", STEADY, timeout=1000, poll_interval=6, known=True))
    assert caught.value.may_have_charged
    assert len(stage.sent) == 2 + flow.NOT_YET_KNOWN
    assert stage.told[-1] == "Gone"


def test_the_first_look_at_a_known_job_is_noted():
    """The ledger may have it that the job is missing, or has stopped."""
    stage = Stage(PROCESSING, PROCESSING, DONE)
    stage.play(flow.wait("j1", STEADY, timeout=1000, poll_interval=6, known=True))
    assert [event.noted for event in stage.events] == [True, False, False]


@pytest.mark.parametrize(
    "later", [{"status": "expired"}, {"status": "completed", "output": None}, {"status": "failed"}]
)
def test_no_later_word_undoes_a_video(later):
    earlier = Job(id="j1", status="completed", output="https://x/out.mp4")
    stage = Stage(answer(id="j1", **later), ledger=lambda event: Found(earlier) if isinstance(event, Claim) else None)
    playing = flow.run(submitting.submit(SUBMISSION, STEADY), STEADY, timeout=60, poll_interval=6)
    assert stage.play(playing) == earlier


def test_a_failed_job_says_why():
    _, play = wait(answer(id="j1", status="failed", error="Invalid audio format", output=None))
    with pytest.raises(JobFailed, match="Invalid audio format") as caught:
        play()
    assert caught.value.job_id == "j1"


@pytest.mark.parametrize("fields", [{"output": {"id": "f-1"}}, {"files": ["f-1"]}, {"output": [], "asset": "f-1"}])
def test_what_came_in_place_of_an_output_is_in_the_error(fields):
    _, play = wait(answer(id="j1", **{"status": "Succeeded", **fields}))
    with pytest.raises(ServiceError, match=r"no output that is a video: .*f-1"):
        play()


def test_a_completed_job_without_output_says_so():
    _, play = wait(answer(id="j1", status="completed", output=None))
    with pytest.raises(ServiceError, match="no output"):
        play()


def test_a_job_keeps_its_id_however_a_poll_spells_it():
    """A job keeps the id that it was submitted under however a poll spells it."""
    stage = Stage(PROCESSING, answer(id="J1", status="completed", output="https://x/out.mp4"))
    job = stage.play(flow.run(submitting.submit(SUBMISSION, STEADY), STEADY, timeout=60, poll_interval=6))
    assert (job.id, stage.events[-1]) == ("j1", Seen(job))


def test_a_job_of_a_webhook_has_the_id_of_the_service():
    """Or else whoever has a token could give a job that is another's by another spelling."""
    stage = Stage(DONE)
    assert stage.play(flow.poll("J1", STEADY, callback="c")).id == "j1"


@pytest.mark.parametrize("job_id", ["", " ", ".", "..", "\n"])
def test_what_is_no_job_id_is_refused_before_anything_is_sent(job_id):
    stage = Stage(DONE)
    with pytest.raises(InvalidRequest):
        stage.play(flow.poll(job_id, STEADY))
    assert not stage.sent


def test_a_job_id_stays_one_segment_of_the_path():
    stage = Stage(DONE)
    stage.play(flow.poll("../a/b?c#d", STEADY))
    assert stage.sent[0].path == "/jobs/..%2Fa%2Fb%3Fc%23d"


def test_a_run_submits_then_waits():
    stage = Stage(PROCESSING, PROCESSING, DONE)
    playing = flow.run(submitting.submit(SUBMISSION, STEADY), STEADY, timeout=60, poll_interval=6)
    assert stage.play(playing).output
    assert [send.method for send in stage.sent] == ["POST", "GET", "GET"]
    assert stage.pauses == [6, 6]


def test_a_run_that_finds_a_finished_job_asks_for_its_url():
    """A run that picks up a finished job asks for the url that its video has now."""
    earlier = Job(id="j1", status="completed", output="https://x/expired.mp4")
    stage = Stage(DONE, ledger=lambda event: Found(earlier) if isinstance(event, Claim) else None)
    playing = flow.run(submitting.submit(SUBMISSION, STEADY), STEADY, timeout=60, poll_interval=6)
    assert stage.play(playing).output == "https://x/out.mp4"
    stage = Stage(answer(500), ledger=lambda event: Found(earlier) if isinstance(event, Claim) else None)
    playing = flow.run(submitting.submit(SUBMISSION, STEADY), STEADY, timeout=60, poll_interval=6)
    assert stage.play(playing) == earlier


@pytest.mark.parametrize("status", [301, 400, 401, 402, 403, 404, 405, 410, 422])
def test_refused_polls_never_say_that_nothing_was_charged(status):
    """A run whose polls are refused never says that nothing was charged."""
    stage = Stage(PROCESSING, answer(status))
    with pytest.raises(LipsyncError, match="Credits may have been spent") as caught:
        stage.play(flow.run(submitting.submit(SUBMISSION, STEADY), STEADY, timeout=60, poll_interval=6))
    assert caught.value.job_id == "j1"
    assert "othing was charged" not in str(caught.value)
    assert caught.value.hint


def test_a_run_whose_submit_is_refused_never_polls():
    stage = Stage(answer(401))
    with pytest.raises(AuthenticationError):
        stage.play(flow.run(submitting.submit(SUBMISSION, STEADY), STEADY, timeout=60, poll_interval=6))
    assert len(stage.sent) == 1


def pauses(quiet=None, **options):
    """Return the pauses of a wait for a job that ends with its 13th poll; half of chance is no spreading."""
    stage = Stage(*[PROCESSING] * 12, DONE)
    stage.play(flow.wait("j1", options.pop("policy", STEADY), timeout=1000, poll_interval=6, quiet=quiet, **options))
    return [pytest.approx(seconds) for seconds in stage.pauses]


def test_only_the_first_interval_of_a_wait_is_spread():
    """If all were, the longest would be longer, and with them the lag of some jobs."""
    assert pauses(policy=Policy(chance=lambda: 0.0)) == [4.0] + [6.0] * 11
    assert pauses(policy=Policy(chance=lambda: 0.0), pause=2.5, just_submitted=True) == [2.5] + [6.0] * 12


def test_polls_are_fewer_while_an_end_is_unlikely():
    assert pauses(quiet=30.0) == [8.0] * 3 + [5.0] * 9
    assert pauses(quiet=0.0) == [5.0] * 12


def test_an_end_is_unlikely_before_the_shortest_times_of_jobs_like_it():
    history = [flow.Took(100.0 + number, 10.0, "720p") for number in range(28)]
    assert flow.quiet_seconds(history, 10.0, "720p") == 102
    assert flow.quiet_seconds(history, 30.0, "720p") == pytest.approx(306), "it grows with the length"
    assert flow.quiet_seconds(history, None, "720p") == 102
    assert flow.quiet_seconds(history, 10.0, "480p") is None
    assert flow.quiet_seconds(history[:19], 10.0, "720p") is None, "that is too little to know"
    assert flow.quiet_seconds([took._replace(length=None) for took in history], 30.0, "720p") == 102
