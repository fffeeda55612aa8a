"""Profiles: which key, which base URL. An explicit argument wins, then the environment, then a private file.

A plugin that has the key (hook `lipsync_credentials`) is asked right after the explicit argument.

`LIPSYNC_API_KEY`, `LIPSYNC_BASE_URL`, `LIPSYNC_STORAGE`, `LIPSYNC_WEBHOOK` and `LIPSYNC_PROFILE` are read from the
environment. Named profiles live in `profiles.toml` in the user's configuration folder (`LIPSYNC_CONFIG` names another
file), a table each:

    [default]
    api_key = "sk_…"

    [studio]
    api_key = "sk_…"
    base_url = "https://lipsync.studio/api/v1"

A profile that the caller names (argument or `--profile`) is taken whole: the environment does not change who pays.
"""

from __future__ import annotations

import os
import stat
import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from lipsync_nodes.errors import ConfigurationError, LipsyncError, conceal
from lipsync_nodes.hookspecs import plugins

__all__ = [
    "DEFAULT_BASE_URL",
    "Profile",
    "Storage",
    "Webhook",
    "is_loopback",
    "load_profile",
    "named_path",
    "profile_of",
    "profiles_file",
    "user_folder",
]

DEFAULT_BASE_URL: Final = "https://lipsync.studio/api/v1"
NO_KEY_HINT: Final = (
    "Set LIPSYNC_API_KEY to your key (sk_…), or try without one: the embedded sandbox needs none "
    "(`lipsync-nodes demo`, or `--sandbox` on any command)."
)


class Storage(BaseModel):
    """Where local files get their public URLs.

    Attributes:
        url: `s3://bucket/prefix`, `gs://…`, `az://…`, or `file:///folder` together with `public_base`.
        public_base: the URL under which a web server shows the folder.
        expires: how long a signed URL lives at least, in seconds; it always outlives the job. S3 allows 7 days.
        options: what obstore takes for this kind of store, `endpoint`, `region`, `access_key_id`, …; kept secret.
            What is not here comes from the store's usual environment variables.

    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: str
    public_base: str | None = None
    expires: float = Field(default=86400.0, gt=0, allow_inf_nan=False)
    options: dict[str, SecretStr] = Field(default_factory=dict)

    @field_validator("public_base")
    @classmethod
    def _base_is_a_url(cls, base: str | None) -> str | None:
        if base is not None and urlsplit(base).scheme not in {"http", "https"}:
            raise ValueError("must be an http(s) URL")
        return base.rstrip("/") if base else None

    @model_validator(mode="after")
    def _a_folder_is_shown_somewhere(self) -> Self:
        if (self.folder is not None) is not (self.public_base is not None):
            raise ValueError("`public_base` goes with a `file:` URL, and only with one")
        return self

    @property
    def folder(self) -> str | None:
        """The folder's path if it is one."""
        return url2pathname(urlsplit(self.url).path) if self.url.startswith("file:") else None

    @property
    def plain_http(self) -> bool:
        """Whether the store's endpoint is http, as a server on one's own network may be."""
        return any("endpoint" in name and value.startswith("http:") for name, value in self.secrets().items()) or any(
            os.environ.get(name, "").startswith("http:") for name in ("AWS_ENDPOINT", "AWS_ENDPOINT_URL")
        )

    def secrets(self) -> dict[str, str]:
        """Return the options in the clear, for obstore alone."""
        return {name: value.get_secret_value() for name, value in self.options.items()}


class Webhook(BaseModel):
    """Where webhooks reach a receiver of ours; see `lipsync_nodes.webhooks`.

    Attributes:
        base: the receiver's public URL, https, or http on this machine only; a token is added to it for each job.
        secret: what tokens are made with, the same on all hosts that submit or receive; by default the ledger's own.
        signing_secret: `whsec_…`, for a service that signs by the Standard Webhooks specification; what is not signed
            is refused then.

    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    base: str
    secret: SecretStr | None = Field(default=None, min_length=16)
    signing_secret: SecretStr | None = None

    @field_validator("base")
    @classmethod
    def _base_is_safe(cls, url: str) -> str:
        return _safe_url(url, "a token would be readable on the way")


class Profile(BaseModel):
    """Named settings. The key is a `SecretStr`: it shows in no repr, log or dump.

    Attributes:
        name: what it is called in the file, `default` if it has no name.
        api_key: the key, sent as a Bearer token.
        base_url: where the service is; https, or http on this machine only.
        budget: the most credits that all submits of one client together may cost; None for no limit.
        max_concurrency: the most jobs of this profile that run at a time, over all processes that share a ledger.
        storage: where local files get their public URLs.
        webhook: where webhooks reach us, what `webhook="auto"` needs.
        account_name: what the ledger calls the account; by default the profile's name and base URL.
        submits_per_minute: the most submits in any minute, counted likewise. The upstream's lowest tier allows 2 and 2.

    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = "default"
    api_key: SecretStr | None = None
    base_url: str = DEFAULT_BASE_URL
    budget: int | None = None
    max_concurrency: PositiveInt | None = None
    submits_per_minute: PositiveInt | None = None
    account_name: str = ""
    storage: Storage | None = None
    webhook: Webhook | None = None

    @field_validator("webhook", mode="before")
    @classmethod
    def _webhook_may_be_its_base(cls, webhook: Any) -> Any:
        return {"base": webhook} if isinstance(webhook, str) else webhook

    @field_validator("storage", mode="before")
    @classmethod
    def _storage_may_be_its_url(cls, storage: Any) -> Any:
        return {"url": storage} if isinstance(storage, str) else storage

    @field_validator("api_key")
    @classmethod
    def _key_fits_a_header(cls, key: SecretStr | None) -> SecretStr | None:
        text = key.get_secret_value().strip() if key else ""
        if not text.isascii() or any(character.isspace() or not character.isprintable() for character in text):
            raise ValueError("has characters that no key has (white space or non-ASCII)")
        conceal(text)
        return SecretStr(text) if text else None

    @field_validator("base_url")
    @classmethod
    def _base_is_safe(cls, url: str) -> str:
        return _safe_url(url, "the key would be readable on the way")

    @property
    def account(self) -> str:
        """Whose jobs these are, as the ledger calls it; the same submission key is another one in another account."""
        return self.account_name or f"{self.name} {self.base_url}"

    @property
    def local(self) -> bool:
        """Whether the base URL is on this machine, as a sandbox is."""
        return is_loopback(urlsplit(self.base_url).hostname or "")

    def bearer(self) -> str:
        """Return the key for the Authorization header; raise `ConfigurationError` if there is none."""
        if self.api_key is None:
            raise ConfigurationError(f"There is no API key (profile {self.name!r}).", hint=NO_KEY_HINT)
        return self.api_key.get_secret_value()


def _safe_url(url: str, danger: str) -> str:
    """Return a URL to build on, without a slash at its end; raise ValueError if it is none or not safe."""
    parts = urlsplit(url.strip())
    odd = any(character.isspace() or not character.isprintable() for character in url.strip())
    if odd or not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("must be a plain URL such as " + DEFAULT_BASE_URL)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError(f"must be https: {danger} (http only for this machine)")
    return url.strip().rstrip("/")


def is_loopback(host: str) -> bool:
    """Tell whether *host* is this machine by its name or address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def load_profile(
    name: str | None = None,
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    environ: Mapping[str, str] | None = None,
    ask_plugins: bool = True,
) -> Profile:
    """Put the settings together: arguments, then (for a profile nobody named) the environment, then the file.

    A plugin's key (hook `lipsync_credentials`) comes right after an explicit one.

    Args:
        name: which profile; by default `LIPSYNC_PROFILE`, or `default`.
        api_key: comes before anything else, and so does `base_url`.
        base_url: where the service is.
        environ: the environment.
        ask_plugins: whether a key is needed; a vault may be slow, or ask a person.

    Raises:
        ConfigurationError: no such profile, a file others can read, an unsafe base URL, a malformed key, a plugin that
            failed to give one.

    """
    env = os.environ if environ is None else environ
    chosen = name or env.get("LIPSYNC_PROFILE") or "default"
    values = _from_file(profiles_file(env), chosen, must_exist=chosen != "default")
    if name is None:
        values |= _given(
            api_key=env.get("LIPSYNC_API_KEY"),
            base_url=env.get("LIPSYNC_BASE_URL"),
            storage=env.get("LIPSYNC_STORAGE"),
            webhook=env.get("LIPSYNC_WEBHOOK"),
        )
    values |= _given(api_key=api_key, base_url=base_url)
    profile = profile_of(chosen, values)
    if ask_plugins and not api_key and (key := _key_of_plugin(profile)) is not None:
        return profile_of(chosen, {**values, "api_key": key})
    return profile


def profile_of(name: str, values: Mapping[str, Any]) -> Profile:
    """Make a profile of values from outside; raise `ConfigurationError` where they cannot be one."""
    try:
        return Profile(**{**values, "name": name})
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise ConfigurationError(f"Profile {name!r} cannot be used: {faults}.") from None


def _key_of_plugin(profile: Profile) -> object:
    """Return the key that the first plugin gives, as it gave it; None if none does."""
    try:
        return plugins().hook.lipsync_credentials(profile=profile.name, base_url=profile.base_url)
    except LipsyncError:
        raise
    except Exception as error:  # noqa: BLE001  # it is somebody else's code, and its text may hold what it was asked for
        failure = type(error).__name__
    raise ConfigurationError(f"A plugin could not give the key of profile {profile.name!r}: {failure}.")


def _given(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


def _from_file(path: Path, name: str, *, must_exist: bool) -> dict[str, Any]:
    profiles = _read(path) if path.is_file() else {}
    profile = profiles.get(name)
    if profile is None and must_exist:
        known = ", ".join(sorted(profiles)) or "none"
        raise ConfigurationError(f"There is no profile {name!r} in {path}.", hint=f"Profiles there: {known}.")
    if not isinstance(profile, dict | None):
        raise ConfigurationError(f"{path}: {name} is not a table.", hint=f"Write it as [{name}].")
    return dict(profile or {})


def _read(path: Path) -> dict[str, Any]:
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigurationError(f"{path} holds keys and others can read it.", hint=f"Run: chmod 600 '{path}'")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        # The error's text may quote a line, and a line may hold a key.
        raise ConfigurationError(f"{path} cannot be read as TOML ({type(error).__name__}).") from None


def profiles_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where the profiles are: `LIPSYNC_CONFIG`, or `profiles.toml` in the user's configuration folder."""
    if named := environ.get("LIPSYNC_CONFIG"):
        return named_path(named)
    return user_folder(environ, xdg="XDG_CONFIG_HOME", fallback=".config") / "profiles.toml"


@cache
def named_path(named: str) -> Path:
    """Return the file that the environment names, as an absolute path: the same after a change of folder, too."""
    return Path(named).expanduser().absolute()


def user_folder(environ: Mapping[str, str], *, xdg: str, fallback: str) -> Path:
    """Return this package's folder of one kind, by the custom of Windows, macOS or the XDG specification."""
    if sys.platform == "win32":
        base = Path(environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(environ.get(xdg) or Path.home() / fallback)
    return base / "lipsync-nodes"
