import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from bench.flapping import FlappingStore


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def flapping() -> Iterator[FlappingStore]:
    server, store = ThreadingHTTPServer(("127.0.0.1", 0), Echo), FlappingStore()
    server.daemon_threads = True
    store.target_port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield store
    store.close()
    server.shutdown()
    server.server_close()
    thread.join()


def test_it_passes_answers_500_refuses_and_passes_again(flapping: FlappingStore) -> None:
    content = b"0123456789" * 100_000
    with httpx.Client(trust_env=False, timeout=10) as client:
        assert client.put(flapping.url, content=content).content == content
        flapping.switch("error")
        for _ in range(2):
            assert client.put(flapping.url, content=content).status_code == 500
        assert client.head(flapping.url).status_code == 500
        flapping.switch("refuse")
        for _ in range(2):
            with pytest.raises(httpx.ConnectError):
                client.put(flapping.url, content=content)
        flapping.switch("pass")
        assert client.put(flapping.url, content=content).content == content
    assert flapping.outages == 2


def test_what_is_under_way_is_cut_off(flapping: FlappingStore) -> None:
    with httpx.Client(trust_env=False, timeout=10) as client:
        assert client.put(flapping.url, content=b"a").content == b"a"  # its connection stays open
        flapping.switch("error")
        assert client.put(flapping.url, content=b"b").status_code == 500
