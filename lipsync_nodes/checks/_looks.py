"""Looks at pictures and films and listens to sound. Each look needs the extra `check`, and is remembered by content."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Self

from lipsync_nodes._redaction import redact
from lipsync_nodes._shared import Shared
from lipsync_nodes.checks._files import not_looked, of_error
from lipsync_nodes.checks._finding import Finding
from lipsync_nodes.checks._inputs import Inputs
from lipsync_nodes.checks._limit import Abandoned, Limit, OutOfTime
from lipsync_nodes.media import PreparedForm, Probe, opened
from lipsync_nodes.perception import MediaError

_log = logging.getLogger("lipsync_nodes")
# The results of this many looks are remembered. They are small.
REMEMBERED: Final = 256
# Each look has its own models, which take 30 MB, and a film some 100 MB. More than two cores are rarely free for them.
AT_A_TIME: Final = 2


# What goes without saying if something else was found in the same field.
_IMPLIED: Final = {"face.outside_mask": "mask.marks_nothing"}


@dataclass(frozen=True, slots=True)
class Look:
    """One kind of look.

    Attributes:
        module: the module with the function `findings`.
        about: the kinds of media that it is about. Without one of them there is nothing to look at.
        beside: the kinds of media that it may need too.

    """

    module: str
    about: tuple[str, ...]
    beside: tuple[str, ...] = ()


LOOKS: Final = (
    Look("_masks", ("mask",)),
    Look("_pictures", ("image",), ("mask",)),
    Look("_films", ("video",), ("audio", "mask")),
    Look("_sounds", ("audio",)),
)


class _Memory(Shared):
    """The results of looks in this process. Many forms with one picture look once, and few looks run at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._found: dict[str, tuple[Finding, ...]] = {}
        # Not `_lock`, for which a fork would wait: a look at a film takes a minute.
        self._places = threading.Semaphore(AT_A_TIME)
        self._begun: dict[str, threading.Lock] = {}

    def _renew(self) -> None:
        super()._renew()
        self._places = threading.Semaphore(AT_A_TIME)
        self._begun = {}

    def get(self, key: str, look: Callable[[], tuple[Finding, ...]], limit: Limit) -> tuple[Finding, ...]:
        """Return what a look found before, or look now. An error is not remembered."""
        if (found := self._found.get(key)) is not None:
            return found
        with self._lock:
            same = self._begun.setdefault(key, threading.Lock())
        with limit.holding(same):
            try:
                found = self._found.get(key)
                return self._look(key, look, limit) if found is None else found
            finally:
                self._begun.pop(key, None)

    def _look(self, key: str, look: Callable[[], tuple[Finding, ...]], limit: Limit) -> tuple[Finding, ...]:
        with limit.holding(self._places):
            found = look()
        with self._lock:
            while len(self._found) >= REMEMBERED:
                del self._found[next(iter(self._found))]
            self._found[key] = found
        return found


_memory: Final = _Memory()


class _Files:
    """The files of a form by name. Bytes and open files are copied to a temporary folder when they are needed."""

    def __init__(self, form: PreparedForm, found: Mapping[str, Probe]) -> None:
        self._form, self._found = form, found
        self._paths: dict[str, Path] = {}
        self._stack = ExitStack()
        self._folder: Path | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def path(self, name: str) -> Path:
        """Return the file of a field."""
        source = self._form.assets[name].source
        if isinstance(source, Path):
            return source
        if name not in self._paths:
            self._paths[name] = self._copied(name)
        return self._paths[name]

    def _copied(self, name: str) -> Path:
        if self._folder is None:
            self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="lipsync-nodes-")))
        copy = self._folder / f"{name}{self._found[name].suffix}"
        with opened(self._form.assets[name]) as file, copy.open("xb") as target:
            shutil.copyfileobj(file, target)
        return copy


def findings(form: PreparedForm, found: Mapping[str, Probe], limit: Limit) -> Iterator[Finding]:
    """Yield what can be seen and heard in the files that can be read."""
    found_before: set[tuple[str, str | None]] = set()
    for one in _all(form, found, limit):
        found_before.add((one.code, one.field))
        if (_IMPLIED.get(one.code, ""), one.field) not in found_before:
            yield one


def _all(form: PreparedForm, found: Mapping[str, Probe], limit: Limit) -> Iterator[Finding]:
    missing: list[str] = []
    late: list[str] = []
    with _Files(form, found) as files:
        for look in LOOKS:
            fields = _fields(form, found, look.about)
            if not fields:
                continue
            try:
                yield from _looked(form, found, files, look, limit)
            except Abandoned:
                raise
            except OutOfTime:
                late += [name for name in fields if name not in late]
            except ImportError:
                missing += [name for name in fields if name not in missing]
            except MediaError as error:
                one = of_error(error, fields[0])
                yield one if len(fields) == 1 else Finding.of_error(error)
            except Exception as error:  # noqa: BLE001  # a look must not stop a submission
                _log.warning("A check of %s failed: %s", ", ".join(fields), redact(repr(error)))
                _log.debug("%s", redact("".join(traceback.format_exception(error))))
                yield Finding(
                    code="check.look_failed",
                    severity="info",
                    basis="fact",
                    remedy=("report_fault",),
                    facts={"fields": fields, "reason": redact(repr(error))[:200]},
                )
    if missing:
        yield not_looked(missing)
    if late:
        yield _out_of_time(late)


def _out_of_time(fields: list[str]) -> Finding:
    return Finding(
        code="check.out_of_time",
        severity="info",
        basis="fact",
        field=fields[0] if len(fields) == 1 else None,
        remedy=("check_without_limit",),
        facts={"fields": fields},
    )


def _fields(form: PreparedForm, found: Mapping[str, Probe], kinds: tuple[str, ...]) -> list[str]:
    return [field.name for field in form.spec.media if field.media in kinds and field.name in found]


def _looked(
    form: PreparedForm, found: Mapping[str, Probe], files: _Files, look: Look, limit: Limit
) -> tuple[Finding, ...]:
    module: Any = import_module(f"lipsync_nodes.checks.{look.module}")
    names = _fields(form, found, look.about + look.beside)

    def now() -> tuple[Finding, ...]:
        inputs = Inputs(form.spec, form.form, {name: files.path(name) for name in names}, limit)
        return tuple(module.findings(inputs))

    return _memory.get(_key(form, look, names), now, limit)


def _key(form: PreparedForm, look: Look, names: list[str]) -> str:
    """Return what the result of a look depends on: the content of the files, and the plain fields of the form."""
    plain = {field.name: getattr(form.form, field.name) for field in form.spec.fields if field.choices}
    return json.dumps([look.module, form.spec.id, plain, {name: form.digest(name) for name in names}])
