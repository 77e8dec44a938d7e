"""A proxy in front of a PostgreSQL server that can be told to lose a connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit


class Proxy:
    """Forwards one connection; `on_request` decides after each piece of the client's bytes.

    It gets the piece and answers "pass", "drop" (lose the link before it reaches the server)
    or "answer" (let the server answer, then lose the link before the answer arrives), or
    "hold" (pass nothing on, neither way, and keep the link).
    """

    def __init__(self, url: str, on_request: Callable[[bytes], str]) -> None:
        query = dict(parse_qsl(urlsplit(url).query))
        self.upstream = f"{query['host']}/.s.PGSQL.{query.get('port', '5432')}"
        self.on_request = on_request
        self.answering = False
        self.holding = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = str(self.listener.getsockname()[1])
        self.server_closed = threading.Event()
        self.sockets: list[socket.socket] = []
        self.threads = [threading.Thread(target=self.serve, daemon=True)]
        self.threads[0].start()

    def serve(self) -> None:
        """Accept one client and forward what it says."""
        client, _ = self.listener.accept()
        server = socket.socket(socket.AF_UNIX)
        server.connect(self.upstream)
        self.sockets = [client, server]
        back = threading.Thread(target=self.answer, args=(client, server), daemon=True)
        self.threads.append(back)
        back.start()
        while piece := self.receive(client):
            verdict = "hold" if self.holding else self.on_request(piece)
            if verdict == "drop":
                break
            self.answering = verdict == "answer"
            self.holding = verdict == "hold"
            if not self.holding:
                server.sendall(piece)
        if not self.answering:
            self.cut()

    def answer(self, client: socket.socket, server: socket.socket) -> None:
        """Forward what the server says."""
        while piece := self.receive(server):
            if self.answering:
                break
            if not self.holding:
                client.sendall(piece)
        self.cut()
        self.server_closed.set()

    @staticmethod
    def receive(side: socket.socket) -> bytes:
        """Return some bytes, none at the end."""
        try:
            return side.recv(65536)
        except OSError:
            return b""

    def cut(self) -> None:
        """Lose both links."""
        for side in self.sockets:
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def close(self) -> None:
        """End everything."""
        self.cut()
        self.listener.close()
        for thread in self.threads:
            thread.join(5.0)
        for side in self.sockets:
            side.close()
