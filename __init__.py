"""For a checkout of this repository in ComfyUI's `custom_nodes`, under any folder name: it loads the pack by its path.

Nothing else uses it. A test runner may import it, which does no harm.
"""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def load(name: str, folder: str) -> ModuleType:
    """Import the package in a folder of this checkout."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / folder / "__init__.py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if importlib.util.find_spec("lipsync_nodes") is None:  # an installed core comes first; the pack looks at its version
    load("lipsync_nodes", "lipsync_nodes")
comfy_entrypoint = load(f"{__name__}.pack", "adapters/lipsync_nodes_comfyui").comfy_entrypoint
WEB_DIRECTORY = "./adapters/lipsync_nodes_comfyui/web"
