"""Start-up: milliseconds of processor time of a fresh Python, over a Python that does nothing.

Each figure is the least of several runs that take turns, with all modules compiled. A ready client is one that was made
with an API key. What it loads at its first use counts in the last rows: the client polls a job at a local server, and
`httpx` sends the same request.
"""

import subprocess
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from tests.bench.frame import Row, by_turns, peers

READY = "from lipsync_nodes import LipsyncClient; client = LipsyncClient('sk_0123456789', {url!r})"
HELP = """
import sys
from lipsync_nodes.cli import main
sys.argv[1:] = ["--help"]
try: main()
except SystemExit: pass
"""
BARE = "import httpx, pydantic; httpx.Client().get({url!r} + '/jobs/j').json()"
PEERS = {
    "fal-client": "import fal_client; fal_client.SyncClient(key='k')",
    "wavespeed": "import wavespeed; wavespeed.Client(api_key='k')",
    "replicate": "import replicate; replicate.Client(api_token='k')",
    "syncsdk": "from sync import Sync; Sync(api_key='k')",
    "runwayml": "from runwayml import RunwayML; RunwayML(api_key='k')",
}


class Jobs(BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"id": "j", "status": "processing"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextmanager
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Jobs) as jobs:
        Thread(target=jobs.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{jobs.server_port}"
        jobs.shutdown()


def milliseconds(code):
    timed = f"import time; began = time.process_time()\n{code}\nprint('\\n' + str(time.process_time() - began))"
    done = subprocess.run([peers(), "-c", timed], capture_output=True, text=True, check=True)
    return 1e3 * float(done.stdout.splitlines()[-1])


def rows():
    with server() as url:
        ready = READY.format(url=url)
        codes = [
            "pass", "import lipsync_nodes", "import httpx, pydantic", ready, "import click, rich", HELP,
            BARE.format(url=url), f"{ready}; client.job('j')", *PEERS.values(),
        ]  # fmt: skip
        bare, *figures = by_turns(*(lambda code=code: milliseconds(code) for code in codes), times=7)
    package, base, client, click, shown, get, job, *theirs = (figure - bare for figure in figures)
    yield Row("import lipsync_nodes", package, unit="ms", target="<= 3")
    yield Row("ready client", client, "import httpx, pydantic", base, "ms", "<= 1.3")
    for peer, figure in zip(PEERS, theirs, strict=True):
        yield Row("ready client", client, f"{peer}, ready client", figure, "ms")
    yield Row("peers whose ready client takes longer", sum(client < figure for figure in theirs), target=">= 3")
    yield Row("lipsync-nodes --help", shown, "import click, rich", click, "ms", "<= 3")
    yield Row("ready client and a job polled", job, "httpx and pydantic, the same request", get, "ms")
