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
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Self
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    Secret,
    SecretStr,
    StrictInt,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from lipsync_nodes.accounts import fingerprint_of, is_default_account, normal_account, normal_base_url
from lipsync_nodes.errors import ConfigurationError, LipsyncError, conceal
from lipsync_nodes.hookspecs import plugins
from lipsync_nodes.profile_file import read_profiles, shortened
from lipsync_nodes.tracebacks import NoFramesBelow
from lipsync_nodes.urls import check_base, is_loopback, split

__all__ = [
    "DEFAULT_BASE_URL",
    "Profile",
    "Storage",
    "Webhook",
    "hidden",
    "is_loopback",
    "load_profile",
    "named_path",
    "profile_of",
    "profiles_file",
    "user_folder",
    "variable",
]

DEFAULT_BASE_URL: Final = "https://lipsync.studio/api/v1"
NO_KEY_HINT: Final = (
    "Set LIPSYNC_API_KEY to your key (sk_…), or try without one: the embedded sandbox needs none "
    "(`lipsync-nodes demo`, or `--sandbox` on any command)."
)
# The fields that hold secrets, or may.
SECRETS: Final = {"api_key", "storage", "webhook"}
VARIABLES: Final = {
    "api_key": "LIPSYNC_API_KEY",
    "base_url": "LIPSYNC_BASE_URL",
    "storage": "LIPSYNC_STORAGE",
    "webhook": "LIPSYNC_WEBHOOK",
}
LONGEST_NAME: Final = 100
# More than anybody has, and still a number that the ledger can hold.
Count = Annotated[StrictInt, Field(ge=0, le=10**9)]
CountFromOne = Annotated[StrictInt, Field(ge=1, le=10**9)]


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
    expires: float = Field(default=86400.0, gt=0, allow_inf_nan=False, strict=True)
    options: dict[str, SecretStr] = Field(default_factory=dict)

    @field_validator("url")
    @classmethod
    def _url_is_a_place(cls, url: str) -> str:
        parts = split(url)
        if parts.scheme == "file":
            if parts.netloc not in {"", "localhost"} or not Path(url2pathname(parts.path)).is_absolute():
                raise ValueError("must name the folder in full: file:///folder, with three slashes")
        elif not parts.scheme or not parts.netloc:
            raise ValueError("must be a URL such as s3://bucket/prefix")
        return url

    @field_validator("public_base")
    @classmethod
    def _base_is_a_url(cls, base: str | None) -> str | None:
        return None if base is None else check_base(base)

    @model_validator(mode="after")
    def _a_folder_is_shown_somewhere(self) -> Self:
        if (self.folder is not None) is not (self.public_base is not None):
            raise ValueError("`public_base` goes with a `file:` URL, and only with one")
        return self

    def __getstate__(self) -> dict[Any, Any]:
        if self.options:
            raise _stays("These storage options")
        return super().__getstate__()

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
        return check_base(url, "a token would be readable on the way")

    def __getstate__(self) -> dict[Any, Any]:
        if self.secret or self.signing_secret:
            raise _stays("This webhook")
        return super().__getstate__()


class Profile(BaseModel):
    """Named settings. The key is a `SecretStr`: it shows in no repr, log or dump.

    A wrong one raises `ConfigurationError`, which names the field and says what is wrong with it.

    Attributes:
        name: what it is called in the file, `default` if it has no name.
        api_key: the key, sent as a Bearer token.
        base_url: where the service is; https, or http on this machine only.
        budget: the most credits that all submits of one client together may cost; None for no limit.
        max_concurrency: the most jobs of this profile that run at a time, over all processes that share a ledger.
        storage: where local files get their public URLs.
        webhook: where webhooks reach us, what `webhook="auto"` needs.
        account_name: what the ledger calls the account; by default a fingerprint of the API key, and the base URL. To
            go on with the same ledger after the key has changed, set it to what `lipsync-nodes doctor` showed before.
        submits_per_minute: the most submits in any minute, counted likewise. The upstream's lowest tier allows 2 and 2.

    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = "default"
    api_key: SecretStr | None = None
    base_url: str = DEFAULT_BASE_URL
    budget: Count | None = None
    max_concurrency: CountFromOne | None = None
    submits_per_minute: CountFromOne | None = None
    account_name: str = ""
    storage: Storage | None = None
    webhook: Webhook | None = None

    if not TYPE_CHECKING:  # to a type checker its arguments are the fields

        def __init__(self, /, **data: Any) -> None:
            data = Secret(data)
            with NoFramesBelow():
                super().__init__(**data.get_secret_value())

        # Validation goes its own way, as with pydantic's own `__init__`: it has a context.
        __init__.__pydantic_base_init__ = True

    @model_validator(mode="wrap")
    @classmethod
    def _speak_plainly(cls, data: Any, handler: Any, info: ValidationInfo) -> Self:
        try:
            profile: Self = handler(data)
        except ValidationError as error:
            name = str(data.get("name", "default")) if isinstance(data, Mapping) else "default"
            faults = "; ".join(_fault(fault, info.context or {}) for fault in error.errors(include_url=False))
            raise ConfigurationError(f"Profile {shortened(name)} cannot be used: {faults}.") from None
        return profile

    @field_validator("name", "account_name")
    @classmethod
    def _name_can_be_shown(cls, name: str, info: ValidationInfo) -> str:
        given = bool(name) or info.field_name == "account_name"
        if not given or name != name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
            raise ValueError(f"must be 1 to {LONGEST_NAME} printable characters")
        return name

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
        if fault := next((words for pattern, words in _NO_KEYS if re.search(pattern, text)), ""):
            raise ValueError(fault)
        conceal(text)
        return SecretStr(text) if text else None

    @field_validator("base_url")
    @classmethod
    def _base_is_safe(cls, url: str) -> str:
        return check_base(url, "the key would be readable on the way")

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        """Send to another process where the secrets are read again, and none of them."""
        rest = self.model_dump(exclude=SECRETS)
        if not any(getattr(self, field) for field in SECRETS):
            return type(self).model_validate, (rest,)
        for name in (None, self.name):
            with suppress(LipsyncError):
                known = load_profile(name)
                if all(getattr(known, field) == getattr(self, field) for field in SECRETS):
                    return _read_again, (name, self.account, rest)
        raise _stays(f"The profile {self.name!r}")

    @property
    def account(self) -> str:
        """Who pays, as the ledger calls it; the same submission key is another one in another account."""
        return self.account_name or f"{fingerprint_of(self.api_key)} {normal_base_url(self.base_url)}"

    @property
    def former_account(self) -> str:
        """What version 0.1 called the account, whoever paid."""
        named = "" if is_default_account(self.account_name) else self.account_name
        return named or f"{self.name} {self.base_url}"

    @property
    def accounts(self) -> tuple[str, ...]:
        """All names under which the ledger may have submissions of this account."""
        return self.account, normal_account(self.former_account)

    def owns(self, account: str) -> bool:
        """Tell whether this is one of the profile's accounts; without a key, any of its server."""
        server = f" {normal_base_url(self.base_url)}"
        return account in self.accounts or (self.api_key is None and account.endswith(server))

    @property
    def local(self) -> bool:
        """Whether the base URL is on this machine, as a sandbox is."""
        return is_loopback(urlsplit(self.base_url).hostname or "")

    def bearer(self) -> str:
        """Return the key for the Authorization header; raise `ConfigurationError` if there is none."""
        if self.api_key is None:
            raise ConfigurationError(f"There is no API key (profile {self.name!r}).", hint=NO_KEY_HINT)
        return self.api_key.get_secret_value()


def _stays(what: str) -> ConfigurationError:
    return ConfigurationError(
        f"{what} cannot be sent to another process: secrets stay in this one, and cannot be read again there.",
        hint="Put them into profiles.toml or the environment, and name the profile.",
    )


def _read_again(name: str | None, account: str, rest: Mapping[str, Any]) -> Profile:
    """Return a profile that comes from another process, with the secrets that are found in this one."""
    profile = load_profile(name).model_copy(update=rest)
    if profile.account != account:
        raise ConfigurationError(
            f"The profile {profile.name!r} of another process finds no API key here, or that of another account.",
            hint="Nothing was sent. Give both processes the same environment and the same profiles.toml.",
        )
    return profile


# What people put around a key, and what is wrong with it.
_NO_KEYS: Final = (
    (r"[^ -~]", "has characters that no key has (non-ASCII, or several lines)"),
    (r"(?i)^\W*(bearer|authorization)\b", "begins with `Bearer`; give the key alone, the word is added to it"),
    (r"^[\"'`]|[\"'`]$", "has quotes around it that are part of the value; give the key alone"),
    (r"\Wsk_", "has something before its sk_; give the key alone"),
    (r" ", "has white space in it, which no key has"),
)
# How pydantic begins its sentences.
_PYDANTIC: Final = re.compile(r"^(Value error, |Input should (?=be ))")


def _fault(fault: Any, origins: Mapping[str, str]) -> str:
    """Say what is wrong with a field and where it came from; never the value, which may be a key."""
    loc = [str(step) for step in fault["loc"]]
    field = f"`{shortened('.'.join(loc), quoted=False)}`"
    origin = f" ({origins[loc[0]]})" if loc and loc[0] in origins else ""
    if fault["type"] == "extra_forbidden":
        return f"{field}{origin}: there is no such setting{_suggestion(loc)}"
    if fault["type"] == "missing":
        return f"{field}{origin}: is missing"
    if fault["type"] == "model_type":
        return f"{field}{origin}: must be a URL or a table"
    words = _PYDANTIC.sub(lambda found: "must " if found[1].startswith("Input") else "", fault["msg"])
    return f"{field}{origin}: {words}"


def _suggestion(loc: list[str]) -> str:
    """Return the setting that was probably meant, or else all that there are."""
    nested: dict[str, type[BaseModel]] = {"storage": Storage, "webhook": Webhook}
    model = nested[loc[0]] if len(loc) > 1 else Profile
    names = sorted(model.model_fields.keys() - {"name"})
    close = get_close_matches(loc[-1], names, 1)
    return f"; did you mean `{close[0]}`?" if close else f"; there are {', '.join(names)}"


def load_profile(
    name: str | None = None,
    *,
    api_key: str | SecretStr | None = None,
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
    api_key = hidden(api_key)
    with NoFramesBelow():
        return _loaded(name, api_key, base_url, os.environ if environ is None else environ, ask_plugins=ask_plugins)


def hidden(key: str | SecretStr | None) -> SecretStr | None:
    """Return a key as what no traceback shows: an argument is a local variable of its function."""
    return SecretStr(key) if isinstance(key, str) else key


def _loaded(
    name: str | None, api_key: SecretStr | None, base_url: str | None, env: Mapping[str, str], *, ask_plugins: bool
) -> Profile:
    """Put the settings together, in frames that see the key, the file and the whole environment."""
    chosen = name or env.get("LIPSYNC_PROFILE") or "default"
    values, origins = _from_file(env, chosen)
    if not name:
        # Empty is not given; but of an empty base URL the paid service would be asked instead of what was meant.
        given = {field: env.get(variable) for field, variable in VARIABLES.items()}
        given = {field: value for field, value in given.items() if value or (value == "" and field == "base_url")}
        values |= given
        origins |= {field: VARIABLES[field] for field in given}
    arguments = {"api_key": api_key or None, "base_url": base_url}
    arguments = {field: value for field, value in arguments.items() if value is not None}
    values |= arguments
    origins |= dict.fromkeys(arguments, "the argument")
    profile = profile_of(chosen, values, origins)
    if ask_plugins and not api_key and (key := _key_of_plugin(profile)) is not None:
        return profile_of(chosen, {**values, "api_key": key}, {**origins, "api_key": "a plugin"})
    return profile


def profile_of(
    name: str, values: Mapping[str, Any] | Secret[Mapping[str, Any]], origins: Mapping[str, str] | None = None
) -> Profile:
    """Make a profile of values from outside, each field's origin named; `ConfigurationError` where they cannot be."""
    values = values if isinstance(values, Secret) else Secret(values)
    with NoFramesBelow():
        return Profile.model_validate({**values.get_secret_value(), "name": name}, context=origins)


def _key_of_plugin(profile: Profile) -> object:
    """Return the key that the first plugin gives, as it gave it; None if none does."""
    try:
        return plugins().hook.lipsync_credentials(profile=profile.name, base_url=profile.base_url)
    except LipsyncError:
        raise
    except Exception as error:  # noqa: BLE001  # it is somebody else's code, and its text may hold what it was asked for
        failure = type(error).__name__
    raise ConfigurationError(f"A plugin could not give the key of profile {profile.name!r}: {failure}.")


def _from_file(env: Mapping[str, str], name: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what the profiles file says of a profile, and where each field of it stands."""
    named = bool(env.get("LIPSYNC_CONFIG"))
    try:
        path = profiles_file(env)
    except ConfigurationError:  # there is no home: no file in it either
        if named or name != "default":
            raise
        return {}, {}
    profiles = read_profiles(path, named=named)
    profile = profiles.get(name)
    if profile is None and name != "default":
        known = ", ".join(shortened(known, quoted=False) for known in sorted(profiles)) or "none"
        raise ConfigurationError(f"There is no profile {shortened(name)} in {path}.", hint=f"Profiles there: {known}.")
    return dict(profile or {}), dict.fromkeys(profile or {}, f"{path}, [{name}]")


def profiles_file(environ: Mapping[str, str] | None = None) -> Path:
    """Return where the profiles are: `LIPSYNC_CONFIG`, or `profiles.toml` in the user's configuration folder."""
    if named := variable("LIPSYNC_CONFIG", environ):
        return named_path(named)
    return user_folder(environ, xdg="XDG_CONFIG_HOME", fallback=".config") / "profiles.toml"


@cache
def named_path(named: str) -> Path:
    """Return the file that the environment names, as an absolute path: the same after a change of folder, too."""
    try:
        return Path(named).expanduser().absolute()
    except (RuntimeError, OSError) as error:  # there is no such home, or the folder that we are in was removed
        raise ConfigurationError(
            f"The path {shortened(named)} leads nowhere: {error}.", hint="Name it in full, from the root on."
        ) from None


def variable(name: str, environ: Mapping[str, str] | None = None) -> str | None:
    """Return a variable of the environment, which no caller needs as a local variable: it shows all keys there are."""
    return (os.environ if environ is None else environ).get(name)


def user_folder(environ: Mapping[str, str] | None = None, *, xdg: str, fallback: str) -> Path:
    """Return this package's folder of one kind, by the custom of Windows, macOS or the XDG specification."""
    if sys.platform == "win32":
        base = Path(variable("APPDATA", environ) or _home() / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        base = _home() / "Library" / "Application Support"
    else:
        base = Path(variable(xdg, environ) or _home() / fallback)
    return base / "lipsync-nodes"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:
        raise ConfigurationError(
            "There is no home folder: HOME is not set, and the system does not know this user.",
            hint="Set HOME, or name files of your own in LIPSYNC_CONFIG and LIPSYNC_LEDGER.",
        ) from None
