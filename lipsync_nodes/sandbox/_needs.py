"""Which packages the sandbox needs."""

from __future__ import annotations

import importlib.util
from typing import Final

from lipsync_nodes.errors import ConfigurationError

__all__ = ["RENDERER", "SERVER", "require"]

SERVER: Final = ("starlette", "uvicorn")
RENDERER: Final = ("av", "cv2", "numpy")


def require(packages: tuple[str, ...] = SERVER + RENDERER) -> None:
    """Raise `ConfigurationError` if a package that the sandbox needs is not installed."""
    missing = [package for package in packages if not importlib.util.find_spec(package)]
    if missing:
        raise ConfigurationError(
            code="sandbox.missing_packages", packages=missing, package="lipsync-nodes[sandbox]", remedy="install_extra"
        )
