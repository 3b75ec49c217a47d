"""A stand-in for Vault: there is no server to be had for tests.

It speaks HTTP over a real socket and answers as the documentation of the key-value engine, version 2, says Vault does.
What it does not show is that Vault itself does so too.
"""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, final
from urllib.parse import unquote, urlsplit

__all__ = ["VaultStub"]


@final
class VaultStub:
    """A server on a free port, until `close`."""

    def __init__(self, token: str = "s.token", mount: str = "secret") -> None:
        self.token = token
        self.mount = mount
        self.documents: dict[str, dict[str, Any] | None] = {}
        """None: its last version was deleted."""
        self.forced: tuple[int, bytes] | None = None
        """What is answered whatever is asked."""
        self.asked: list[tuple[str, dict[str, str]]] = []
        """Paths and headers, names in lower case."""
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                path = unquote(urlsplit(self.path).path)
                stub.asked.append((path, headers))
                status, body = stub.forced or stub._answer(path, headers)
                self.send_response(status)
                if status == 307:
                    self.send_header("location", f"{stub.url}/elsewhere")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = Thread(target=lambda: self._server.serve_forever(0.01))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        prefix = f"/v1/{self.mount}/data/"
        if headers.get("x-vault-token") != self.token:
            return _json(403, {"errors": ["permission denied"]})
        if not path.startswith(prefix):
            return _json(404, {"errors": [f"no handler for route {path!r}. route entry not found."]})
        name = path.removeprefix(prefix)
        if name not in self.documents:
            return _json(404, {"errors": []})
        document = self.documents[name]
        metadata = {"version": 1, "destroyed": False, "deletion_time": "" if document is not None else "2026-01-01"}
        status = 200 if document is not None else 404
        return _json(status, {"request_id": "1", "data": {"data": document, "metadata": metadata}})


def _json(status: int, body: object) -> tuple[int, bytes]:
    return status, json.dumps(body).encode()
