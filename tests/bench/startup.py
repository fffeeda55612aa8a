"""Start-up: milliseconds of processor time of a fresh Python, over a Python that does nothing.

Each figure is the least of several runs that take turns, with all modules compiled.
"""

import subprocess

from tests.bench.frame import Row, by_turns, peers

READY = "from lipsync_nodes import LipsyncClient; LipsyncClient('sk_0123456789')"
TIMED = "import time; began = time.process_time(); {}; print(time.process_time() - began)"
PEERS = {
    "fal-client": "import fal_client; fal_client.SyncClient(key='k')",
    "wavespeed": "import wavespeed; wavespeed.Client(api_key='k')",
    "replicate": "import replicate; replicate.Client(api_token='k')",
    "syncsdk": "from sync import Sync; Sync(api_key='k')",
    "runwayml": "from runwayml import RunwayML; RunwayML(api_key='k')",
}


def milliseconds(code):
    timed = [peers(), "-c", TIMED.format(code)]
    return 1e3 * float(subprocess.run(timed, capture_output=True, text=True, check=True).stdout)


def rows():
    codes = ["pass", "import lipsync_nodes", "import httpx, pydantic", READY, *PEERS.values()]
    bare, ours, base, ready, *theirs = by_turns(*(lambda code=code: milliseconds(code) for code in codes))
    yield Row("import lipsync_nodes", ours - bare, unit="ms", target="<= 3")
    yield Row("ready client", ready - bare, "import httpx, pydantic", base - bare, "ms", "<= 1.3")
    for peer, figure in zip(PEERS, theirs, strict=True):
        yield Row("ready client", ready - bare, f"{peer}, ready client", figure - bare, "ms")
