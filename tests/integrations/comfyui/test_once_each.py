"""A node builds, probes, hashes and writes a form as JSON once on its way to the wire. No server is needed."""

import json

import pytest

from tests.counting import ONCE
from tests.integrations.comfyui.conftest import KEY
from tests.integrations.comfyui.servers import ARCHIVES
from tests.integrations.comfyui.without_server import run_in_comfyui

pytestmark = pytest.mark.comfyui

CODE = """
    import torch
    from counting import counting  # ComfyUI has a `tests` of its own

    node = NODES["LipsyncImage"]
    node.GET_SCHEMA()  # as ComfyUI does at its start; the prices in it are computed once, from drafts
    audio = {"waveform": torch.sin(torch.arange(6 * 16000) * 0.1)[None, None], "sample_rate": 16000}
    with counting() as before:  # what comes by sockets is not there yet
        asyncio.run(node.validate_inputs(image=None, audio=None, resolution="480p"))
    with counting() as counts:
        done = asyncio.run(node.execute(image=torch.zeros(1, 64, 64, 3), audio=audio, resolution="480p"))
    print(json.dumps([before, counts, done.args[2]]))
"""


@pytest.mark.parametrize("version", ARCHIVES)
def test_a_node(box, tmp_path, version):
    printed = run_in_comfyui(CODE, tmp_path, version=version, LIPSYNC_API_KEY=KEY, LIPSYNC_BASE_URL=box.base_url)
    before, counts, job_id = json.loads(printed.splitlines()[-1])
    assert before == {}, "a draft, which is not counted"
    assert counts == ONCE | {"key": 1}
    assert [job["id"] for job in box.jobs()] == [job_id]
