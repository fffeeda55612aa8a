"""`run`, `submit` and `estimate`: one subcommand for each endpoint, with its options from the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from click.core import ParameterSource

from lipsync_nodes import Credits, estimate_credits
from lipsync_nodes.cli.batch import batch_options, run_batch
from lipsync_nodes.cli.checking import Findings, check_options
from lipsync_nodes.cli.session import Session, common_options, cost_of, form_of, lengths_of
from lipsync_nodes.cli.speak import json_of, show
from lipsync_nodes.cli.tags import tag_option
from lipsync_nodes.cli.verify import said_of, verification_of, verify_option
from lipsync_nodes.host import CATALOGUE, FieldSpec, NodeSpec, SubmitOptions, require_perception

__all__ = ["add_endpoint", "estimate", "run", "submit", "waiting_options"]

Command = Callable[..., object]


@click.group(invoke_without_command=True)
@batch_options
@click.pass_context
def run(context: click.Context, /, **options: Any) -> None:
    """Submit a job, wait for its video and print the URL. With --batch, run many jobs from a file."""
    if context.invoked_subcommand is None:
        run_batch(**options)
        return
    # If an option before the endpoint were ignored, the job could go to the wrong account.
    given = [name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if given:
        raise click.UsageError(
            f"Give options behind the endpoint: {context.command_path} {context.invoked_subcommand} …"
        )


@click.group()
def submit() -> None:
    """Submit a job and print its id at once."""


@click.group()
def estimate() -> None:
    """Print how many credits a job would cost. Nothing is sent."""


def waiting_options(command: Command) -> Command:
    """Add the options of all commands that wait."""
    for option in (
        click.option("--timeout", type=float, help="Maximum seconds for the command. Default: 1800 for the wait."),
        click.option("--poll-interval", type=float, help="Average seconds between two polls. Default: 7.5."),
    ):
        command = option(command)
    return command


def _length_options(spec: NodeSpec, command: Command) -> Command:
    command = click.option("--allow-long", is_flag=True, help="Allow media that are longer than 600 s.")(command)
    for field in reversed(spec.timed):
        text = f"Length of the {field.title.lower()} in seconds. Local files are measured."
        length = click.option(
            f"{field.option}-seconds", field.seconds, type=click.FloatRange(0, min_open=True), help=text
        )
        command = length(command)
    return command


def _submit_options(command: Command) -> Command:
    for option in (
        click.option(
            "--webhook", help="https URL to which the service POSTs the ended job, or `auto` for your receiver."
        ),
        click.option(
            "--budget", type=click.IntRange(0), help="Do not submit a job that may cost more credits than this."
        ),
        click.option(
            "--resubmit-uncertain",
            is_flag=True,
            help="Submit even if an earlier submission with this key may have been received. You may pay twice.",
        ),
        click.option("--resubmit-changed", is_flag=True, help="Submit even if the key was used with other inputs."),
        tag_option("Tag for `lipsync-nodes report`, not sent to the service. Can be given several times."),
        click.option("--key", help="Submission key. If it was used before, its job is continued and not paid again."),
    ):
        command = option(command)
    return check_options(command)


def _field_option(field: FieldSpec, *, required: bool) -> Callable[[Command], Command]:
    """Make the option of one form field."""
    kind: Any = {"integer": click.IntRange(field.minimum, field.maximum), "object": _JsonObject()}.get(
        field.type, click.STRING
    )
    return click.option(
        field.option,
        field.name,
        type=click.Choice(field.choices) if field.choices else kind,
        required=required,
        metavar="URL|FILE" if field.media else None,
        help=f"{field.help} Default: {field.default}." if field.choices and field.default else field.help,
    )


class _JsonObject(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.4 on
    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        try:
            decoded = json_of(value)
        except (ValueError, RecursionError):
            decoded = None
        if not isinstance(decoded, dict):
            self.fail("give a JSON object, such as '{\"name\": 1}'", param, ctx)
        return decoded


def add_endpoint(group: click.Group, spec: NodeSpec, command: Command) -> None:
    """Add an endpoint as a subcommand, with its fields, the lengths of its media and the common options."""
    command = common_options(_length_options(spec, command))
    for field in reversed(spec.fields):
        command = _field_option(field, required=field.required and group is not estimate)(command)
    group.command(spec.command, help=f"{spec.help}.")(command)


def _given(
    values: dict[str, Any], findings: Findings, *, estimate: Credits | None, target: str | None = None
) -> SubmitOptions:
    return {
        "webhook": values["webhook"],
        "key": values["key"],
        "resubmit_uncertain": values["resubmit_uncertain"],
        "resubmit_changed": values["resubmit_changed"],
        "tags": values["tags"],
        "allow_long": values["allow_long"],
        "estimate": estimate,
        "target": target,
        **findings.options(values),
    }


def _make(spec: NodeSpec) -> None:
    """Add one endpoint to the three groups."""

    @waiting_options
    @_submit_options
    @verify_option
    @click.option("--out", type=click.Path(), help="File or folder for the video; end a new folder with /.")
    def run_one(session: Session, out: str | None, verifies: bool, **values: Any) -> None:
        if verifies:
            require_perception()  # before anything is paid
        with session.client(budget=values["budget"], lasting=values["key"] is not None) as (client, to):
            form = form_of(spec, values)
            cost = cost_of(form, values)
            # The URL of a sandbox is of no use after this command, which stops the sandbox.
            target = out or ("./" if to.sandbox else None)
            usual = to.ledger.usual_seconds(spec.id, preview=to.profile.embedded)
            with session.progress("Submitting", usual=usual) as progress:
                findings = Findings(to.profile.check, progress.line)
                job = client.run(
                    form,
                    **_given(values, findings, estimate=cost, target=target),
                    timeout=values["timeout"],
                    poll_interval=values["poll_interval"],
                    on_update=progress.job,
                )
                saved = to.save(client, job, target, progress) if target else None
                verified = verification_of(client, job, form, progress) if verifies else None
        checked = {"check": findings.as_json} if session.as_json else {}
        told = {} if verified is None else {"verification": verified if session.as_json else said_of(verified)}
        result = {**job.wire(), "credits": cost, "path": saved and str(saved), **checked, **told}
        show(result, as_json=session.as_json)

    @_submit_options
    def submit_one(session: Session, **values: Any) -> None:
        with session.client(budget=values["budget"]) as (client, to):
            form = form_of(spec, values)
            cost = cost_of(form, values)
            with session.progress("Submitting") as progress:
                findings = Findings(to.profile.check, progress.line)
                job = client.submit(form, **_given(values, findings, estimate=cost))
                progress.job(job)
        checked = {"check": findings.as_json} if session.as_json else {}
        show({**job.wire(), "credits": cost, **checked}, as_json=session.as_json)

    def estimate_one(session: Session, **values: Any) -> None:
        form, lengths = form_of(spec, values, draft=True), lengths_of(spec, values)
        cost = estimate_credits(form, lengths=lengths, allow_long=values["allow_long"])
        show({"credits": cost, "exact": cost.exact, "caveat": cost.caveat}, as_json=session.as_json)

    for group, command in ((run, run_one), (submit, submit_one), (estimate, estimate_one)):
        add_endpoint(group, spec, command)


for _spec in CATALOGUE:
    _make(_spec)
