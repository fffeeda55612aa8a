"""An agent without a model: a script that makes a video with the tools of `lipsync-nodes mcp`, on the sandbox.

    python agent.py FOLDER

The folder has the media, `face.jpg` and `voice.mp3`, and gets the video.
"""

import asyncio
import sys
from pathlib import Path

from mcp import Client, StdioServerParameters, stdio_client

COMMAND = "import sys; from lipsync_nodes.cli import main; main()"


async def main(folder: Path) -> None:
    """Check, estimate, submit, wait. A model would choose these calls by itself."""
    words = ["-c", COMMAND, "mcp", "--profile", "sandbox", "--root", str(folder)]
    async with Client(stdio_client(StdioServerParameters(command=sys.executable, args=words))) as client:
        print("tools:", ", ".join(sorted(tool.name for tool in (await client.list_tools()).tools)))
        inputs = {"image": "face.jpg", "audio": "voice.mp3", "resolution": "480p"}
        checked = await call(client, "lipsync_check", endpoint="lipsync-image", **inputs)
        if not checked["ok"]:
            print(*(found["message"] for found in checked["findings"]), sep="\n")
            return
        cost = await call(client, "lipsync_estimate", endpoint="lipsync-image", **inputs)
        print("estimate:", cost["credits"], "credits")
        job = await call(client, "lipsync_image", **inputs, wait_seconds=1)
        while job["status"] == "processing":
            print(job["next"])
            job = await call(client, "lipsync_wait", job_id=job["job_id"], wait_seconds=30)
        print("video:", job["path"])


async def call(client: Client, tool: str, **arguments: object) -> dict:
    """Call a tool and return its structured result. An error says what to do next."""
    result = await client.call_tool(tool, arguments)
    if result.is_error:
        raise SystemExit(result.content[0].text)
    return result.structured_content


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
