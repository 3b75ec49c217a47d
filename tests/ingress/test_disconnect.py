"""Clients that leave before their answer is ready."""

from typing import TYPE_CHECKING

import pytest

from tests.ingress.wire import request, wait_until

if TYPE_CHECKING:
    from tests.ingress.conftest import Server

LEFT = ["started", "cancelled", "caught ClientDisconnectedError", "compensated"]


@pytest.mark.parametrize("leave", ["close", "reset"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("GET", "wait", None), ("POST", "wait", b"hello"), ("POST", "wait", b""), ("POST", "wait-ignoring", None),
     ("POST", "wait-ignoring", b"hello"), ("POST", "wait", b"x" * 200_000)],
)  # fmt: skip
def test_client_that_leaves_cancels_its_handler(
    method: str, path: str, body: bytes | None, leave: str, server: "Server", key: str
) -> None:
    with server.connect() as connection:
        connection.send(request(method, f"/{path}/{key}", body=body))
        server.wait_happened(key, "started")
        if leave == "reset":
            connection.reset()
    server.wait_happened(key, "compensated")
    assert server.happened(key) == LEFT
    assert server.get("/items/a").status == 200


def test_client_that_leaves_an_insisting_handler_does_not_stop_it(server: "Server", key: str) -> None:
    with server.connect() as connection:
        connection.send(request("GET", f"/insist/{key}"))
        server.wait_happened(key, "started")
    # Another client leaves later, and its request is over first: time enough to see that the first one's goes on.
    with server.connect() as connection:
        connection.send(request("GET", f"/wait/{key}-other"))
        server.wait_happened(f"{key}-other", "started")
    server.wait_happened(f"{key}-other", "compensated")
    assert server.happened(key) == ["started"]
    server.open_gate(key)
    server.wait_happened(key, "finished")
    assert server.happened(key) == ["started", "finished"]


def test_client_that_leaves_touches_no_other_request(server: "Server", key: str) -> None:
    connections = [server.connect() for _ in range(20)]
    for index, connection in enumerate(connections):
        connection.send(request("GET", f"/wait/{key}-{index}"))
    for index in range(20):
        server.wait_happened(f"{key}-{index}", "started")
    for connection in connections[::2]:
        connection.socket.close()
    for index in range(0, 20, 2):
        server.wait_happened(f"{key}-{index}", "compensated")
    for index in range(1, 20, 2):
        server.open_gate(f"{key}-{index}")
        assert connections[index].read().json() == {"waited": True}
        assert server.happened(f"{key}-{index}") == ["started", "finished"]
        connections[index].socket.close()


def test_client_that_stays_is_answered_after_a_long_wait(server: "Server", key: str) -> None:
    with server.connect() as connection:
        connection.send(request("GET", f"/wait/{key}"), request("GET", "/items/next"))
        server.wait_happened(key, "started")
        server.open_gate(key)
        assert connection.read().json() == {"waited": True}
        assert connection.read().json() == {"name": "next"}


def test_client_that_leaves_in_the_middle_of_its_body_is_no_failure(server: "Server") -> None:
    before = len(server.log)
    for path in ("/raw", "/stream", "/upload", "/orders"):
        with server.connect() as connection:
            connection.send(f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n".encode())
            connection.send(b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n")
    wait_until(lambda: server.get("/items/a").status == 200)
    assert server.log[before:] == ""


def test_client_that_breaks_off_a_body_that_is_streamed_back_is_no_failure(server: "Server") -> None:
    before = len(server.log)
    for _ in range(20):
        with server.connect() as connection:
            connection.send(b"POST /stream-back HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
            assert connection.read_head()[0] == 200
            assert connection.read_chunk() == b"abc"
    wait_until(lambda: server.get("/items/a").status == 200)
    assert server.log[before:] == ""


def test_client_that_leaves_is_no_failure_in_the_log(server: "Server", key: str) -> None:
    before = len(server.log)
    with server.connect() as connection:
        connection.send(request("GET", f"/wait/{key}"))
        server.wait_happened(key, "started")
    server.wait_happened(key, "compensated")
    assert server.log[before:] == ""
