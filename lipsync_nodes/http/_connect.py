"""Creates httpx clients with TLS, the environment's proxies and no cookies, and checks that connecting is possible."""

from __future__ import annotations

# This and httpcore are imported here, not at the first request: a process that is forked during the import would hang.
import encodings.idna  # noqa: F401
import threading
from collections.abc import Callable
from functools import cache, lru_cache
from http.cookiejar import CookieJar
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies

import httpcore  # noqa: F401
import httpx
from pydantic import SecretStr

from lipsync_nodes._tracebacks import interrupt_first
from lipsync_nodes.errors import ConfigurationError
from lipsync_nodes.settings import is_loopback

if TYPE_CHECKING:
    import ssl


T = TypeVar("T")

LARGEST_PORT: Final = 65535


@cache
def tls_context() -> ssl.SSLContext:
    """Return the TLS context of this process. Creating it takes 32 ms."""
    return httpx.create_ssl_context()


class NoCookies(CookieJar):
    """Keeps no cookie and sends none, because all API keys in an event loop share the connections."""

    def extract_cookies(self, *_: Any) -> None:
        """Keep nothing."""

    def add_cookie_header(self, *_: Any) -> None:
        """Send nothing."""


def client_options(proxy: SecretStr | None, *, kept: int = 0) -> dict[str, Any]:
    """Return the options for an httpx client. It keeps this many connections for further requests."""
    return {
        "verify": tls_context(),
        "limits": httpx.Limits(max_connections=100, max_keepalive_connections=kept),
        "cookies": NoCookies(),
        # httpx fails on some entries of NO_PROXY that other programs accept; see `proxy_for`.
        "trust_env": False,
        "proxy": proxy.get_secret_value() if proxy else None,
    }


def proxy_for(url: str) -> SecretStr | None:
    """Return the environment's proxy for a URL; None for a direct connection. The proxy may contain a password."""
    target, proxies = urlsplit(url), getproxies()
    proxy = proxies.get(target.scheme) or proxies.get("all")
    # This machine is never reached through a proxy.
    if not proxy or is_loopback(target.hostname or ""):
        return None
    if any(_matches(target, entry.strip()) for entry in proxies.get("no", "").split(",") if entry.strip()):
        return None
    return SecretStr(proxy if "://" in proxy else f"http://{proxy}")


def _matches(target: SplitResult, entry: str) -> bool:
    """Return whether an entry of NO_PROXY matches: a name, domain, address or network, with or without a port."""
    host = (target.hostname or "").rstrip(".")
    try:
        network = ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return _is_named(target, host, entry)
    try:
        return ip_address(host) in network
    except ValueError:
        return False


def _is_named(target: SplitResult, host: str, entry: str) -> bool:
    try:
        named = urlsplit(entry if "://" in entry else f"//{entry}")
        port = named.port
    except ValueError:  # not a valid name, so it matches nothing
        return False
    domain = (named.hostname or "").lstrip("*").strip(".")
    fits = host == domain or host.endswith(f".{domain}")
    return (fits or entry == "*") and named.scheme in {"", target.scheme} and port in {None, _port(target)}


def _port(target: SplitResult) -> int:
    return target.port or (443 if target.scheme == "https" else 80)


@lru_cache
def check_address(url: str) -> None:
    """Raise an error if no request to this URL can be built, before anything is claimed in the ledger."""

    def build() -> None:
        address = httpx.URL(url)
        address.raw_host.decode("ascii").encode("idna")  # as the socket does: fails if a label is empty or too long
        if not 0 < (address.port or 1) <= LARGEST_PORT:
            raise ValueError(f"there is no port {address.port}")

    made(build, ("nothing_sent", "check_base_url"))


def can_start_threads() -> None:
    """Start a thread, which each request needs. Raises RuntimeError if the system allows no more."""
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()


def made(make: Callable[[], T], remedy: tuple[str, ...] = ("nothing_sent", "check_proxy")) -> T:
    """Create a client. If that is impossible (proxy, certificates, threads), raise an error before anything is sent."""
    try:
        with interrupt_first():
            return make()
    except (ImportError, OSError, OverflowError, RuntimeError, ValueError, httpx.InvalidURL) as error:
        failure = f"{error}".rstrip(".")
    raise ConfigurationError(code="connection.impossible", reason=failure, remedy=remedy)
