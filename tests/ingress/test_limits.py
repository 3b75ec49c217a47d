"""Too much of everything: refused early, without being held, and the connection stays in order."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.ingress.wire import Connection, TruncatedError, request, wait_until

if TYPE_CHECKING:
    from tests.ingress.conftest import Server

LIMIT = 256 * 1024
MEBIBYTE = 1 << 20
JSON = "Content-Type: application/json"


def chunked(total: int, size: int = 65536) -> Iterator[bytes]:
    """Yield a chunked body of *total* bytes, without its end."""
    for _ in range(total // size):
        yield b"%x\r\n%s\r\n" % (size, b"x" * size)


def stays_in_order(connection: Connection) -> bool:
    """Return whether what follows on the connection is answered rightly, or it is closed; and nothing else."""
    try:
        connection.send(request("GET", "/items/next"))
        answer = connection.read()
    except ConnectionError:
        return True
    except TruncatedError as error:
        return error.got == b""
    return (answer.status, answer.json()) == (200, {"name": "next"})


@pytest.mark.parametrize("path", ["/orders", "/raw", "/text", "/any"])
def test_large_body_is_refused_before_it_is_sent(path: str, server: "Server") -> None:
    with server.connect() as connection:
        connection.send(
            f"POST {path} HTTP/1.1\r\nHost: a\r\n{JSON}\r\nContent-Length: {10 * MEBIBYTE}\r\n\r\n".encode()
        )
        answer = connection.read()
        assert (answer.status, answer.json()["limit_bytes"]) == (413, LIMIT)


@pytest.mark.parametrize("path", ["/orders", "/raw", "/text", "/any"])
def test_large_body_of_unknown_length_is_refused_when_it_is_too_large(path: str, server: "Server") -> None:
    with server.connect() as connection:
        connection.send(f"POST {path} HTTP/1.1\r\nHost: a\r\n{JSON}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        connection.send_all_it_takes(chunked(2 * LIMIT))
        answer = connection.read()
        assert (answer.status, answer.json()["limit_bytes"]) == (413, LIMIT)


@pytest.mark.parametrize("framing", [f"Content-Length: {10 * MEBIBYTE}", "Transfer-Encoding: chunked"])
def test_ten_megabytes_are_not_held_in_memory(framing: str, server: "Server") -> None:
    server.post("/process/peak", b"")
    before = server.process_figure("rss_kib")
    for _ in range(5):
        with server.connect() as connection:
            connection.send(f"POST /orders HTTP/1.1\r\nHost: a\r\n{JSON}\r\n{framing}\r\n\r\n".encode())
            if framing.startswith("Content"):
                connection.send_all_it_takes(itertools.repeat(b"x" * 65536, 160))
            else:
                connection.send_all_it_takes(chunked(10 * MEBIBYTE))
    assert server.process_figure("peak_kib") - before < 4 * 1024


@pytest.mark.parametrize("size", [300 * 1024, 10 * MEBIBYTE])
def test_after_a_refused_body_the_connection_is_in_order(size: int, server: "Server") -> None:
    with server.connect() as connection:
        connection.send(f"POST /orders HTTP/1.1\r\nHost: a\r\n{JSON}\r\nContent-Length: {size}\r\n\r\n".encode())
        assert connection.read().status == 413
        connection.send_all_it_takes(itertools.repeat(b"x" * 1024, size // 1024))
        assert stays_in_order(connection)


@pytest.mark.parametrize(
    "raw",
    [
        request("POST", "/nothing", JSON, body=b'{"a":1}'),
        request("DELETE", "/items/a", body=b"GET /items/smuggled HTTP/1.1\r\nHost: a\r\n\r\n"),
        request("POST", "/ignore", body=b"GET /items/smuggled HTTP/1.1\r\nHost: a\r\n\r\n"),
        request("GET", "/items/a", body=b"GET /items/smuggled HTTP/1.1\r\nHost: a\r\n\r\n"),
        request("POST", "/stream-first", body=b"x" * 200_000),
        request("POST", "/ignore", body=b"x" * 200_000),
        request("POST", "/healthz", body=b"x" * 1000),
        b"POST /ignore HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ],
)
def test_body_nobody_reads_does_not_run_into_the_next_request(raw: bytes, server: "Server") -> None:
    with server.connect() as connection:
        connection.send(raw)
        assert connection.read().status in {200, 404, 405}
        assert stays_in_order(connection)


@pytest.mark.parametrize("path", ["/orders", "/raw"])
@pytest.mark.parametrize("size", [LIMIT, LIMIT + 1])
def test_limit_is_exact(path: str, size: int, server: "Server") -> None:
    body = b'{"lines":[{"sku":"a","quantity":1}]}'.ljust(size)
    plain = server.post(path, body, JSON)
    with server.connect() as connection:
        connection.send(f"POST {path} HTTP/1.1\r\nHost: a\r\n{JSON}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        connection.send_all_it_takes([b"%x\r\n%s\r\n0\r\n\r\n" % (size, body)])
        streamed = connection.read()
    assert plain.status == streamed.status
    assert plain.status == (413 if size > LIMIT else 201 if path == "/orders" else 200)


def test_stream_has_a_limit_of_its_own(server: "Server") -> None:
    with server.connect() as connection:
        connection.send(f"POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: {49 * MEBIBYTE}\r\n\r\n".encode())
        assert connection.read().json()["limit_bytes"] == 48 * MEBIBYTE


def test_slow_body_leaves_others_alone(server: "Server") -> None:
    slow = [server.connect() for _ in range(30)]
    for connection in slow:
        connection.send(b"POST /slow-body HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
    assert server.get("/items/a").status == 200
    assert [connection.read().status for connection in slow] == [408] * 30
    for connection in slow:
        connection.send_all_it_takes([b"world"])
        assert stays_in_order(connection)
        connection.socket.close()


def test_body_that_comes_byte_by_byte_is_whole(server: "Server") -> None:
    body = b'{"lines":[{"sku":"a","quantity":1}]}'
    with server.connect() as connection:
        connection.send(f"POST /orders HTTP/1.1\r\nHost: a\r\n{JSON}\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        for byte in body:
            connection.send(bytes([byte]))
        assert connection.read().status == 201


def test_many_connections_are_let_go(server: "Server") -> None:
    def open_files() -> int:
        return sum(1 for _ in Path(f"/proc/{server.process_figure('pid')}/fd").iterdir())

    before = open_files()
    connections = [server.connect() for _ in range(300)]
    for connection in connections:
        connection.send(request("GET", "/items/a"))
    assert {connection.read().status for connection in connections} == {200}
    for connection in connections:
        connection.socket.close()
    wait_until(lambda: open_files() <= before + 5)
