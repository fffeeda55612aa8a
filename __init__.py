"""A checkout of this repository in ComfyUI's `custom_nodes`: hands on the pack. Nothing else imports this."""

import importlib.util
import sys
from pathlib import Path

from .adapters.lipsync_nodes_comfyui import comfy_entrypoint

WEB_DIRECTORY = "./adapters/lipsync_nodes_comfyui/web"
__all__ = ["WEB_DIRECTORY", "comfy_entrypoint"]

# An installed core comes first (the pack looks at its version); without one it is the checkout's own.
if importlib.util.find_spec("lipsync_nodes") is None:
    spec = importlib.util.spec_from_file_location("lipsync_nodes", Path(__file__).parent / "lipsync_nodes/__init__.py")
    sys.modules[spec.name] = core = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(core)
