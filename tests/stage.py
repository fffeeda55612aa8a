"""Plays a flow to its end with no socket, no clock and no sleep."""

import json

from lipsync_nodes.errors import LipsyncError
from lipsync_nodes.flows import Claim, Claimed, Policy, Record, Send, Sleep, Submission
from lipsync_nodes.flows import _submit as submitting
from lipsync_nodes.service import Answer, NoAnswer

STEADY = Policy(chance=lambda: 0.5)
FORM = {"image": "https://x/i.png", "audio": "https://x/a.mp3"}
SUBMISSION = Submission("lipsync-image", "/lipsync-image", FORM, credits=20)


class Stage:
    """Plays a flow: gives the replies in order and keeps what was sent, slept and recorded."""

    def __init__(self, *replies, ledger=lambda event: Claimed(1) if isinstance(event, Claim) else None):
        self.replies = list(replies)
        self.ledger = ledger
        self.sent, self.slept, self.events = [], [], []
        self.now = 1000.0

    def play(self, playing):
        reply = failure = None
        while True:
            try:
                effect = playing.throw(failure) if failure else playing.send(reply)
            except StopIteration as end:
                return end.value
            try:
                reply, failure = self.carry_out(effect), None
            except LipsyncError as error:
                failure = error

    def carry_out(self, effect):
        if isinstance(effect, Sleep):
            self.slept.append(effect.seconds)
            self.now += effect.seconds
            return self.now
        if isinstance(effect, Record):
            self.events.append(effect.event)
            return self.ledger(effect.event)
        assert isinstance(effect, Send)
        self.sent.append(effect)
        # The last reply is given for ever.
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    @property
    def told(self):
        """The names of the events, in order."""
        return [type(event).__name__ for event in self.events]

    @property
    def pauses(self):
        return [seconds for seconds in self.slept if seconds]


def answer(code=200, headers=None, /, **body):
    return Answer(code, headers or {}, json.dumps(body).encode(), received=0.0)


PROCESSING = answer(id="j1", status="processing")
DONE = answer(id="j1", status="completed", output="https://x/out.mp4", executionTime=12)
LOST = NoAnswer("ReadTimeout", sent=True)
UNREACHED = NoAnswer("ConnectError", sent=False)


def submit(*replies, policy=STEADY, budget=None, **options):
    stage = Stage(*replies, **options)
    return stage, lambda: stage.play(submitting.submit(SUBMISSION, policy, budget))
