"""Compares inputs by their fields and the content of local files."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from lipsync_nodes.ledger import ContentKey, normal_inputs
from lipsync_nodes.media._prepared import PreparedForm, prepared
from lipsync_nodes.service import Form
from lipsync_nodes.settings import Profile


def content_key(form: Form | PreparedForm, profile: Profile) -> ContentKey:
    """Return a submission key that is the same for the same inputs and account. Local files count by their content."""
    form = prepared(form)
    endpoint, inputs = _json(form.spec.id), _json(form.fingerprint)
    # The JSON of [endpoint, account, inputs], for both names of the account.
    texts = (f"[{endpoint}, {_json(account)}, {inputs}]" for account in (profile.account, profile.former_account))
    key, former = (sha256(text.encode()).hexdigest() for text in texts)
    return ContentKey(key, former)


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def inputs_of(form: Form | PreparedForm) -> dict[str, Any]:
    """Return the inputs of a form as JSON, for comparison. Local files are read."""
    fields = prepared(form).fingerprint
    return normal_inputs({**fields, **fields["extra"]})
