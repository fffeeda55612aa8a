"""The class `RunningSandbox`: controls a sandbox in another process, over HTTP."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from lipsync_nodes.errors import ConfigurationError, ConnectionFailed, InvalidRequest
from lipsync_nodes.sandbox._token import TOKEN_NAME
from lipsync_nodes.settings import DEFAULT_BASE_URL as _SERVICE
from lipsync_nodes.settings import is_loopback

if TYPE_CHECKING:
    import httpx

__all__ = ["DEFAULT_BASE_URL", "RunningSandbox", "parse_rule"]

DEFAULT_BASE_URL: Final = "http://127.0.0.1:8787/api/v1"
_API_PATH: Final = "/api/v1"
_SECONDS: Final = 300.0
_OK: Final = range(200, 300)


class RunningSandbox:
    """A sandbox that runs elsewhere.

    Args:
        base_url: its base URL. Default: `LIPSYNC_BASE_URL`, or the port of `lipsync-nodes sandbox` on this machine.
        token: its token, if other machines can reach it. Default: `LIPSYNC_SANDBOX_TOKEN`.

    Raises:
        ConfigurationError: it is the service, or it is not on this machine, and there is no token, or *base_url* does
            not name it. So the token is sent to a sandbox only.

    """

    def __init__(self, base_url: str | None = None, *, token: str | None = None) -> None:
        is_named = bool(base_url)
        base_url = base_url or os.environ.get("LIPSYNC_BASE_URL") or DEFAULT_BASE_URL
        self._url = base_url.rstrip("/").removesuffix(_API_PATH)
        self._token = token or os.environ.get(TOKEN_NAME) or ""
        del token  # tracebacks can show local variables
        host = _host(self._url)
        if is_loopback(host):
            return
        if host == _host(_SERVICE):
            raise ConfigurationError(code="sandbox.is_service", url=self._url, remedy="start_or_name_sandbox")
        if not (is_named and self._token):
            raise ConfigurationError(code="sandbox.not_local", url=self._url, remedy="start_or_name_sandbox")

    def fault(self, *rules: str) -> list[dict[str, Any]]:
        """Add fault rules, each on one line such as `submit:429,retry_after=2`, and return all rules.

        Raises ValueError if a rule is invalid; no rule is added then.
        """
        body = [parse_rule(rule).model_dump(exclude_unset=True) for rule in rules]
        shown: list[dict[str, Any]] = self._send("POST", "faults", json=body).json()
        return shown

    def reset(self) -> None:
        """Delete all jobs, stored files, fault rules and recorded requests."""
        self._send("POST", "reset")

    def advance(self, seconds: float) -> None:
        """Advance its clock. This returns once all that is due by then has happened."""
        self._send("POST", "clock", json={"advance": seconds})

    def export(self, path: Path) -> Path:
        """Save the state as one file, which is replaced if it exists."""
        part = path.with_name(f"{path.name}.part")
        try:
            part.write_bytes(self._send("GET", "state").content)
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise _unusable(path, error) from None
        return path

    def load(self, path: Path) -> dict[str, Any]:
        """Replace the state with an exported one. Return how many jobs, files, rules and requests it has."""
        try:
            with path.open("rb") as file:
                loaded: dict[str, Any] = self._send("PUT", "state", content=file).json()
        except OSError as error:
            raise _unusable(path, error) from None
        return loaded

    def _send(self, method: str, what: str, **options: Any) -> httpx.Response:
        """Send a request to `/sandbox/…`; raise the error for a failure."""
        import httpx  # noqa: PLC0415  # slow to load

        url = f"{self._url}/sandbox/{what}"
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            answer = httpx.request(method, url, headers=headers, timeout=_SECONDS, trust_env=False, **options)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = f"{type(error).__name__} {error}".strip()
            raise ConnectionFailed(
                code="sandbox.not_reached", url=self._url, reason=reason, remedy="start_or_name_sandbox"
            ) from None
        if answer.status_code not in _OK:
            raise InvalidRequest(
                code="sandbox.refused", url=url, status=answer.status_code, words=_words(answer), remedy=()
            )
        return answer


def parse_rule(text: str) -> Any:
    """Return the fault rule on a line; raise ValueError with one sentence if it is invalid."""
    from pydantic import ValidationError  # noqa: PLC0415  # importing this module must stay cheap

    from lipsync_nodes.sandbox.faults.rules import Rule, problems_of  # noqa: PLC0415

    try:
        return Rule.parse(text)
    except ValidationError as error:
        raise ValueError(problems_of(error, whole="rule")) from None


def _host(url: str) -> str:
    """Return the host of a URL, in lower case; empty if it has none."""
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _unusable(path: Path, error: OSError) -> ConfigurationError:
    reason = error.strerror or error
    return ConfigurationError(code="sandbox.cannot_use_file", file=path, reason=reason)


def _words(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"])[:300]
    except (ValueError, LookupError, TypeError):
        return answer.reason_phrase
