"""What threads share, across a fork: a lock that another thread held, or a thread that is gone, would hang the child.

Before a fork the locks are taken, so that nothing is halfway; in the child they are new. Windows does not fork.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any, Final, Self
from weakref import WeakValueDictionary

from lipsync_nodes.errors import ConfigurationError

__all__ = [
    "Shared",
]


# A fork waits so long at most, in seconds, for all locks together. The child gets new ones in any case.
LONGEST_WAIT: Final = 5.0

_shared: Final[WeakValueDictionary[int, Shared]] = WeakValueDictionary()
_taken: Final = threading.local()


class Shared:
    """An object that threads share: it survives a fork, a copy of it is itself, and it is not sent to other processes.

    Args:
        lock: makes its lock, `_lock`.

    """

    def __init__(self, lock: Callable[[], Any] = threading.Lock) -> None:
        self._new_lock = lock
        self._lock = lock()
        _shared[id(self)] = self

    def _renew(self) -> None:
        """Make anew what a child cannot inherit."""
        self._lock = self._new_lock()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    def __getstate__(self) -> Any:
        raise ConfigurationError(code="process.cannot_be_sent", kind=type(self).__name__, remedy="one_per_process")


def _all() -> list[Shared]:
    """Return what there is; another thread may make more meanwhile."""
    return [one for reference in _shared.valuerefs() if (one := reference()) is not None]


def _before() -> None:
    ends = time.monotonic() + LONGEST_WAIT
    locks = [one._lock for one in _all()]  # noqa: SLF001
    _taken.locks = [lock for lock in locks if lock.acquire(timeout=max(0.0, ends - time.monotonic()))]


def _in_parent() -> None:
    for lock in _taken.__dict__.pop("locks", ()):
        lock.release()


def _in_child() -> None:
    for one in _all():
        one._renew()  # noqa: SLF001


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
