"""Whatever happens, in whatever order: one paid job per key, and no finished job forgotten.

The service is a model, the ledger and the flows are the real ones, and time is a number. A crash drops a flow on the
spot, as SIGKILL would: it gets no chance to write anything down.
"""

import json
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from lipsync_nodes.errors import LipsyncError, SubmissionUncertain
from lipsync_nodes.flows import (
    NO_DEADLINE,
    CheckWebhook,
    Deadline,
    Found,
    Gone,
    Policy,
    Record,
    Seen,
    Send,
    Submission,
    WebhookAction,
    WebhookHandled,
    WebhookReceived,
)
from lipsync_nodes.flows import _submit as submitting
from lipsync_nodes.ledger import Ledger, new_callback
from lipsync_nodes.service import Answer, NoAnswer, parse_job
from lipsync_nodes.settings import Profile

PROFILE = Profile(name="p", base_url="https://x.example")
POLICY = Policy(chance=lambda: 0.5)
KEYS = st.sampled_from(["a", "b", "c"])
# What may become of one POST, and whether the job was made.
POSTS = st.sampled_from(
    ["made", "made, answer lost", "made, answer unreadable", "lost", "unreached", "refused", "paced"]
    + ["made, completed and called", "made, failed and called", "made, completed and called, answer lost"]
    + ["made, then 503 with a pace", "made, then 302", "made, 200 with an error"]
)
# What a gateway says that does not know what the service behind it has done.
LIES = {
    "made, then 503 with a pace": Answer(503, {"retry-after": "1"}, b"busy"),
    "made, then 302": Answer(302, {"location": "https://x.example/sorry"}),
    "made, 200 with an error": Answer(200, {}, b'{"success": false, "error": "upstream"}'),
}
# How a poll may say the same in other words.
POLLS = st.sampled_from(
    [
        lambda job: job,
        lambda job: {**job, "status": job["status"].upper()},
        lambda job: {**job, "output": [{"url": job["output"]}] if job["output"] else []},
        lambda job: {**job, "output": {"video": {"url": f" {job['output']} "}} if job["output"] else None},
        lambda job: {"message": "success", "status": "success", "data": job},
        lambda job: {name: value for name, value in job.items() if name != "id"},
    ]
)
OUTPUT = "https://x/o"
CRASHES = st.sampled_from(
    [None, "Claim", "Sending", "sent", "Accepted before", "Accepted after", "asleep at Claim", "asleep at Paused"]
)


class Crash(BaseException):
    """The process is gone."""


class Asleep(BaseException):
    """The process stands still for a while, as on a laptop whose lid is closed, and then goes on."""


class Machine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.now = 1_800_000_000.0
        self.folder = tempfile.TemporaryDirectory()
        self.ledger = self.fresh_ledger()
        self.jobs = {}  # job id → key, status
        self.callbacks = {}  # job id → the callback that its webhook goes to
        self.ends = {}  # row → how its job ended
        self.answered = set()  # job ids that the ledger was told of
        self.sleepers = []  # flows that stand still, with the reply they are about to get
        self.allowed = dict.fromkeys("abc", 1)  # jobs that a key may have: failures and people allow more

    def fresh_ledger(self):
        return Ledger(Path(self.folder.name) / "ledger.sqlite", clock=lambda: self.now)

    def teardown(self):
        self.ledger.close()
        self.folder.cleanup()

    # The model of the service.

    def make(self, key, callback):
        job_id = f"j{len(self.jobs)}"
        self.jobs[job_id] = [key, "processing"]
        self.callbacks[job_id] = callback
        return job_id

    def state(self, job_id):
        status = self.jobs[job_id][1]
        return {"id": job_id, "status": status, "output": OUTPUT if status == "completed" else None}

    def answer_to_a_poll(self, job_id):
        return Answer(200, {}, json.dumps(self.state(job_id)).encode())

    def call(self, job_id, claimed=None):
        """Let a webhook come, which names *claimed*; the receiver writes it down, looks, and says that all is done."""
        callback, claimed = self.callbacks[job_id], claimed or job_id
        if self.ledger.record(WebhookReceived(callback, claimed), PROFILE) is not WebhookAction.POLL:
            return
        # What the service says of the job, and no more: one that a webhook made up is not there.
        if claimed in self.jobs:
            before = {entry.job_id: entry.state for entry in self.ledger.entries()}
            self.ledger.record(Seen(parse_job(self.state(claimed)), callback), PROFILE)
            self.learn(claimed, before)
            if self.jobs[claimed][1] != "processing":
                self.ledger.record(WebhookHandled(callback), PROFILE)

    def learn(self, job_id, before):
        """Note what the ledger knows now; the key of a job that is seen to have failed may have one job more."""
        rows = [entry for entry in self.ledger.entries() if entry.job_id == job_id]
        if rows:
            self.answered.add(job_id)
        if any(entry.state == "failed" for entry in rows) and before.get(job_id) != "failed":
            self.allowed[self.jobs[job_id][0]] += 1

    def post(self, key, callback, outcome):
        if outcome == "unreached":
            return NoAnswer("ConnectError", sent=False)
        if outcome == "lost":
            return NoAnswer("ReadTimeout", sent=True)
        if outcome in {"refused", "paced"}:
            return Answer(402 if outcome == "refused" else 429, {"retry-after": "1"} if outcome == "paced" else {})
        job_id = self.make(key, callback)
        if "called" in outcome:  # before the answer
            self.jobs[job_id][1] = "failed" if "failed" in outcome else "completed"
            self.call(job_id)
        if outcome in LIES:
            return LIES[outcome]
        if not outcome.endswith(("lost", "unreadable")):
            return Answer(200, {}, json.dumps(self.state(job_id)).encode())
        return NoAnswer("ReadError", sent=True) if "lost" in outcome else Answer(200, {}, b"{")

    def drive(self, playing, key, outcomes, crash=None, reply=None):
        """Carry a flow out; `crash` says where the process dies or falls asleep."""
        while True:
            try:
                effect = playing.send(reply)
            except StopIteration as end:
                return end.value
            if isinstance(effect, Record):
                reply = self.note(effect.event, crash)
                if crash == f"asleep at {type(effect.event).__name__}":
                    self.sleepers.append((playing, key, outcomes, reply))
                    raise Asleep
            elif isinstance(effect, Send):
                if effect.method == "GET":
                    reply = self.answer_to_a_poll(effect.path.rpartition("/")[2])
                    continue
                callback = json.loads(effect.body)["webhook"]
                reply = self.post(key, callback, outcomes.pop(0) if outcomes else "lost")
                if crash == "sent":
                    raise Crash
            else:
                self.now += effect.seconds
                reply = self.now

    def note(self, event, crash):
        name = type(event).__name__
        if crash == f"{name} before":
            raise Crash
        answer = self.ledger.record(event, PROFILE)
        if name == "Accepted":
            self.answered.add(event.job.id)
        if crash in {name, f"{name} after"}:
            raise Crash
        return answer

    # What may happen.

    @rule(
        key=KEYS,
        outcomes=st.lists(POSTS, min_size=1, max_size=4),
        crash=CRASHES,
        anew=st.booleans(),
        seconds=st.sampled_from([None, 0.3, 20.0]),
    )
    def submit(self, key, outcomes, crash, anew, seconds):
        deadline = NO_DEADLINE if seconds is None else Deadline(seconds, self.now + seconds)
        given_up = {"uncertain", "submitting", "missing", "stopped"}
        uncertain = any(e.state in given_up and e.key == key for e in self.ledger.entries())
        callback = new_callback()
        submission = Submission(
            "lipsync-image", "/p", {}, webhook=callback, callback=callback, key=key, resubmit_uncertain=anew
        )
        if anew and uncertain:
            self.allowed[key] += 1
        self.carry_through(submitting.submit(submission, POLICY, deadline=deadline), key, outcomes, crash)

    @rule(data=st.data())
    def sleeper_wakes(self, data):
        if self.sleepers:
            sleeper = self.sleepers.pop(data.draw(st.integers(0, len(self.sleepers) - 1)))
            playing, key, outcomes, reply = sleeper
            self.carry_through(playing, key, outcomes, None, reply)

    def carry_through(self, playing, key, outcomes, crash, reply=None):
        try:
            job = self.drive(playing, key, outcomes, crash, reply)
        except Asleep:
            pass
        except SubmissionUncertain as error:
            assert error.may_have_charged
        except LipsyncError as error:
            assert not error.may_have_charged
        except Crash:
            self.sleepers.clear()  # they were in the same process
            self.ledger.close()
            self.ledger = self.fresh_ledger()
        else:
            assert self.jobs[job.id][0] == key

    @rule(data=st.data(), status=st.sampled_from(["completed", "failed", "cancelled"]))
    def job_ends(self, data, status):
        running = [job_id for job_id, (_, now) in self.jobs.items() if now == "processing"]
        if running:
            self.jobs[data.draw(st.sampled_from(running))][1] = status

    @rule(data=st.data(), times=st.integers(1, 3), lie=POLLS)
    def poll(self, data, times, lie):
        """The end is seen, once or several times, whoever sees it, and however it is put."""
        if self.answered:
            job_id = data.draw(st.sampled_from(sorted(self.answered)))
            before = {entry.job_id: entry.state for entry in self.ledger.entries()}
            for _ in range(times):
                self.ledger.record(Seen(parse_job(lie(self.state(job_id)), asked_for=job_id), noted=True), PROFILE)
            self.learn(job_id, before)
            if self.jobs[job_id][1] == "completed":
                assert self.ledger.entry_of(job_id).as_job.output == OUTPUT

    @rule(data=st.data(), status=st.sampled_from(["error", "Timed Out", "CANCELED"]))
    def poll_that_is_told_of_an_end_too_early(self, data, status):
        """A gateway says it for the service: nothing ends for good by it, and nothing is free."""
        if self.answered:
            job_id = data.draw(st.sampled_from(sorted(self.answered)))
            before = self.ledger.entry_of(job_id)
            self.ledger.record(Seen(parse_job({"status": status}, asked_for=job_id)), PROFILE)
            after = self.ledger.entry_of(job_id)
            assert (after.state, after.key) in {(before.state, before.key), ("stopped", before.key), ("stopped", None)}

    @rule(data=st.data())
    def poll_of_a_server_that_does_not_know_it(self, data):
        """A look, that of whoever waits for the job's place, say, is answered with a 404."""
        if self.answered:
            job_id = data.draw(st.sampled_from(sorted(self.answered)))
            before = {entry.job_id: entry for entry in self.ledger.entries()}[job_id]
            self.ledger.record(Gone(job_id), PROFILE)
            after = {entry.job_id: entry for entry in self.ledger.entries()}[job_id]
            assert (after.job_id, after.job, after.key) == (before.job_id, before.job, before.key)
            age = self.now - (before.sent_at or before.created_at)
            assert after.state == before.state or not 0 <= age <= 60

    @rule(data=st.data(), times=st.integers(1, 3))
    def webhook(self, data, times):
        """A webhook comes for any job there is, known or not, ended or not, once or several times."""
        if self.jobs:
            job_id = data.draw(st.sampled_from(sorted(self.jobs)))
            for _ in range(times):
                self.call(job_id)
            (entry,) = [entry for entry in self.ledger.entries() if entry.job_id == job_id]
            assert entry.callback == self.callbacks[job_id]
            assert self.ledger.record(CheckWebhook(entry.row), PROFILE) == Found(entry.as_job)

    @rule(data=st.data())
    def forged_webhook(self, data):
        """Whoever has a token names a job that there is not, or that is another's; no job changes its submission."""
        if self.jobs:
            job_id = data.draw(st.sampled_from(sorted(self.jobs)))
            known = {e.job_id: e.row for e in self.ledger.entries() if e.job_id}
            others = self.jobs if job_id in known else known
            claimed = data.draw(st.sampled_from(["made up", *sorted(others)]))
            if claimed != job_id:
                self.call(job_id, claimed)
                assert {e.job_id: e.row for e in self.ledger.entries() if e.job_id} == known

    @rule(seconds=st.sampled_from([1.0, 10.0, 100.0, 300.0]))
    def time_passes(self, seconds):
        self.now += seconds

    @rule(seconds=st.sampled_from([-3600.0, -100.0, -1.0, 3600.0]))
    def clock_is_set(self, seconds):
        self.now += seconds

    # What always holds.

    @invariant()
    def one_paid_job_per_key(self):
        for key, allowed in self.allowed.items():
            assert sum(of == key for of, _ in self.jobs.values()) <= allowed

    @invariant()
    def no_job_is_forgotten(self):
        known = {entry.job_id for entry in self.ledger.entries()}
        assert self.answered <= known

    @invariant()
    def an_end_never_changes(self):
        now = {entry.row: entry.state for entry in self.ledger.entries() if entry.state in {"completed", "failed"}}
        assert self.ends.items() <= now.items()
        self.ends = now

    @invariant()
    def what_was_told_has_ended(self):
        assert {e.state for e in self.ledger.entries() if e.handled_at} <= {"completed", "failed", "stopped"}

    @invariant()
    def one_row_for_each_job(self):
        known = [entry.job_id for entry in self.ledger.entries() if entry.job_id]
        assert len(known) == len(set(known))

    @invariant()
    def every_paid_job_has_a_row_that_says_at_least_perhaps(self):
        sent = {entry.callback for entry in self.ledger.entries() if entry.sent_at is not None}
        assert set(self.callbacks.values()) <= sent


Machine.TestCase.settings = settings(
    max_examples=300, stateful_step_count=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
test_whatever_happens = Machine.TestCase
