"""The result of a check: findings as data. Their sentences are in `lipsync_nodes.words`, as those of errors are."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lipsync_nodes import words
from lipsync_nodes.errors import LipsyncError
from lipsync_nodes.service import Credits
from lipsync_nodes.settings import CheckMode

Severity = Literal["error", "warning", "info"]
"""error: it cannot work, or will surely be refused; warning: the money is likely wasted; info: good to know."""

Basis = Literal["fact", "documented", "upstream", "likely"]
"""How sure a finding is. fact: measured in the file, and true whatever the service does; documented: a rule that the
service documents; upstream: a rule of the model behind it; likely: what our eye and ear expect, which can be wrong."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found.

    Attributes:
        code: what was found, such as "face.none": a row of the tables in `lipsync_nodes.words`.
        severity: error, warning or info.
        basis: how sure it is.
        field: the name of the form's field that it is about; None if it is about all of it.
        remedy: the names of what to do, in the tables.
        facts: the values for the sentences, as JSON types.

    """

    code: str
    severity: Severity
    basis: Basis = "likely"
    field: str | None = None
    remedy: tuple[str, ...] = ()
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def of_error(cls, error: LipsyncError, field: str | None = None, basis: Basis = "fact") -> Finding:
        """Return an error that the submission would raise as a finding."""
        return cls(error.code, "error", basis, field, error.remedy, error.facts)

    @property
    def certain(self) -> bool:
        """Whether it does not depend on what our eye and ear expect."""
        return self.basis != "likely"

    def at(self, field: str) -> Finding:
        """Return the same finding about a field."""
        return dataclasses.replace(self, field=field)

    def message(self, language: str = "en") -> str:
        """Return what was found, in one or two sentences."""
        return words.message(self, language)

    def hint(self, language: str = "en", host: str = "python") -> str:
        """Return what to do, in the terms of a host; empty if there is nothing to do."""
        return words.remedy(self, language, host)

    def line(self, language: str = "en", host: str = "python") -> str:
        """Return it as one line of text: how severe it is, the field, what was found and what to do."""
        return words.line(self, language, host)

    def as_json(self, language: str = "en", host: str = "python") -> dict[str, Any]:
        """Return it as JSON types, with its sentences."""
        return {
            "code": self.code,
            "severity": self.severity,
            "basis": self.basis,
            "field": self.field,
            "facts": dict(self.facts),
            "message": self.message(language),
            "remedy": self.hint(language, host),
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found, the worst first.

    Attributes:
        findings: the findings.
        credits: the estimated cost in credits; None if a length is not known.

    """

    findings: tuple[Finding, ...] = ()
    credits: Credits | None = None

    @property
    def ok(self) -> bool:
        """Whether there is no error. There may be warnings."""
        return not any(one.severity == "error" for one in self.findings)

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The errors and the warnings."""
        return tuple(one for one in self.findings if one.severity != "info")

    def refused_by(self, mode: CheckMode) -> tuple[Finding, ...]:
        """Return the findings for which a submission is refused."""
        if mode == "off":
            return ()
        return tuple(
            one
            for one in self.findings
            if (one.severity == "error" and (one.certain or mode == "refuse"))
            or (one.severity == "warning" and mode == "refuse")
        )

    def lines(self, language: str = "en", host: str = "python") -> list[str]:
        """Return each finding as one line of text."""
        return [one.line(language, host) for one in self.findings]

    def text(self, language: str = "en", host: str = "python") -> str:
        """Return it as text for people: a line for each finding, the worst first, and what the job will cost."""
        return words.verdict(self, language, host)

    def as_json(self, language: str = "en", host: str = "python") -> dict[str, Any]:
        """Return it as JSON types, with the sentences of its findings."""
        findings = [one.as_json(language, host) for one in self.findings]
        return {"ok": self.ok, "credits": self.credits, "findings": findings}
