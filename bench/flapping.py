"""A store that fails in between: a proxy on 127.0.0.1 before a real S3 server.

It passes bytes on as they are, so what is signed stays signed. While it `fails`, it either answers every request with
500 or refuses connections, as a server does that is restarted; whatever is under way then is cut off.
"""

import contextlib
import random
import socket
import threading
from collections.abc import Iterator
from typing import Literal

Mode = Literal["pass", "error", "refuse"]

_ERROR = b"<Error><Code>InternalError</Code><Message>The store has failed</Message></Error>"
_HEAD = (
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n" % len(_ERROR)
)


class FlappingStore:
    """The proxy: passes until it is told otherwise."""

    def __init__(self) -> None:
        """Listen on a free port; where to pass on to is said later."""
        self.target_port = 0
        self.outages = 0
        self._mode: Mode = "pass"
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = self._listen(0)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def switch(self, mode: Mode) -> None:
        """Pass, answer 500, or refuse, from now on; connections that are open are cut."""
        with self._lock:
            was, self._mode = self._mode, mode
            if mode == "refuse" and was != "refuse":
                self._listener.shutdown(socket.SHUT_RDWR)  # or `accept` would go on waiting, and keep the port
                self._listener.close()
            elif mode != "refuse" and was == "refuse":
                self._listener = self._listen(self.port)
                threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
            self.outages += mode != "pass"
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def flapping(self, rng: random.Random, well_s: float, ill_s: float) -> Iterator[None]:
        """Fail again and again: well for up to `well_s` seconds, then failing for up to `ill_s`."""
        over = threading.Event()

        def flap() -> None:
            while not over.wait(rng.uniform(0, well_s)):
                self.switch(rng.choice(("error", "refuse")))
                over.wait(rng.uniform(0, ill_s))
                self.switch("pass")

        thread = threading.Thread(target=flap, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self.switch("pass")

    def close(self) -> None:
        """Refuse for good."""
        self.switch("refuse")

    @staticmethod
    def _listen(port: int) -> socket.socket:
        return socket.create_server(("127.0.0.1", port), backlog=128)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            if self._mode == "error":
                method = _read_request(client)
                client.sendall(_HEAD + (b"" if method == b"HEAD" else _ERROR))
                return
            with socket.create_connection(("127.0.0.1", self.target_port)) as server:
                with self._lock:
                    self._open |= {client, server}
                try:
                    back = threading.Thread(target=_pump, args=(server, client), daemon=True)
                    back.start()
                    _pump(client, server)
                    back.join()
                finally:
                    with self._lock:
                        self._open -= {client, server}


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(65536):
            target.sendall(chunk)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _read_request(client: socket.socket) -> bytes:
    """The method of a request, of which all is taken: who still writes when answered sees a broken connection."""
    client.settimeout(5)
    received = b""
    while b"\r\n\r\n" not in received and (chunk := client.recv(65536)):
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [line.partition(b":")[2] for line in head.lower().splitlines() if line.startswith(b"content-length:")]
    left = (int(lengths[0]) if lengths else 0) - len(body)
    while left > 0 and (chunk := client.recv(65536)):
        left -= len(chunk)
    return head.partition(b" ")[0]
