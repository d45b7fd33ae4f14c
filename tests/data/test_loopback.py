"""A company's proxy is never asked for what runs on this machine."""

import importlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
from botocore.utils import get_environ_proxies

import data
from data import without_loopback
from infra.stack import _State, _user_environment

DEAD = "http://127.0.0.1:9"


@pytest.fixture
def server() -> Iterator[str]:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answers) as serving:
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()


@pytest.mark.parametrize("others", ["", "intern.example", "localhost, intern.example"])
def test_calls_to_this_machine_never_go_to_a_proxy(server: str, others: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, DEAD)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("NO_PROXY", others)
    with pytest.raises(httpx.HTTPError):
        httpx.get(server, timeout=5)
    monkeypatch.setenv("no_proxy", "")  # put back afterwards
    importlib.reload(data)
    assert httpx.get(server, timeout=5).status_code == 200  # Prefect's client
    assert get_environ_proxies(server) == {}  # S3's
    assert get_environ_proxies("http://far.example") != {}
    if others:
        assert get_environ_proxies("http://intern.example") == {}
    assert without_loopback(without_loopback(others)) == without_loopback(others)


def test_a_shell_that_uses_the_stack_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "intern.example")
    environment = _user_environment(_State(ports={"ui": 1, "s3": 2}))
    assert environment["NO_PROXY"] == environment["no_proxy"] == "intern.example,127.0.0.1,localhost,::1"
