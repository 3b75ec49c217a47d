"""Clients that read a stream slowly or not at all, where a connection's being writable says nothing."""

import asyncio
import socket
import sys
import time

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived

from perdure.ingress.peers import Peer
from tests.ingress.conftest import Server

CHUNK = 65536


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what has arrived")
def test_stream_over_http_2_waits_for_a_slow_reader(rsgi: Server, key: str) -> None:
    rsgi.post("/process/peak", b"")
    before = rsgi.process_figure("rss_kib")
    client = H2Connection(H2Configuration(header_encoding="utf-8"))
    client.initiate_connection()
    head = ((":method", "GET"), (":path", f"/streams/endless/{key}"), (":authority", "a"), (":scheme", "http"))
    client.send_headers(1, head, end_stream=True)
    with socket.create_connection(("127.0.0.1", rsgi.port), timeout=10) as connection:
        connection.sendall(client.data_to_send())
        made = _wait_still(rsgi, key)
        assert made * CHUNK < 16 << 20
        assert rsgi.process_figure("peak_kib") - before < 24 * 1024
        left = (made + 100) * CHUNK
        while left > 0:
            for event in client.receive_data(connection.recv(CHUNK)):
                if isinstance(event, DataReceived):
                    left -= len(event.data)
                    client.acknowledge_received_data(event.flow_controlled_length, 1)
            connection.sendall(client.data_to_send())
    rsgi.wait_happened(key, "closed")


def _wait_still(server: Server, key: str) -> int:
    """Return how many chunks have been made, once there are no more of them for a while."""
    seen, since = -1, time.monotonic()
    while time.monotonic() - since < 0.3:
        found = server.happened(key)
        made = int(found[0]) if found else 0
        if made != seen:
            seen, since = made, time.monotonic()
            assert made * CHUNK < 1 << 28, "the stream does not wait"
    return seen


@pytest.mark.parametrize("http_version", ["1.1", "2"])
async def test_stream_to_a_client_without_an_address_lets_others_have_their_turn(http_version: str) -> None:
    peer = Peer("", "", http_version)
    turns: list[int] = []

    async def other() -> None:
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    await peer.wait_writable(1 << 20)
    task = asyncio.ensure_future(other())
    for _ in range(10):
        await peer.wait_writable(CHUNK)
    task.cancel()
    assert len(turns) >= 10
