"""Objects that threads share, and forks. In the child, a lock that another thread held would never be released.

Before a fork, all locks are acquired, so that nothing is in an intermediate state. In the child they are replaced.
Windows does not fork.
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


# The longest time, in seconds, that a fork waits for all locks together. The child gets new ones in any case.
LONGEST_WAIT: Final = 5.0

_shared: Final[WeakValueDictionary[int, Shared]] = WeakValueDictionary()
_taken: Final = threading.local()


class Shared:
    """An object that threads share. It survives a fork, a copy of it is the object itself, and it cannot be pickled.

    Args:
        lock: creates its lock, `_lock`.

    """

    def __init__(self, lock: Callable[[], Any] = threading.Lock) -> None:
        self._new_lock = lock
        self._lock = lock()
        _shared[id(self)] = self

    def _renew(self) -> None:
        """Replace what a child process cannot inherit."""
        self._lock = self._new_lock()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    def __getstate__(self) -> Any:
        raise ConfigurationError(code="process.cannot_be_sent", kind=type(self).__name__, remedy="one_per_process")


def _all() -> list[Shared]:
    """Return all objects. Another thread may create more meanwhile."""
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
