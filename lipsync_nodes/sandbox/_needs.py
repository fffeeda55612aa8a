"""Which packages the sandbox needs."""

from __future__ import annotations

import importlib.util
from typing import Final

from lipsync_nodes.errors import ConfigurationError

__all__ = ["RENDERER", "SERVER", "check_word", "require"]

SERVER: Final = ("starlette", "uvicorn")
RENDERER: Final = ("av", "cv2", "numpy")


def require(packages: tuple[str, ...] = SERVER + RENDERER) -> None:
    """Raise `ConfigurationError` if a package that the sandbox needs is not installed."""
    missing = [package for package in packages if not importlib.util.find_spec(package)]
    if missing:
        raise ConfigurationError(
            code="sandbox.missing_packages", packages=missing, package="lipsync-nodes[sandbox]", remedy="install_extra"
        )


def check_word(name: str, word: str, known: tuple[str, ...]) -> None:
    """Raise ValueError if an argument is none of the known words."""
    if word not in known:
        raise ValueError(f"{name} must be {' or '.join(known)}, not {word!r}")
