"""Decodes JSON that the sandbox has to store and to send again: what it accepts here, it can always show."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, Final

__all__ = ["decoded"]

_DEEPEST: Final = 150
"""Levels of lists and objects. Encoding needs the stack for each of them, and no form has more than a few."""


def decoded(text: str | bytes, *, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """Return the value of a JSON text. *pairs* builds its objects, as in `json.loads`.

    Raises ValueError if it is not JSON (as NaN and Infinity are not), has a number too large for a float, or is nested
    too deeply.
    """
    try:
        value = json.loads(text, parse_constant=_finite, parse_float=_finite, object_pairs_hook=pairs)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if _is_deep(value):
        raise ValueError("it is nested too deeply")
    return value


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text[:40]} is not a number of JSON")
    return number


def _is_deep(value: Any) -> bool:
    layer = [value]
    for _ in range(_DEEPEST):
        inner = (one.values() if isinstance(one, dict) else one for one in layer if isinstance(one, dict | list))
        layer = [one for values in inner for one in values]
        if not layer:
            return False
    return True
