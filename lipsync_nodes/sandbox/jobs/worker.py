"""The worker process: reads orders as JSON lines from stdin, renders, and reports as JSON lines on stdout.

It ends with its parent, even if that is killed, because its stdin closes then. It is a plain subprocess, because a
`multiprocessing` child would import and run the parent's `__main__` again.
"""

from __future__ import annotations

import dataclasses
import json
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

__all__ = ["main"]

Report = Callable[..., None]


def main() -> None:
    """Run orders until the parent process has ended."""
    for number in (signal.SIGINT, signal.SIGTERM):  # they may be sent to all processes at once; the parent decides
        signal.signal(number, signal.SIG_IGN)
    report = _reporter()
    orders: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read_orders, args=(orders,), daemon=True).start()
    while True:
        carry_out(json.loads(orders.get()), report)


def carry_out(order: dict[str, Any], report: Report) -> None:
    """Measure the media and render; report `done`, `refused` (the media are wrong) or `broken` (a bug)."""
    from lipsync_nodes.sandbox import preview  # noqa: PLC0415  # loaded with the first order

    try:
        paths = {name: Path(path) for name, path in order["media"].items()}
        report(lengths={field: _measure(paths[name], field) for name, field in order["timed"].items()})
        known = {field.name for field in dataclasses.fields(preview.RenderInput)}
        given = {name: value for name, value in {**order["values"], **paths}.items() if name in known}
        rendered = preview.render(preview.RenderInput(**given), Path(order["out"]), _progress(report))
        report(done=dataclasses.asdict(rendered))
    except preview.MediaError as error:
        report(refused={"code": error.code, **error.facts})
    except Exception as error:  # noqa: BLE001  # the next job may still succeed
        traceback.print_exc()
        report(broken=f"{type(error).__name__}: {error}")


def _measure(path: Path, field: str) -> float:
    from lipsync_nodes.sandbox import preview  # noqa: PLC0415  # see carry_out

    try:
        return preview.media_seconds(path)
    except preview.MediaError as error:
        error.at(field)
        raise


def _progress(report: Report) -> Callable[[float], None]:
    last = -1.0

    def note(fraction: float) -> None:
        nonlocal last
        if fraction - last >= 0.01:  # noqa: PLR2004  # a hundred reports are enough
            last = fraction
            report(progress=round(float(fraction), 3))

    return note


def _reporter() -> Report:
    """Return the function that reports to the parent. Whatever else is printed goes to stderr."""
    out: IO[str] = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def report(**news: Any) -> None:
        out.write(json.dumps(news) + "\n")
        out.flush()

    return report


def _read_orders(orders: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        orders.put(line)
    os._exit(0)  # the parent has ended
