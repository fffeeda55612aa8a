"""The process that renders: orders come in as JSON lines, news go out as JSON lines.

It ends with its parent, however that ends: the pipe it is ordered by closes then. It is a plain subprocess and no
`multiprocessing` child, because that would import the parent's `__main__` again, whatever that does.
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

Tell = Callable[..., None]


def main() -> None:
    """Carry out orders until the parent is gone."""
    for polite in (signal.SIGINT, signal.SIGTERM):  # they may reach all processes at once; the parent decides
        signal.signal(polite, signal.SIG_IGN)
    tell = _teller()
    orders: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(orders,), daemon=True).start()
    while True:
        carry_out(json.loads(orders.get()), tell)


def carry_out(order: dict[str, Any], tell: Tell) -> None:
    """Measure and render; tell `done`, `refused` (the media are wrong) or `broken` (the renderer is)."""
    from lipsync_nodes.sandbox import preview  # noqa: PLC0415  # only once there is something to render

    try:
        paths = {name: Path(path) for name, path in order["media"].items()}
        tell(lengths={name: _measure(paths[name], field) for name, field in order["timed"].items()})
        known = {field.name for field in dataclasses.fields(preview.Take)}
        given = {name: value for name, value in {**order["values"], **paths}.items() if name in known}
        rendered = preview.render(preview.Take(**given), Path(order["out"]), _progress(tell))
        tell(done=dataclasses.asdict(rendered))
    except preview.MediaError as error:
        tell(refused=str(error))
    except Exception as error:  # noqa: BLE001  # one job's trouble is not the next one's
        traceback.print_exc()
        tell(broken=f"{type(error).__name__}: {error}")


def _measure(path: Path, field: str) -> float:
    from lipsync_nodes.sandbox import preview  # noqa: PLC0415  # see carry_out

    try:
        return preview.media_seconds(path)
    except preview.MediaError as error:
        raise preview.MediaError(f"{field}: {error}") from None


def _progress(tell: Tell) -> Callable[[float], None]:
    last = -1.0

    def note(fraction: float) -> None:
        nonlocal last
        if fraction - last >= 0.01:  # noqa: PLR2004  # a hundred lines are enough
            last = fraction
            tell(progress=round(float(fraction), 3))

    return note


def _teller() -> Tell:
    """Return what writes news to the parent; whatever else prints goes to stderr and cannot garble it."""
    out: IO[str] = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(**news: Any) -> None:
        out.write(json.dumps(news) + "\n")
        out.flush()

    return tell


def _listen(orders: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        orders.put(line)
    os._exit(0)  # the parent is gone
