"""Publishes a local file, bytes or an open file at a public URL, because the service accepts only URLs.

The profile's `storage` says where: an object store (S3 and compatible ones, Google Cloud Storage, Azure) with a signed
URL that is valid for longer than the job takes, or a folder that a web server serves. If the client uses a sandbox
without a storage, files go to the sandbox. A plugin (`hookspecs`) comes before all of these; that of a host may serve
files itself (`_public_files`). The name of a file is the
SHA-256 of its content, so the same file is uploaded only once, and its name reveals nothing about its owner.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from lipsync_nodes._tracebacks import NoFramesBelow
from lipsync_nodes.errors import ConfigurationError, ConnectionFailed, InvalidRequest, LipsyncError, may_pass
from lipsync_nodes.http import fetch, upload
from lipsync_nodes.media._open import digest, opened
from lipsync_nodes.media._prepared import PreparedForm, prepared
from lipsync_nodes.media._probe import Probe
from lipsync_nodes.plugins import plugins
from lipsync_nodes.service import Asset, Form, NoAnswer, check_media_url
from lipsync_nodes.settings import Profile, Storage

# The longest signature that S3 accepts, in seconds. obstore would not report a longer one.
LONGEST_SIGNATURE: Final = 7 * 86400.0
# A URL is valid for this much longer than the job may take, in case clocks differ.
MARGIN: Final = 3600.0
# The memory of an upload is these two, multiplied.
CHUNK: Final = 8 << 20
PARALLEL_CHUNKS: Final = 4


class Store(Protocol):
    """A storage with public URLs."""

    def publish(self, asset: Asset, name: str, found: Probe, seconds: float) -> str:
        """Store the content under a name, unless it exists, and return a URL that is valid for *seconds*."""

    def delete(self, name: str) -> None:
        """Delete the content with this name."""


def published(
    form: Form | PreparedForm, profile: Profile, *, seconds: float, allow_long: bool = False, key: str | None = None
) -> dict[str, str]:
    """Return a URL for each media field that has none. All files are checked before the first is uploaded.

    The URLs are valid for *seconds* at least: as long as the job may take. The submission *key* is for plugins.

    Raises:
        InvalidRequest: a file is missing, empty, unreadable, too long, or of the wrong kind for its field.
        ConfigurationError: there is no storage, or the storage refuses the file.

    """
    form = prepared(form)
    for name in form.assets:
        form.probe(name, allow_long=allow_long)
    urls = {name: _url_of(form, name, profile, seconds, key) for name in form.assets}
    form.check_unchanged()
    return urls


def _url_of(form: PreparedForm, name: str, profile: Profile, seconds: float, key: str | None) -> str:
    """Publish with the first plugin that accepts the file, otherwise with the profile's storage."""
    asset, found = form.assets[name], form.probe(name, allow_long=True)
    try:
        url = plugins().hook.lipsync_publish_asset(
            asset=asset,
            media_type=found.media_type,
            suffix=found.suffix,
            seconds=seconds,
            public_base=None if profile.storage else profile.public_base,
            submission_key=key,
        )
    except LipsyncError:
        raise
    except Exception as error:
        raise ConfigurationError(
            code="storage.plugin_failed",
            media=asset,
            reason=repr(error),
            remedy="nothing_sent",
            retryable=may_pass(error),
        ) from error
    if url is None:
        return _stored(form, name, store_of(profile), seconds)
    return check_media_url(str(url))


def _stored(form: PreparedForm, name: str, store: Store, seconds: float) -> str:
    """Publish under the hash of the content. If the file changed while it was stored, delete the wrong content."""
    found = form.probe(name, allow_long=True)
    file = form.digest_now(name) + found.suffix  # fails before another job's file with this name is touched
    try:
        url = store.publish(form.assets[name], file, found, seconds)
        form.check_unchanged(name)
    except InvalidRequest:
        store.delete(file)
        raise
    return url


def rehearse(profile: Profile) -> Iterator[str]:
    """Upload a small object, fetch it as the service would, and delete it. Yields the name of each step before it.

    What a step raises is a `LipsyncError`.
    """
    content = f"lipsync-nodes doctor {secrets.token_hex(8)}".encode()
    asset, note = Asset(content), Probe("image", "text/plain", ".txt", None)
    name = f"doctor-{digest(asset)}{note.suffix}"
    yield "put"
    store = store_of(profile)
    url = store.publish(asset, name, note, MARGIN)
    yield "fetch without credentials"
    answer = fetch(url)
    if isinstance(answer, NoAnswer):
        raise ConfigurationError(code="storage.url_unreached", reason=answer.reason, remedy="service_must_reach")
    if not answer.ok or answer.body != content:
        raise ConfigurationError(code="storage.url_wrong", status=answer.status, remedy="check_access")
    yield "delete"
    store.delete(name)


def store_of(profile: Profile) -> Store:
    """Return the storage of a profile. Raises `ConfigurationError` if there is none, or its extra is not installed."""
    if profile.storage is not None:
        return _FolderStore(profile.storage) if profile.storage.folder else _ObjectStore(profile.storage)
    if profile.local:
        return _SandboxStore(profile)
    raise ConfigurationError(code="storage.none", remedy="set_storage")


@dataclass(frozen=True)
class _SandboxStore:
    """The store of the client's sandbox."""

    profile: Profile

    def publish(self, asset: Asset, name: str, found: Probe, seconds: float) -> str:  # noqa: ARG002  # it stays there
        parts = urlsplit(self.profile.base_url)
        target = f"{parts.scheme}://{parts.netloc}/files/{name}"
        with opened(asset) as file:
            answer = upload(target, file, found.media_type, self.profile)
        if isinstance(answer, NoAnswer):
            base_url, reason = self.profile.base_url, answer.reason
            raise ConnectionFailed(code="storage.sandbox_unreached", base_url=base_url, reason=reason)
        if not answer.ok:
            raise ConfigurationError(
                code="storage.takes_no_files",
                target=target,
                status=answer.status,
                remedy="set_storage",
                retryable=answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR,
            )
        return str(json.loads(answer.body)["url"])

    def delete(self, name: str) -> None:
        """Do nothing: a sandbox keeps its files."""


@dataclass(frozen=True)
class _FolderStore:
    """A folder that a web server serves at `public_base`."""

    storage: Storage

    def publish(self, asset: Asset, name: str, found: Probe, seconds: float) -> str:  # noqa: ARG002  # it stays there
        target = self._path(name)
        partial = target.with_name(f".{name}.{secrets.token_hex(4)}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.is_file():
                with opened(asset) as source, partial.open("xb") as file:
                    shutil.copyfileobj(source, file)
                partial.replace(target)
        except OSError as error:
            raise ConfigurationError(
                code="storage.folder_unwritable", reason=error, retryable=may_pass(error)
            ) from None
        finally:
            partial.unlink(missing_ok=True)
        return f"{self.storage.public_base}/{name}"

    def delete(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return Path(self.storage.folder or "") / name


class _ObjectStore:
    """S3 and compatible stores, Google Cloud Storage or Azure, with signed URLs, through obstore."""

    def __init__(self, storage: Storage) -> None:
        try:
            obstore = import_module("obstore")
        except ImportError:
            raise ConfigurationError(
                code="storage.no_library", package="lipsync-nodes[storage]", remedy="install_extra"
            ) from None
        self._obstore: Any = obstore
        self._storage = storage
        _check_options(storage)
        with self._told("use"), NoFramesBelow():
            self._store = import_module("obstore.store").from_url(
                storage.url,
                config=storage.secrets(),
                client_options={"allow_http": storage.plain_http},
                retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=60)},
            )

    def publish(self, asset: Asset, name: str, found: Probe, seconds: float) -> str:
        lifetime = self._lifetime(seconds)
        with self._told("write"), opened(asset) as file:
            if not self._has(name):
                self._obstore.put(
                    self._store,
                    name,
                    # The library reads a path without waiting for Python.
                    asset.source if isinstance(asset.source, Path) and not asset.within else file,
                    attributes={"Content-Type": found.media_type},
                    chunk_size=CHUNK,
                    max_concurrency=PARALLEL_CHUNKS,
                )
        with self._told("sign"):
            return str(self._obstore.sign(self._store, "GET", name, lifetime))

    def delete(self, name: str) -> None:
        with self._told("delete"):
            self._obstore.delete(self._store, name)

    def _has(self, name: str) -> bool:
        """Return whether the content exists. The name is its hash, and stores never keep incomplete objects."""
        try:
            self._obstore.head(self._store, name)
        except FileNotFoundError:
            return False
        return True

    def _lifetime(self, seconds: float) -> timedelta:
        lifetime = max(self._storage.expires, seconds + MARGIN)
        if lifetime > LONGEST_SIGNATURE:
            days = lifetime / 86400
            raise ConfigurationError(code="storage.signature_too_long", days=days, remedy="shorten_lifetime")
        return timedelta(seconds=lifetime)

    @contextmanager
    def _told(self, action: str) -> Iterator[None]:
        """Convert an error of the store. Its message may quote a request with secrets, so only its type is kept."""
        try:
            yield
        except BaseException as error:
            # A panic of the library is not an Exception.
            ours = (self._obstore.exceptions.BaseError, ValueError)
            if not isinstance(error, ours) and type(error).__name__ != "PanicException":
                raise
            reason = _REASON.search(str(error))
            why = f"{type(error).__name__}{f', {reason[1] or reason[2]}' if reason else ''}"
            raise ConfigurationError(
                code="storage.failed",
                storage=self._storage.url,
                action=action,
                reason=why,
                remedy="check_storage",
                retryable=type(error).__name__ == "GenericError" and action != "use",  # no answer, or a 5xx
            ) from None


# The error code in S3's XML, or the name of an unknown option.
_REASON: Final = re.compile(r"<Code>(\w+)</Code>|^Configuration key: ('\w+')")
# Options of the HTTP client, not of the store. The library panics if one of them is among the store's options.
_OF_THE_CLIENT: Final = frozenset(
    {
        "allow_http", "allow_invalid_certificates", "connect_timeout", "default_content_type", "http1_only",
        "http2_keep_alive_interval", "http2_keep_alive_timeout", "http2_keep_alive_while_idle",
        "http2_max_frame_size", "http2_only", "pool_idle_timeout", "pool_max_idle_per_host", "proxy_ca_certificate",
        "proxy_excludes", "proxy_url", "randomize_addresses", "read_timeout", "timeout", "user_agent",
    }
)  # fmt: skip
_PREFIX: Final = re.compile(r"^(aws|google|azure)_")


def _check_options(storage: Storage) -> None:
    """Refuse options that would make the library panic."""
    for name in storage.options:
        if _PREFIX.sub("", name.lower()) in _OF_THE_CLIENT:
            raise ConfigurationError(code="storage.client_option", option=name, remedy="take_out_option")
