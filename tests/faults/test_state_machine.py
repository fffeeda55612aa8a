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

from lipsync_nodes import submitting
from lipsync_nodes.answers import Answer, NoAnswer
from lipsync_nodes.contract import parse_job
from lipsync_nodes.errors import LipsyncError, SubmissionUncertain
from lipsync_nodes.events import Seen, Submission
from lipsync_nodes.flow import Policy, Record, Send
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.settings import Profile

PROFILE = Profile(name="p", base_url="https://x.example")
POLICY = Policy(chance=lambda: 0.5)
KEYS = st.sampled_from(["a", "b", "c"])
# What may become of one POST, and whether the job was made.
POSTS = st.sampled_from(
    ["made", "made, answer lost", "made, answer unreadable", "lost", "unreached", "refused", "paced"]
)
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
        self.answered = set()  # job ids that the ledger was told of
        self.sleepers = []  # flows that stand still, with the reply they are about to get
        self.allowed = dict.fromkeys("abc", 1)  # jobs that a key may have: failures and people allow more

    def fresh_ledger(self):
        return Ledger(Path(self.folder.name) / "ledger.sqlite", clock=lambda: self.now)

    def teardown(self):
        self.ledger.close()
        self.folder.cleanup()

    # The model of the service.

    def make(self, key):
        job_id = f"j{len(self.jobs)}"
        self.jobs[job_id] = [key, "processing"]
        return job_id

    def state(self, job_id):
        status = self.jobs[job_id][1]
        return {"id": job_id, "status": status, "output": "https://x/o" if status == "completed" else None}

    def post(self, key, outcome):
        if outcome == "unreached":
            return NoAnswer("ConnectError", sent=False)
        if outcome == "lost":
            return NoAnswer("ReadTimeout", sent=True)
        if outcome in {"refused", "paced"}:
            return Answer(402 if outcome == "refused" else 429, {"retry-after": "1"} if outcome == "paced" else {})
        job_id = self.make(key)
        if outcome == "made":
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
                reply = self.post(key, outcomes.pop(0) if outcomes else "lost")
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

    @rule(key=KEYS, outcomes=st.lists(POSTS, min_size=1, max_size=4), crash=CRASHES, anew=st.booleans())
    def submit(self, key, outcomes, crash, anew):
        uncertain = any(e.state in {"uncertain", "submitting"} and e.key == key for e in self.ledger.entries())
        submission = Submission("lipsync-image", "/p", {}, key=key, resubmit_uncertain=anew)
        if anew and uncertain:
            self.allowed[key] += 1
        self.carry_through(submitting.submit(submission, POLICY), key, outcomes, crash)

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

    @rule(data=st.data(), status=st.sampled_from(["completed", "failed"]))
    def job_ends(self, data, status):
        running = [job_id for job_id, (_, now) in self.jobs.items() if now == "processing"]
        if running:
            self.jobs[data.draw(st.sampled_from(running))][1] = status

    @rule(data=st.data(), times=st.integers(1, 3))
    def webhook_or_poll(self, data, times):
        """The end is seen, once or several times, whoever sees it."""
        if self.answered:
            job_id = data.draw(st.sampled_from(sorted(self.answered)))
            before = next(e.state for e in self.ledger.entries() if e.job_id == job_id)
            for _ in range(times):
                self.ledger.record(Seen(parse_job(self.state(job_id))), PROFILE)
            if before == "live" and self.jobs[job_id][1] == "failed":
                self.allowed[self.jobs[job_id][0]] += 1

    @rule(seconds=st.sampled_from([1.0, 10.0, 100.0]))
    def time_passes(self, seconds):
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
    def every_paid_job_has_a_row_that_says_at_least_perhaps(self):
        for key in "abc":
            made = sum(of == key for of, _ in self.jobs.values())
            rows = [entry for entry in self.ledger.entries() if entry.key == key and entry.sent_at is not None]
            assert len(rows) >= made


Machine.TestCase.settings = settings(
    max_examples=250, stateful_step_count=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
test_whatever_happens = Machine.TestCase
