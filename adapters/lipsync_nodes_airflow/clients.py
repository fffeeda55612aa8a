"""The clients of the hook. Their errors, and the findings of their checks, are in the terms of Airflow."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any, Final

from lipsync_nodes import AsyncLipsyncClient, LipsyncClient, LipsyncError
from lipsync_nodes_airflow.checking import report
from lipsync_nodes_airflow.failures import speak

__all__ = ["AsyncHookClient", "HookClient"]

# What raises errors; and what submits, whose checks are reported.
METHODS: Final = ("check", "download", "job", "run", "run_many", "submit", "verify", "wait")
SUBMITS: Final = ("run", "submit")


class HookClient(LipsyncClient):
    """A `LipsyncClient` in the terms of Airflow."""


class AsyncHookClient(AsyncLipsyncClient):
    """An `AsyncLipsyncClient` in the terms of Airflow."""


@contextmanager
def _in_airflows_terms() -> Iterator[None]:
    try:
        yield
    except LipsyncError as error:
        speak(error)
        raise


def _speaking(method: Callable[..., Any], defaults: dict[str, Any]) -> Callable[..., Any]:
    @wraps(method)
    def now(*given: Any, **options: Any) -> Any:
        with _in_airflows_terms():
            return method(*given, **defaults | options)

    @wraps(method)
    async def later(*given: Any, **options: Any) -> Any:
        with _in_airflows_terms():
            return await method(*given, **defaults | options)

    return later if inspect.iscoroutinefunction(method) else now


for _client in (HookClient, AsyncHookClient):
    for _name in METHODS:
        if hasattr(_client, _name):
            _defaults = {"on_check": partial(report, logging.getLogger(__name__))} if _name in SUBMITS else {}
            setattr(_client, _name, _speaking(getattr(_client, _name), _defaults))
