"""Fault rules: what goes wrong, where and how often.

A rule names an action, the place where it applies, and the action's own parameters:

    {"action": "status", "where": "submit", "code": 429, "headers": {"Retry-After": "2"}, "count": 3}

Rules are tried in the order in which they were set. After a `delay` the request goes on to the next rules. Any other
action on a request ends the search, and the later rules keep their counts.

A rule *strikes*, that is, it is applied, when it matches, `after` matches have passed, `probability` allows it and
`count` is not used up. The code for requests is in `faults.http`, for jobs in `jobs.runner` and `jobs.store`, and for
webhooks in `jobs.webhooks`.
"""

from __future__ import annotations

import itertools
import json
import math
import random
import re
import threading
from collections import deque
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError, model_validator

__all__ = ["ACTIONS", "MATCH", "Faults", "Rule", "problems_of"]

Where = Literal["submit", "poll", "output", "files", "webhook", "job"]
Action = Literal[
    "delay", "hang", "cut_before", "cut_after", "status", "rate_limit", "truncate", "drip", "body",
    "duplicate", "drop", "early",
    "fail", "job_status", "no_output", "seconds",
]  # fmt: skip

_HTTP: Final = ("submit", "poll", "output", "files")
# For each action: the places where it can apply, and its parameters.
ACTIONS: Final[dict[str, tuple[tuple[str, ...], frozenset[str]]]] = {
    "delay": ((*_HTTP, "webhook"), frozenset({"seconds"})),
    "hang": (_HTTP, frozenset({"seconds"})),
    "cut_before": (_HTTP, frozenset()),
    "cut_after": (_HTTP, frozenset()),
    "status": (_HTTP, frozenset({"code", "headers", "body", "content_type", "act"})),
    "rate_limit": (_HTTP, frozenset({"requests", "seconds"})),
    "truncate": (_HTTP, frozenset({"bytes"})),
    "drip": (_HTTP, frozenset({"pause"})),
    "body": ((*_HTTP, "webhook"), frozenset({"body", "content_type", "headers", "act"})),
    "duplicate": (("webhook",), frozenset({"times"})),
    "drop": (("webhook",), frozenset()),
    "early": (("webhook",), frozenset()),
    "fail": (("job",), frozenset({"error"})),
    "job_status": (("job",), frozenset({"status", "polls"})),
    "no_output": (("job",), frozenset()),
    "seconds": (("job",), frozenset({"seconds"})),
}
# The parameters of every rule.
MATCH: Final = frozenset({"action", "where", "method", "path", "count", "after", "probability", "seed"})
_FINAL: Final = frozenset({"hang", "cut_before", "cut_after", "status", "rate_limit", "truncate", "drip", "body"})


def _whole(value: object) -> object:
    """Accept 7.0 as an integer, as JSON Schema does."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_Whole = Annotated[int, BeforeValidator(_whole)]
_HeaderName = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
_HeaderValue = Annotated[str, Field(pattern=r"^([!-~]([ -~]*[!-~])?)?$")]


class Rule(BaseModel):
    """One fault.

    Attributes:
        action: what goes wrong.
        where: submit, poll, output, files, webhook or job. None means every HTTP request that the action applies to,
            or the action's only place (webhook or job).
        method, path: further conditions. The path is a pattern such as `*/lipsync-image`. For a job or a webhook it is
            compared with the path that the job was submitted to.
        count: how many times the rule is applied; -1 for no limit, which is the default of `rate_limit`.
        after: how many matches pass before the rule is applied.
        probability, seed: apply the rule at random. The same seed gives the same sequence.
        seconds: the length of a `delay` or a `hang`; for `seconds`, the least time that the job takes; the window of a
            `rate_limit`, by the sandbox's clock.
        requests: how many requests a `rate_limit` lets through in its window. The others get a 429 with a Retry-After.
        code, headers, body, content_type: the response to send. A body that is not a string is sent as JSON.
        act: whether the request is still carried out.
        bytes: how much of the body is sent before the connection is cut; None for half of it.
        pause: seconds between two bytes.
        times: how often the webhook is delivered.
        error: the error of the failed job.
        status, polls: the job reports this status for its first `polls` polls.

    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    action: Action
    where: Where | None = None
    method: str | None = None
    path: str = "*"
    count: _Whole = Field(default=1, ge=-1)
    after: _Whole = Field(default=0, ge=0)
    probability: float = Field(default=1.0, ge=0, le=1)
    seed: _Whole = 0

    seconds: float = Field(default=30.0, ge=0)
    requests: _Whole = Field(default=2, ge=1)
    code: _Whole = Field(default=500, ge=200, le=599)
    headers: dict[_HeaderName, _HeaderValue] = Field(default_factory=dict)
    body: JsonValue = None
    content_type: _HeaderValue | None = None
    act: bool = False
    bytes: _Whole | None = Field(default=None, ge=0)
    pause: float = Field(default=0.01, ge=0)
    times: _Whole = Field(default=2, ge=1)
    error: str = Field(default="Invalid audio format", min_length=1)
    status: str = "queued"
    polls: _Whole = Field(default=1, ge=0)

    @model_validator(mode="after")
    def _parameters_fit(self) -> Self:
        places, parameters = ACTIONS[self.action]
        if self.where is not None and self.where not in places:
            raise ValueError(f"{self.action} can be at {', '.join(places)}, not at {self.where}")
        if strange := sorted(self.model_fields_set - MATCH - parameters):
            raise ValueError(f"{self.action} has no parameter {', '.join(strange)}")
        return self

    @classmethod
    def parse(cls, text: str, **parameters: Any) -> Self:
        """Return the rule that a line such as `submit:429,retry_after=2,times=3` describes.

        The line is `WHERE:WHAT,NAME=VALUE,…`. WHAT is a status code or an action, WHERE may be left out. `retry_after`
        sets the header Retry-After, and `times` is the `count`, unless the action has a parameter of that name.
        *parameters* are further attributes of the rule.

        Raises ValueError if there is no such rule.
        """
        what, *parts = _PARTS.split(text.strip())
        where, colon, action = what.rpartition(":")
        values: dict[str, Any] = {"where": where} if colon else {}
        values |= {"action": "status", "code": action} if action.isdecimal() else {"action": action}
        for part in parts:
            name, _, value = part.partition("=")
            values[name] = _from_json(value) if name in {"body", "headers"} else value
        if "retry_after" in values:
            values["headers"] = {**values.get("headers", {}), "Retry-After": values.pop("retry_after")}
        if "times" in values and action != "duplicate":
            values["count"] = values.pop("times")
        return cls.model_validate(values | parameters)

    @property
    def limit(self) -> int:
        """How many times the rule is applied; -1 for no limit."""
        return -1 if self.action == "rate_limit" and "count" not in self.model_fields_set else self.count

    def refusing(self, wait: float) -> Rule:
        """Return the response of a `rate_limit` that lets the next request through after *wait* seconds."""
        headers = {"Retry-After": str(max(1, math.ceil(wait)))}
        return Rule(action="status", code=429, headers=headers)

    def matches(self, where: str, method: str, path: str) -> bool:
        """Whether the rule matches a request, job or webhook."""
        places, _ = ACTIONS[self.action]
        # Without a place, a rule applies to HTTP requests, unless its action is only for jobs or webhooks.
        here = where == self.where or (self.where is None and where in (set(places) & set(_HTTP) or places))
        return here and self.method in {None, method} and fnmatchcase(path, self.path)


# Commas that separate the parts of a rule on one line; others belong to a value. Before a blank, one separates only if
# a known name follows it: an error may read "No, a=b".
_PARTS: Final = re.compile(rf",(?=[A-Za-z_-]+=)|,\s+(?=(?:{'|'.join([*Rule.model_fields, 'retry_after'])})=)")


def problems_of(error: ValidationError, whole: str) -> str:
    """Return in one sentence what is wrong with a value. *whole* is the name of the value itself."""
    problems = []
    for problem in error.errors():
        place = ".".join(map(str, problem["loc"])) or whole
        is_no_object = problem["type"] == "model_type"
        words = "must be a JSON object" if is_no_object else problem["msg"].removeprefix("Value error, ")
        problems.append(f"{place}: {words}")
    return "; ".join(problems)


def _from_json(text: str) -> Any:
    """Return the JSON value; a text that is no JSON as it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text


class _ActiveRule:
    """A rule, how often it matched, and how often it was applied."""

    def __init__(self, rule: Rule, number: int) -> None:
        self.rule = rule
        self.number = number
        self.matched = 0
        self.struck = 0
        self._chance = random.Random(rule.seed)  # noqa: S311  # faults, not secrets
        self._let_through: deque[float] = deque()

    def strike(self, where: str, method: str, path: str, now: float) -> Rule | None:
        """Return what to apply to a request, job or webhook, and count it; None if the rule does not apply."""
        if not self.rule.matches(where, method, path) or self.struck == self.rule.limit:
            return None
        self.matched += 1
        if self.matched <= self.rule.after or self._chance.random() >= self.rule.probability:
            return None
        applied = self._limited(now) if self.rule.action == "rate_limit" else self.rule
        self.struck += applied is not None
        return applied

    def _limited(self, now: float) -> Rule | None:
        """Let a request through and return None, or return the refusal."""
        past = self._let_through
        while past and past[0] <= now - self.rule.seconds:
            past.popleft()
        if len(past) < self.rule.requests:
            past.append(now)
            return None
        return self.rule.refusing(past[0] + self.rule.seconds - now)


class Faults:
    """The current fault rules. Thread-safe.

    Attributes:
        now: returns the time by the sandbox's clock.

    """

    def __init__(self) -> None:
        self.now: Callable[[], float] = lambda: 0.0
        self._rules: list[_ActiveRule] = []
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def add(self, rule: Rule) -> None:
        """Add a rule."""
        with self._lock:
            self._rules.append(_ActiveRule(rule, next(self._numbers)))

    def remove(self, number: int) -> bool:
        """Remove the rule with this number; return whether there was one."""
        with self._lock:
            kept = [active for active in self._rules if active.number != number]
            removed = len(kept) < len(self._rules)
            self._rules = kept
        return removed

    def replace(self, rules: Iterable[Rule]) -> None:
        """Replace all rules with these."""
        replacement = [_ActiveRule(rule, next(self._numbers)) for rule in rules]
        with self._lock:
            self._rules = replacement

    def strike(self, where: str, method: str, path: str, *, only: frozenset[str] | None = None) -> list[Rule]:
        """Return the rules that apply now, and count them. *only* limits the search to some actions."""
        struck: list[Rule] = []
        if not self._rules:
            return struck
        with self._lock:
            for active in self._rules:
                if only is not None and active.rule.action not in only:
                    continue
                if applied := active.strike(where, method, path, self.now()):
                    struck.append(applied)
                    if where in _HTTP and active.rule.action in _FINAL:
                        break
        return struck

    def shown(self) -> list[dict[str, Any]]:
        """Return the rules as JSON objects, with their numbers, and how often each one matched and was applied."""
        with self._lock:
            return [
                {
                    **active.rule.model_dump(exclude_unset=True),
                    "number": active.number,
                    "matched": active.matched,
                    "struck": active.struck,
                }
                for active in self._rules
            ]
