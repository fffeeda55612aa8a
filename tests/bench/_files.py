"""A server of one large video, as fast as the kernel sends it. It runs as a process of its own and prints its port."""

import os
import socket
import sys
import threading
from pathlib import Path


def serve(path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            connection, _ = server.accept()
            threading.Thread(target=answer, args=(connection, Path(path)), daemon=True).start()


def answer(connection, path):
    with connection, path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        while b"\r\n\r\n" not in connection.recv(1 << 16):
            pass
        head = f'HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nETag: "v"\r\nContent-Length: {size}\r\n\r\n'
        connection.sendall(head.encode())
        connection.sendfile(file)


if __name__ == "__main__":
    serve(sys.argv[1])
