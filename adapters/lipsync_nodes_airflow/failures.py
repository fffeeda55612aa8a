"""Converts errors of the core for Airflow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.providers.common.compat.sdk import AirflowFailException

from lipsync_nodes import LipsyncError

__all__ = ["no_retry_in_vain", "speak"]


@contextmanager
def no_retry_in_vain(*passing: type[LipsyncError]) -> Iterator[None]:
    """Fail the task without retries if another try cannot help or might pay twice. Other errors are left to `retries`.

    All errors get the terms of Airflow, also those that they were raised from: Airflow logs them all.

    Args:
        *passing: other errors that are temporary, and after which a retry does not pay again.

    """
    try:
        yield
    except LipsyncError as error:
        speak(error)
        if error.retryable or isinstance(error, passing):
            raise
        raise AirflowFailException(str(error)) from error


def speak(error: BaseException) -> None:
    """Make an error, and those that it was raised from, use the terms of Airflow."""
    told: list[BaseException] = []
    while error not in told:
        told.append(error)
        if isinstance(error, LipsyncError):
            error.speak("airflow")
        error = error.__cause__ or error.__context__ or error
