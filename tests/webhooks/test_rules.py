"""What is refused before anything is sent, whom the ledger believes, and what a token is."""

import sqlite3
from contextlib import closing

import httpx
import pytest

from lipsync_nodes import ConfigurationError, Job, LipsyncClient
from lipsync_nodes.flows import (
    Accepted,
    Claim,
    Found,
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
)
from lipsync_nodes.ledger import Ledger, callback_of, new_callback, token_of
from lipsync_nodes.ledger._file import PENDING_SECONDS
from lipsync_nodes.ledger._schema import SCHEMA
from lipsync_nodes.ledger._tokens import new_secret
from lipsync_nodes.settings import Profile, load_profile
from lipsync_nodes.settings._nested import Webhook
from tests.conftest import QUICK
from tests.receiving import rows
from tests.webhooks.conftest import FORM

# What is refused before anything is sent.


def test_auto_needs_a_base_and_a_ledger(sandbox, face_of):
    bare = Profile(api_key=sandbox.api_key, base_url=sandbox.base_url)
    based = bare.model_copy(update={"webhook": Webhook(base="https://hooks.example/lipsync")})
    with Ledger(":memory:") as ledger:
        with pytest.raises(ConfigurationError, match="needs the public URL"):
            face_of(profile=bare, ledger=ledger).submit(FORM, webhook="auto")
    with pytest.raises(ConfigurationError, match="needs a ledger"):
        face_of(profile=based).submit(FORM, webhook="auto")
    assert sandbox.received("submit") == []


def test_the_base_is_a_setting_and_has_to_be_https(monkeypatch, tmp_path):
    monkeypatch.setenv("LIPSYNC_WEBHOOK", "https://hooks.example/lipsync/")
    assert load_profile().webhook == Webhook(base="https://hooks.example/lipsync")
    for base in ("http://hooks.example", "ftp://x", "https://u@x", "https://x/?q"):
        monkeypatch.setenv("LIPSYNC_WEBHOOK", base)
        with pytest.raises(ConfigurationError, match="webhook"):
            load_profile()
    file = tmp_path / "profiles.toml"
    file.write_text('[default]\nwebhook = {base = "https://x.example", secret = "too short"}\n')
    file.chmod(0o600)
    monkeypatch.delenv("LIPSYNC_WEBHOOK")
    monkeypatch.setenv("LIPSYNC_CONFIG", str(file))
    with pytest.raises(ConfigurationError, match="secret") as caught:
        load_profile()
    assert "too short" not in str(caught.value)


# The rules of the ledger.


def entered(ledger, *events):
    return [ledger.record(event, Profile(name="p")) for event in events][-1]


def claimed(ledger, callback, **options):
    submission = Submission("lipsync-image", "/p", {}, key="k", callback=callback, **options)
    return entered(ledger, Claim(submission)).row


def pending(ledger):
    return [entry.webhook_job_id for entry in ledger.pending_webhooks(Profile(name="p"))]


DONE = Job(id="j1", status="completed", output="https://x/o.mp4")


def test_a_replacement_that_was_not_sent_is_cancelled():
    """A person allowed it because the first one was uncertain; its webhook came in time to save the money."""
    with Ledger(":memory:") as ledger:
        one = claimed(ledger, "one")
        entered(ledger, Sending(one, 60), Uncertain(one, "no answer came"))
        two = claimed(ledger, "two", resubmit_uncertain=True)
        assert entered(ledger, WebhookReceived("one", "j1"), Seen(DONE, "one"), Sending(two, 60)) == Superseded()
        assert entered(ledger, Claim(Submission("lipsync-image", "/p", {}, key="k"))) == Found(DONE)


def test_the_answer_of_the_post_wins_over_a_webhook():
    """The answer of the post knows its job better than a webhook."""
    with Ledger(":memory:") as ledger:
        row = claimed(ledger, "one")
        entered(ledger, Sending(row, 60), WebhookReceived("one", "j1"), Seen(DONE, "one"), Accepted(row, Job(id="j2")))
        (entry,) = ledger.entries()
        assert (entry.job_id, entry.state) == ("j2", "live")
        assert "j1" in entry.reason


def test_a_submit_whose_webhook_came_is_not_sent_again():
    """A submit whose webhook has come is neither refused nor sent again."""
    with Ledger(":memory:") as ledger:
        row = claimed(ledger, "one")
        entered(ledger, Sending(row, 60), Paused(row, 1), WebhookReceived("one", "j1"), Seen(DONE, "one"))
        assert entered(ledger, Sending(row, 60)) == Found(DONE)
        assert entered(ledger, Refused(row, "402"), Uncertain(row, "lost")) == Found(DONE)
        assert ledger.entries()[0].state == "completed"


def test_a_job_that_goes_on_is_pending_again():
    """`cancelled` is no documented status: such a job may still complete, and then its webhook comes again."""
    with Ledger(":memory:") as ledger:
        row = claimed(ledger, "one")
        hint, stopped = WebhookReceived("one", "j1"), Job(id="j1", status="cancelled")
        entered(ledger, Sending(row, 60), Accepted(row, Job(id="j1")), hint, Seen(stopped), WebhookHandled("one"))
        entered(ledger, Seen(Job(id="j1"), noted=True))
        assert pending(ledger) == []
        assert entered(ledger, hint) is WebhookAction.POLL
        assert pending(ledger) == ["j1"]


def test_a_webhook_that_comes_again_after_a_week_is_pending():
    """Whoever was away that long is told of it again; what came before is too old."""
    now = 1e9
    with Ledger(":memory:", clock=lambda: now) as ledger:
        row = claimed(ledger, "one")
        entered(ledger, Sending(row, 60), Accepted(row, Job(id="j1")), WebhookReceived("one", "j1"))
        now += PENDING_SECONDS + 1
        assert pending(ledger) == []
        entered(ledger, WebhookReceived("one", "j1"))
        assert pending(ledger) == ["j1"]


def test_a_webhook_of_another_account_is_refused():
    with Ledger(":memory:") as ledger:
        entered(ledger, Sending(claimed(ledger, "one"), 60))
        assert (
            ledger.record(WebhookReceived("one", "j1"), Profile(name="p", api_key="sk_other_0123456789"))
            is WebhookAction.REFUSE
        )


def test_a_ledger_from_before_webhooks_is_migrated(path):
    """A ledger of before there were webhooks is brought to this version."""
    with closing(sqlite3.connect(path)) as old:
        old.executescript(SCHEMA)
        old.execute(
            "INSERT INTO submission (account, endpoint, form, state, created_at) VALUES ('a', 'e', '{}', 'x', 1)"
        )
        old.commit()
    with Ledger(path) as ledger:
        assert [(entry.account, entry.callback) for entry in ledger.entries()] == [("a", None)]
        assert ledger.secret() == ledger.secret()


# Tokens.


def test_a_token_is_genuine_for_its_secret_alone():
    secret, callback = new_secret(), new_callback()
    token = token_of(callback, secret)
    assert callback_of(token, secret) == callback
    assert callback_of(token, new_secret()) is None
    odd = ("", "cb_", "é" * 67, "cb_" + "\ud800" * 64)
    for wrong in (*odd, callback, token[3:], token[:-1], token + "A", token.upper()):
        assert callback_of(wrong, secret) is None
    for position in range(len(token)):
        other = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
        assert callback_of(other, secret) is None


def test_no_two_submissions_have_the_same_token(sandbox, receiving):
    with LipsyncClient(profile=receiving.profile, ledger=receiving.ledger, policy=QUICK) as client:
        for _ in range(5):
            client.submit(FORM, webhook="auto")
    tokens = {row.webhook for row in rows(sandbox)}
    assert len(tokens) == 5
    assert all(httpx.URL(token).path.startswith("/cb_") for token in tokens)
    assert not any(submit.leaks_key for submit in sandbox.received("submit"))
