"""The node hooks, over the core's clients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import pluggy

import lipsync_nodes  # its names are loaded when they are first used
from lipsync_nodes import InvalidRequest
from lipsync_nodes.host import PROJECT, Context, NodeInfo, Shared, hookspecs

if TYPE_CHECKING:
    from lipsync_nodes import AsyncLipsyncClient, Job, Ledger, LipsyncClient, Profile
    from lipsync_nodes.host import Budget, NodeSpec

__all__ = ["Nodes", "plugin_for"]

# A look is one request, and a host that polls has other things to do; in seconds.
LONGEST_LOOK: Final = 10.0


def plugin_for(project_name: str, *, profile: str | Profile | None = None, ledger: Ledger | None = None) -> Nodes:
    """Return a plugin whose specs and implementations carry the marker of a host's own project.

    The host adds it twice, so that the first answer is taken: `add_hookspecs(plugin)` and `register(plugin)`.

    Args:
        project_name: what the host called its `PluginManager`.
        profile: whom to submit as, where the context does not say.
        ledger: where to write submissions down, where the context does not say; by default the one of this user.

    """
    spec, impl = pluggy.HookspecMarker(project_name), pluggy.HookimplMarker(project_name)
    for name in _HOOKS:
        # Each project's mark is an attribute of its own, so one function carries them all.
        options = getattr(getattr(hookspecs, name), f"{PROJECT}_spec")
        spec(getattr(Nodes, name), firstresult=options["firstresult"])
        impl(getattr(Nodes, name), trylast=True)
    return Nodes(profile, ledger)


class Nodes(Shared):
    """The plugin: a submit and a wait for each endpoint of the catalogue. Safe between threads; made by `plugin_for`.

    Args:
        profile: whom to submit as, where the context does not say.
        ledger: where to write submissions down, where the context does not say.

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

    def lipsync_nodes_submit(
        self, node: str, inputs: Mapping[str, Any], context: Context | Mapping[str, Any] | None
    ) -> Any:
        """Submit by the core's client; a key in the context's options makes it a submit that is never paid twice."""
        with _in_our_terms():
            asked = _context(context)
            form = import_module("lipsync_nodes.host").spec_named(node).form_from(inputs)
        return self._call(asked, "submit", form, **(asked.options or {}))

    def lipsync_nodes_poll(self, job: Job | str, context: Context | Mapping[str, Any] | None) -> Any:
        """Look once."""
        return self._call(_context(context), "job", _id_of(job), timeout=LONGEST_LOOK)

    def lipsync_nodes_wait(
        self, job: Job | str, timeout: float | None, context: Context | Mapping[str, Any] | None
    ) -> Any:
        """Wait for the video."""
        asked = _context(context)
        waiting = {"timeout": timeout, "poll_interval": asked.poll_interval, "on_update": asked.on_update}
        return self._call(asked, "wait", _id_of(job), **waiting)

    def close(self) -> None:
        """Close connections and ledger; both are opened again when they are needed."""
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
        import asyncio  # noqa: PLC0415  # costs a host without an event loop 20 ms

        with _in_our_terms():
            # A profile is read from a file, and its key perhaps from a vault: not in the loop.
            client = await asyncio.to_thread(self._async_client, context)
            async with client:  # the loop's connections are shared by all clients of it
                return await getattr(client, method)(*arguments, **options)

    def _async_client(self, context: Context) -> AsyncLipsyncClient:
        return lipsync_nodes.AsyncLipsyncClient(**self._settings(context))

    def _client(self, context: Context) -> LipsyncClient:
        """Return the client of an account and a ledger: the next call finds its connections."""
        settings = self._settings(context)
        with self._lock:
            for known, client in self._clients:
                if known == settings:
                    return client
            client = lipsync_nodes.LipsyncClient(**settings)
            self._clients.append((settings, client))
            return client

    def _settings(self, context: Context) -> dict[str, Any]:
        """Return what a client is made with; its profile is read once, and its budget is one for all clients."""
        asked = context.profile or self._profile
        account = self._account(asked) or self._new_account(asked, _profile_of(asked))
        return {**account, "ledger": context.ledger or self._own_ledger()}

    def _account(self, asked: object) -> dict[str, Any] | None:
        with self._lock:
            return next((account for known, account in self._accounts if known == asked), None)

    def _new_account(self, asked: object, profile: Profile) -> dict[str, Any]:
        # The profile was read outside the lock: its key may come from a slow vault, and others have theirs already.
        with self._lock:
            # The same profile by another name, or read by another thread meanwhile, has the same budget.
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
    # The host may do with the schemas as it likes.
    return NodeInfo(spec.id, spec.title, spec.zh_title, spec.help, deepcopy(spec.schema), deepcopy(dict(outputs)))


@contextmanager
def _in_our_terms() -> Iterator[None]:
    """Have the errors of the block speak of hooks."""
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
