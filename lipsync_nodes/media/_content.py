"""What makes inputs the same inputs: their fields, and the content of local files."""

from __future__ import annotations

import json
from hashlib import file_digest, sha256
from typing import Any

from lipsync_nodes.ledger import ContentKey, normal_inputs
from lipsync_nodes.media._open import opened
from lipsync_nodes.service import Asset, Form, spec_of
from lipsync_nodes.settings import Profile

__all__ = [
    "content_key",
    "digest",
    "fingerprint",
    "inputs_of",
]


def content_key(form: Form, profile: Profile) -> ContentKey:
    """Return the submission key that says "same inputs, same account"; a local file counts by its content."""
    endpoint, inputs = spec_of(form).id, fingerprint(form)
    key, former = (_hashed([endpoint, account, inputs]) for account in (profile.account, profile.former_account))
    return ContentKey(key, former)


def _hashed(content: list[object]) -> str:
    return sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def inputs_of(form: Form) -> dict[str, Any]:
    """Return what a form asks for, as JSON; local files are read."""
    fields = fingerprint(form)
    return normal_inputs({**fields, **fields["extra"]})


def digest(asset: Asset) -> str:
    """Return the SHA-256 of the content, in hex; the file is streamed."""
    with opened(asset) as file:
        return file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # typed for raw files only


def fingerprint(form: Form) -> dict[str, Any]:
    """Return what makes a form the form it is, as JSON: its fields, and for a local file its content."""
    fields = form.model_dump(mode="json", exclude=set(form.assets))
    return fields | {name: f"sha256:{digest(asset)}" for name, asset in form.assets.items()}
