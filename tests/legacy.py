"""A ledger as version 0.1 wrote it: its schema and its names of accounts and keys, to the letter."""

import json
import sqlite3
import time
from contextlib import closing
from hashlib import sha256

from lipsync_nodes.media import PreparedForm

FORM = '{"image": "https://x/i.png", "audio": "https://x/a.mp3"}'
SCHEMA = """
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
ALTER TABLE submission ADD COLUMN callback TEXT;
ALTER TABLE submission ADD COLUMN called_id TEXT;
ALTER TABLE submission ADD COLUMN called_at REAL;
ALTER TABLE submission ADD COLUMN told_at REAL;
CREATE INDEX by_callback ON submission (callback);
CREATE TABLE secret (callbacks TEXT NOT NULL);
PRAGMA user_version = 2;
"""


def account(name, base_url):
    return f"{name} {base_url}"


def content_key(form, endpoint, name, base_url):
    content = [endpoint, account(name, base_url), PreparedForm(form).fingerprint]
    return sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def write(path, *rows):
    """Make a ledger of these rows, dictionaries of columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    usual = {"endpoint": "lipsync-image", "form": FORM, "state": "completed", "created_at": time.time()}
    with closing(sqlite3.connect(path)) as db:
        db.executescript(SCHEMA)
        for row in rows:
            values = usual | row
            if job_id := values.get("job_id"):
                done = {"id": job_id, "status": "completed", "output": "https://x/old.mp4"}
                live = {"id": job_id, "status": "processing"}
                values.setdefault("job", json.dumps(done if values["state"] == "completed" else live))
            names, marks = ", ".join(values), ", ".join("?" * len(values))
            db.execute(f"INSERT INTO submission ({names}) VALUES ({marks})", list(values.values()))
        db.commit()
