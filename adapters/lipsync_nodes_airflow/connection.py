"""Reads an Airflow connection as a profile."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from airflow.providers.common.compat.sdk import Connection

from lipsync_nodes import ConfigurationError, Profile
from lipsync_nodes.host import is_loopback, profile_of

__all__ = ["profile_from"]

_COUNTS: Final = {"budget", "max_concurrency", "submits_per_minute"}
_ORIGINS: Final = {"base_url": "the connection's host", "api_key": "the connection's password"}


def profile_from(name: str, connection: Connection) -> Profile:
    """Return a connection as a `Profile`; raise `ConfigurationError` if it cannot be used."""
    if connection.login:
        raise ConfigurationError(code="airflow.login", connection=name, remedy="put_key_in_password")
    given = {field: value for field, value in connection.extra_dejson.items() if value is not None and value != ""}
    if secret := given.pop("webhook_secret", None):
        given["webhook"] = {"base": given.get("webhook", ""), "secret": secret}
    for field in _COUNTS & given.keys():
        if str(given[field]).isdecimal():  # a connection that is written as a URI has only strings
            given[field] = int(given[field])
    url = _base_url(name, connection)
    origins = dict.fromkeys(given, "the connection's extra") | _ORIGINS
    profile = profile_of(name, {**given, **({"base_url": url} if url else {}), "api_key": connection.password}, origins)
    if profile.api_key is None and not profile.local:  # a sandbox on this machine needs none
        raise ConfigurationError(code="airflow.no_key", connection=name, remedy="put_key_in_password")
    return profile


def _base_url(name: str, connection: Connection) -> str:
    """Return the base URL from the host, port and schema of a connection; empty if it has none of them.

    As in Airflow's HTTP connections, the host is a URL or only a name, and the schema can be `http` or `https`. When
    Airflow reads a URI such as `lipsync://:sk_…@localhost:8787/api/v1`, the schema is its path.
    """
    host, schema = (connection.host or "").strip(), (connection.schema or "").strip("/")
    if not host and not schema and not connection.port:
        return ""
    scheme, path = (schema, "") if schema in {"http", "https"} else ("", schema)
    if "://" not in host:
        path = path or urlsplit(f"//{host}").path.strip("/") or _default_path()
        host = f"{scheme or _scheme_for(host)}://{host}"
    try:
        parts = urlsplit(host)
        given = {"scheme": scheme, "port": connection.port, "path": path}
        there = {"scheme": parts.scheme, "port": parts.port, "path": parts.path.strip("/")}
    except ValueError:  # the profile says what is wrong with it
        return host
    if not parts.hostname or any(given[part] and there[part] not in {None, "", given[part]} for part in given):
        raise ConfigurationError(code="airflow.host_in_parts", connection=name, remedy="host_is_base_url")
    port = f":{connection.port}" if connection.port and not parts.port else ""
    return parts._replace(netloc=parts.netloc + port, path=f"/{path or there['path']}").geturl()


def _scheme_for(host: str) -> str:
    try:
        return "http" if is_loopback(urlsplit(f"//{host}").hostname or "") else "https"
    except ValueError:
        return "https"


def _default_path() -> str:
    return urlsplit(Profile().base_url).path.strip("/")
