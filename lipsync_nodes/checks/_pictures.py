"""What can be seen or heard in the pictures of a form."""

from __future__ import annotations

from collections.abc import Iterator

from lipsync_nodes.checks._finding import Finding
from lipsync_nodes.checks._inputs import Inputs


def findings(inputs: Inputs) -> Iterator[Finding]:  # noqa: ARG001
    """Yield what is wrong with the pictures."""
    yield from ()
