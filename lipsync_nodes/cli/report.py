"""`report`: what the jobs cost, and which ones have no usable video."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import click
from rich.cells import cell_len

from lipsync_nodes import LipsyncError
from lipsync_nodes.cli.output import plain, write
from lipsync_nodes.cli.session import Session, common_options
from lipsync_nodes.cli.speak import say, show
from lipsync_nodes.cli.spreadsheet import print_csv
from lipsync_nodes.cli.tags import tag_option, tags_text
from lipsync_nodes.host import Report, Sums, load_profile, report_of

__all__ = ["report"]

SPANS: Final = {"h": 3600, "d": 86400, "w": 7 * 86400}
LATEST: Final = 30
COUNTS: Final = ("jobs", "completed", "failed", "uncertain", "unusable", "seconds", "credits", "not_estimated")


@click.command()
@click.option(
    "--by",
    metavar="GROUP",
    default="",
    help="One line for each tag, tag:NAME (each value of one tag), endpoint, day, profile or verdict. With `tag`, a job"
    " with several tags is in several lines. `profile` covers all profiles, unless --profile names one.",
)
@click.option("--since", metavar="DATE|7d", help="Only jobs from this date on, or of the last 24h, 7d or 4w.")
@click.option("--until", metavar="DATE|7d", help="Only jobs up to this date, that day included.")
@tag_option("Only jobs with this tag. Can be given several times.")
@click.option("--utc", is_flag=True, help="Days and dates are those of UTC. Default: the time zone of this machine.")
@click.option("--all-profiles", is_flag=True, help="Jobs of all profiles. Default: of one, as in `jobs`.")
@click.option("--unusable", is_flag=True, help="Only list the jobs without a usable video.")
@click.option(
    "--csv", "as_csv", is_flag=True, help="Print CSV for a spreadsheet: the groups, or with --unusable the list."
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="With --csv: write it to this file.")
@common_options
def report(  # the options
    session: Session,
    *,
    by: str,
    since: str | None,
    until: str | None,
    utc: bool,
    all_profiles: bool,
    unusable: bool,
    as_csv: bool,
    out: Path | None,
    tags: dict[str, str],
) -> None:
    """Report what the jobs cost, and which ones have no usable video.

    It covers the jobs that were submitted from this machine. Jobs made with --sandbox have a ledger of their own: add
    --sandbox to report those. Seconds and credits are estimates from before each job, because the service does not
    report what it charged. Money needs the price of a credit: `price` and `currency` in the profile, or LIPSYNC_PRICE
    and LIPSYNC_CURRENCY.

    Jobs without a usable video are listed with their ids, for a request to refund them: those that failed, and those
    whose verification found that the mouth does not move or is out of sync. Whether failed jobs are charged is not
    documented; compare them with your account.
    """
    if as_csv and session.as_json:
        raise click.UsageError("Give --csv or --json, not both.")
    if out is not None and not as_csv:
        raise click.UsageError("--out goes with --csv.")
    zone = UTC if utc else None
    with session.opened(key_needed=False) as to:
        everyone = all_profiles or (by == "profile" and session.profile is None)
        found = report_of(
            to.ledger,
            to.profile,
            by=by,
            since=None if since is None else _moment("--since", since, zone),
            until=None if until is None else _moment("--until", until, zone, end=True),
            tags=tags,
            utc=utc,
            all_profiles=_price_in if everyone else None,
        )
        if session.as_json:
            show(found.as_json(), as_json=True)
        elif as_csv:
            print_csv(_unusable_rows(found, zone) if unusable else _group_rows(found, by), out)
        else:
            _print(found, by, zone, groups=not unusable)
            if not (found.total.jobs or found.total.uncertain):
                session.say_no_jobs("report")


def _moment(option: str, text: str, zone: Any, *, end: bool = False) -> float:
    """Return a time in seconds since 1970. The *end* of a date is the end of that day."""
    try:
        if span := re.fullmatch(r"(\d{1,6})([hdw])", text):
            return time.time() - int(span[1]) * SPANS[span[2]]
        if len(text) <= len("2026-11-30"):
            day = date.fromisoformat(text) + timedelta(days=end)
            return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()
        given = datetime.fromisoformat(text)
        return (given if given.tzinfo else given.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError, OSError):
        raise click.BadParameter(
            f"give a date such as 2026-11-30, or a span such as 7d, not {text!r}", param_hint=option
        ) from None


def _price_in(profile: str) -> tuple[Decimal | None, str]:
    """Return the price in another profile. One that is no longer there has none."""
    with suppress(LipsyncError):
        found = load_profile(profile, ask_plugins=False)
        return found.price, found.currency
    return None, ""


def _when(seconds: float, zone: Any) -> str:
    return datetime.fromtimestamp(seconds, zone).strftime("%Y-%m-%d %H:%M:%S")


def _currencies(found: Report) -> list[str]:
    return sorted(found.total.money)


def _group_rows(found: Report, by: str) -> Iterator[Sequence[Any]]:
    """Yield the header and the groups, or the total if there are none. A total below groups would be added to them."""
    named = [by, "account"] if by == "profile" else [by] if by else []
    currencies = _currencies(found)
    yield [*named, *COUNTS, "unusable_credits", *(f"money {currency}".strip() for currency in currencies)]
    for one in found.groups if by else [found.total]:
        money = [float(one.money.get(currency, 0)) for currency in currencies]
        yield [*(one.name or "", one.account or "")[: len(named)], *_numbers(one), one.unusable_credits, *money]


def _numbers(one: Sums) -> list[Any]:
    return [getattr(one, name) for name in COUNTS]


def _unusable_rows(found: Report, zone: Any) -> Iterator[Sequence[Any]]:
    yield ["job_id", "reason", "profile", "endpoint", "submitted", "credits", "tags"]
    for one in found.unusable:
        submitted = _when(one.created_at, zone)
        yield [one.id, one.reason, one.profile or "", one.endpoint, submitted, one.credits, tags_text(one.tags)]


def _print(found: Report, by: str, zone: Any, *, groups: bool) -> None:
    """Print tables for people. Below groups, only the latest jobs without a usable video are listed."""
    if groups:
        _print_groups(found, by)
        for note in _notes(found):
            say(note)
    if not found.unusable:
        say("No jobs without a usable video.")
        return
    if groups:
        say("")
    say(f"{len(found.unusable)} without a usable video, about {found.total.unusable_credits:,} credits:")
    header, *rows = ([_short(value) for value in row] for row in _unusable_rows(found, zone))
    left_out = max(0, len(rows) - LATEST) if groups else 0
    if left_out:
        say(f"(the latest {LATEST}; all with `lipsync-nodes report --unusable`)")
    _table([name.replace("_", " ") for name in header], rows[left_out:], numbers={"credits"})


def _print_groups(found: Report, by: str) -> None:
    names = [by or "", *(["account"] if by == "profile" else []), *COUNTS]
    money = ["money"] if found.total.money else []

    def row(one: Sums, name: str) -> list[str]:
        account = [one.account or ""] if by == "profile" else []
        return [name, *account, *map(_short, _numbers(one)), *([_money(one)] if money else [])]

    rows = [row(one, "(none)" if one.name is None else one.name) for one in found.groups]
    titles = [name.replace("_", " ") for name in [*names, *money]]
    _table(titles, [*rows, row(found.total, "total")], [title for title in titles[1:] if title != "account"])


def _notes(found: Report) -> Iterator[str]:
    total = found.total
    missing = f"; jobs without an estimate: {total.not_estimated}" if total.not_estimated else ""
    yield f"Credits and seconds are estimates{missing}."
    if total.uncertain:
        yield f"Uncertain submissions, which may have created a job and are not added: {total.uncertain}."
    if not total.money and total.credits:
        yield "For money, set `price` (of a credit) and `currency` in the profile."


def _money(one: Sums) -> str:
    return " + ".join(f"{amount:,.2f} {currency}".strip() for currency, amount in sorted(one.money.items()))


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value or "")


def _table(names: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[str]) -> None:
    """Print a table, as wide as it has to be: an id that is cut short is of no use."""
    lines = [names, *(list(map(plain, row)) for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    right = [name in set(numbers) for name in names]
    for line in lines:
        cells = zip(line, widths, right, strict=True)
        padded = [pad + text if number else text + pad for text, number, pad in map(_padding, cells)]
        write("  ".join(padded).rstrip() + "\n")


def _padding(cell: tuple[str, int, bool]) -> tuple[str, bool, str]:
    text, width, number = cell
    return text, number, " " * (width - cell_len(text))
