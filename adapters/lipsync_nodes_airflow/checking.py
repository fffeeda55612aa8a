"""Checks before a submission, as the operators do them: their options, and their findings in the task's log."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any, get_args

from lipsync_nodes.host import CheckMode, Verdict
from lipsync_nodes_airflow.arguments import check_choice, given_tags, tags

__all__ = ["check_options", "report", "submit_options"]


def check_options(given: Mapping[str, Any]) -> None:
    """Raise `InvalidRequest` for literal values of `check` and `tags` that are wrong."""
    check_choice("check", given.get("check"), get_args(CheckMode))
    given_tags(given.get("tags"))


def submit_options(task: Any, more_tags: Mapping[str, str] | None = None, place: str = "") -> dict[str, Any]:
    """Return what a task's arguments say of the check and the tags, for the client."""
    return {
        "check": task.check,
        "fetch": task.fetch,
        "on_check": partial(report, task.log, place=place),
        "tags": {**tags(task.tags), **(more_tags or {})},
    }


def report(log: Any, verdict: Verdict, place: str = "") -> None:
    """Log each finding as one line: errors and warnings at WARNING, others at INFO."""
    for finding in verdict.findings:
        level = logging.INFO if finding.severity == "info" else logging.WARNING
        log.log(level, "%s%s", place, finding.line(host="airflow"))
