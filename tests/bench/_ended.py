"""Fills a ledger with submissions that are over: completed, failed, stopped and refused, with webhooks and files."""

import time

from lipsync_nodes import Job
from lipsync_nodes.flows import (
    Accepted,
    Claim,
    Refused,
    Seen,
    Sending,
    Submission,
    WebhookHandled,
    WebhookReceived,
)
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.ledger._webhook_rules import WebhookRules

ENDS = ("completed",) * 7 + ("failed", "cancelled", "refused")
APART = 60.0  # seconds between two submissions
AT_A_TIME = 1000
TEXT = "A person speaks to the camera in a bright room. " * 8


def fill(ledger: Ledger, count, profile, folder):
    """Record *count* submissions from their claim to their end. The last ended an hour ago."""
    began = time.time() - 3600 - count * APART
    for first in range(0, count, AT_A_TIME):
        numbers = range(first, min(first + AT_A_TIME, count))
        ledger._written(lambda db, numbers=numbers: [one(db, profile, number, began, folder) for number in numbers])


def one(db, profile, number, began, folder):
    rules = WebhookRules(db, profile, began + number * APART)
    form = {"image": f"https://x.example/{number}.png", "audio": f"https://x.example/{number}.mp3", "prompt": TEXT}
    endpoint, end, job_id = ("lipsync-image", "lipsync-video")[number % 2], ENDS[number % len(ENDS)], f"old-{number}"
    target = f"{folder}/{number}.mp4"
    options = {"key": f"old key {number}", "callback": f"old callback {number}", "target": target, "credits": 20}
    row = rules.enter(Claim(Submission(endpoint, f"/{endpoint}", form, **options))).row
    rules.enter(Sending(row, 60))
    if end == "refused":
        rules.enter(Refused(row, "402"))
        return
    rules.enter(Accepted(row, Job(id=job_id)))
    rules.enter(WebhookReceived(options["callback"], job_id))
    output = {"output": f"https://x.example/{job_id}.mp4", "executionTime": 60_000} if end == "completed" else {}
    rules.enter(Seen(Job(id=job_id, status=end, **output), options["callback"]))
    rules.enter(WebhookHandled(options["callback"]))
    if end == "completed":
        db.execute("UPDATE submission SET saved_to = target WHERE job_id = ?", (job_id,))
