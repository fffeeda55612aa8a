"""A service that costs little: it answers polls after a latency, and a job's id carries the time of its end.

Run it as a process of its own: `python -m tests.bench._stub LATENCY_MS`. It prints its port.
"""

import asyncio
import sys
import time


class Answers(asyncio.Protocol):
    """One connection. `GET …/jobs/j-NUMBER-END_MS`: the job is completed from that time on."""

    latency = 0.0
    polls = 0

    def connection_made(self, transport):
        self.transport = transport
        self.data = b""

    def data_received(self, data):
        self.data += data
        while b"\r\n\r\n" in self.data:
            head, _, self.data = self.data.partition(b"\r\n\r\n")
            asyncio.get_running_loop().call_later(self.latency, self.answer, head.split(b" ", 2)[1])

    def answer(self, path):
        name = path.rpartition(b"/")[2]
        if name == b"polls":
            return self.say(b"%d" % Answers.polls)
        Answers.polls += 1
        done = time.time() * 1000 >= int(name.rpartition(b"-")[2])
        state = b'"completed", "output": "https://x.example/v.mp4"' if done else b'"processing", "output": ""'
        return self.say(
            b'{"id": "%s", "status": %s, "model": "lipsync", "error": "", "executionTime": 0}' % (name, state)
        )

    def say(self, body):
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        self.transport.write(head + body)


async def serve(latency):
    Answers.latency = latency
    server = await asyncio.get_running_loop().create_server(Answers, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]) / 1000))
