"""Builds a submission from a form and the options: checks, files with URLs, the webhook."""

from __future__ import annotations

from threading import Event as Flag
from typing import Unpack
from urllib.parse import urlsplit

from lipsync_nodes import service
from lipsync_nodes._tracebacks import NoFramesBelow
from lipsync_nodes.client._checking import Checking
from lipsync_nodes.client._options import KeyOf, SubmitOptions
from lipsync_nodes.errors import ConfigurationError, InvalidRequest
from lipsync_nodes.flows import Submission
from lipsync_nodes.ledger import ContentKey, Journal, Ledger, callback_secret, check_target, new_callback, token_of
from lipsync_nodes.media import PreparedForm, inputs_of, known_credits, prepared, published
from lipsync_nodes.settings import Profile, is_loopback


class Submitting(Checking):
    """The part of a client that builds submissions."""

    def __init__(self, profile: Profile, ledger: Journal | None, key_of: KeyOf | None) -> None:
        self.profile, self.ledger = profile, ledger
        # Without a ledger, one in memory applies the profile's limits while the client exists.
        self._journal: Journal = ledger or Ledger(":memory:")
        # This one has what only a ledger knows: lengths, files, waiting callers. It does not have the jobs of a host's
        # own record.
        self._ledger = self._journal if isinstance(self._journal, Ledger) else Ledger(":memory:")
        self._key_of = key_of

    def submission(
        self,
        form: service.Form | PreparedForm,
        timeout: float | None = None,
        /,
        *,
        stop: Flag | None = None,
        **options: Unpack[SubmitOptions],
    ) -> Submission:
        """Build a submission. This reads and publishes files, and blocks. The check ends when *stop* is set."""
        if unknown := options.keys() - SubmitOptions.__annotations__.keys():
            # A misspelt `key` would not protect the caller from paying twice.
            raise InvalidRequest(code="client.no_such_option", options=sorted(unknown), remedy="nothing_sent")
        form = prepared(form)
        spec = service.spec_of(form.form)  # refuses a draft
        if timeout is not None:
            service.positive_seconds("timeout", timeout)
        callback, webhook = self._webhook(options.get("webhook"))
        key = options.get("key")
        if key is None and self._key_of is not None:
            key = self._key_of(form, self.profile)
        if key is not None and service.check_key(key) and self.ledger is None:
            raise ConfigurationError(code="key.needs_a_ledger", remedy="give_ledger")
        tags = service.check_tags(options.get("tags") or {})
        target, estimate = options.get("target"), options.get("estimate")
        if estimate is not None:
            service.whole_credits("estimate", estimate)
        target = None if target is None else check_target(target)
        allow_long = options.get("allow_long", False)
        measured = self.check_before(form, options, key, timeout, stop)
        estimate = measured if estimate is None else estimate
        if estimate is None and form.assets:
            estimate = known_credits(form, allow_long=allow_long)
        seconds = getattr(estimate, "seconds", None)
        urls = published(
            form, self.profile, seconds=timeout or service.deadline_for(seconds), allow_long=allow_long, key=key
        )
        # A key that is made from the inputs needs no comparison of the inputs.
        inputs = None if key is None or isinstance(key, ContentKey) else inputs_of(form)
        form.check_unchanged()
        submission = Submission(
            spec.id,
            spec.path,
            form.form.form_state(urls),
            webhook=webhook,
            callback=callback,
            key=key,
            credits=estimate,
            seconds=seconds,
            target=target,
            resubmit_uncertain=options.get("resubmit_uncertain", False),
            inputs=inputs,
            resubmit_changed=options.get("resubmit_changed", False),
            tags=tags,
        )
        _ = submission.form_json  # fail before the ledger is used if it cannot be encoded as JSON
        return submission

    def _webhook(self, wanted: str | None) -> tuple[str | None, str | None]:
        """Return the callback id, if the token is ours, and the URL of the webhook."""
        if wanted != "auto":
            if wanted is not None:
                _check_webhook(wanted)
            return None, wanted
        ours = self.profile.webhook
        if ours is None:
            raise ConfigurationError(code="webhook.needs_a_receiver", remedy="set_webhook")
        if ours.secret is None and self._ledger is not self.ledger:
            raise ConfigurationError(code="webhook.needs_a_ledger", remedy="give_ledger_or_secret")
        callback = new_callback()
        with NoFramesBelow():
            return callback, f"{ours.base}/{token_of(callback, callback_secret(self.profile, self._ledger))}"


def _check_webhook(url: object) -> None:
    if not isinstance(url, str):
        raise InvalidRequest(code="webhook.not_a_url", value=f"{url!r:.80}")
    try:
        parts = urlsplit(service.check_media_url(url))
    except ValueError as error:
        raise InvalidRequest(code="webhook.wrong_url", fault=error, value=f"{url!r:.80}") from None
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise InvalidRequest(code="webhook.not_https", value=f"{url!r:.80}")
