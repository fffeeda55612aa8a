"""The hook: makes a client from a connection of type `lipsync`."""

from __future__ import annotations

import asyncio
import sys
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from airflow.providers.common.compat.sdk import BaseHook

from lipsync_nodes import AsyncLipsyncClient, LipsyncClient, LipsyncError, Profile
from lipsync_nodes.host import NoFramesBelow, check_service
from lipsync_nodes_airflow.clients import AsyncHookClient, HookClient
from lipsync_nodes_airflow.connection import profile_from
from lipsync_nodes_airflow.own_code import options_of_running_task
from lipsync_nodes_airflow.provider_info import get_provider_info

__all__ = ["LipsyncHook"]


class LipsyncHook(BaseHook):
    """Makes clients from an Airflow connection.

    The password is the API key. The host is the base URL, whole or in parts (host, port and schema); if it is empty,
    the service is used. The extra can hold the other settings of a profile: `storage`, `budget`, …. For webhooks, set
    `webhook` to the receiver's URL and `webhook_secret` to the secret that the receiver also has.
    `{"webhook": {"base": …, "secret": …}}` means the same.

    Args:
        lipsync_conn_id: the id of the connection.

    """

    conn_name_attr = "lipsync_conn_id"
    default_conn_name = "lipsync_default"
    conn_type = "lipsync"
    hook_name = "lipsync.studio"

    def __init__(self, lipsync_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.lipsync_conn_id = lipsync_conn_id

    @cached_property
    def profile(self) -> Profile:
        """The connection as a `Profile`; raises `ConfigurationError` if a setting is invalid."""
        with NoFramesBelow():  # these frames have the connection with its password
            return profile_from(self.lipsync_conn_id, self.get_connection(self.lipsync_conn_id))

    @property
    def site(self) -> str:
        """The website at the base URL: that of the service, or the page of a sandbox."""
        return urlsplit(self.profile.base_url)._replace(path="/").geturl()

    def client(self, **options: Any) -> LipsyncClient:
        """Return a blocking client. *options* are those of `LipsyncClient`.

        In a task, the client records its submissions in the task: a retry continues with the jobs of the earlier tries
        and does not pay again. Pass a `ledger` of your own, or None, to do without.
        """
        return HookClient(profile=self.profile, **_recorded(options))

    get_conn = client

    async def async_client(self, **options: Any) -> AsyncLipsyncClient:
        """Return a client for the running event loop; all clients of a loop share their connections.

        In a task, it records its submissions, as `client` does.
        """
        if "profile" not in vars(self):
            with NoFramesBelow():
                self.profile = profile_from(self.lipsync_conn_id, await _look_up(self))
        return AsyncHookClient(profile=self.profile, **_recorded(options))

    def test_connection(self) -> tuple[bool, str]:
        """Check that the base URL is that of the service, and that it accepts the API key. This costs nothing."""
        try:
            return True, check_service(self.profile)
        except LipsyncError as error:
            return False, str(error.speak("airflow"))

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Describe the connection form, for versions of Airflow that do not read it from the provider info."""
        behaviour: dict[str, Any] = get_provider_info()["connection-types"][0]["ui-field-behaviour"]
        return behaviour


def _recorded(options: dict[str, Any]) -> dict[str, Any]:
    return options if "ledger" in options else {**options_of_running_task(), **options}


async def _look_up(hook: LipsyncHook) -> Any:
    """Return the connection. Before 3.1, and where a test runs a trigger in its own process, a thread reads it."""
    if hasattr(hook, "aget_connection") and hasattr(_supervisor(), "asend"):
        return await hook.aget_connection(hook.lipsync_conn_id)
    return await asyncio.to_thread(hook.get_connection, hook.lipsync_conn_id)


def _supervisor() -> Any:
    """Return what a task or a trigger of Airflow 3 asks for connections.

    That of `airflow dags test` and `airflow tasks test` cannot be awaited: `aget_connection` would miss the connections
    of the metadata database (https://github.com/apache/airflow/issues/63929).
    """
    return getattr(sys.modules.get("airflow.sdk.execution_time.task_runner"), "SUPERVISOR_COMMS", None)
