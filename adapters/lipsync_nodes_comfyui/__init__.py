"""The ComfyUI pack of lipsync-nodes. This folder is the pack: link or copy it into `custom_nodes`.

It turns ComfyUI's inputs into a form, and a job into ComfyUI's outputs. The core decides what is sent, when and how
often. Importing this outside of ComfyUI does nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from comfy_api.v0_0_2 import ComfyExtension

__all__ = ["WEB_DIRECTORY", "comfy_entrypoint"]

WEB_DIRECTORY = "./web"


async def comfy_entrypoint() -> ComfyExtension:
    """Return the nodes; if the core is missing or too old, placeholders that say so."""
    from .extension import LipsyncExtension  # noqa: PLC0415  # only ComfyUI can import it

    return LipsyncExtension()
