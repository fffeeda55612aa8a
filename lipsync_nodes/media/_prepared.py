"""A form with the probes and hashes of its local files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lipsync_nodes._shared import cached_property
from lipsync_nodes.errors import InvalidRequest
from lipsync_nodes.media._open import digest, state_of
from lipsync_nodes.media._probe import Probe, check
from lipsync_nodes.service import LONGEST_MEDIA, Asset, Form, spec_of, too_long


class PreparedForm:
    """A form whose local files are read only once: each is probed and hashed when that is first needed.

    If you need the key or the cost before you submit, create one and pass it to `content_key`, `known_credits` and the
    client in place of the form. If a file is written to meanwhile, the client refuses it.

    Args:
        form: a form, or a draft, which clients do not submit.

    """

    def __init__(self, form: Form) -> None:
        self.spec = spec_of(form, draft=True)
        self.form = form
        self.assets = form.assets
        self._states = {name: state_of(asset) for name, asset in self.assets.items()}
        self._probes: dict[str, Probe] = {}
        self._digests: dict[str, str] = {}

    @property
    def urls(self) -> dict[str, str]:
        """The media fields with a URL."""
        given = {name: getattr(self.form, name) for name in self.spec.media_names}
        return {name: value for name, value in given.items() if isinstance(value, str)}

    def with_assets(self, assets: Mapping[str, Asset]) -> PreparedForm:
        """Return a form with files in place of URLs. Both share their probes and hashes."""
        other = PreparedForm(self.form.model_copy(update=dict(assets)))
        other._probes, other._digests = self._probes, self._digests  # of the same class
        return other

    def probe(self, name: str, *, allow_long: bool = False) -> Probe:
        """Return the probe of a field's file. Raises `InvalidRequest` if it is too long, and the errors of `check`."""
        if name not in self._probes:
            self._probes[name] = check(self.spec, name, self.assets[name])
        found = self._probes[name]
        if found.seconds is not None and found.seconds > LONGEST_MEDIA and not allow_long:
            raise too_long(f"`{name}`", found.seconds)
        return found

    def digest(self, name: str) -> str:
        """Return the SHA-256 of a field's file, in hex."""
        if name not in self._digests:
            self._digests[name] = digest(self.assets[name])
        return self._digests[name]

    def digest_now(self, name: str) -> str:
        """Return the digest of a field's file. Raise `InvalidRequest` if it was written to since it was first read."""
        self.check_unchanged(name)
        asset, known = self.assets[name], self._digests.get(name)
        shows = self._states[name] is not None or isinstance(asset.source, bytes)
        # If an open file is in memory or in a store, only its content shows that it was changed.
        if known is not None and not shows and digest(asset) != known:
            raise _changed(asset)
        return self.digest(name)

    @cached_property
    def fingerprint(self) -> dict[str, Any]:
        """The form's identity, as JSON: its fields, and the hashes of local files."""
        fields = self.form.model_dump(mode="json", exclude=set(self.assets))
        return fields | {name: f"sha256:{self.digest(name)}" for name in self.assets}

    def check_unchanged(self, *names: str) -> None:
        """Raise `InvalidRequest` if a file of these fields (default: of any) was written to since this was created."""
        for name in names or self.assets:
            if state_of(self.assets[name]) != self._states[name]:
                raise _changed(self.assets[name])


def _changed(asset: Asset) -> InvalidRequest:
    return InvalidRequest(code="media.changed", media=asset, remedy="try_when_complete")


def prepared(form: Form | PreparedForm) -> PreparedForm:
    """Return the form as a `PreparedForm`."""
    return form if isinstance(form, PreparedForm) else PreparedForm(form)
