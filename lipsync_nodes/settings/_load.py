"""Loads a profile from arguments, plugins, the environment and the profiles file."""

from __future__ import annotations

import copyreg
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from pydantic import Secret, SecretStr

from lipsync_nodes._tracebacks import NoFramesBelow
from lipsync_nodes.errors import ConfigurationError, LipsyncError
from lipsync_nodes.settings._nested import stays
from lipsync_nodes.settings._places import named_path, user_folder, variable
from lipsync_nodes.settings._profile import EMBEDDED_ACCOUNT, NOT_STARTED, Profile
from lipsync_nodes.settings._profiles_file import read_profiles, shortened

# The name of the built-in profile.
SANDBOX: Final = "sandbox"
_NO_PROFILE: Final = {"settings.no_such_profile", "settings.no_home"}
# The fields that contain secrets, or may.
SECRETS: Final = {"api_key", "storage", "webhook"}
VARIABLES: Final = {
    "api_key": "LIPSYNC_API_KEY",
    "base_url": "LIPSYNC_BASE_URL",
    "storage": "LIPSYNC_STORAGE",
    "public_base": "LIPSYNC_PUBLIC_BASE",
    "webhook": "LIPSYNC_WEBHOOK",
    "check": "LIPSYNC_CHECK",
    "price": "LIPSYNC_PRICE",
    "currency": "LIPSYNC_CURRENCY",
}


def _reduced(profile: Profile) -> tuple[Any, tuple[Any, ...]]:
    """Return what another process needs to create the same profile. The secrets are not sent, but read again there."""
    rest = profile.model_dump(exclude=SECRETS)
    if not any(getattr(profile, field) for field in SECRETS):
        return Profile.model_validate, (rest,)
    for name in (None, profile.name):
        with suppress(LipsyncError):
            known = load_profile(name)
            if all(getattr(known, field) == getattr(profile, field) for field in SECRETS):
                return _read_again, (name, profile.account, rest)
    raise stays(code="settings.profile_stays", profile=profile.name)


copyreg.pickle(Profile, _reduced)


def _read_again(name: str | None, account: str, rest: Mapping[str, Any]) -> Profile:
    """Return a profile from another process, with the secrets of this one."""
    profile = load_profile(name).model_copy(update=rest)
    if profile.account != account:
        raise ConfigurationError(
            code="settings.account_changed", profile=profile.name, remedy=("nothing_sent", "same_settings")
        )
    return profile


def load_profile(
    name: str | None = None,
    *,
    api_key: str | SecretStr | None = None,
    base_url: str | None = None,
    environ: Mapping[str, str] | None = None,
    ask_plugins: bool = True,
) -> Profile:
    """Load a profile. Each setting comes from the first of these that has it: arguments, environment, profiles file.

    The environment is used only if no *name* is given. A plugin's API key (hook `lipsync_credentials`) comes right
    after an explicit one.

    Args:
        name: the name of the profile. Default: `LIPSYNC_PROFILE`, or `default`.
        api_key: an explicit API key.
        base_url: an explicit URL of the service.
        environ: the environment variables.
        ask_plugins: whether to ask plugins for an API key. A vault may be slow, or ask the user.

    Raises:
        ConfigurationError: there is no such profile, others can read the file, the base URL is unsafe, the API key is
            invalid, or a plugin failed.

    """
    api_key = hidden(api_key)
    with NoFramesBelow():
        return _loaded(name, api_key, base_url, os.environ if environ is None else environ, ask_plugins=ask_plugins)


def hidden(key: str | SecretStr | None) -> SecretStr | None:
    """Wrap an API key so that no traceback shows it: an argument is a local variable of its function."""
    return SecretStr(key) if isinstance(key, str) else key


def _loaded(
    name: str | None, api_key: SecretStr | None, base_url: str | None, env: Mapping[str, str], *, ask_plugins: bool
) -> Profile:
    """Load a profile, in frames that contain the API key, the file and the whole environment."""
    chosen = name or env.get("LIPSYNC_PROFILE") or "default"
    try:
        values, origins = _from_file(env, chosen)
    except ConfigurationError as error:
        # The environment is not used: a base URL of the service must never get the account of the sandbox.
        if chosen == SANDBOX and base_url is None and error.code in _NO_PROFILE:
            return Profile(name=SANDBOX, account_name=EMBEDDED_ACCOUNT, base_url=NOT_STARTED)
        raise
    if not name:
        # An empty value counts as not set, except for the base URL: the paid service would be used by mistake.
        given = {field: env.get(variable) for field, variable in VARIABLES.items()}
        given = {field: value for field, value in given.items() if value or (value == "" and field == "base_url")}
        values |= given
        origins |= {field: VARIABLES[field] for field in given}
    arguments = {"api_key": api_key or None, "base_url": base_url}
    arguments = {field: value for field, value in arguments.items() if value is not None}
    values |= arguments
    origins |= dict.fromkeys(arguments, "the argument")
    profile = profile_of(chosen, values, origins)
    if ask_plugins and not api_key and (key := _key_of_plugin(profile)) is not None:
        return profile_of(chosen, {**values, "api_key": key}, {**origins, "api_key": "a plugin"})
    return profile


def profile_of(
    name: str, values: Mapping[str, Any] | Secret[Mapping[str, Any]], origins: Mapping[str, str] | None = None
) -> Profile:
    """Create a profile. Errors (`ConfigurationError`) name the origin of an invalid value, as *origins* gives it."""
    values = values if isinstance(values, Secret) else Secret(values)
    with NoFramesBelow():
        return Profile.model_validate({**values.get_secret_value(), "name": name}, context=origins)


def _key_of_plugin(profile: Profile) -> object:
    """Return the API key of the first plugin that has one; None if none has."""
    from lipsync_nodes.plugins import plugins  # noqa: PLC0415  # slow to load, and a given API key needs no plugin

    try:
        return plugins().hook.lipsync_credentials(profile=profile.name, base_url=profile.base_url)
    except LipsyncError:
        raise
    except Exception as error:  # noqa: BLE001  # third-party code, whose message may contain the API key
        failure = type(error).__name__
    raise ConfigurationError(code="settings.plugin_gave_no_key", profile=profile.name, reason=failure)


def _from_file(env: Mapping[str, str], name: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the settings of a profile in the profiles file, and the origin of each."""
    named = bool(env.get("LIPSYNC_CONFIG"))
    try:
        path = profiles_file(env)
    except ConfigurationError:  # there is no home folder, so there is no file
        if named or name != "default":
            raise
        return {}, {}
    profiles = read_profiles(path, named=named)
    profile = profiles.get(name)
    if profile is None and name != "default":
        known = ", ".join(shortened(known, quoted=False) for known in sorted(profiles)) or "none"
        raise ConfigurationError(
            code="settings.no_such_profile", profile=shortened(name), path=path, known=known, remedy="known_profiles"
        )
    return dict(profile or {}), dict.fromkeys(profile or {}, f"{path}, [{name}]")


def profiles_file(environ: Mapping[str, str] | None = None) -> Path:
    """Return the path of the profiles file: `LIPSYNC_CONFIG`, or `profiles.toml` in the user's configuration folder."""
    if named := variable("LIPSYNC_CONFIG", environ):
        return named_path(named)
    return user_folder(environ, xdg="XDG_CONFIG_HOME", fallback=".config") / "profiles.toml"
