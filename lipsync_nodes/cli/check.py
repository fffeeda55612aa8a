"""`check`: look at the inputs of a job before it is paid for. One subcommand for each endpoint."""

from __future__ import annotations

import sys
from typing import Any

import click

from lipsync_nodes.cli.checking import fetch_option
from lipsync_nodes.cli.endpoints import add_endpoint
from lipsync_nodes.cli.session import Session, form_of, lengths_of
from lipsync_nodes.cli.speak import say, show
from lipsync_nodes.cli.trouble import language
from lipsync_nodes.host import CATALOGUE, Budget, NodeSpec, check_form

__all__ = ["check"]


@click.group()
def check() -> None:
    """Check the inputs of a job before you pay for it: files, lengths, cost, faces and sound.

    This is free and needs no API key: nothing is sent to the service. An error means that the job cannot work. A
    warning means that its money is likely wasted. The exit code is 1 if there is an error, otherwise 0.
    """


def _make(spec: NodeSpec) -> None:
    @fetch_option
    @click.option("--budget", type=click.IntRange(0), help="Maximum credits for the job.")
    @click.option("--key", help="Submission key that you will use. If it has a job already, submitting is free.")
    def check_one(session: Session, fetch: bool, budget: int | None, key: str | None, **values: Any) -> None:
        form, lengths = form_of(spec, values), lengths_of(spec, values)
        with session.opened(key_needed=False) as to:
            limit = to.profile.budget if budget is None else budget
            verdict = check_form(
                form,
                to.profile,
                lengths=lengths,
                allow_long=values["allow_long"],
                fetch=fetch,
                key=key,
                ledger=to.ledger,
                budget=None if limit is None else Budget(limit),
            )
        if session.as_json:
            show(verdict.as_json(language(), "cli"), as_json=True)
        for line in () if session.as_json else verdict.text(language(), "cli").splitlines():
            say(line)
        sys.exit(0 if verdict.ok else 1)

    add_endpoint(check, spec, check_one)


for _spec in CATALOGUE:
    _make(_spec)
