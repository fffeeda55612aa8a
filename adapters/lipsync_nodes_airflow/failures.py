"""What an error of the core means for a task."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.providers.common.compat.sdk import AirflowFailException

from lipsync_nodes import LipsyncError

__all__ = ["no_retry_in_vain"]


@contextmanager
def no_retry_in_vain(*passing: type[LipsyncError]) -> Iterator[None]:
    """Fail the task for good where another try cannot help or might pay twice; leave the other errors to `retries`.

    All of them speak in Airflow's terms.

    Args:
        *passing: what else may pass, and pays nothing if it is tried again.

    """
    try:
        yield
    except LipsyncError as error:
        error.speak("airflow")
        if error.retryable or isinstance(error, passing):
            raise
        raise AirflowFailException(str(error)) from error
