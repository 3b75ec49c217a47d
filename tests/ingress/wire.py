"""HTTP/1.1 spoken by hand: what no client library would send, and every byte of what comes back."""

import json
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from typing import Any, Self

__all__ = ["Answer", "Connection", "TruncatedError", "request", "wait_until"]

_OURS_ALONE = frozenset(
    {"date", "server", "connection", "keep-alive", "transfer-encoding", "x-request-id", "traceparent"}
)


class TruncatedError(Exception):
    """The server closed the connection before the end of an answer; *got* is what came before."""

    def __init__(self, got: bytes) -> None:
        super().__init__(f"the connection ended after {got[:300]!r}")
        self.got = got


class Answer:
    """One response."""

    def __init__(self, status: int, headers: list[tuple[str, str]], body: bytes, chunked: bool) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.chunked = chunked

    def __repr__(self) -> str:
        return f"<{self.status} {self.headers} {self.body[:300]!r}>"

    def header(self, name: str) -> str | None:
        """Return the only value of *name*, or None."""
        values = [value for known, value in self.headers if known == name]
        assert len(values) < 2, (name, values)
        return values[0] if values else None

    def json(self) -> Any:
        """Return the decoded body."""
        return json.loads(self.body)

    def comparable(self) -> tuple[int, list[tuple[str, str]], bytes]:
        """Return what must be the same on every server: no date, no ids, nothing about this connection."""
        kept = sorted(item for item in self.headers if item[0] not in _OURS_ALONE)
        return self.status, kept, re.sub(rb'"instance":"[^"]*"', b'"instance":"?"', self.body)


class Connection:
    """A connection to a server."""

    def __init__(self, port: int, timeout_s: float = 10.0, trust: ssl.SSLContext | None = None) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        if trust is not None:
            self.socket = trust.wrap_socket(self.socket, server_hostname="127.0.0.1")
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *parts: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(b"".join(parts))

    def send_all_it_takes(self, chunks: Iterable[bytes]) -> int:
        """Send until the server does not want more; return how much was sent."""
        sent = 0
        try:
            for chunk in chunks:
                self.socket.sendall(chunk)
                sent += len(chunk)
        except (ConnectionError, TimeoutError):
            pass
        return sent

    def reset(self) -> None:
        """Leave without a good-bye."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.socket.close()

    def read_head(self) -> tuple[int, list[tuple[str, str]]]:
        """Return the status and headers of the next answer, interim ones too."""
        head = self.read_until(b"\r\n\r\n").decode("latin-1")
        line, *fields = head[:-4].split("\r\n")
        version, status, *_ = line.split(" ")
        assert version in {"HTTP/1.1", "HTTP/1.0"}, line
        pairs = (field.split(":", 1) for field in fields)
        return int(status), [(name.lower(), value.strip()) for name, value in pairs]

    def read(self, *, head_only: bool = False) -> Answer:
        """Return the next final answer; *head_only* where it answers a HEAD."""
        status, headers = self.read_head()
        while status == 100:
            status, headers = self.read_head()
        found = dict(headers)
        if head_only or status in {204, 304}:
            return Answer(status, headers, b"", False)
        if "chunked" in found.get("transfer-encoding", ""):
            assert "content-length" not in found
            return Answer(status, headers, b"".join(iter(self.read_chunk, b"")), True)
        if "content-length" in found:
            return Answer(status, headers, self.read_exactly(int(found["content-length"])), False)
        return Answer(status, headers, self.read_rest(), False)

    def read_chunk(self) -> bytes:
        """Return the next chunk of a chunked body; empty at its end."""
        size = int(self.read_until(b"\r\n").split(b";")[0], 16)
        chunk = self.read_exactly(size + 2)
        assert chunk.endswith(b"\r\n")
        return chunk[:-2]

    def read_until(self, end: bytes) -> bytes:
        """Return everything up to and with *end*."""
        while end not in self._buffer:
            self._fill()
        found, _, self._buffer = self._buffer.partition(end)
        return found + end

    def read_exactly(self, size: int) -> bytes:
        """Return the next *size* bytes."""
        while len(self._buffer) < size:
            self._fill()
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found

    def read_rest(self) -> bytes:
        """Return everything until the server closes."""
        try:
            while True:
                self._fill()
        except (TruncatedError, ConnectionError):
            pass
        found, self._buffer = self._buffer, b""
        return found

    def is_closed(self) -> bool:
        """Return whether the server closes the connection, and says nothing before."""
        return self.read_rest() == b""

    def _fill(self) -> None:
        data = self.socket.recv(1 << 16)
        if not data:
            raise TruncatedError(self._buffer)
        self._buffer += data


def request(
    method: str, target: str, *fields: str, body: bytes | None = None, host: str = "probe", version: str = "1.1"
) -> bytes:
    """Return a request; *body* brings its Content-Length."""
    lines = [f"{method} {target} HTTP/{version}", f"Host: {host}", *fields]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def wait_until(reached: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Return once *reached* returns something true; it is asked again and again."""
    give_up = time.monotonic() + timeout_s
    while not reached():
        assert time.monotonic() < give_up, f"not reached within {timeout_s} s"
        time.sleep(0.005)
