"""The tables of the ledger, and the migrations of older files."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Final

from lipsync_nodes.errors import ConfigurationError
from lipsync_nodes.ledger._entry import KEEPS_KEY
from lipsync_nodes.settings import normal_account

SCHEMA: Final = """
CREATE TABLE submission (
    row INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    key TEXT,
    endpoint TEXT NOT NULL,
    form TEXT NOT NULL,
    state TEXT NOT NULL,
    lease_until REAL,
    created_at REAL NOT NULL,
    sent_at REAL,
    ended_at REAL,
    looked_at REAL,
    job_id TEXT,
    job TEXT,
    reason TEXT,
    credits INTEGER,
    seconds REAL,
    target TEXT,
    saved_to TEXT
);
CREATE UNIQUE INDEX one_of_a_key ON submission (account, key)
    WHERE key IS NOT NULL AND state IN ('waiting', 'submitting', 'uncertain', 'live', 'completed');
CREATE INDEX by_job ON submission (job_id);
CREATE INDEX by_state ON submission (account, state);
PRAGMA user_version = 1;
"""
# For webhooks: the token's id, the job that the webhook named and when, and when it was handled.
WEBHOOKS: Final = """
ALTER TABLE submission ADD COLUMN callback TEXT;
ALTER TABLE submission ADD COLUMN called_id TEXT;
ALTER TABLE submission ADD COLUMN called_at REAL;
ALTER TABLE submission ADD COLUMN told_at REAL;
CREATE INDEX by_callback ON submission (callback);
CREATE TABLE secret (callbacks TEXT NOT NULL);
PRAGMA user_version = 2;
"""


def _normal_accounts(db: sqlite3.Connection) -> None:
    """Normalize the base URL in each account's name. If two accounts become one, only one row keeps each key.

    That is a row with a job if there is one, otherwise a row that may have been sent.
    """
    theirs = f"(SELECT key FROM submission WHERE account = ? AND {KEEPS_KEY}"  # noqa: S608
    give_up = f"UPDATE submission SET key = NULL WHERE account = ? AND {KEEPS_KEY} AND key IN {theirs}"  # noqa: S608
    for (old,) in db.execute("SELECT DISTINCT account FROM submission").fetchall():
        if (new := normal_account(old)) != old:
            db.execute(f"{give_up} AND state <> 'waiting') AND job_id IS NULL", (new, old))
            db.execute(f"{give_up})", (old, new))
            db.execute("UPDATE submission SET account = ? WHERE account = ?", (new, old))
    db.execute("PRAGMA user_version = 3")


# Before, a job that the service did not know was `uncertain`, and its data was lost; see `_rules`.
MISSING: Final = """
DROP INDEX one_of_a_key;
UPDATE submission SET state = 'missing', job = coalesce(job, json_object('id', job_id))
    WHERE state = 'uncertain' AND job_id IS NOT NULL;
CREATE UNIQUE INDEX one_of_a_key ON submission (account, key)
    WHERE key IS NOT NULL AND state NOT IN ('refused', 'failed');
PRAGMA user_version = 4;
"""
# The caller's inputs, unless the key is made from them; see `_inputs`.
INPUTS: Final = """
ALTER TABLE submission ADD COLUMN inputs TEXT;
PRAGMA user_version = 5;
"""
WEBHOOK_NAMES: Final = """
ALTER TABLE submission RENAME COLUMN called_id TO webhook_job_id;
ALTER TABLE submission RENAME COLUMN called_at TO webhook_at;
ALTER TABLE submission RENAME COLUMN told_at TO handled_at;
PRAGMA user_version = 6;
"""
# So that nothing takes longer because of the rows that are over. `without_video` counts the submissions of which it
# became known that they have no video.
FLAT: Final = """
DROP INDEX by_state;
CREATE INDEX by_state ON submission (account, state, ended_at, coalesce(sent_at, created_at));
CREATE INDEX by_account ON submission (account);
CREATE INDEX by_key ON submission (account, key) WHERE key IS NOT NULL;
CREATE INDEX by_time ON submission (account, sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX by_webhook ON submission (account, webhook_at) WHERE webhook_at IS NOT NULL AND handled_at IS NULL;
CREATE INDEX by_target ON submission (target COLLATE NOCASE)
    WHERE saved_to IS NULL AND target IS NOT NULL AND state NOT IN ('failed', 'refused', 'stopped');
CREATE INDEX by_file ON submission (saved_to COLLATE NOCASE) WHERE saved_to IS NOT NULL;
CREATE INDEX by_endpoint ON submission (endpoint) WHERE state = 'completed';
CREATE TABLE without_video (times INTEGER NOT NULL);
INSERT INTO without_video VALUES (0);
CREATE TRIGGER without_video AFTER UPDATE OF state ON submission
    WHEN new.state IN ('failed', 'stopped', 'missing', 'uncertain') AND new.state <> old.state
    BEGIN UPDATE without_video SET times = times + 1; END;
PRAGMA user_version = 7;
"""
# The tags of a submission and the latest verification of its job, both as JSON; and the name of the profile, because an
# account may have several. `by_created` is for reports of a period.
REPORTS: Final = """
ALTER TABLE submission ADD COLUMN tags TEXT;
ALTER TABLE submission ADD COLUMN verification TEXT;
ALTER TABLE submission ADD COLUMN profile TEXT;
CREATE INDEX by_created ON submission (account, created_at);
PRAGMA user_version = 8;
"""
STEPS: Final[tuple[str | Callable[[sqlite3.Connection], None], ...]] = (
    SCHEMA,
    WEBHOOKS,
    _normal_accounts,
    MISSING,
    INPUTS,
    WEBHOOK_NAMES,
    FLAT,
    REPORTS,
)
VERSION: Final = len(STEPS)


def _migrate(db: sqlite3.Connection, path: str) -> None:
    """Migrate the tables to this version. One process does it, and the others wait."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise ConfigurationError(code="ledger.newer", path=path, format=version, remedy="install_newer")
    if version < VERSION:
        db.execute("BEGIN EXCLUSIVE")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        for step in STEPS[version:]:
            if callable(step):
                step(db)
                continue
            for statement in step.split(";\n"):
                db.execute(statement)
        db.execute("COMMIT")
