"""What to send and when, as generators without I/O and without a clock: submit, poll, wait."""

from lipsync_nodes.flows._budget import Budget
from lipsync_nodes.flows._effects import (
    FOREVER,
    LAST_PART,
    NO_DEADLINE,
    NO_JOB,
    Await,
    Deadline,
    Effect,
    Flow,
    Policy,
    Record,
    Send,
    Sleep,
)
from lipsync_nodes.flows._events import (
    Accepted,
    CheckWebhook,
    Claim,
    Claimed,
    Event,
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
    WebhookAction,
    WebhookHandled,
    WebhookReceived,
    concerns_ledger,
)
from lipsync_nodes.flows._submit import submit
from lipsync_nodes.flows._wait import Took, poll, quiet_seconds, run, wait

__all__ = [
    "FOREVER", "LAST_PART", "NO_DEADLINE", "NO_JOB", "Accepted", "Await", "Budget", "CheckWebhook", "Claim", "Claimed",
    "Deadline", "Effect", "Event", "Flow", "Found", "Gone", "Hold", "Paused", "Policy", "Record", "Refused", "Seen",
    "Send", "Sending", "Sleep", "Submission", "Superseded", "Took", "Uncertain", "WebhookAction", "WebhookHandled",
    "WebhookReceived", "concerns_ledger", "poll", "quiet_seconds", "run", "submit", "wait",
]  # fmt: skip
