"""The node hooks, implemented with the core's clients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import pluggy

import lipsync_nodes  # loads its names when they are first used
from lipsync_nodes import InvalidRequest
from lipsync_nodes.host import PROJECT, Context, NodeInfo, Shared, hookspecs

if TYPE_CHECKING:
    from lipsync_nodes import AsyncLipsyncClient, Job, Ledger, LipsyncClient, Profile
    from lipsync_nodes.host import Budget, NodeSpec

__all__ = ["Nodes", "plugin_for"]

# The timeout of a poll in seconds. It is short, because a host that polls has other things to do.
LONGEST_LOOK: Final = 10.0
# The options of a submission that its check has, too.
CHECKED: Final = ("allow_long", "fetch", "key")


def plugin_for(project_name: str, *, profile: str | Profile | None = None, ledger: Ledger | None = None) -> Nodes:
    """Return a plugin whose specs and implementations have the markers of a host's own pluggy project.

    The host adds it twice, so that the first result is used: `add_hookspecs(plugin)` and `register(plugin)`.

    Args:
        project_name: the project name of the host's `PluginManager`.
        profile: the profile, if the context names none.
        ledger: the ledger, if the context has none. Default: the user's.

    """
    spec, impl = pluggy.HookspecMarker(project_name), pluggy.HookimplMarker(project_name)
    for name in _HOOKS:
        # The marker of each project is a separate attribute, so one function can have several.
        options = getattr(getattr(hookspecs, name), f"{PROJECT}_spec")
        spec(getattr(Nodes, name), firstresult=options["firstresult"])
        impl(getattr(Nodes, name), trylast=True)
    return Nodes(profile, ledger)


class Nodes(Shared):
    """The plugin, with a node for each endpoint of the catalogue. Thread-safe. Create it with `plugin_for`.

    Args:
        profile: the profile, if the context names none.
        ledger: the ledger, if the context has none.

    """

    def __init__(self, profile: str | Profile | None = None, ledger: Ledger | None = None) -> None:
        super().__init__()
        self._profile = profile
        self._ledger = ledger
        self._accounts: list[tuple[object, dict[str, Any]]] = []
        self._clients: list[tuple[object, LipsyncClient]] = []

    def __repr__(self) -> str:
        return "<the nodes of lipsync-nodes>"

    def lipsync_nodes_describe(self) -> list[NodeInfo]:
        """Describe a node for each endpoint."""
        catalogue = import_module("lipsync_nodes.host").CATALOGUE
        outputs = lipsync_nodes.Job.model_json_schema(mode="serialization")
        return [_described(spec, outputs) for spec in catalogue]

    def lipsync_nodes_check(
        self, node: str, inputs: Mapping[str, Any], context: Context | Mapping[str, Any] | None
    ) -> Any:
        """Check the inputs with the core. No API key is needed."""
        with _in_our_terms():
            asked, host = _context(context), import_module("lipsync_nodes.host")
            form = host.spec_named(node).form_from(inputs)
        options = {name: value for name, value in (asked.options or {}).items() if name in CHECKED}

        def check() -> Any:
            with _in_our_terms():
                return host.check_form(form, **self._settings(asked), **options)

        return import_module("asyncio").to_thread(check) if asked.awaitable else check()

    def lipsync_nodes_submit(
        self, node: str, inputs: Mapping[str, Any], context: Context | Mapping[str, Any] | None
    ) -> Any:
        """Submit with the core's client. With a `key` in the context's options, a repeated call does not pay again."""
        with _in_our_terms():
            asked = _context(context)
            form = import_module("lipsync_nodes.host").spec_named(node).form_from(inputs)
        return self._call(asked, "submit", form, **(asked.options or {}))

    def lipsync_nodes_poll(self, job: Job | str, context: Context | Mapping[str, Any] | None) -> Any:
        """Fetch a job once."""
        return self._call(_context(context), "job", _id_of(job), timeout=LONGEST_LOOK)

    def lipsync_nodes_wait(
        self, job: Job | str, timeout: float | None, context: Context | Mapping[str, Any] | None
    ) -> Any:
        """Wait for the video."""
        asked = _context(context)
        waiting = {"timeout": timeout, "poll_interval": asked.poll_interval, "on_update": asked.on_update}
        return self._call(asked, "wait", _id_of(job), **waiting)

    def close(self) -> None:
        """Close the connections and the ledger. They are opened again when they are needed."""
        with self._lock:
            clients, self._clients = self._clients, []
        for _, client in clients:
            client.close()
        if self._ledger is not None:
            self._ledger.close()

    def _call(self, context: Context, method: str, *arguments: Any, **options: Any) -> Any:
        if context.awaitable:
            return self._later(context, method, *arguments, **options)
        with _in_our_terms():
            return getattr(self._client(context), method)(*arguments, **options)

    async def _later(self, context: Context, method: str, *arguments: Any, **options: Any) -> Any:
        import asyncio  # noqa: PLC0415  # takes 20 ms, which a host without an event loop does not need

        with _in_our_terms():
            # Reading the profile from a file and the API key from a vault may block, so this runs in a thread.
            client = await asyncio.to_thread(self._async_client, context)
            async with client:  # all clients of a loop share their connections
                return await getattr(client, method)(*arguments, **options)

    def _async_client(self, context: Context) -> AsyncLipsyncClient:
        return lipsync_nodes.AsyncLipsyncClient(**self._settings(context))

    def _client(self, context: Context) -> LipsyncClient:
        """Return the client for an account and a ledger. It is kept, so that the next call can use its connections."""
        settings = self._settings(context)
        with self._lock:
            for known, client in self._clients:
                if known == settings:
                    return client
            client = lipsync_nodes.LipsyncClient(**settings)
            self._clients.append((settings, client))
            return client

    def _settings(self, context: Context) -> dict[str, Any]:
        """Return the arguments for a client. The profile is read once, and all clients share its budget."""
        asked = context.profile or self._profile
        account = self._account(asked) or self._new_account(asked, _profile_of(asked))
        return {**account, "ledger": context.ledger or self._own_ledger()}

    def _account(self, asked: object) -> dict[str, Any] | None:
        with self._lock:
            return next((account for known, account in self._accounts if known == asked), None)

    def _new_account(self, asked: object, profile: Profile) -> dict[str, Any]:
        # The profile was read without the lock, because a slow vault would block the callers of other accounts.
        with self._lock:
            # The same profile under another name, or read by another thread meanwhile, has the same budget.
            same = (account for _, account in self._accounts if account["profile"] == profile)
            account = next(same, None) or {"profile": profile, "budget": _budget(profile)}
            self._accounts.append((asked, account))
            return account

    def _own_ledger(self) -> Ledger:
        with self._lock:
            if self._ledger is None:
                self._ledger = import_module("lipsync_nodes.ledger").Ledger()
            return self._ledger


_HOOKS: Final = tuple(name for name in vars(Nodes) if name.startswith("lipsync_nodes_"))


def _described(spec: NodeSpec, outputs: Mapping[str, Any]) -> NodeInfo:
    # A copy, so that the host can change the schemas.
    return NodeInfo(spec.id, spec.title, spec.zh_title, spec.help, deepcopy(spec.schema), deepcopy(dict(outputs)))


@contextmanager
def _in_our_terms() -> Iterator[None]:
    """Make the errors of the block use the terms of pluggy."""
    try:
        yield
    except lipsync_nodes.LipsyncError as error:
        error.speak("pluggy")
        raise


def _context(given: Context | Mapping[str, Any] | None) -> Context:
    if isinstance(given, Context):
        return given
    try:
        return Context(**(given or {}))
    except TypeError as error:
        raise InvalidRequest(code="pluggy.wrong_context", reason=error, remedy="nothing_sent") from None


def _profile_of(asked: str | Profile | None) -> Profile:
    if asked is not None and not isinstance(asked, str):
        return asked
    profile: Profile = import_module("lipsync_nodes.settings").load_profile(asked)
    return profile


def _budget(profile: Profile) -> Budget | None:
    return None if profile.budget is None else import_module("lipsync_nodes.host").Budget(profile.budget)


def _id_of(job: Job | str) -> str:
    return job if isinstance(job, str) else job.id
