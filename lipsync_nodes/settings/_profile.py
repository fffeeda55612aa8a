"""Profiles: the API key, the base URL and the other settings of an account.

`load_profile` says where each setting comes from, and `_load.VARIABLES` lists the environment variables. The profiles
file is `profiles.toml` in the user's configuration folder, or the file that `LIPSYNC_CONFIG` names. It has one table
for each profile:

    [default]
    api_key = "sk_…"

    [team]
    api_key = "sk_…"
    base_url = "https://lipsync.studio/api/v1"

If the caller names a profile (as an argument or with `--profile`), the environment is not used, so that it cannot
change who pays.

Unless the file has a profile `sandbox`, that name means the free sandbox that the command line and ComfyUI start by
themselves. A server on this machine needs no API key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
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

from lipsync_nodes._redaction import conceal
from lipsync_nodes._tracebacks import NoFramesBelow
from lipsync_nodes.errors import ConfigurationError
from lipsync_nodes.settings._accounts import fingerprint_of, is_default_account, normal_account, normal_base_url
from lipsync_nodes.settings._nested import Storage, Webhook, stays
from lipsync_nodes.settings._profiles_file import shortened
from lipsync_nodes.settings._urls import check_base, is_loopback

DEFAULT_BASE_URL: Final = "https://lipsync.studio/api/v1"
# What a sandbox on this machine accepts, sent if there is no API key. It is not a secret.
LOCAL_KEY: Final = "sk_sandbox_local"
# The sandbox that a host starts by itself. Its port changes, so its account has a name of its own.
EMBEDDED_ACCOUNT: Final = "embedded sandbox"
NOT_STARTED: Final = "http://127.0.0.1:1/api/v1"
LONGEST_NAME: Final = 100
LONGEST_CURRENCY: Final = 12
# The upper limit is more than anybody needs, and the ledger can store it.
Count = Annotated[StrictInt, Field(ge=0, le=10**9)]
CheckMode = Literal["off", "warn", "refuse"]
"""off: no check. warn: report findings, and refuse only what certainly cannot work. refuse: also refuse what is likely
wasted."""
CountFromOne = Annotated[StrictInt, Field(ge=1, le=10**9)]


def _safe(danger: str) -> AfterValidator:
    return AfterValidator(lambda url: check_base(url, danger))


def _or_just(name: str) -> BeforeValidator:
    """Accept a text in place of a table: the value of this field."""
    return BeforeValidator(lambda value: {name: value} if isinstance(value, str) else value)


class Profile(BaseModel):
    """The settings of an account. The API key is a `SecretStr`, so it is in no repr, log or dump.

    An invalid setting raises `ConfigurationError`, which names the field and says what is wrong.

    Attributes:
        name: the name in the profiles file; `default` if there is none.
        api_key: the API key, sent as a Bearer token.
        base_url: the URL of the service: https, or http on this machine only.
        budget: the most credits that all submissions of one client together may cost; None for no limit.
        max_concurrency: the most jobs of this profile that run at a time, counted across all processes that share a
            ledger. The lowest tier of the upstream allows 2.
        price: the price of a credit in money, for reports. The package contains none.
        currency: the currency of the price, such as `USD`.
        storage: where local files are published.
        public_base: the public URL of the host's own web server: https, or http on this machine only. Without a
            storage, a host that can (ComfyUI) serves local files there for the time of a job.
        webhook: the receiver for `webhook="auto"`.
        account_name: the name of the account in the ledger. Default: a fingerprint of the API key, and the base URL. To
            keep using the ledger with a new API key, set it to what `lipsync-nodes doctor` showed with the old one.
        submits_per_minute: the most submissions in any minute, counted like `max_concurrency`. The lowest tier of the
            upstream allows 2.
        check: what a client does with the findings of the check before a submission, unless the call says it.

    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = "default"
    api_key: SecretStr | None = None
    base_url: Annotated[str, _safe("the key would be readable on the way")] = DEFAULT_BASE_URL
    budget: Count | None = None
    max_concurrency: CountFromOne | None = None
    submits_per_minute: CountFromOne | None = None
    account_name: str = ""
    price: Annotated[Decimal, Field(ge=0, le=10**6, allow_inf_nan=False)] | None = None
    currency: str = ""
    storage: Annotated[Storage, _or_just("url")] | None = None
    public_base: Annotated[str, _safe("the media would be readable on the way")] | None = None
    webhook: Annotated[Webhook, _or_just("base")] | None = None
    check: CheckMode = "warn"

    if not TYPE_CHECKING:  # for type checkers, the arguments are the fields

        def __init__(self, /, **data: Any) -> None:
            data = Secret(data)
            with NoFramesBelow():
                super().__init__(**data.get_secret_value())

        # Without this, pydantic's validation would call this `__init__`, and lose its context.
        __init__.__pydantic_base_init__ = True

    @model_validator(mode="wrap")
    @classmethod
    def _speak_plainly(cls, data: Any, handler: Any, info: ValidationInfo) -> Self:
        try:
            profile: Self = handler(data)
        except ValidationError as error:
            name = str(data.get("name", "default")) if isinstance(data, Mapping) else "default"
            faults = [_fault(fault, info.context or {}) for fault in error.errors(include_url=False)]
            raise ConfigurationError(code="settings.unusable_profile", profile=shortened(name), faults=faults) from None
        return profile

    @field_validator("name", "account_name")
    @classmethod
    def _name_can_be_shown(cls, name: str, info: ValidationInfo) -> str:
        given = bool(name) or info.field_name == "account_name"
        if not given or name != name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
            raise ValueError(f"must be 1 to {LONGEST_NAME} printable characters")
        return name

    @field_validator("currency")
    @classmethod
    def _currency_is_short(cls, currency: str) -> str:
        if currency != currency.strip() or not currency.isprintable() or len(currency) > LONGEST_CURRENCY:
            raise ValueError(f"must be up to {LONGEST_CURRENCY} printable characters, such as USD")
        return currency

    @field_validator("account_name")
    @classmethod
    def _only_a_sandbox_has_its_account(cls, name: str, info: ValidationInfo) -> str:
        host = urlsplit(info.data.get("base_url", "")).hostname or ""
        if name.startswith(EMBEDDED_ACCOUNT) and not is_loopback(host):
            raise ValueError(f"must not begin with {EMBEDDED_ACCOUNT!r}, the account of previews")
        return name

    @field_validator("api_key")
    @classmethod
    def _key_fits_a_header(cls, key: SecretStr | None) -> SecretStr | None:
        text = key.get_secret_value().strip() if key else ""
        if fault := next((words for pattern, words in _NO_KEYS if re.search(pattern, text)), ""):
            raise ValueError(fault)
        conceal(text)
        return SecretStr(text) if text else None

    def __getstate__(self) -> dict[Any, Any]:
        # A subclass comes here, which `copyreg` does not know; see `_load`.
        if self.api_key or self.storage or self.webhook:
            raise stays(code="settings.profile_stays", profile=self.name)
        return super().__getstate__()

    @property
    def account(self) -> str:
        """The account's name in the ledger. The same submission key in another account is a different one."""
        return self.account_name or f"{fingerprint_of(self.api_key)} {normal_base_url(self.base_url)}"

    @property
    def former_account(self) -> str:
        """The account's name in version 0.1, which did not depend on the API key."""
        named = "" if is_default_account(self.account_name) else self.account_name
        return named or f"{self.name} {self.base_url}"

    @property
    def accounts(self) -> tuple[str, ...]:
        """All names under which the ledger may have submissions of this account."""
        return self.account, normal_account(self.former_account)

    def owns(self, account: str) -> bool:
        """Return whether this is an account of the profile. Without an API key, all accounts of its server are."""
        server = f" {normal_base_url(self.base_url)}"
        return account in self.accounts or (self.api_key is None and account.endswith(server))

    @property
    def local(self) -> bool:
        """Whether the base URL is on this machine, as a sandbox is."""
        try:
            return is_loopback(urlsplit(self.base_url).hostname or "")
        except ValueError:  # no URL: the first request says so
            return False

    @property
    def embedded(self) -> bool:
        """Whether this is the sandbox that a host starts by itself."""
        return self.local and self.account_name.startswith(EMBEDDED_ACCOUNT)

    @property
    def free(self) -> bool:
        """Whether nothing has to be paid for: it is a sandbox on this machine, and there is no API key."""
        return self.embedded or (self.local and self.api_key is None)

    def check_started(self) -> None:
        """Raise `ConfigurationError` if this is an embedded sandbox that no host has started."""
        if self.base_url == NOT_STARTED and self.embedded:
            raise ConfigurationError(code="settings.sandbox_not_started", remedy="start_own_sandbox")

    def bearer(self) -> str:
        """Return the API key for the Authorization header. Without one, raise `ConfigurationError`.

        A server on this machine needs none.
        """
        if self.api_key is None and self.local:
            return LOCAL_KEY
        if self.api_key is None:
            raise ConfigurationError(code="settings.no_key", profile=self.name, remedy="set_key")
        return self.api_key.get_secret_value()


# Common mistakes in an API key, and the message for each.
_NO_KEYS: Final = (
    (r"[^ -~]", "has characters that no key has (non-ASCII, or several lines)"),
    (r"(?i)^\W*(bearer|authorization)\b", "begins with `Bearer`; give the key alone, the word is added to it"),
    (r"^[\"'`]|[\"'`]$", "has quotes around it that are part of the value; give the key alone"),
    (r"\Wsk_", "has something before the key; give the key alone"),
    (r" ", "has white space in it, which no key has"),
)
# The beginnings of pydantic's messages.
_PYDANTIC: Final = re.compile(r"^(Value error, |Input should (?=be ))")


def _fault(fault: Any, origins: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with a field and where it came from, without the value, which may be an API key."""
    loc = [str(step) for step in fault["loc"]]
    place = {"field": shortened(".".join(loc), quoted=False), "origin": origins.get(loc[0], "") if loc else ""}
    if fault["type"] == "extra_forbidden":
        return {"code": "settings.no_such_setting", **place, **_suggestion(loc)}
    known = {"missing": "is missing", "model_type": "must be a URL or a table"}
    words = _PYDANTIC.sub(lambda found: "must " if found[1].startswith("Input") else "", fault["msg"])
    return {"code": "settings.fault", **place, "fault": known.get(fault["type"], words)}


def _suggestion(loc: list[str]) -> dict[str, str]:
    """Return the setting that was probably meant, or all settings."""
    nested: dict[str, type[BaseModel]] = {"storage": Storage, "webhook": Webhook}
    model = nested[loc[0]] if len(loc) > 1 else Profile
    names = sorted(model.model_fields.keys() - {"name"})
    close = get_close_matches(loc[-1], names, 1)
    return {"meant": close[0]} if close else {"known": ", ".join(names)}
