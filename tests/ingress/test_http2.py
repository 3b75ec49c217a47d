"""HTTP/2 on Granian, without TLS and with it."""

import asyncio
import hashlib
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived

from tests.ingress.conftest import Server

if TYPE_CHECKING:
    from tests.ingress.wire import Answer

ORDER = {"lines": [{"sku": "a", "quantity": 1}]}


def client_of(server: Server) -> httpx.AsyncClient:
    return httpx.AsyncClient(http1=False, http2=True, base_url=server.url, timeout=10)


async def test_get_is_answered_as_over_http_1(rsgi: Server) -> None:
    async with client_of(rsgi) as client:
        for target in (
            "/items/gr%C3%BCn",
            "/nothing",
            "/answers/file",
            "/answers/none",
            "/query?a=1&a=2",
            "/streams/short",
        ):
            answer, known = await client.get(target), rsgi.get(target)
            assert answer.http_version == "HTTP/2"
            assert (answer.status_code, _steady(answer.content)) == (known.status, _steady(known.body))
            assert _named(answer) == _known(known)
        assert (await client.get("/host")).json()["version"] == "2"


def _steady(body: bytes) -> bytes:
    return body.partition(b'"instance"')[0]


def _named(answer: httpx.Response) -> dict[str, str]:
    ours = ("content-type", "api-version", "etag", "x-probe", "location", "allow")
    return {name: answer.headers[name] for name in ours if name in answer.headers}


def _known(answer: "Answer") -> dict[str, str]:
    ours = ("content-type", "api-version", "etag", "x-probe", "location", "allow")
    return {name: value for name, value in answer.headers if name in ours}


async def test_post_with_and_without_a_length(rsgi: Server) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 5000

    async with client_of(rsgi) as client:
        assert (await client.post("/orders", json=ORDER)).status_code == 201
        for path in ("/raw", "/stream"):
            answer = await client.post(path, content=pieces())
            assert answer.json() == {"size": 100_000, "sha": hashlib.sha256(b"x" * 100_000).hexdigest()}
        assert (await client.post("/orders", content=b"[" * 100_000)).status_code == 400


@pytest.mark.parametrize("declared", [True, False])
def test_too_large_bodies_are_refused(declared: bool, rsgi: Server) -> None:
    client = H2Connection()
    client.initiate_connection()
    head = [(":method", "POST"), (":path", "/raw"), (":authority", "a"), (":scheme", "http")]
    with socket.create_connection(("127.0.0.1", rsgi.port), timeout=10) as connection:
        connection.sendall(client.data_to_send())
        client.send_headers(1, [*head, ("content-length", "300000")] if declared else head)
        while client.local_flow_control_window(1) < 300_000:
            client.receive_data(connection.recv(65536))
        for _ in range(30):
            client.send_data(1, b"x" * 10_000)
        client.end_stream(1)
        connection.sendall(client.data_to_send())
        answers: list[object] = []
        while not answers:
            events = client.receive_data(connection.recv(65536))
            answers = [dict(event.headers)[b":status"] for event in events if isinstance(event, ResponseReceived)]
    assert answers == [b"413"]
    assert rsgi.get("/items/a").status == 200


async def test_many_requests_share_a_connection_and_do_not_mix(rsgi: Server) -> None:
    async with client_of(rsgi) as client:
        await client.get("/items/first")
        answers = await asyncio.gather(
            *(client.get(f"/items/{index}" if index % 10 else "/raise") for index in range(300))
        )
    for index, answer in enumerate(answers):
        assert answer.status_code == (200 if index % 10 else 500)
        assert not index % 10 or answer.json() == {"name": str(index)}
    assert len({answer.headers["x-request-id"] for answer in answers}) == 300


def test_client_that_resets_a_stream_cancels_its_handler_alone(rsgi: Server, key: str) -> None:
    client = H2Connection()
    client.initiate_connection()
    with socket.create_connection(("127.0.0.1", rsgi.port), timeout=10) as connection:
        for stream, name in ((1, "left"), (3, "stays")):
            head = ((":method", "GET"), (":path", f"/wait/{key}-{name}"), (":authority", "a"), (":scheme", "http"))
            client.send_headers(stream, head, end_stream=True)
        connection.sendall(client.data_to_send())
        rsgi.wait_happened(f"{key}-left", "started")
        rsgi.wait_happened(f"{key}-stays", "started")
        client.reset_stream(1)
        connection.sendall(client.data_to_send())
        rsgi.wait_happened(f"{key}-left", "compensated")
        rsgi.open_gate(f"{key}-stays")
        body = b""
        while b"waited" not in body:
            for event in client.receive_data(connection.recv(65536)):
                body += event.data if isinstance(event, DataReceived) else b""
    assert rsgi.happened(f"{key}-stays") == ["started", "finished"]


@pytest.fixture
def over_tls(tmp_path: Path) -> Iterator[tuple[Server, ssl.SSLContext]]:
    files = ("-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", *files],
        check=True, capture_output=True,
    )  # fmt: skip
    trust = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    options = ("--ssl-certificate", str(tmp_path / "cert.pem"), "--ssl-keyfile", str(tmp_path / "key.pem"))
    server = Server("granian", "probe:app", tmp_path, *options, trust=trust)
    yield server, trust
    server.stop()


async def test_both_versions_over_tls(over_tls: tuple[Server, ssl.SSLContext]) -> None:
    server, trust = over_tls
    for http2 in (True, False):
        async with httpx.AsyncClient(http2=http2, base_url=f"https://127.0.0.1:{server.port}", verify=trust) as client:
            answer = await client.get("/items/a")
            assert (answer.http_version, answer.json()) == ("HTTP/2" if http2 else "HTTP/1.1", {"name": "a"})
            assert (await client.post("/orders", json=ORDER)).status_code == 201
            large = await client.get("/streams/large?chunks=100")
            assert len(large.content) == 100 * 65536
    async with httpx.AsyncClient(base_url=f"https://127.0.0.1:{server.port}", verify=trust) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/streams/breaks")


@pytest.fixture(scope="module")
def choosy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that answers for ``shop.example`` only."""
    server = Server("granian", "hardened:app", tmp_path_factory.mktemp("choosy"))
    yield server
    server.stop()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ([(":authority", "evil.example"), ("host", "shop.example")], b"421"),
        ([(":authority", "shop.example"), ("host", "evil.example")], b"200"),
        ([("host", "evil.example")], b"421"),
        ([("host", "shop.example")], b"200"),
        ([], b"400"),
    ],
)
def test_authority_goes_before_the_host_header(head: list[tuple[str, str]], status: bytes, choosy: Server) -> None:
    client = H2Connection(H2Configuration(validate_outbound_headers=False))
    client.initiate_connection()
    fields = [(":method", "GET"), (":path", "/origin"), (":scheme", "http"), *head]
    client.send_headers(1, fields, end_stream=True)
    answers: list[object] = []
    with socket.create_connection(("127.0.0.1", choosy.port), timeout=10) as connection:
        connection.sendall(client.data_to_send())
        while not answers:
            events = client.receive_data(connection.recv(65536))
            answers = [dict(event.headers)[b":status"] for event in events if isinstance(event, ResponseReceived)]
    assert answers == [status]
