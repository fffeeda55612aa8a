"""The ledger: who may submit, what is remembered, and how it stays private."""

import gc
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lipsync_nodes import ConfigurationError, ImageForm, InvalidRequest, Job, LipsyncClient
from lipsync_nodes.flows import (
    Accepted,
    CheckWebhook,
    Claim,
    Claimed,
    Found,
    Gone,
    Hold,
    Paused,
    Refused,
    Seen,
    Sending,
    Submission,
    Superseded,
    Uncertain,
    WebhookReceived,
)
from lipsync_nodes.ledger import Ledger, ledger_file
from lipsync_nodes.ledger._schema import STEPS
from lipsync_nodes.media import content_key
from lipsync_nodes.settings import Profile

HERE = Profile(name="here", api_key="sk_ledger_0123456789", base_url="https://here.example")
FORM = {"image": "https://x/i.png", "audio": "https://x/a.mp3"}
DONE = {"status": "completed", "output": "https://x/o.mp4", "executionTime": 4000}


class Clock:
    now = 1_800_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ledger(tmp_path, clock):
    ledger = Ledger(tmp_path / "ledger.sqlite", clock=clock)
    yield ledger
    ledger.close()


def submission(key="k", **options):
    return Submission("lipsync-image", "/lipsync-image", FORM, key=key, **options)


def claim(ledger, key="k", profile=HERE, **options):
    return ledger.record(Claim(submission(key, **options)), profile)


def submitted(ledger, job_id="j1", key="k", profile=HERE):
    row = claim(ledger, key, profile).row
    assert ledger.record(Sending(row, 60), profile) is None
    ledger.record(Accepted(row, Job(id=job_id)), profile)
    return row


def state_of(ledger, row=1):
    return next(entry.state for entry in ledger.entries() if entry.row == row)


def test_the_states_of_a_submission(ledger):
    row = claim(ledger).row
    assert state_of(ledger) == "waiting"
    ledger.record(Sending(row, 60), HERE)
    assert state_of(ledger) == "submitting"
    ledger.record(Paused(row, 3), HERE)
    assert state_of(ledger) == "waiting"
    ledger.record(Sending(row, 60), HERE)
    ledger.record(Accepted(row, Job(id="j1")), HERE)
    assert state_of(ledger) == "live"
    ledger.record(Seen(Job(id="j1", **DONE)), HERE)
    (entry,) = ledger.entries()
    assert (entry.state, entry.as_job.output, entry.job_id) == ("completed", "https://x/o.mp4", "j1")


def test_an_end_never_changes(ledger):
    submitted(ledger)
    ledger.record(Seen(Job(id="j1", **DONE)), HERE)
    ledger.record(Seen(Job(id="j1", status="failed", error="late")), HERE)
    ledger.record(Gone("j1"), HERE)
    assert state_of(ledger) == "completed"


def test_a_key_is_claimed_once(ledger):
    assert isinstance(claim(ledger), Claimed)
    assert isinstance(claim(ledger), Hold)
    assert isinstance(claim(ledger, "another"), Claimed)
    assert isinstance(claim(ledger, None), Claimed)
    assert isinstance(claim(ledger, None), Claimed)


def test_a_live_or_finished_job_is_picked_up(ledger):
    submitted(ledger)
    assert claim(ledger) == Found(Job(id="j1"))
    ledger.record(Seen(Job(id="j1", **DONE)), HERE)
    assert claim(ledger).job.output == "https://x/o.mp4"


def test_a_refused_or_failed_one_is_submitted_anew(ledger):
    ledger.record(Refused(claim(ledger).row, "402"), HERE)
    submitted(ledger)
    ledger.record(Seen(Job(id="j1", status="failed")), HERE)
    assert isinstance(claim(ledger), Claimed)
    assert [entry.state for entry in ledger.entries()] == ["refused", "failed", "waiting"]


def test_an_uncertain_one_stays_so_until_a_person_says_otherwise(ledger, clock):
    row = claim(ledger).row
    ledger.record(Sending(row, 60), HERE)
    ledger.record(Uncertain(row, "ReadTimeout"), HERE)
    clock.now += 1e6
    assert claim(ledger) == Uncertain(row, "ReadTimeout", since=Clock.now)
    assert isinstance(claim(ledger, resubmit_uncertain=True), Claimed)
    assert isinstance(claim(ledger), Hold)


def test_a_process_that_died_before_it_sent_leaves_the_key_free(ledger, clock):
    row = claim(ledger).row
    clock.now += 6
    other = claim(ledger)
    assert isinstance(other, Claimed)
    assert (state_of(ledger, row), state_of(ledger, other.row)) == ("refused", "waiting")


def test_whoever_lost_the_key_while_asleep_may_not_send(ledger, clock):
    """A laptop sleeps between claim and send; meanwhile somebody else submits the same."""
    sleeper = claim(ledger).row
    clock.now += 6
    other = claim(ledger).row
    assert ledger.record(Sending(sleeper, 60), HERE) == Superseded()
    assert ledger.record(Sending(other, 60), HERE) is None
    assert ledger.record(Sending(sleeper, 60), HERE) == Superseded()


def test_a_late_answer_is_kept_also_by_whoever_lost_the_key(ledger, clock):
    sleeper = claim(ledger).row
    ledger.record(Sending(sleeper, 60), HERE)
    clock.now += 100
    other = claim(ledger, resubmit_uncertain=True).row
    ledger.record(Sending(other, 60), HERE)
    ledger.record(Accepted(other, Job(id="j2")), HERE)
    ledger.record(Accepted(sleeper, Job(id="j1")), HERE)
    assert {entry.job_id: entry.state for entry in ledger.entries()} == {"j1": "live", "j2": "live"}
    assert claim(ledger).job.id == "j2"


def test_an_answer_that_contradicts_a_webhook_is_kept(ledger):
    """An answer that names another job than the webhook did is kept where the key was claimed anew."""
    first = claim(ledger, callback="c1").row
    ledger.record(Sending(first, 60), HERE)
    ledger.record(WebhookReceived("c1", "w1"), HERE)
    ledger.record(Seen(Job(id="w1", status="failed"), "c1"), HERE)
    second = claim(ledger).row
    ledger.record(Accepted(first, Job(id="j1")), HERE)
    assert ledger.entry_of("j1").row == first
    ledger.record(Sending(second, 60), HERE)
    ledger.record(Accepted(second, Job(id="j2")), HERE)
    assert claim(ledger).job.id == "j2"


def test_a_clock_that_is_set_back_holds_nobody_for_long(ledger, clock):
    slow = HERE.model_copy(update={"submits_per_minute": 1})
    submitted(ledger, "j1", "a", slow)
    waiting = claim(ledger, "b", slow).row
    left_behind = claim(ledger, "d", slow).row
    clock.now -= 365 * 86400
    assert ledger.record(Sending(waiting, 60), slow) is None
    assert isinstance(claim(ledger, "c", slow), Claimed)
    assert isinstance(claim(ledger, "d", slow), Claimed)
    assert state_of(ledger, left_behind) == "refused"


@pytest.mark.parametrize("back", [100.0, 1800.0])
def test_a_clock_set_back_does_not_prolong_a_dead_submit(ledger, clock, back):
    """Its process has died, and its lease ends in the future; the place of another submit is not held either."""
    narrow = HERE.model_copy(update={"max_concurrency": 1})
    row = claim(ledger, "a", narrow).row
    ledger.record(Sending(row, 60), narrow)
    clock.now -= back
    other = claim(ledger, "b", narrow).row
    assert ledger.record(Sending(other, 60), narrow) is None
    assert isinstance(claim(ledger, "a", narrow), Uncertain)
    ledger.record(Accepted(row, Job(id="j1")), narrow)
    assert claim(ledger, "a", narrow).job.id == "j1", "it was alive after all"


@pytest.mark.parametrize("jump", [-1.0, 0.0, 30.0])
def test_a_clock_that_is_adjusted_ends_no_submit(ledger, clock, jump):
    row = claim(ledger).row
    ledger.record(Sending(row, 60), HERE)
    clock.now += jump
    assert isinstance(claim(ledger), Hold)


def test_a_clock_set_back_frees_the_key_of_a_dead_queuer(ledger, clock):
    """Should it be alive, it is told before it sends."""
    row = claim(ledger).row
    clock.now -= 1800
    other = claim(ledger).row
    assert ledger.record(Sending(row, 60), HERE) == Superseded()
    assert ledger.record(Sending(other, 60), HERE) is None


def test_a_job_that_nobody_heard_of_for_hours_holds_no_place(ledger, clock):
    narrow = HERE.model_copy(update={"max_concurrency": 1})
    queued = claim(ledger, "a", narrow).row
    clock.now += 5 * 3600
    ledger.record(Sending(queued, 60), narrow)
    ledger.record(Accepted(queued, Job(id="j1")), narrow)
    row = claim(ledger, "b", narrow).row
    clock.now += 5 * 3600  # since it was sent: its own time in the queue does not count
    assert isinstance(ledger.record(Sending(row, 60), narrow), Hold)
    clock.now += 2 * 3600
    assert ledger.record(Sending(row, 60), narrow) is None


def test_a_key_stands_for_one_endpoint(ledger):
    submitted(ledger)
    with pytest.raises(InvalidRequest, match="lipsync-image job already"):
        ledger.record(Claim(Submission("lipsync-video", "/lipsync-video", FORM, key="k")), HERE)


def test_a_job_that_was_unknown_and_then_ends_is_found_again(ledger, clock):
    submitted(ledger)
    clock.now += 121
    ledger.record(Gone("j1"), HERE)
    ledger.record(Seen(Job(id="j1", **DONE)), HERE)
    assert claim(ledger).job.output == "https://x/o.mp4"


def test_the_url_of_a_video_may_change(ledger):
    submitted(ledger)
    ledger.record(Seen(Job(id="j1", **DONE)), HERE)
    ledger.record(Seen(Job(id="j1", **{**DONE, "output": "https://x/new.mp4"})), HERE)
    assert claim(ledger).job.output == "https://x/new.mp4"


def test_only_one_of_many_waiters_polls_a_live_job(ledger, clock):
    """One waiter looks after a live job however many there are."""
    narrow = HERE.model_copy(update={"max_concurrency": 2})
    submitted(ledger, "j1", "a", narrow)
    submitted(ledger, "j2", "b", narrow)
    rows = [claim(ledger, f"w{number}", narrow).row for number in range(4)]
    assert ledger.record(Sending(rows[0], 60), narrow).look_at is None, "they were just made"
    clock.now += 5.5
    looks = [ledger.record(Sending(row, 60), narrow).look_at for row in rows]
    assert looks == ["j1", "j2", None, None]
    clock.now += 5.5
    assert ledger.record(Sending(rows[0], 60), narrow).look_at == "j1"


def test_a_process_that_died_leaves_an_uncertain_submit(ledger, clock):
    """A process that died after it sent leaves an uncertain submit."""
    ledger.record(Sending(claim(ledger).row, 60), HERE)
    clock.now += 61
    assert isinstance(claim(ledger), Hold)
    clock.now += 2
    assert isinstance(claim(ledger), Uncertain)
    assert state_of(ledger) == "uncertain"


def test_a_vanished_job_does_not_free_its_key_silently(ledger, clock):
    """A job that the service no longer knows frees its key but not silently."""
    submitted(ledger)
    clock.now += 121
    ledger.record(Gone("j1"), HERE)
    found = claim(ledger)
    assert isinstance(found, Uncertain)
    assert "knows no job j1" in found.reason
    assert found.job_id == "j1"


def test_a_missing_job_keeps_all_that_is_known_of_it(ledger, clock):
    """It frees its place among the running, but neither its key nor its row."""
    narrow = HERE.model_copy(update={"max_concurrency": 1})
    submitted(ledger)
    clock.now += 121
    ledger.record(Gone("j1"), HERE)
    (entry,) = ledger.entries()
    assert (entry.state, entry.job_id, entry.as_job) == ("missing", "j1", Job(id="j1"))
    assert claim(ledger).job_id == "j1"
    other = claim(ledger, "another", narrow).row
    assert ledger.record(Sending(other, 60), narrow) is None
    ledger.record(Seen(Job(id="j1"), noted=True), HERE)
    (entry, _) = ledger.entries()
    assert (entry.state, entry.reason) == ("live", None)
    assert claim(ledger) == Found(Job(id="j1"))


def test_an_answer_to_another_account_changes_no_row(ledger, clock):
    submitted(ledger)
    clock.now += 121
    ledger.record(Gone("j1"), Profile(name="there", base_url=HERE.base_url))
    assert state_of(ledger) == "live"


@pytest.mark.parametrize("outcome", [Refused(1, "402"), Uncertain(1, "ReadTimeout")])
def test_whatever_becomes_of_the_post_a_known_job_stays(ledger, clock, outcome):
    """Its webhook was quicker, and then a server did not know it."""
    ledger.record(Sending(claim(ledger, callback="c").row, 60), HERE)
    ledger.record(WebhookReceived("c", "j1"), HERE)
    ledger.record(Seen(Job(id="j1"), "c"), HERE)
    clock.now += 121
    ledger.record(Gone("j1"), HERE)
    ledger.record(outcome, HERE)
    assert (state_of(ledger), ledger.entry_of("j1").row) == ("missing", 1)
    assert ledger.record(CheckWebhook(1), HERE) is None


def test_a_stopped_job_keeps_its_key_and_may_end_otherwise(ledger):
    submitted(ledger)
    ledger.record(Seen(Job(id="j1", status="cancelled")), HERE)
    assert state_of(ledger) == "stopped"
    assert claim(ledger).job.status == "cancelled"
    ledger.record(Seen(Job(id="j1", **DONE)), HERE)
    ledger.record(Seen(Job(id="j1", status="expired")), HERE)
    assert (state_of(ledger), claim(ledger).job.output) == ("completed", DONE["output"])


def test_a_stopped_job_is_replaced_on_request_alone(ledger):
    submitted(ledger)
    ledger.record(Seen(Job(id="j1", status="timeout")), HERE)
    assert isinstance(claim(ledger), Found)
    assert isinstance(claim(ledger, resubmit_uncertain=True), Claimed)
    assert isinstance(claim(ledger), Hold)
    entry = ledger.entry_of("j1")
    assert (entry.state, entry.key) == ("stopped", None)


def test_a_ledger_of_version_2_keeps_what_it_knows(ledger, clock):
    """A job that was not found was `uncertain` then, without the job; what was uncertain otherwise still is."""
    db = sqlite3.connect(ledger.path, isolation_level=None)
    for step in STEPS[:2]:
        db.executescript(step)
    row = (
        "INSERT INTO submission (account, key, endpoint, form, state, created_at, job_id) VALUES (?, ?, ?, ?, ?, ?, ?)"
    )
    for key, state, job_id in (("a", "uncertain", "j1"), ("b", "uncertain", None), ("c", "failed", "j2")):
        db.execute(row, (HERE.account, key, "lipsync-image", "{}", state, clock.now, job_id))
    db.close()
    assert [(entry.key, entry.state, entry.job_id) for entry in ledger.entries()] == [
        ("a", "missing", "j1"),
        ("b", "uncertain", None),
        ("c", "failed", "j2"),
    ]
    assert claim(ledger, "a").job_id == "j1"
    assert claim(ledger, "b").job_id is None
    assert isinstance(claim(ledger, "c"), Claimed)


def test_a_replaced_job_keeps_its_own_end(ledger, clock):
    """A job that was gone and replaced on request keeps its own end."""
    submitted(ledger)
    clock.now += 121
    ledger.record(Gone("j1"), HERE)
    row = claim(ledger, resubmit_uncertain=True).row
    ledger.record(Seen(Job(id="j1"), "a webhook's"), HERE)
    assert state_of(ledger) == "live", "it was there after all"
    ledger.record(Seen(Job(id="j1", **DONE)), HERE)
    assert state_of(ledger) == "completed"
    ledger.record(Sending(row, 60), HERE)
    ledger.record(Accepted(row, Job(id="j2")), HERE)
    assert claim(ledger).job.id == "j2"


def test_a_new_job_may_be_unknown_and_keeps_its_key(ledger, clock):
    """Whoever waits for its place looks at it, too, and not every server of the service may know it yet."""
    narrow = HERE.model_copy(update={"max_concurrency": 1})
    row = claim(ledger).row
    clock.now += 3000  # a long queue: it is the submit that makes a job new, not the claim
    ledger.record(Sending(row, 60), HERE)
    ledger.record(Accepted(row, Job(id="j1")), HERE)
    clock.now += 100
    waiting = claim(ledger, "another", narrow).row
    ledger.record(Gone("j1"), narrow)
    assert claim(ledger) == Found(Job(id="j1"))
    assert isinstance(ledger.record(Sending(waiting, 60), narrow), Hold)


def test_the_same_key_in_another_account_is_another_key(ledger):
    submitted(ledger)
    for other in (
        Profile(name="there", base_url=HERE.base_url),
        Profile(name="here", base_url="https://there.example"),
    ):
        assert isinstance(claim(ledger, profile=other), Claimed)


def test_a_content_key_says_same_inputs_same_account():
    form = ImageForm(**FORM)
    key = content_key(form, HERE)
    assert content_key(ImageForm(**FORM, resolution="480p", prompt=" "), HERE) == key
    others = [
        content_key(ImageForm(**FORM, seed=1), HERE),
        content_key(ImageForm(**FORM, extra={"x": 1}), HERE),
        content_key(form, Profile(name="there")),
    ]
    assert len({key, *others}) == 4


def test_submits_keep_the_pace_of_the_profile(ledger, clock):
    slow = HERE.model_copy(update={"submits_per_minute": 2})
    submitted(ledger, "j1", "a", slow)
    clock.now += 10
    submitted(ledger, "j2", "b", slow)
    row = claim(ledger, "c", slow).row
    assert ledger.record(Sending(row, 60), slow).seconds == pytest.approx(50)
    assert isinstance(claim(ledger, "c", slow), Hold)
    clock.now += 50
    assert ledger.record(Sending(row, 60), slow) is None


def test_jobs_at_a_time_are_bounded(ledger, clock):
    """Jobs at a time are bounded and the oldest is pointed out."""
    narrow = HERE.model_copy(update={"max_concurrency": 2})
    submitted(ledger, "j1", "a", narrow)
    submitted(ledger, "j2", "b", narrow)
    row = claim(ledger, "c", narrow).row
    clock.now += 5.5
    hold = ledger.record(Sending(row, 60), narrow)
    assert hold.look_at == "j1"
    ledger.record(Seen(Job(id="j1", **DONE)), narrow)
    assert ledger.record(Sending(row, 60), narrow) is None
    wide = HERE.model_copy(update={"account_name": "another account", "max_concurrency": 1})
    assert ledger.record(Sending(claim(ledger, "d", wide).row, 60), wide) is None


def test_the_usual_time_is_the_median_of_what_was(ledger):
    assert ledger.usual_seconds("lipsync-image") is None
    for number, milliseconds in enumerate((1000, 9000, 2000)):
        submitted(ledger, f"j{number}", f"k{number}")
        ledger.record(Seen(Job(id=f"j{number}", **{**DONE, "executionTime": milliseconds})), HERE)
    assert ledger.usual_seconds("lipsync-image") == 2
    assert ledger.usual_seconds("lipsync-video") is None


def test_previews_say_nothing_about_the_usual_time_of_the_service(ledger):
    preview = Profile(name="sandbox", base_url="http://127.0.0.1:1/api/v1", account_name="embedded sandbox 0a1b")
    row = claim(ledger, "k", preview).row
    ledger.record(Accepted(row, Job(id="j")), preview)
    ledger.record(Seen(Job(id="j", **{**DONE, "executionTime": 3000})), preview)
    assert ledger.entry_of("j").preview
    assert ledger.usual_seconds("lipsync-image") is None
    assert ledger.usual_seconds("lipsync-image", preview=True) == 3


def test_where_a_video_was_saved_is_remembered(ledger, tmp_path):
    submitted(ledger)
    ledger.saved("j1", tmp_path / "v.mp4")
    assert ledger.entry_of("j1").saved_to == str(tmp_path / "v.mp4")
    assert ledger.entry_of("j2") is None


def test_what_is_written_is_on_the_disk_first(ledger):
    """So that also a power cut loses no job id: 2 is FULL."""
    ledger.entries()
    assert ledger._connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_it_is_there_the_next_time(ledger, clock):
    submitted(ledger)
    ledger.close()
    again = Ledger(ledger.path, clock=clock)
    assert isinstance(claim(again), Found)
    again.close()


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX only")
def test_it_is_private(ledger):
    submitted(ledger)
    files = list(Path(ledger.path).parent.glob("*sqlite*"))
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_it_holds_no_key_even_if_one_is_in_the_input(ledger):
    secret = "sk_secret_0123456789"
    form = {**FORM, "image": f"https://x/{secret}"}
    row = ledger.record(Claim(Submission("lipsync-image", "/p", form, key="k")), HERE).row
    ledger.record(Accepted(row, Job(id="j1", status="failed", error=f"bad key {secret}")), HERE)
    ledger.record(Refused(row, f"said {secret}"), HERE)
    ledger.close()
    content = Path(ledger.path).read_bytes()
    assert secret.encode() not in content
    assert b"sk_ledger" not in content


def test_one_of_a_newer_version_is_left_alone(ledger):
    ledger.close()
    with sqlite3.connect(ledger.path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(ConfigurationError, match="newer version of lipsync-nodes") as caught:
        claim(ledger)
    assert "Install that version again" in str(caught.value)
    assert "LIPSYNC_LEDGER" not in str(caught.value), "another ledger would not know what was paid for"


@pytest.mark.parametrize("content", [b"this is no database" * 100, None])
def test_without_a_usable_ledger_nothing_is_submitted(sandbox, tmp_path, content):
    path = tmp_path / "ledger.sqlite"
    path.mkdir() if content is None else path.write_bytes(content)
    with LipsyncClient(sandbox.api_key, sandbox.base_url, ledger=Ledger(path)) as client:
        with pytest.raises(ConfigurationError, match="nothing is submitted without it"):
            client.submit(ImageForm(**FORM), key="k")
    assert not sandbox.received("submit")


def test_threads_share_it(ledger):
    claims = []
    threads = [threading.Thread(target=lambda: claims.append(claim(ledger))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(answer).__name__ for answer in claims) == ["Claimed"] + ["Hold"] * 15


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_connection_is_not_taken_across_a_fork(ledger):
    claim(ledger)
    code = f"""
import os, sys
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.ledger._database import _FORKED
ledger = Ledger({ledger.path!r})
before = ledger.entries() and ledger._connection
child = os.fork()
if child == 0:
    ledger.entries()  # the other is kept, too: to drop it would close it
    os._exit(0 if ledger._connection is not before and _FORKED == [before] else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.filterwarnings("error")
def test_one_that_nobody_closed_closes_itself(tmp_path):
    Ledger(tmp_path / "ledger.sqlite").entries()
    with pytest.raises(ConfigurationError):
        Ledger(tmp_path).entries()
    gc.collect()


def test_the_file_is_where_the_system_keeps_such_files():
    assert ledger_file({"XDG_STATE_HOME": "/s", "APPDATA": "/s"}).name == "ledger.sqlite"
    assert ledger_file({"LIPSYNC_LEDGER": "/some/where.sqlite"}).as_posix() == "/some/where.sqlite"


def test_a_released_key_stands_for_a_new_job(ledger):
    submitted(ledger)
    ledger.release("j1")
    assert claim(ledger) == Claimed(2)
    assert ledger.entry_of("j1").state == "live", "the job itself is remembered"


def test_a_key_is_released_of_its_job_and_in_its_own_account(ledger):
    submitted(ledger)
    ledger.release_key("k", Profile(name="somebody else"))
    assert state_of(ledger) == "live"
    assert ledger.entry_of("j1").key == "k"
    assert isinstance(claim(ledger), Found)
    ledger.release_key("k", HERE)
    assert claim(ledger) == Claimed(2)
    assert ledger.entry_of("j1").state == "live", "the job itself is remembered"
    ledger.release_key("k", HERE)
    assert isinstance(claim(ledger), Hold), "what is being submitted right now keeps its key"


def test_each_submission_that_turns_out_to_have_no_video_is_counted(ledger, clock):
    """The number changes once for each, whatever the clock says."""
    for number in range(4):
        submitted(ledger, f"j{number}", f"k{number}")
    assert ledger.without_video() == 0
    clock.now += 300
    ledger.record(Seen(Job(id="j0", **DONE)), HERE)
    assert ledger.without_video() == 0
    clock.now -= 3600
    for _ in range(2):
        ledger.record(Seen(Job(id="j1", status="failed")), HERE)
        ledger.record(Seen(Job(id="j2", status="cancelled")), HERE)
        ledger.record(Gone("j3"), HERE)
    assert ledger.without_video() == 3
    ledger.record(Uncertain(claim(ledger).row, "ReadTimeout"), HERE)
    assert ledger.without_video() == 4


def test_a_released_job_gets_its_key_back_unless_another_has_it(ledger):
    submitted(ledger)
    ledger.release_key("k", HERE)
    row = claim(ledger).row
    ledger.release("j1", key="k")
    assert ledger.entry_of("j1").key is None
    ledger.record(Refused(row, "cancelled"), HERE)
    ledger.release("j1", key="k")
    assert claim(ledger).job.id == "j1"


def test_a_released_job_can_be_kept_under_another_key(ledger):
    submitted(ledger)
    ledger.record(Seen(Job(id="j1", status="failed")), HERE)
    ledger.release("j1", key="done")
    assert ledger.job_under("done", HERE).status == "failed"
    assert ledger.job_under("k", HERE) is None
    assert ledger.job_under("done", Profile(api_key="sk_other_0123456789", base_url=HERE.base_url)) is None, (
        "of another account"
    )
