"""What collectors answer over HTTP, and how much of it is read."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from perdure.telemetry.otlp_http import HttpTransport
from perdure.telemetry.otlp_transport import Target
from tests.telemetry.certificates import Authority

PATIENCE_S = 20.0
Say = Callable[[socket.socket, threading.Event], None]


@contextmanager
def collector(say: Say, authority: Authority | None = None) -> Iterator[tuple[HttpTransport, list[socket.socket]]]:
    """Serve on a port: each request is answered by *say*; yield who sends there, and the connections there were.

    Args:
        authority: Has signed who serves: with TLS.
    """
    connections: list[socket.socket] = []
    tls: ssl.SSLContext | None = None
    if authority is not None:
        identity = authority.server("127.0.0.1")
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(identity.certificate, identity.key)
    is_over = threading.Event()

    def answer(connection: socket.socket) -> None:
        with connection if tls is None else tls.wrap_socket(connection, server_side=True) as connection:
            while not is_over.is_set():
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    part = connection.recv(4096)
                    if not part:
                        return
                    head += part
                try:
                    say(connection, is_over)
                except OSError:  # the other end has heard enough
                    return

    def listen(server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            connections.append(connection)
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=listen, args=(server,), daemon=True)
        thread.start()
        url = f"http{'s' * (tls is not None)}://127.0.0.1:{server.getsockname()[1]}/v1/traces"
        target = Target(
            url=url, is_secure=tls is not None, protocol="http/protobuf", headers={}, is_compressed=False,
            timeout_s=1.0, certificate=None if authority is None else authority.file, client_certificate=None,
            client_key=None,
        )  # fmt: skip
        transport = HttpTransport(target, "traces")
        try:
            yield transport, connections
        finally:
            is_over.set()
            transport.close()
            server.shutdown(socket.SHUT_RDWR)
    thread.join(PATIENCE_S)


def begin_endlessly(connection: socket.socket, is_over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    give_up = time.monotonic() + PATIENCE_S / 2
    while not is_over.wait(0.001) and time.monotonic() < give_up:
        connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
    connection.close()


def drip(connection: socket.socket, is_over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
    give_up = time.monotonic() + PATIENCE_S / 2
    while not is_over.wait(0.01) and time.monotonic() < give_up:
        connection.sendall(b"x")
    connection.close()


@pytest.mark.parametrize("say", [begin_endlessly, drip])
def test_an_answer_that_does_not_end_is_not_waited_for(say: Say) -> None:
    with collector(say) as (transport, _):
        for _ in range(3):
            began_s = time.monotonic()
            assert transport.send(b"", 0.1).is_taken
            assert time.monotonic() - began_s < PATIENCE_S / 4


def drip_a_head(connection: socket.socket, is_over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    give_up = time.monotonic() + PATIENCE_S / 2
    while not is_over.wait(0.01) and time.monotonic() < give_up:
        connection.sendall(b"x-slowly: really\r\n"[:1])
    connection.close()


def drip_provisional_heads(connection: socket.socket, is_over: threading.Event) -> None:
    give_up = time.monotonic() + PATIENCE_S / 2
    while not is_over.wait(0.01) and time.monotonic() < give_up:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    connection.close()


@pytest.mark.parametrize("is_secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("say", [drip_a_head, drip_provisional_heads])
def test_a_head_that_does_not_end_is_not_waited_for_nor_believed(say: Say, is_secure: bool, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority") if is_secure else None
    with collector(say, authority) as (transport, connections):
        for _ in range(3):
            began_s = time.monotonic()
            answer = transport.send(b"", 0.2)
            assert time.monotonic() - began_s < PATIENCE_S / 4
            assert (False, True) == (answer.is_taken, answer.may_retry)
            assert "it did not answer within 0.2 s" == answer.reason
        assert 3 == len(connections), "a connection that was cut is not used again"


def test_a_proxy_that_does_not_answer_to_the_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with collector(drip_a_head) as (proxy, _):
        monkeypatch.setenv("https_proxy", proxy._url.removesuffix("/v1/traces"))
        transport = HttpTransport(
            Target(
                url="https://collector.invalid/v1/traces", is_secure=True, protocol="http/protobuf", headers={},
                is_compressed=False, timeout_s=1.0, certificate=None, client_certificate=None, client_key=None,
            ),
            "traces",
        )  # fmt: skip
        began_s = time.monotonic()
        answer = transport.send(b"", 0.2)
        assert time.monotonic() - began_s < PATIENCE_S / 4
        assert "it did not answer within 0.2 s" == answer.reason
        transport.close()


@pytest.mark.parametrize("status", [b"200 OK", b"503 Busy"])
def test_a_connection_is_used_again(status: bytes) -> None:
    def say(connection: socket.socket, _: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 " + status + b"\r\ncontent-length: 5\r\n\r\nsorry")

    with collector(say) as (transport, connections):
        for _ in range(3):
            answer = transport.send(b"", PATIENCE_S)
            assert answer.is_taken is (status == b"200 OK")
        assert 1 == len(connections)
    assert ("" if status == b"200 OK" else "503 sorry") == answer.reason
