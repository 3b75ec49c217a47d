"""An issuer to ask: a real HTTP server in a thread, which answers as it is told."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qs


class Asked(NamedTuple):
    """A request the issuer got."""

    path: str
    headers: Mapping[str, str]
    form: Mapping[str, list[str]]


class Issuer:
    """What the server answers, and what it was asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = b"{}"
        self.say: Callable[[Asked], bytes] = lambda _: self.body
        self.asked: list[Asked] = []
        self.gate = threading.Event()
        self.gate.set()
        """While it is cleared, answers are held back."""

    @property
    def count(self) -> int:
        """How often it was asked."""
        return len(self.asked)


@contextmanager
def serving() -> Iterator[Issuer]:
    """Serve an issuer on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            length = int(self.headers.get("content-length", 0))
            form = parse_qs(self.rfile.read(length).decode(), keep_blank_values=True)
            asked = Asked(self.path, {name.lower(): value for name, value in self.headers.items()}, form)
            issuer.asked.append(asked)
            issuer.gate.wait(20)
            body = issuer.say(asked)
            try:
                self.send_response(issuer.status)
                for name, value in issuer.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except ConnectionError:  # who asked did not wait
                self.close_connection = True

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    issuer = Issuer(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        issuer.gate.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
