"""The lines of a batch: read, checked before anything is paid for, and joined to jobs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from airflow.providers.common.compat.sdk import ObjectStoragePath

from lipsync_nodes import ConfigurationError, Credits, InvalidRequest, LipsyncError
from lipsync_nodes.host import NodeSpec, PreparedForm, batch_line, brief, known_credits, normal_inputs
from lipsync_nodes_airflow.arguments import form_of
from lipsync_nodes_airflow.storage import is_object

__all__ = ["Item", "checked"]


@dataclass
class Item:
    """One job of a batch, and the lines that ask for it."""

    key: str
    """The same for the same inputs. URLs count without their signatures, files and objects by their path."""
    spec: NodeSpec
    values: dict[str, Any]
    lengths: dict[str, Any]
    tags: dict[str, str] = field(default_factory=dict)
    credits: Credits | None = None
    lines: dict[int, str | None] = field(default_factory=dict)
    """The numbers of the lines, with the file that each names in `out`."""

    def form(self, files: ExitStack) -> PreparedForm:
        """Build the form. Its objects are opened as files, which *files* closes."""
        return form_of(self.spec, self.values, files)

    def check(self) -> None:
        """Read the media, and estimate the credits.

        Raises:
            LipsyncError: a file cannot be used, or not now.

        """
        with ExitStack() as files:
            self.credits = known_credits(self.form(files), lengths=self.lengths)


def checked(inputs: Any, endpoint: str | None) -> tuple[list[Item], dict[int, LipsyncError]]:
    """Return the jobs of all good lines, and the errors of the others by the numbers of the lines.

    Their media are not read yet. Those of jobs that were submitted may not exist any more.

    Raises:
        LipsyncError: the file cannot be read now.

    """
    items: dict[str, Item] = {}
    faults: dict[int, LipsyncError] = {}
    files: dict[str, str] = {}
    for number, values in _objects(inputs):
        try:
            item, out = _line(values, endpoint)
            if files.setdefault(out or "", item.key) != item.key and out:
                raise InvalidRequest(code="batch.taken")
            same = items.setdefault(item.key, item)
            if same.values != item.values and "key" in (values or {}):
                raise InvalidRequest(code="batch.taken")
            same.lines[number] = out
        except LipsyncError as error:
            faults[number] = error
    return list(items.values()), faults


def _objects(inputs: Any) -> Iterator[tuple[int, Any]]:
    """Yield the number and the object of each line; None for what is not JSON."""
    if isinstance(inputs, str) and not inputs.lstrip().startswith("["):
        try:
            with ObjectStoragePath(inputs).open("rb") as file:
                lines = iter(file.readline, b"")  # in Airflow 2, an object cannot be iterated
                yield from ((number, _json(line)) for number, line in enumerate(lines, 1) if line.strip())
        except OSError as error:
            raise ConfigurationError(
                code="airflow.storage_unreadable", path=inputs, reason=error, remedy="nothing_sent"
            ) from error
        return
    given = _json(inputs) if isinstance(inputs, str) else inputs
    if not isinstance(given, Iterable) or isinstance(given, Mapping):
        raise InvalidRequest(code="airflow.no_lines", value=brief(given), remedy="nothing_sent")
    yield from enumerate(given, 1)


def _json(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _line(given: Any, endpoint: str | None) -> tuple[Item, str | None]:
    """Check a line, in the format of `lipsync-nodes run --batch`. Return its job and its `out`."""
    line = batch_line({"endpoint": endpoint, **given} if isinstance(given, Mapping) else None)
    out = line.out
    if out and (out.startswith("/") or out.endswith("/") or ".." in PurePosixPath(out).parts):
        raise InvalidRequest(code="batch.wrong_value", field="out", value=brief(out))
    inputs = _inputs(line.spec, line.values)
    identity = f"key {line.key}" if line.key else json.dumps([line.spec.id, inputs], sort_keys=True)
    key = sha256(identity.encode()).hexdigest()[:32]
    return Item(key, line.spec, line.values, line.lengths, line.tags), out


def _inputs(spec: NodeSpec, values: Mapping[str, Any]) -> dict[str, Any]:
    """Check the values, and return them for comparison. An object counts as a file here, and no file is read."""
    objects = {field.name: Path(str(values[field.name])) for field in spec.media if is_object(values.get(field.name))}
    form = form_of(spec, {**values, **objects}, ExitStack()).form
    fields = form.model_dump(mode="json", exclude=set(form.assets))
    return normal_inputs(fields | {name: str(values[name]) for name in form.assets})
