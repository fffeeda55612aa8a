"""The tables of a profile: `storage` and `webhook`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from lipsync_nodes.errors import ConfigurationError
from lipsync_nodes.settings._urls import check_base, split


class Storage(BaseModel):
    """Where local files are published.

    Attributes:
        url: `s3://bucket/prefix`, `gs://…`, `az://…`, or `file:///folder` together with `public_base`.
        public_base: the URL at which a web server serves the folder.
        expires: how long a signed URL is valid at least, in seconds. It is always valid for longer than the job takes.
            S3 allows up to 7 days.
        options: obstore's options for this kind of store: `endpoint`, `region`, `access_key_id`, …. They are kept
            secret. Other options come from the store's usual environment variables.

    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: str
    public_base: Annotated[str, AfterValidator(check_base)] | None = None
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

    @model_validator(mode="after")
    def _a_folder_is_shown_somewhere(self) -> Self:
        if (self.folder is not None) is not (self.public_base is not None):
            raise ValueError("`public_base` goes with a `file:` URL, and only with one")
        return self

    def __getstate__(self) -> dict[Any, Any]:
        if self.options:
            raise stays(code="settings.storage_stays")
        return super().__getstate__()

    @property
    def folder(self) -> str | None:
        """The path of the folder, if the URL is a `file:` URL."""
        return url2pathname(urlsplit(self.url).path) if self.url.startswith("file:") else None

    @property
    def plain_http(self) -> bool:
        """Whether the store's endpoint is http, for example a server in the local network."""
        return any("endpoint" in name and value.startswith("http:") for name, value in self.secrets().items()) or any(
            os.environ.get(name, "").startswith("http:") for name in ("AWS_ENDPOINT", "AWS_ENDPOINT_URL")
        )

    def secrets(self) -> dict[str, str]:
        """Return the options as plain text, for obstore only."""
        return {name: value.get_secret_value() for name, value in self.options.items()}


class Webhook(BaseModel):
    """The receiver of webhooks; see `lipsync_nodes.webhooks`.

    Attributes:
        base: the public URL of the receiver: https, or http on this machine only. A token for each job is added to it.
        secret: the secret that the tokens are made with. It must be the same on all hosts that submit or receive.
            Default: a secret in the ledger.
        signing_secret: `whsec_…`, for a service that signs its webhooks with Standard Webhooks. Unsigned webhooks are
            then refused.

    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    base: Annotated[str, AfterValidator(lambda url: check_base(url, "a token would be readable on the way"))]
    secret: SecretStr | None = Field(default=None, min_length=16)
    signing_secret: SecretStr | None = None

    def __getstate__(self) -> dict[Any, Any]:
        if self.secret or self.signing_secret:
            raise stays(code="settings.webhook_stays")
        return super().__getstate__()


def stays(*, code: str, **facts: Any) -> ConfigurationError:
    """Return the error of something whose secrets another process could not read again."""
    return ConfigurationError(code=code, remedy="name_profile", **facts)
