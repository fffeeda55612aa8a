"""The check before a submission: its options, and where its findings go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import click

from lipsync_nodes.cli.output import RUN
from lipsync_nodes.cli.trouble import language
from lipsync_nodes.host import CheckMode, SubmitOptions, Verdict

__all__ = ["Findings", "check_options", "fetch_option"]

Command = Callable[..., object]

fetch_option = click.option(
    "--fetch", is_flag=True, help="For the check: fetch URLs, without credentials, and look at what they lead to."
)


def check_options(command: Command) -> Command:
    """Add the options of the check before a submission."""
    modes = click.option(
        "--check",
        type=click.Choice(get_args(CheckMode)),
        help="Look at the inputs before paying. warn (default): report, and refuse what certainly cannot work; "
        "refuse: also refuse what is likely wasted.",
    )
    return modes(fetch_option(command))


class Findings:
    """The findings of one submission's check. What stops the submission is told once, by the error.

    Args:
        default: the mode of the profile.
        tell: prints a line for people.
        where: the beginning of each line.

    """

    def __init__(self, default: CheckMode, tell: Callable[[str], object], where: str = "") -> None:
        self._mode, self._tell, self._where = default, tell, where
        self._verdict: Verdict | None = None

    def options(self, values: dict[str, Any]) -> SubmitOptions:
        """Return the options of the submission."""
        self._mode = values["check"] or self._mode
        return {"check": values["check"], "fetch": values["fetch"], "on_check": self._keep}

    def _keep(self, verdict: Verdict) -> None:
        self._verdict = verdict
        if not self._where:  # the only job of this run
            RUN.check = self.as_json
        refused = verdict.refused_by(self._mode)
        for one in verdict.problems:
            if one not in refused:
                self._tell(self._where + one.line(language(), "cli"))

    @property
    def as_json(self) -> dict[str, Any] | None:
        """The verdict as JSON types; None if nothing was checked."""
        return None if self._verdict is None else self._verdict.as_json(language(), "cli")
