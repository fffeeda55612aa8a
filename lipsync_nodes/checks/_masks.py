"""What can be seen in a mask: whether it marks anything, and whether it has the size of its picture."""

from __future__ import annotations

from collections.abc import Iterator

from lipsync_nodes.checks._finding import Finding
from lipsync_nodes.checks._inputs import Inputs


def findings(inputs: Inputs) -> Iterator[Finding]:
    """Yield what is wrong with the masks."""
    from lipsync_nodes.perception.pictures import read_mask  # noqa: PLC0415  # needs the extra

    for name, path in inputs.of_kind("mask").items():
        if float(read_mask(path, 64, 64).max()) == 0.0:
            yield Finding(
                code="mask.marks_nothing", severity="warning", basis="likely", field=name, remedy=("mark_face",)
            )
