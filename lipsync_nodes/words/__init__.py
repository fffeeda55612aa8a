"""The texts of errors: one table of sentences for each language, and remedies in each host's own terms.

    render(error, "zh", "comfyui")

The tables are `_en` and `_zh`. Each is loaded when it is first needed. A sentence names the facts of its error in
braces. A part in square brackets is left out if one of its facts is missing; after a bar comes the text for that case:

    "The service answered {status_code}[: {words}| and gave no reason]."

`{kind:term}` is a value that is translated, such as "image"; `{fault:fault}` says what is wrong with a value, and the
English table has no rows for it. `{late:flag}` is not shown; it only decides whether its part is. A list is joined with
commas. A mapping has a fault for each field. Another error is shown as its sentence. A code without a row is that of an
error whose `message` was written where it was raised.

A remedy is one text, or a text for each host that has its own; the others get that of `python`. What `all` says comes
first.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from importlib import import_module
from string import Formatter
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from lipsync_nodes.errors import LipsyncError


class Coded(Protocol):
    """What has sentences: an error, or a finding of a check."""

    @property
    def code(self) -> str: ...
    @property
    def facts(self) -> Mapping[str, Any]: ...
    @property
    def remedy(self) -> tuple[str, ...]: ...


class Found(Coded, Protocol):
    """A finding of a check."""

    @property
    def severity(self) -> str: ...
    @property
    def field(self) -> str | None: ...


class Checked(Protocol):
    """The verdict of a check."""

    @property
    def problems(self) -> tuple[Any, ...]: ...
    @property
    def credits(self) -> Any: ...
    def lines(self, language: str, host: str) -> list[str]: ...


__all__ = ["HOSTS", "LANGUAGES", "language_of", "line", "load", "message", "remedy", "render", "verdict"]

LANGUAGES: Final = ("en", "zh")
HOSTS: Final = ("cli", "python", "comfyui", "airflow", "pluggy", "mcp")
_OPTIONAL: Final = re.compile(r"\[([^\[\]|]*\{[^\[\]|]*)(?:\|([^\[\]]*))?\]")


def language_of(tag: str | None) -> str:
    """Return the language of a locale (`zh_CN.UTF-8`, `zh-TW`, `Chinese_China`), English if there is no table of it."""
    language = re.split(r"[-_.@ ]", (tag or "").lower())[0]
    return "zh" if language in {"zh", "chinese"} else "en"


def load() -> None:
    """Load the English table now. Later there may be no file descriptor left, or the file may be that of an update."""
    _table("en")


def render(error: LipsyncError, language: str = "en", host: str = "python", *, remedy_first: bool = False) -> str:
    """Return the full text of an error: what happened, the job id, whether it may be billed, and what to do."""
    table = _table(language)
    parts = [message(error, language)]
    if error.job_id and error.job_id not in parts[0]:
        parts.append(_filled(table.JOB_ID, _facts(error), table))
    if error.may_have_charged:
        parts.append(table.MAY_HAVE_CHARGED)
    parts.insert(0 if remedy_first else len(parts), remedy(error, language, host))
    joint: str = table.JOINT
    return joint.join(part for part in parts if part)


def message(error: Coded, language: str = "en") -> str:
    """Return what happened."""
    return _sentence(error.code, _facts(error), _table(language))


def remedy(error: Coded, language: str = "en", host: str = "python") -> str:
    """Return what to do next."""
    table, facts = _table(language), _facts(error)
    found = (_in_terms_of(host, table.REMEDIES.get(name, "")) for name in error.remedy)
    joint: str = table.JOINT
    return joint.join(filter(None, (_filled(text, facts, table) for text in found)))


def line(finding: Found, language: str = "en", host: str = "python") -> str:
    """Return a finding as one line: how severe it is, the field, what was found and what to do."""
    table = _table(language)
    joint: str = table.JOINT
    text = joint.join(filter(None, (message(finding, language), remedy(finding, language, host))))
    return _filled(table.FINDING, {"severity": finding.severity, "field": finding.field, "text": text}, table)


def verdict(checked: Checked, language: str = "en", host: str = "python") -> str:
    """Return a verdict as text: a line for each finding, and the cost."""
    table, cost = _table(language), checked.credits
    exact = cost is not None and cost.exact
    facts = {"credits": cost if exact else None, "most": None if exact else cost}
    facts |= {"clear": not checked.problems, "lines": "\n".join(checked.lines(language, host))}
    return _filled(table.VERDICT, facts, table).strip()


def _table(language: str) -> Any:
    try:
        return import_module(f"lipsync_nodes.words._{language_of(language)}")
    except (ImportError, OSError):  # no file descriptor is left, for example; English was loaded with the client
        return import_module("lipsync_nodes.words._en")


def _facts(error: Coded) -> dict[str, Any]:
    known = {name: getattr(error, name, None) for name in ("job_id", "status_code")}
    return {**known, "python": sys.executable, **error.facts}


def _in_terms_of(host: str, remedy: str | Mapping[str, str]) -> str:
    if isinstance(remedy, str):
        return remedy
    return remedy.get("all", "") + (remedy.get(host) or remedy["python"])


def _sentence(code: str, facts: Mapping[str, Any], table: Any) -> str:
    return _filled("[{place}: ]" + table.SENTENCES.get(code, "{message}"), facts, table)


def _filled(sentence: str, facts: Mapping[str, Any], table: Any) -> str:
    # The facts are put in last: they may hold brackets and braces of their own.
    chosen = _OPTIONAL.sub(lambda part: (part[1] if _has_all(part[1], facts) else part[2]) or "", sentence)
    return _Words(table).vformat(chosen, (), facts)


def _has_all(part: str, facts: Mapping[str, Any]) -> bool:
    given = (facts.get(re.split("[!:]", name)[0]) for name in re.findall(r"\{([^{}]+)\}", part))
    return not any(value is None or value is False or value in ("", [], {}) for value in given)


class _Words(Formatter):
    """Puts facts into a sentence. A missing fact becomes a question mark, so that the rest can still be read."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def get_value(self, key: int | str, args: Any, kwargs: Mapping[str, Any]) -> Any:  # noqa: ARG002  # its interface
        value = kwargs.get(str(key))
        return "?" if value is None else value

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec in {"flag", "term", "fault"}:
            return "" if format_spec == "flag" else self._translated(str(value), format_spec)
        if isinstance(value, Mapping):
            return self._of_mapping(value)
        if isinstance(value, list):
            sentences = any(isinstance(one, Mapping) and "code" in one for one in value)
            joint = self._table.JOINT if sentences else "; " if any(isinstance(one, Mapping) for one in value) else ", "
            return str(joint).join(self.format_field(one, "") for one in value)
        try:
            return str(super().format_field(value, format_spec))
        except (TypeError, ValueError):  # the fact has another type than the sentence expects
            return str(value)

    def _translated(self, value: str, kind: str) -> str:
        if kind == "term":
            return str(self._table.TERMS.get(value, value))
        fault, colon, detail = value.partition(": ")  # after the colon there may be names
        return str(self._table.FAULTS.get(value) or f"{self._table.FAULTS.get(fault, fault)}{colon}{detail}")

    def _of_mapping(self, value: Mapping[str, Any]) -> str:
        if "code" in value:
            return _sentence(value["code"], value, self._table)
        return "; ".join(f"`{field}`: {self.format_field(fault, '')}" for field, fault in value.items())
