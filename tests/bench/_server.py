"""A server as a process: `python -m tests.bench._server KIND`. It prints its URL, and its CPU time for each input line.

`bare` is Starlette alone: it parses the JSON of a submission, takes an id from uuid4, and responds with as much JSON as
the sandbox. It checks, stores and runs nothing. Both have the same uvicorn with the same HTTP parser.
"""

import json
import sys
import threading
import time
from uuid import uuid4

API = "/api/v1"


def bare():
    """Run Starlette in a thread, and return its URL."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    from lipsync_nodes.sandbox.server.thread import listen

    async def submit(request):
        json.loads(await request.body())["formState"]
        return JSONResponse({"id": str(uuid4()), "status": "processing"})

    async def poll(request):
        job = {"id": request.path_params["job_id"], "model": "lipsync-image", "status": "completed", "error": ""}
        output = f"{request.url.scheme}://{request.headers['host']}/outputs/{job['id']}.mp4"
        return JSONResponse({**job, "output": output, "executionTime": 0, "timings": None})

    routes = [Route(API + "/lipsync-image", submit, methods=["POST"]), Route(API + "/jobs/{job_id}", poll)]
    config = uvicorn.Config(
        Starlette(routes=routes), http="h11", ws="none", loop="asyncio", lifespan="off", log_config=None,
        access_log=False, server_header=False,
    )  # fmt: skip
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(config)
    threading.Thread(target=server.run, args=([listener],), daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}{API}"


def sandbox():
    """Run the instant sandbox, and return its URL."""
    from lipsync_nodes.sandbox import Sandbox

    return Sandbox(renderer="instant").start().base_url


if __name__ == "__main__":
    print({"bare": bare, "sandbox": sandbox}[sys.argv[1]](), flush=True)
    for _ in sys.stdin:
        print(time.process_time(), flush=True)
