"""What both clients share: their settings. The rest of the package is loaded when a client is first used."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import SecretStr

from lipsync_nodes._shared import LOADING
from lipsync_nodes.errors import ConfigurationError
from lipsync_nodes.settings import Profile, hidden, load_profile

if TYPE_CHECKING:
    from lipsync_nodes.client._base import Backend
    from lipsync_nodes.client._options import KeyOf
    from lipsync_nodes.flows import Budget, Policy
    from lipsync_nodes.ledger import Journal


class BaseClient:
    """The settings of a client. The subclasses run flows."""

    _loads_at_once: ClassVar[bool] = False
    _loaded: Backend | None = None

    def __init__(
        self,
        api_key: str | SecretStr | None = None,
        base_url: str | None = None,
        *,
        profile: str | Profile | None = None,
        http_client: Any = None,
        ledger: Journal | None = None,
        budget: int | Budget | None = None,
        policy: Policy | None = None,
        key_of: KeyOf | None = None,
    ) -> None:
        api_key = hidden(api_key)
        if isinstance(profile, Profile):
            self.profile = profile
        else:
            self.profile = load_profile(profile, api_key=api_key, base_url=base_url)
        self.profile.check_started()
        self.profile.bearer()
        self.ledger = ledger
        self._http_client, self._policy, self._key_of = http_client, policy, key_of
        limit = self.profile.budget if budget is None else budget
        self._budget = None if limit is None else _budget_of(limit)
        if self._loads_at_once:
            _ = self._backend

    @property
    def _backend(self) -> Backend:
        """What builds and runs flows. It is loaded whole before anything is claimed or sent."""
        if self._loaded is None:
            with LOADING:
                if self._loaded is None:  # another thread may just have loaded it
                    self._loaded = self._load()
        return self._loaded

    def _load(self) -> Backend:
        from lipsync_nodes.client._base import Backend  # noqa: PLC0415  # slow to load

        return Backend(
            self.profile,
            self._driver(),
            http_client=self._http_client,
            ledger=self.ledger,
            budget=self._budget,
            policy=self._policy,
            key_of=self._key_of,
        )

    @staticmethod
    def _driver() -> type[Any]:
        raise NotImplementedError

    def __copy__(self) -> Self:
        return self  # a client is shared: a copy would have the same ledger and budget

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, tuple[()]]:
        """Return what another process needs to create the same client. The API key is read again there."""
        if self._http_client is not None or self._budget is not None:
            raise ConfigurationError(code="client.not_sendable", remedy="client_per_process")
        known: dict[str, Any] = {"ledger": self.ledger, "policy": self._policy, "key_of": self._key_of}
        return partial(type(self), profile=self.profile, **known), ()

    def __repr__(self) -> str:
        if "profile" not in vars(self):  # tracebacks also show an object whose __init__ failed
            return f"<{type(self).__name__}>"
        return f"{type(self).__name__}(base_url={self.profile.base_url!r}, profile={self.profile.name!r})"


def _budget_of(limit: int | Budget) -> Budget:
    from lipsync_nodes.flows import Budget  # noqa: PLC0415  # slow to load

    return limit if isinstance(limit, Budget) else Budget(limit)
