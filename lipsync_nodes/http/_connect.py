"""How clients are made: TLS, proxies of the environment, no cookies; and what makes a connection impossible."""

from __future__ import annotations

# The next and httpcore are imported here, not with the first request: whoever is forked meanwhile would wait for ever.
import encodings.idna  # noqa: F401
import threading
from collections.abc import Callable
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies

import httpcore  # noqa: F401
import httpx
from pydantic import SecretStr

from lipsync_nodes.errors import ConfigurationError
from lipsync_nodes.settings import is_loopback

if TYPE_CHECKING:
    import ssl


__all__ = [
    "can_start_threads",
    "check_address",
    "client_options",
    "made",
    "proxy_for",
    "tls_context",
]


T = TypeVar("T")

LARGEST_PORT: Final = 65535


@cache
def tls_context() -> ssl.SSLContext:
    """Return the TLS context of this process; making it takes 32 ms."""
    return httpx.create_ssl_context()


def client_options(proxy: SecretStr | None, *, own_connection: bool = True) -> dict[str, Any]:
    """Return how an httpx client is made; `fresh` ones keep no connection for a second request.

    No client keeps a cookie: those of a loop are shared by all its keys.
    """
    return {
        "verify": tls_context(),
        "limits": httpx.Limits(max_connections=100, max_keepalive_connections=0 if own_connection else 20),
        "cookies": CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        # httpx fails on some entries of NO_PROXY that others take; see `proxy_for`.
        "trust_env": False,
        "proxy": proxy.get_secret_value() if proxy else None,
    }


def proxy_for(url: str) -> SecretStr | None:
    """Return the environment's proxy for a URL, which may hold a password; None where the way is direct."""
    target, proxies = urlsplit(url), getproxies()
    proxy = proxies.get(target.scheme) or proxies.get("all")
    # A proxy is of no use to reach this machine.
    if not proxy or is_loopback(target.hostname or "") or _is_excepted(target, proxies.get("no", "")):
        return None
    return SecretStr(proxy if "://" in proxy else f"http://{proxy}")


def _is_excepted(target: SplitResult, no_proxy: str) -> bool:
    return any(_matches(target, entry.strip()) for entry in no_proxy.split(",") if entry.strip())


def _matches(target: SplitResult, entry: str) -> bool:
    """Tell whether an entry of NO_PROXY means a target: a name, a domain, an address or a network, also with a port."""
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
    except ValueError:  # nothing has such a name
        return False
    domain = (named.hostname or "").lstrip("*").strip(".")
    fits = host == domain or host.endswith(f".{domain}")
    return (fits or entry == "*") and named.scheme in {"", target.scheme} and port in {None, _port(target)}


def _port(target: SplitResult) -> int:
    return target.port or (443 if target.scheme == "https" else 80)


def check_address(url: str) -> None:
    """Find out that no request to a URL can be built or connected, before anything is claimed for it."""

    def build() -> None:
        address = httpx.URL(url)
        address.raw_host.decode("ascii").encode("idna")  # as the socket does it: no label is empty or too long
        if not 0 < (address.port or 1) <= LARGEST_PORT:
            raise ValueError(f"there is no port {address.port}")

    made(build, ("nothing_sent", "check_base_url"))


def can_start_threads() -> None:
    """Start one, and raise RuntimeError where the system allows no more; each request needs one."""
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()


def made(make: Callable[[], T], remedy: tuple[str, ...] = ("nothing_sent", "check_proxy")) -> T:
    """Make a client; what makes it impossible (proxy, certificates, threads) is told before anything is sent."""
    try:
        return make()
    except (ImportError, OSError, OverflowError, RuntimeError, ValueError, httpx.InvalidURL) as error:
        failure = f"{error}".rstrip(".")
    raise ConfigurationError(code="connection.impossible", reason=failure, remedy=remedy)
