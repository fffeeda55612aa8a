"""What people read of an error: one table of sentences for each language, and remedies in each host's own terms.

    render(error, "zh", "comfyui")

The tables are `_en` and `_zh`; each is loaded when it is first needed. A sentence names the facts of its error in
braces. What is in square brackets is left out unless all the facts in it are there:

    "The service answered {status_code}[: {words}]."

`{kind:term}` is a value that the language has a word for, such as "image"; a list is joined by commas.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from string import Formatter
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from lipsync_nodes.errors import LipsyncError

__all__ = ["HOSTS", "LANGUAGES", "language_of", "message", "remedy", "render"]

LANGUAGES: Final = ("en", "zh")
HOSTS: Final = ("cli", "python", "comfyui", "airflow", "pluggy")
# Those who embed pluggy write Python, unless a remedy says otherwise.
_LIKE: Final = {"pluggy": "python"}
_OPTIONAL: Final = re.compile(r"\[([^\[\]]*\{[^\[\]]*)\]")


def language_of(tag: str | None) -> str:
    """Return the language that a locale stands for, `zh_CN.UTF-8` or `zh-TW`: English if it is not one of ours."""
    language = re.split(r"[-_.@]", (tag or "").lower())[0]
    return language if language in LANGUAGES else "en"


def render(error: LipsyncError, language: str = "en", host: str = "python") -> str:
    """Return all that is to be said of an error: what happened, its job, whether it may be billed, what to do."""
    table = _table(language)
    said = message(error, language)
    parts = [said]
    if error.job_id and error.job_id not in said:
        parts.append(_filled(table.JOB_ID, error, table))
    if error.may_have_charged:
        parts.append(table.MAY_HAVE_CHARGED)
    parts.append(remedy(error, language, host))
    joint: str = table.JOINT
    return joint.join(part for part in parts if part)


def message(error: LipsyncError, language: str = "en") -> str:
    """Return what happened."""
    table = _table(language)
    sentence = table.SENTENCES.get(error.code, "{message}")
    return _filled(f"[{{place}}: ]{sentence}", error, table)


def remedy(error: LipsyncError, language: str = "en", host: str = "python") -> str:
    """Return what to do next."""
    table = _table(language)
    found = (_in_terms_of(host, table.REMEDIES.get(name, "")) for name in error.remedy)
    joint: str = table.JOINT
    return joint.join(filter(None, (_filled(text, error, table) for text in found)))


def _table(language: str) -> Any:
    return import_module(f"lipsync_nodes.words._{language if language in LANGUAGES else 'en'}")


def _in_terms_of(host: str, remedy: str | Mapping[str, str]) -> str:
    if isinstance(remedy, str):
        return remedy
    return remedy.get(host) or remedy[_LIKE.get(host, "python")]


def _filled(sentence: str, error: LipsyncError, table: Any) -> str:
    facts = {"job_id": error.job_id, "status_code": error.status_code, **error.facts}
    words = _Words(table.TERMS)
    # The facts come last: they may hold brackets and braces of their own.
    chosen = _OPTIONAL.sub(lambda found: found[1] if _all_there(found[1], facts) else "", sentence)
    return words.vformat(chosen, (), facts)


def _all_there(part: str, facts: Mapping[str, Any]) -> bool:
    return all(facts.get(name) not in (None, "", []) for _, name, _, _ in Formatter().parse(part) if name)


class _Words(Formatter):
    """Puts facts into a sentence. A fact that is not there is a question mark: the rest of the sentence still helps."""

    def __init__(self, terms: Mapping[str, str]) -> None:
        self._terms = terms

    def get_value(self, key: int | str, args: Any, kwargs: Mapping[str, Any]) -> Any:  # noqa: ARG002  # its interface
        return kwargs.get(str(key), "?")

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec == "term":
            return self._terms.get(str(value), str(value))
        if isinstance(value, list):
            return ", ".join(map(str, value))
        try:
            return str(super().format_field(value, format_spec))
        except (TypeError, ValueError):  # a fact of another kind than the sentence expects
            return str(value)
