"""What the submissions in a ledger cost, and which paid jobs have no usable video. SQLite adds everything up.

Credits and seconds are the estimates from before each submission: the service does not report what it charged.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlsplit

from lipsync_nodes.errors import InvalidRequest
from lipsync_nodes.ledger._file import ACCOUNTS, Ledger
from lipsync_nodes.ledger._rows import IN_ACCOUNTS, listed
from lipsync_nodes.settings import EMBEDDED_ACCOUNT, Profile, is_loopback

GROUPINGS: Final = ("tag", "endpoint", "day", "profile", "verdict")
OF_TAG: Final = "tag:"
# A day is one of the local time zone, unless UTC is asked for.
_KEYS: Final = {
    "": "NULL",
    "tag": "each.key || '=' || each.value",
    OF_TAG: "(SELECT value FROM json_each(tags) WHERE key = :tag)",
    "endpoint": "endpoint",
    "day": "date(created_at, 'unixepoch', 'localtime')",
    "utc day": "date(created_at, 'unixepoch')",
    "profile": "profile",
    "verdict": "verdict",
}
_OBJECT: Final = (
    "CASE WHEN json_valid({0}) THEN CASE json_type({0}) WHEN 'object' THEN {0} ELSE '{{}}' END ELSE '{{}}' END"
)
# A submission without a job is over and cost nothing, or it is uncertain.
_JOBS: Final = f"""
WITH job AS (
    SELECT *, CASE
        WHEN job_id IS NULL THEN NULL
        WHEN state IN ('failed', 'stopped', 'missing') THEN state
        WHEN state <> 'completed' THEN NULL
        WHEN verdict IN ('not_moving', 'out_of_sync') THEN verdict
        WHEN output = '' THEN 'no_output'
    END AS reason FROM (
        SELECT row, account, endpoint, state, created_at, job_id, profile,
            CASE WHEN job_id IS NOT NULL THEN credits END AS credits,
            CASE WHEN job_id IS NOT NULL THEN seconds END AS seconds,
            {_OBJECT.format("tags")} AS tags,
            CAST(json_extract({_OBJECT.format("verification")}, '$.verdict') AS TEXT) AS verdict,
            coalesce(json_extract({_OBJECT.format("job")}, '$.output'), '') AS output,
            CASE WHEN account IN (SELECT value FROM json_each(:mine)) THEN NULL ELSE coalesce(profile, '') END AS payer
        FROM submission WHERE {IN_ACCOUNTS.replace("?", ":accounts")}
            AND created_at >= :since AND created_at < :until AND (job_id IS NOT NULL OR state = 'uncertain'
            OR (state = 'submitting' AND coalesce(lease_until, 0) <= :now))
    )
)
"""  # noqa: S608
_SUMS: Final = """
SELECT {key} AS name, {account} AS account, payer, count(job_id),
    sum(job_id IS NOT NULL AND state = 'completed'),
    sum(job_id IS NOT NULL AND state IN ('failed', 'stopped', 'missing')),
    sum(job_id IS NULL), count(reason), total(seconds), coalesce(sum(credits), 0), count(job_id) - count(credits),
    coalesce(sum(CASE WHEN reason IS NOT NULL THEN credits END), 0)
FROM job{each}{where} GROUP BY 1, 2, 3
"""
_UNUSABLE: Final = """
SELECT job_id, profile, endpoint, created_at, credits, reason, tags FROM job{where} AND reason IS NOT NULL ORDER BY row
"""
_TAGGED: Final = (
    " WHERE NOT EXISTS (SELECT 1 FROM json_each(:tags) AS wanted"
    " WHERE NOT EXISTS (SELECT 1 FROM json_each(job.tags) AS has WHERE has.key = wanted.key"
    " AND has.value = wanted.value))"
)

PriceOf = Callable[[str], tuple[Decimal | None, str]]
"""Returns the price of a credit, and its currency, in the profile of this name; None as the price if it has none."""


@dataclass(slots=True)
class Sums:
    """The jobs of a group, added up.

    Attributes:
        name: the group's tag, endpoint, day, profile or verdict; None for jobs that have none, and for the total.
        account: the account, if the groups are profiles.
        jobs: the number of jobs. Submissions that certainly created no job are not counted.
        completed: how many of them have ended with a video.
        failed: how many of them have ended without one.
        uncertain: the number of submissions that may have created a job. They are in no other number.
        unusable: how many jobs have no usable video: they failed, or their verification says so.
        seconds: the length of all videos in seconds, as far as it was known before the submissions.
        credits: the estimated credits of all jobs that have an estimate.
        not_estimated: how many jobs have none.
        unusable_credits: the estimated credits of the jobs without a usable video.
        money: the price of the credits, by currency, as far as the profiles have a price.

    """

    name: str | None = None
    account: str | None = None
    jobs: int = 0
    completed: int = 0
    failed: int = 0
    uncertain: int = 0
    unusable: int = 0
    seconds: float = 0.0
    credits: int = 0
    not_estimated: int = 0
    unusable_credits: int = 0
    money: dict[str, Decimal] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON types."""
        money = [{"amount": float(amount), "currency": currency} for currency, amount in sorted(self.money.items())]
        return {name: getattr(self, name) for name in self.__slots__} | {"money": money}

    def add(self, numbers: tuple[Any, ...], price: Decimal | None, currency: str) -> None:
        """Add the numbers of one payer."""
        for name, number in zip(_NUMBERS, numbers, strict=True):
            setattr(self, name, getattr(self, name) + number)
        if price is not None:
            credits_ = numbers[_NUMBERS.index("credits")]
            self.money[currency] = self.money.get(currency, Decimal(0)) + price * credits_


_NUMBERS: Final = tuple(name for name in Sums.__slots__ if name not in {"name", "account", "money"})


@dataclass(frozen=True, slots=True)
class Unusable:
    """A job without a usable video, for a request to refund it.

    Attributes:
        id: the job id.
        profile: the name of the profile; None if the job is older than version 8 of the ledger.
        endpoint: the id of the endpoint.
        created_at: when it was submitted, in seconds since 1970.
        credits: the estimated credits; None if there is no estimate.
        reason: not_moving or out_of_sync, as its verification found; failed, stopped or no_output, as it ended; or
            missing, if the service no longer knows it. Whether failed jobs are charged for is not documented.
        tags: the tags of the submission.

    """

    id: str
    profile: str | None
    endpoint: str
    created_at: float
    credits: int | None
    reason: str
    tags: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Report:
    """What a ledger's jobs cost. A job with several tags is in several groups, and once in the total."""

    groups: tuple[Sums, ...]
    total: Sums
    unusable: tuple[Unusable, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON types."""
        groups, unusable = ([one.as_json() for one in several] for several in (self.groups, self.unusable))
        total = {name: value for name, value in self.total.as_json().items() if name not in {"name", "account"}}
        return {"groups": groups, "total": total, "unusable": unusable}


def report_of(
    ledger: Ledger,
    profile: Profile,
    *,
    by: str = "",
    since: float | None = None,
    until: float | None = None,
    tags: Mapping[str, str] | None = None,
    utc: bool = False,
    all_profiles: PriceOf | None = None,
) -> Report:
    """Report what the jobs of an account cost.

    Args:
        ledger: the ledger.
        profile: the account, and the price of its credits.
        by: how to group the jobs: tag, tag:NAME, endpoint, day, profile or verdict; empty for the total only.
        since: leave out submissions before this time, in seconds since 1970.
        until: leave out submissions at this time or later.
        tags: report only jobs that have all of these.
        utc: whether a day is one of UTC, and not of the local time zone.
        all_profiles: report the jobs of the other accounts too, except those of servers on this machine, which cost
            nothing; returns the price in another profile.

    Raises:
        InvalidRequest: there is no such grouping.

    """
    tag = by.removeprefix(OF_TAG) if by.startswith(OF_TAG) else ""
    if not tag and by not in {"", *GROUPINGS}:
        raise InvalidRequest(
            code="report.no_such_group", by=by, known=", ".join((*GROUPINGS, f"{OF_TAG}NAME")), remedy="known_groups"
        )
    key = _KEYS[OF_TAG if tag else "utc day" if utc and by == "day" else by]
    with ledger._transaction("DEFERRED") as db:  # noqa: SLF001  # one consistent state
        owned = {account: profile.owns(account) for (account,) in db.execute(ACCOUNTS)}
        mine = [account for account, own in owned.items() if own]
        others = [] if all_profiles is None else [account for account in owned if _is_paid(account)]
        values = {
            "accounts": listed({*mine, *others}),
            "mine": listed(mine),
            "since": since if since is not None else 0.0,
            "until": until if until is not None else 1e18,
            "now": ledger._clock(),  # noqa: SLF001
            "tags": json.dumps(dict(tags or {})),
            "tag": tag,
        }
        prices = _Prices(profile, all_profiles)
        groups = _sums(db, values, prices, key, by)
        total = groups if not by else _sums(db, values, prices, "NULL", "")
        found = db.execute(_JOBS + _UNUSABLE.format(where=_TAGGED), values)
        unusable = tuple(Unusable(*(*row, json.loads(tags_))) for *row, tags_ in found)
    return Report(tuple(groups) if by else (), total[0] if total else Sums(), unusable)


class _Prices:
    """The price of a credit for each payer: None stands for the profile, a text for another one of that name."""

    def __init__(self, profile: Profile, others: PriceOf | None) -> None:
        self._known: dict[str | None, tuple[Decimal | None, str]] = {None: (profile.price, profile.currency)}
        self._others = others

    def of(self, payer: str | None) -> tuple[Decimal | None, str]:
        if payer not in self._known:
            self._known[payer] = self._others(payer) if payer and self._others else (None, "")
        return self._known[payer]


def _sums(db: sqlite3.Connection, values: Mapping[str, Any], prices: _Prices, key: str, by: str) -> list[Sums]:
    """Add up each group: days in their order, other groups with the most expensive first, what has no name last."""
    each = " LEFT JOIN json_each(job.tags) AS each ON 1" if by == "tag" else ""
    account = "account" if by == "profile" else "NULL"
    statement = _JOBS + _SUMS.format(key=key, account=account, each=each, where=_TAGGED)
    groups: dict[tuple[str | None, str | None], Sums] = {}
    for name, of, payer, *numbers in db.execute(statement, values):
        groups.setdefault((name, of), Sums(name, of)).add(tuple(numbers), *prices.of(payer))
    return sorted(groups.values(), key=lambda one: _order(one, by))


def _order(one: Sums, by: str) -> tuple[bool, int, str, str]:
    return one.name is None, 0 if by == "day" else -one.credits, one.name or "", one.account or ""


def _is_paid(account: str) -> bool:
    """Return whether the jobs of an account may cost money: those of a server on this machine do not."""
    url = account.rpartition(" ")[2]
    return not account.startswith(EMBEDDED_ACCOUNT) and not ("://" in url and is_loopback(urlsplit(url).hostname or ""))
