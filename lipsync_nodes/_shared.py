"""Objects that threads share, and forks. In the child, a lock that another thread held would never be released.

Before a fork, all locks are acquired, so that nothing is in an intermediate state. In the child they are replaced.
Windows does not fork.
"""

from __future__ import annotations

# Its locks are acquired before a fork too. It is imported first, so that this happens after ours: code that loads a
# module under `LOADING` may need them.
import logging  # noqa: F401
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, Self
from weakref import WeakValueDictionary

from lipsync_nodes.errors import ConfigurationError

if TYPE_CHECKING or sys.version_info >= (3, 12):
    from functools import cached_property
else:

    class cached_property:  # noqa: N801
        """That of Python 3.12. In 3.11, it has a lock for all objects, which a child process would wait for."""

        def __init__(self, make: Callable[[Any], Any]) -> None:
            self._make, self.__doc__ = make, make.__doc__

        def __set_name__(self, owner: type, name: str) -> None:
            self._name = name

        def __get__(self, one: Any, owner: type | None = None) -> Any:
            if one is None:
                return self
            value = vars(one)[self._name] = self._make(one)
            return value


__all__ = ["LOADING", "Shared", "cached_property"]


# The longest time, in seconds, that a fork waits for all locks together. The child gets new ones in any case.
LONGEST_WAIT: Final = 5.0

_shared: Final[WeakValueDictionary[int, Shared]] = WeakValueDictionary()
_taken: Final = threading.local()


class Shared:
    """An object that threads share. It survives a fork, a copy of it is the object itself, and it cannot be pickled.

    Its methods hold `_lock`, which *lock* creates.
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


class _Loading(Shared):
    """Lets one thread load modules or plugins at a time, and no fork meanwhile: in the child, it would never end."""

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


# A fork acquires this one first, when it holds no lock yet that the loading thread may need.
LOADING: Final = _Loading(threading.RLock)


def _all() -> list[Shared]:
    """Return all objects. Another thread may create more meanwhile."""
    return [one for reference in _shared.valuerefs() if (one := reference()) is not None]


def _before() -> None:
    ends = time.monotonic() + LONGEST_WAIT
    _taken.locks = [lock for lock in _locks() if lock.acquire(timeout=max(0.0, ends - time.monotonic()))]


def _locks() -> Iterator[Any]:
    yield LOADING._lock  # noqa: SLF001
    yield from [one._lock for one in _all()]  # noqa: SLF001  # what was loading may just have created some


def _in_parent() -> None:
    for lock in _taken.__dict__.pop("locks", ()):
        lock.release()


def _in_child() -> None:
    for one in _all():
        one._renew()  # noqa: SLF001


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
