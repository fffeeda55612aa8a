"""Loads the names of a package when they are first used (PEP 562), so that importing it is fast."""

from __future__ import annotations

import sys
from importlib import import_module

TYPE_CHECKING = False  # for type checkers, this name is true; importing `typing` takes 8 ms
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def lazy(module: str, homes: Mapping[str, tuple[str, ...]]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` for a module. *homes* maps modules of this package to the names they have."""
    home_of = {name: home for home, names in homes.items() for name in names}

    def load(name: str) -> object:
        if name not in home_of:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        value: object = getattr(import_module(f"lipsync_nodes.{home_of[name]}"), name)
        setattr(sys.modules[module], name, value)
        return value

    return load, lambda: sorted({*vars(sys.modules[module]), *home_of})
