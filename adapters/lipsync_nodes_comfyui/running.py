"""One execution of a node, in the loop that all nodes share, and ComfyUI's interrupt."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Coroutine
from functools import cache
from typing import Any, Final, TypeVar

from comfy.model_management import (
    InterruptProcessingException,
    interrupt_current_processing,
    throw_exception_if_processing_interrupted,
)

from lipsync_nodes.errors import LipsyncError

from .clients import close_clients
from .display import Display
from .hints import in_comfyui

__all__ = ["interruptible"]

T = TypeVar("T")

# How often the user's Cancel is looked for, in seconds.
LOOK_EVERY: Final = 0.1


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """Return the loop that all nodes work in.

    ComfyUI has a loop for each prompt, and ends it together with all that is on its way there: with it would go the
    answer of a submit, and a paid job's id. This one lives as long as ComfyUI.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="lipsync", daemon=True)
    thread.start()
    atexit.register(_finish, loop, thread)
    return loop


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_loop.cache_clear)  # its thread is the parent's


def _finish(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    """Wait, where ComfyUI ends in good order, for a submit that is on its way: its answer is a paid job's id."""
    if not thread.is_alive():  # in a fork
        return
    asyncio.run_coroutine_threadsafe(close_clients(), loop).result()


async def interruptible(doing: Coroutine[Any, Any, T], display: Display) -> T:
    """Await *doing*, but look for the user's Cancel meanwhile, and let it through as ComfyUI's own exception.

    Where another node failed, ComfyUI cancels this task, which is no Cancel of the user's. Either way the remote job
    goes on, the ledger knows it, and the next run picks it up.
    """
    running = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_shown(doing, display), _loop()))
    try:
        while not running.done():
            await asyncio.wait({running}, timeout=LOOK_EVERY)
            throw_exception_if_processing_interrupted()
        return running.result()
    except InterruptProcessingException:
        interrupt_current_processing()  # whoever sees a Cancel clears it, and the others of a list are to see it, too
        raise
    finally:
        running.cancel()


async def _shown(doing: Coroutine[Any, Any, T], display: Display) -> T:
    try:
        return await doing
    except LipsyncError as error:
        error.hint = in_comfyui(error.hint)
        raise
    except asyncio.CancelledError:
        display.left()
        raise
    finally:
        display.close()
