import asyncio
import socket
from pathlib import Path

import pytest

from perdure.cli.listener import Listener, ListenError, listen_on, listen_on_path


def port_of(listener: Listener) -> int:
    return int(listener.address(tls=False).rpartition(":")[2])


@pytest.mark.parametrize(("host", "expected"), [("127.0.0.1", "http://127.0.0.1:"), ("::1", "http://[::1]:")])
def test_listen_on_port_0_takes_a_free_port_and_tells_it(host: str, expected: str) -> None:
    listener = listen_on(host, 0)
    assert listener.address(tls=False).startswith(expected)
    assert port_of(listener) > 0
    listener.close()


def test_listen_on_when_the_port_is_taken_says_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ListenError, match=rf"127.0.0.1:{port}: it is in use by another process.*--port"):
            listen_on("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "port", "said"),
    [("192.0.2.1", 0, "Cannot assign"), ("no-such-host.invalid", 0, "host is not known")],
)
def test_listen_on_when_it_cannot_says_why(host: str, port: int, said: str) -> None:
    with pytest.raises(ListenError, match=said):
        listen_on(host, port)


def test_listen_on_path_when_the_last_server_left_its_file_replaces_it(tmp_path: Path) -> None:
    path = tmp_path / "probe.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    listener = listen_on_path(path)
    assert f"unix:{path}" == listener.address(tls=False)
    listener.close()
    assert not path.exists()


def test_listen_on_path_when_another_server_answers_there_leaves_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "probe.sock"
    with socket.socket(socket.AF_UNIX) as living:
        living.bind(str(path))
        living.listen()
        with pytest.raises(ListenError, match="in use"):
            listen_on_path(path)


def test_listen_on_path_when_there_is_another_file_leaves_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("dear")
    with pytest.raises(ListenError, match="in use"):
        listen_on_path(path)
    assert path.read_text() == "dear"


async def test_refuse_connections_when_one_waits_lets_it_be_accepted_first() -> None:
    listener = listen_on("127.0.0.1", 0)
    with socket.socket(fileno=socket.dup(listener.fileno())) as accepting, socket.socket() as waiting:
        accepting.listen()
        waiting.connect(("127.0.0.1", port_of(listener)))
        refusing = asyncio.ensure_future(listener.refuse_connections())
        await asyncio.sleep(0.15)
        assert not refusing.done()
        accepted, _ = accepting.accept()
        await refusing
        accepted.close()
    listener.close()


async def test_refuse_connections_keeps_new_ones_out() -> None:
    listener = listen_on("127.0.0.1", 0)
    port = port_of(listener)
    with socket.socket(fileno=socket.dup(listener.fileno())) as accepting, socket.socket() as late:
        accepting.listen()
        await listener.refuse_connections()
        late.settimeout(0.2)
        with pytest.raises(TimeoutError):
            late.connect(("127.0.0.1", port))
    listener.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=10)
