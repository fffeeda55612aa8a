"""A pack for comparison: one node that waits for ever, and looks for the user's Cancel as often as ours do."""

import asyncio
from contextlib import contextmanager
from pathlib import Path

import folder_paths
from comfy.model_management import throw_exception_if_processing_interrupted
from comfy_api.v0_0_2 import ComfyExtension, io


@contextmanager
def told():
    """Leave a file while the node waits: an interrupt that comes before it does, ComfyUI forgets."""
    waits = Path(folder_paths.get_temp_directory(), "bare_waits")
    waits.parent.mkdir(exist_ok=True)
    waits.touch()
    try:
        yield
    finally:
        waits.unlink()


class BareWait(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(node_id="BareWait", category="tests", inputs=[], outputs=[], is_output_node=True)

    @classmethod
    async def execute(cls):
        with told():
            while True:
                await asyncio.sleep(0.1)
                throw_exception_if_processing_interrupted()


class Bare(ComfyExtension):
    async def get_node_list(self):
        return [BareWait]


async def comfy_entrypoint():
    return Bare()
