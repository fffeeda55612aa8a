"""The tape: one JSON line for each exchange, without secrets.

The first line says what the file is. A tape that was cut off in the middle of a line is valid up to there.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

from lipsync_nodes.errors import ConfigurationError

__all__ = ["Exchanged", "Tape", "read_tape"]

FORMAT: Final = 1
_LOG: Final = logging.getLogger("lipsync_nodes.sandbox")


@dataclass(frozen=True, slots=True)
class Exchanged:
    """One request and its response, without secrets.

    Attributes:
        at: when the request came, in seconds since the tape began.
        took: seconds until the headers of the response.
        lasted: seconds until the end of the response.
        path: the path below the base URL.
        request, answer: the bodies, each as `{"json": …}` or `{"text": …}`; empty if there is none.
        status: the status code; None if there was no response.
        reason: why there is no response, or why it broke off; empty if it is whole.
        sent: whether the service may have received the request.

    """

    at: float
    method: str
    path: str
    query: str = ""
    request_headers: dict[str, str] = field(default_factory=dict)
    request: dict[str, Any] = field(default_factory=dict)
    took: float = 0.0
    lasted: float = 0.0
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    answer: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    sent: bool = True

    def as_line(self) -> str:
        """Return it as a line of the tape."""
        return json.dumps(asdict(self), separators=(",", ":"))


class Tape:
    """A new tape. An existing file is not overwritten: what is on it may have been paid for.

    Raises:
        ConfigurationError: the file exists, or cannot be written.

    """

    def __init__(self, path: Path, base_url: str) -> None:
        self._failed = False
        try:
            self._file: IO[str] = path.open("x", encoding="utf-8", newline="\n")
        except OSError as error:
            reason = error.strerror or error
            raise ConfigurationError(
                code="proxy.cannot_write_tape", file=path, reason=reason, remedy="another_tape"
            ) from None
        began = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._write(json.dumps({"lipsync_tape": FORMAT, "recorded": began, "base_url": base_url}))

    def add(self, exchanged: Exchanged) -> None:
        """Write an exchange. A full disk is logged; it must not keep a response from the client."""
        self._write(exchanged.as_line())

    def _write(self, line: str) -> None:
        try:
            self._file.write(f"{line}\n")
            self._file.flush()
        except OSError as error:
            if not self._failed:
                _LOG.error("The tape cannot be written any more: %s", error.strerror or error)
            self._failed = True

    def close(self) -> None:
        """Close the file."""
        try:
            self._file.close()
        except OSError as error:
            _LOG.error("The tape is incomplete: %s", error.strerror or error)


def read_tape(path: Path) -> list[Exchanged]:
    """Return the exchanges on a tape, in the order of their requests.

    Raises:
        ConfigurationError: the file cannot be read, or is not a tape.

    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        _check_format(json.loads(lines[0]))
        return sorted(_exchanges(lines[1:]), key=lambda one: one.at)
    except (OSError, ValueError, TypeError, LookupError) as error:
        reason = getattr(error, "strerror", None) or f"it is not a tape ({error})"
        raise ConfigurationError(code="proxy.bad_tape", file=path, reason=reason, remedy="record_tape") from None


def _check_format(head: dict[str, Any]) -> None:
    if head["lipsync_tape"] != FORMAT:
        raise ValueError("it is of another version")


def _exchanges(lines: list[str]) -> Iterator[Exchanged]:
    for number, line in enumerate(lines, 1):
        try:
            yield Exchanged(**json.loads(line))
        except ValueError:
            if number != len(lines):
                raise
