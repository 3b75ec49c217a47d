"""WebSockets on both servers."""

import json
import socket
from collections.abc import MutableMapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from perdure import App
from tests.ingress.wire import wait_until

if TYPE_CHECKING:
    from tests.ingress.conftest import Server


NORMAL = {1000, 1005}
"""Granian closes without a code, which reads as 1005."""


def dial(server: "Server", path: str, host: str | None = None) -> ClientConnection:
    """Connect to *server*; it is called *host*, if that is given."""
    port = server.port
    if host is None:
        return connect(f"ws://127.0.0.1:{port}{path}", open_timeout=20, close_timeout=20, proxy=None)
    known = socket.create_connection(("127.0.0.1", port))
    return connect(f"ws://{host}{path}", sock=known, open_timeout=20, close_timeout=20, proxy=None)


def closing(client: ClientConnection) -> tuple[int, list[object]]:
    """Return the code with which the server closes, and what it sends before."""
    messages: list[object] = []
    try:
        while True:
            messages.append(client.recv(timeout=20))
    except ConnectionClosed as error:
        return (error.rcvd.code if error.rcvd is not None else 0), messages


def test_messages_come_back_as_they_were(server: "Server") -> None:
    with dial(server, "/ws/echo") as client:
        for message in ("hello", "grüße", "", b"\x00\xff", b"", "x" * 100_000, b"y" * 100_000):
            client.send(message)
            assert client.recv(timeout=20) == message


def test_many_messages_stay_in_order(server: "Server") -> None:
    with dial(server, "/ws/echo") as client:
        for index in range(500):
            client.send(str(index))
        assert [client.recv(timeout=20) for _ in range(500)] == [str(index) for index in range(500)]


def test_typed_messages(server: "Server") -> None:
    with dial(server, "/ws/moves") as client:
        client.send('{"x":1,"y":2}')
        assert json.loads(client.recv(timeout=20)) == {"x": 2, "y": 2}
        client.send(b'{"x":5}')
        assert json.loads(client.recv(timeout=20)) == {"x": 6, "y": 0}


@pytest.mark.parametrize("message", ['{"x":"a"}', '{"x":1,"y":-1}', "{", "", b"\xff", "[" * 100_000])
def test_message_of_another_type_closes_the_connection_as_the_clients_fault(
    message: str | bytes, server: "Server"
) -> None:
    before = len(server.log)
    with dial(server, "/ws/moves") as client:
        client.send(message)
        assert closing(client) == (1007, [])
    assert "Traceback" not in server.log[before:]


def test_handler_reads_path_version_and_its_own_context(server: "Server") -> None:
    with dial(server, "/ws/rooms/gr%C3%BCn") as client:
        code, messages = closing(client)
    assert messages == ["grün unversioned True"]
    assert code in NORMAL


def test_handler_closes_with_a_code_of_its_own(server: "Server") -> None:
    with dial(server, "/ws/close") as client:
        client.send("go")
        assert closing(client) == (4001, [])


def test_code_that_is_none_closes_as_a_failure(server: "Server") -> None:
    with dial(server, "/ws/odd-code") as client:
        client.send("go")
        assert closing(client) == (1011, [])


def test_handler_that_raises_closes_with_1011_and_is_logged_once(server: "Server") -> None:
    before = len(server.log)
    with dial(server, "/ws/raise") as client:
        client.send("go")
        assert closing(client) == (1011, [])
    wait_until(lambda: "Traceback" in server.log[before:])
    assert server.log[before:].count("Traceback") == 1


@pytest.mark.parametrize(
    ("message", "code", "what"),
    [("end", NORMAL, []), ("fail", {1011}, ["caught RuntimeError", "compensated"])],
)
def test_work_ends_with_the_connection_and_a_failure_is_undone(
    message: str, code: set[int], what: list[str], server: "Server", key: str
) -> None:
    with dial(server, f"/ws/undone/{key}") as client:
        server.wait_happened(key, "spawned")
        client.send(message)
        assert closing(client)[0] in code
    assert server.happened(key) == ["spawned", "work ended", *what]


@pytest.mark.parametrize(
    ("path", "status"), [("/ws/refused", 403), ("/ws/forbidden", 403), ("/ws/nothing", 404), ("/items/a", 404)]
)
def test_connection_that_is_not_wanted_is_refused(path: str, status: int, server: "Server") -> None:
    with pytest.raises(InvalidStatus) as refused, dial(server, path):
        pass
    assert refused.value.response.status_code == status
    assert server.get("/items/a").status == 200


def test_unknown_version_is_refused(server: "Server") -> None:
    with pytest.raises(InvalidStatus) as refused, dial(server, "/ws/echo?version=v9"):
        pass
    assert refused.value.response.status_code == 400


def test_connection_for_no_host_is_refused(server: "Server") -> None:
    with pytest.raises(InvalidStatus) as refused, dial(server, "/ws/echo", host="a b"):
        pass
    assert refused.value.response.status_code == 400


async def test_server_that_knows_no_other_refusal_closes() -> None:
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    headers = [(b"host", b"shop.example")]
    await App("bare")({"type": "websocket", "path": "/nothing", "headers": headers}, receive, send)
    assert sent == [{"type": "websocket.close"}]


def test_plain_request_for_a_socket_is_404(server: "Server") -> None:
    assert server.get("/ws/echo").status == 404


@pytest.mark.parametrize("politely", [True, False])
def test_client_that_leaves_ends_its_handler(politely: bool, server: "Server", key: str) -> None:
    with dial(server, f"/ws/wait/{key}") as client:
        client.send("hello")
        server.wait_happened(key, "message")
        if not politely:
            client.socket.shutdown(socket.SHUT_RDWR)
    server.wait_happened(key, "ended")
    assert server.happened(key) == ["started", "message", "left", "ended"]


def test_client_that_leaves_ends_a_handler_that_sends(server: "Server", key: str) -> None:
    before = len(server.log)
    with dial(server, f"/ws/push/{key}") as client:
        assert client.recv(timeout=20) == "x" * 1000
        client.socket.shutdown(socket.SHUT_RDWR)
    server.wait_happened(key, "ended")
    assert "Traceback" not in server.log[before:]


def test_many_sockets_at_once_do_not_mix(server: "Server") -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(dial(server, "/ws/echo")) for _ in range(50)]
        for index, client in enumerate(clients):
            client.send(str(index))
        assert [client.recv(timeout=20) for client in clients] == [str(index) for index in range(50)]
