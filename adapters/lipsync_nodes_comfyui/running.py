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

from lipsync_nodes import LipsyncError

from .clients import close_clients
from .display import Display
from .language import in_comfyui

__all__ = ["interruptible"]

T = TypeVar("T")

# How often to check for the user's Cancel, in seconds.
LOOK_EVERY: Final = 0.1


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """Return the event loop that all nodes share; it lives as long as ComfyUI.

    ComfyUI runs each prompt in a loop of its own, and cancels what is left there at the prompt's end. A submit would
    lose its response, and with it the id of a paid job.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="lipsync", daemon=True)
    thread.start()
    atexit.register(_finish, loop, thread)
    return loop


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_loop.cache_clear)  # its thread stays in the parent


def _finish(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    """Wait, on a normal exit, for running submissions: the response to each is the id of a paid job."""
    if not thread.is_alive():  # in a fork
        return
    asyncio.run_coroutine_threadsafe(close_clients(), loop).result()


async def interruptible(doing: Coroutine[Any, Any, T], display: Display) -> T:
    """Await *doing* in the shared loop; the user's Cancel ends it with ComfyUI's own exception.

    When another node fails, ComfyUI cancels this task, which is not the user's Cancel. Either way the remote job goes
    on, the ledger has it, and the next run picks it up.
    """
    running = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_shown(doing, display), _loop()))
    try:
        while not running.done():
            await asyncio.wait({running}, timeout=LOOK_EVERY)
            throw_exception_if_processing_interrupted()
        return running.result()
    except InterruptProcessingException:
        interrupt_current_processing()  # the check cleared it, and the other items of a list must see it, too
        raise
    finally:
        running.cancel()


async def _shown(doing: Coroutine[Any, Any, T], display: Display) -> T:
    try:
        return await doing
    except LipsyncError as error:
        display.failed(in_comfyui(error))
        raise
    except Exception as error:
        display.failed(error)
        raise
    except asyncio.CancelledError:
        display.stopped()
        raise
    finally:
        display.close()
