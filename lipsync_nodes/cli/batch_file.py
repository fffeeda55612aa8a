"""The file of `run --batch`. Each line is read and checked by itself, so an error in one does not stop the others."""

from __future__ import annotations

import codecs
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from lipsync_nodes import InvalidRequest, LipsyncError, Profile
from lipsync_nodes.cli.session import form_of
from lipsync_nodes.cli.speak import json_of, unexpected
from lipsync_nodes.host import (
    PreparedForm,
    batch_line,
    check_tags,
    check_target,
    content_key,
    file_identity,
    known_credits,
    names_folder,
    plain_name,
)

__all__ = ["Line", "read_batch"]

LONGEST_LINE: Final = 1 << 20
NO_TAGS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True)
class Line:
    """One line of the file, checked. If it cannot be sent, `fault` says why, and the other values are not set."""

    number: int
    form: PreparedForm | None = None
    key: str = ""
    target: str = ""
    credits: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    fault: LipsyncError | None = None


def read_batch(batch: Path, out: Path, profile: Profile, tags: Mapping[str, str] = NO_TAGS) -> Iterator[Line]:
    """Check every line, before anything is sent. Each one also gets those of *tags* that it does not have itself."""
    reader = _Reader(out, profile, check_tags(tags))
    for number, text in _texts(batch):
        try:
            if text is None or text.strip():
                yield reader.line(number, text)
        except LipsyncError as error:
            error.remedy = ("line_not_sent",)
            yield Line(number, fault=error.at(f"{batch}, line {number}"))
        except Exception as error:  # noqa: BLE001  # a line may hold anything, and the other lines have to run
            yield Line(number, fault=unexpected(error, f"{batch}, line {number}"))


def _texts(batch: Path) -> Iterator[tuple[int, bytes | None]]:
    """Yield each line with its number, None if it is too long. Only one line is in memory at a time."""
    with batch.open("rb") as file:
        for number in count(1):
            part = text = file.readline(LONGEST_LINE + 1)
            if not text:
                return
            while part and not part.endswith(b"\n"):
                part = file.readline(LONGEST_LINE)
            yield number, text.removeprefix(codecs.BOM_UTF8) if len(text) <= LONGEST_LINE else None


@dataclass
class _Reader:
    """Reads one line after the other, and knows the keys and files of the earlier ones."""

    out: Path
    profile: Profile
    tags: Mapping[str, str]
    equal: Counter[str] = field(default_factory=Counter)
    keys: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)

    def line(self, number: int, text: bytes | None) -> Line:
        """Check a line. None stands for a line that is too long."""
        if text is None:
            raise InvalidRequest(code="batch.line_too_long", most=LONGEST_LINE)
        line = batch_line(_object(text))
        form = form_of(line.spec, line.values)
        cost = known_credits(form, lengths=line.lengths)
        key, usual = self._key(form, line.key)
        target = check_target(os.path.join(self.out, line.out or usual))  # noqa: PTH118  # a Path has no slash at its end
        self._take(key, file_identity(target) if line.out and not names_folder(target) else None)
        return Line(number, form, key, target, cost, check_tags({**self.tags, **line.tags}))

    def _key(self, form: PreparedForm, key: str | None) -> tuple[str, str]:
        """Return the line's submission key, and the default name of its file."""
        if key is not None:
            return key, f"{plain_name(key)}.mp4"
        same = content_key(form, self.profile)
        self.equal[same] += 1
        # Equal lines make one video each. They are numbered, so a second run finds the same jobs.
        place = f" {self.equal[same]}" if self.equal[same] > 1 else ""
        # The same name as in version 0.1, so that batches from then find their videos.
        return same + place, f"{same.former[:16]}{place.replace(' ', '-')}.mp4"

    def _take(self, key: str, file: str | None) -> None:
        if key in self.keys or file in self.files:
            raise InvalidRequest(code="batch.taken")
        self.keys.add(key)
        if file is not None:
            self.files.add(file)


def _object(text: bytes) -> dict[str, Any]:
    try:
        values = json_of(text.decode())
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise InvalidRequest(code="batch.not_an_object")
    try:
        if b"\\ud" in text.lower():  # one comes by an escape, never by UTF-8
            json.dumps(values, ensure_ascii=False).encode()
    except ValueError:
        raise InvalidRequest(code="batch.half_character") from None
    return values
