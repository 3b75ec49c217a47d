"""Answers of every kind, as bytes: and what becomes of those that are not sent to their end."""

import json
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.ingress.wire import Answer, TruncatedError, request, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ingress.conftest import Server

    Same = Callable[[bytes], Answer]

DIGITS = bytes(48 + index % 10 for index in range(1000))
CHUNK = 65536


@pytest.mark.parametrize(
    ("target", "status", "media_type", "body"),
    [
        ("/items/a", 200, "application/json", b'{"name":"a"}'),
        ("/answers/text", 200, "text/plain; charset=utf-8", "grüße".encode()),
        ("/answers/csv", 200, "text/csv; charset=utf-8", b"a,b\n"),
        ("/answers/html", 200, "text/html; charset=utf-8", "<p>grüße".encode()),
        ("/answers/bytes", 200, "application/octet-stream", bytes(range(256))),
        ("/answers/none", 204, None, b""),
        ("/answers/empty-text", 200, "text/plain; charset=utf-8", b""),
        ("/answers/empty/204", 204, None, b""),
        ("/answers/empty/205", 205, None, b""),
        ("/answers/empty/304", 304, None, b""),
        ("/answers/redirect", 308, None, b""),
        ("/answers/sync", 200, "application/json", b'{"sync":true}'),
        ("/answers/order", 200, "application/json",
         '{"lines":[{"sku":"a","quantity":1}],"note":"ü","weight":0.0}'.encode()),
        ("/streams/short", 200, "application/octet-stream", b"0;1;2;"),
        ("/streams/sync", 200, "application/octet-stream", b"0;1;2;"),
    ],
)  # fmt: skip
def test_answer(target: str, status: int, media_type: str | None, body: bytes, same: "Same") -> None:
    answer = same(request("GET", target))
    assert (answer.status, answer.header("content-type"), answer.body) == (status, media_type, body)
    assert answer.header("x-probe") == "signed"
    if answer.chunked:
        assert answer.header("content-length") is None
    else:
        assert answer.header("content-length") == (None if status in {204, 304} else str(len(body)))


def test_stream_of_nothing(server: "Server") -> None:
    answer = server.get("/streams/nothing")
    assert (answer.status, answer.body) == (200, b"")


def test_answer_is_followed_by_the_next_on_the_same_connection(server: "Server") -> None:
    with server.connect() as connection:
        for target in ("/answers/none", "/answers/empty/304", "/answers/file", "/streams/short", "/answers/empty/205",
                       "/answers/empty-text", "/streams/nothing", "/answers/redirect"):  # fmt: skip
            connection.send(request("GET", target), request("GET", "/items/next"))
            connection.read()
            assert connection.read().json() == {"name": "next"}


def test_redirect_says_where_to(same: "Same") -> None:
    assert same(request("GET", "/answers/redirect")).header("location") == "/answers/text?q=%C3%BC"


def test_cookies_have_a_line_each(same: "Same") -> None:
    cookies = [value for name, value in same(request("GET", "/answers/cookies")).headers if name == "set-cookie"]
    assert [cookie.partition(";")[0] for cookie in cookies] == ["a=1", "b=2"]


# -- files ------------------------------------------------------------------------------------------------------------


def test_file_is_whole(same: "Same") -> None:
    answer = same(request("GET", "/answers/file"))
    assert (answer.status, answer.body, answer.header("content-length")) == (200, DIGITS, "1000")
    assert answer.header("accept-ranges") == "bytes"
    assert answer.header("last-modified") == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert (
        answer.header("content-disposition")
        == "attachment; filename=\"zahlen _.txt\"; filename*=UTF-8''zahlen%20%C3%BC.txt"
    )


@pytest.mark.parametrize(
    ("wanted", "status", "told", "body"),
    [
        ("bytes=0-9", 206, "bytes 0-9/1000", DIGITS[:10]), ("bytes=990-", 206, "bytes 990-999/1000", DIGITS[990:]),
        ("bytes=-5", 206, "bytes 995-999/1000", DIGITS[-5:]),
        ("bytes=500-5000", 206, "bytes 500-999/1000", DIGITS[500:]),
        ("bytes=0-0", 206, "bytes 0-0/1000", DIGITS[:1]), ("bytes=0-999", 206, "bytes 0-999/1000", DIGITS),
        ("bytes=1000-", 416, "bytes */1000", None), ("bytes=-0", 416, "bytes */1000", None),
        ("bytes=5-1", 200, None, DIGITS), ("bytes=0-1,5-6", 200, None, DIGITS), ("lines=0-1", 200, None, DIGITS),
        ("bytes=99999999999999999999999-", 200, None, DIGITS), ("bytes=a-b", 200, None, DIGITS),
    ],
)  # fmt: skip
def test_file_in_parts(wanted: str, status: int, told: str | None, body: bytes | None, same: "Same") -> None:
    answer = same(request("GET", "/answers/file", f"Range: {wanted}"))
    assert (answer.status, answer.header("content-range")) == (status, told)
    assert body is None or (answer.body, answer.header("content-length")) == (body, str(len(body)))


def test_file_on_conditions(same: "Same") -> None:
    known = same(request("GET", "/answers/file"))
    etag, modified = known.header("etag"), known.header("last-modified")
    for fields, status in (
        ((f"If-None-Match: {etag}",), 304), ((f"If-None-Match: W/{etag}",), 304), (("If-None-Match: *",), 304),
        (('If-None-Match: "other"',), 200), ((f'If-None-Match: "other", {etag}',), 304),
        (('If-None-Match: "other"', f"If-None-Match: {etag}"), 304),
        ((f"If-Modified-Since: {modified}",), 304), (("If-Modified-Since: Mon, 01 Jan 2001 00:00:00 GMT",), 200),
        (("If-Modified-Since: yesterday",), 200), ((f"If-Match: {etag}",), 200), (('If-Match: "other"',), 412),
        ((f"If-Range: {etag}", "Range: bytes=0-1"), 206), (('If-Range: "other"', "Range: bytes=0-1"), 200),
        (("If-Unmodified-Since: Mon, 01 Jan 2001 00:00:00 GMT",), 412),
    ):  # fmt: skip
        answer = same(request("GET", "/answers/file", *fields))
        assert answer.status == status, fields
        assert status == 412 or answer.header("etag") == etag
        assert status != 304 or answer.body == b""


# -- streams ----------------------------------------------------------------------------------------------------------


def test_first_chunk_arrives_before_the_last_is_made(server: "Server", key: str) -> None:
    with server.connect() as connection:
        connection.send(request("GET", f"/streams/gated/{key}"))
        assert connection.read_head()[0] == 200
        assert connection.read_chunk() == b"first"
        server.open_gate(key)
        assert connection.read_chunk() == b"last"
        assert connection.read_chunk() == b""
    server.wait_happened(key, "closed")
    assert server.happened(key) == ["waiting", "finished", "closed"]


@pytest.mark.parametrize("leave", ["close", "reset"])
def test_stream_that_waits_is_closed_when_its_client_leaves(leave: str, server: "Server", key: str) -> None:
    before = len(server.log)
    with server.connect() as connection:
        connection.send(request("GET", f"/streams/gated/{key}"))
        connection.read_head()
        assert connection.read_chunk() == b"first"
        server.wait_happened(key, "waiting")
        if leave == "reset":
            connection.reset()
    server.wait_happened(key, "closed")
    assert server.happened(key) == ["waiting", "closed"]
    assert server.log[before:] == ""


def test_stream_that_works_is_closed_when_its_client_leaves(server: "Server", key: str) -> None:
    before = len(server.log)
    with server.connect() as connection:
        connection.send(request("GET", f"/streams/endless/{key}"))
        connection.read_head()
        assert len(connection.read_chunk()) == CHUNK
    server.wait_happened(key, "closed")
    assert server.get("/items/a").status == 200
    assert server.log[before:] == ""


@pytest.mark.parametrize("target", ["/streams/breaks", "/streams/breaks-at-once", "/streams/wrong"])
def test_stream_that_breaks_does_not_pass_for_whole(target: str, server: "Server") -> None:
    before = len(server.log)
    with server.connect() as connection:
        connection.send(request("GET", target))
        with pytest.raises((TruncatedError, ConnectionError)):
            connection.read()
    assert server.get("/items/a").status == 200
    wait_until(lambda: "Traceback" in server.log[before:])
    assert server.log[before:].count("Traceback") == 1


def test_stream_that_breaks_leaves_others_alone(server: "Server", key: str) -> None:
    with server.connect() as connection, server.connect() as other:
        other.send(request("GET", f"/streams/gated/{key}"))
        other.read_head()
        assert other.read_chunk() == b"first"
        connection.send(request("GET", "/streams/breaks"))
        with pytest.raises((TruncatedError, ConnectionError)):
            connection.read()
        server.open_gate(key)
        assert (other.read_chunk(), other.read_chunk()) == (b"last", b"")


def test_large_stream_takes_no_memory(server: "Server") -> None:
    server.post("/process/peak", b"")
    before = server.process_figure("rss_kib")
    with server.connect() as connection:
        connection.send(request("GET", f"/streams/large?chunks={(100 << 20) // CHUNK}"))
        connection.read_head()
        assert sum(map(len, iter(connection.read_chunk, b""))) == 100 << 20
    assert server.process_figure("peak_kib") - before < 24 * 1024


def test_stream_waits_for_a_slow_reader(server: "Server", key: str) -> None:
    # What the sockets of both ends hold is the kernel's; the generator must stop soon after they are full.
    server.post("/process/peak", b"")
    before = server.process_figure("rss_kib")
    with server.connect() as connection:
        connection.send(request("GET", f"/streams/endless/{key}"))
        connection.read_head()
        made = _wait_still(server, key)
        assert made * CHUNK < 40 << 20
        assert server.process_figure("peak_kib") - before < 24 * 1024
        for _ in range(made + 100):
            assert len(connection.read_chunk()) == CHUNK
    server.wait_happened(key, "closed")


def _wait_still(server: "Server", key: str) -> int:
    """Return how many chunks have been made, once there are no more of them for a while."""
    seen, since = -1, time.monotonic()
    while time.monotonic() - since < 0.3:
        found = server.happened(key)
        made = int(found[0]) if found else 0
        if made != seen:
            seen, since = made, time.monotonic()
    return seen


# -- events -----------------------------------------------------------------------------------------------------------


def read_events(lines: "httpx.Response") -> list[dict[str, str]]:
    """Read server-sent events as browsers do."""
    events: list[dict[str, str]] = []
    data: list[str] = []
    current: dict[str, str] = {}
    for line in lines.iter_lines():
        if not line:
            if data:
                events.append({**current, "data": "\n".join(data)})
            data, current = [], {}
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "data":
                data.append(value)
            else:
                current[name] = value
    return events


def test_events_are_read_by_a_client(server: "Server") -> None:
    with httpx.stream("GET", f"{server.url}/events") as response:
        assert response.headers["content-type"] == "text/event-stream"
        assert response.headers["cache-control"] == "no-store"
        events = read_events(response)
    assert [json.loads(event["data"]) if event["data"][0] == "{" else event["data"] for event in events] == [
        "one\ntwo", {"n": 2}, "grüße"
    ]  # fmt: skip
    assert (events[0]["event"], events[0]["id"], events[2]["retry"]) == ("lines", "1", "50")


def test_events_are_the_same_bytes(same: "Same") -> None:
    same(request("GET", "/events"))


def test_silent_event_stream_is_kept_alive_and_closed_when_its_client_leaves(server: "Server", key: str) -> None:
    with server.connect() as connection:
        connection.send(request("GET", f"/events/silent/{key}"))
        connection.read_head()
        assert connection.read_chunk() == b"data: first\n\n"
        assert [connection.read_chunk() for _ in range(3)] == [b": ping\n\n"] * 3
    server.wait_happened(key, "closed")


def test_event_stream_goes_on_after_silence(server: "Server", key: str) -> None:
    with server.connect() as connection:
        connection.send(request("GET", f"/events/silent/{key}"))
        connection.read_head()
        assert connection.read_chunk() == b"data: first\n\n"
        assert connection.read_chunk() == b": ping\n\n"
        server.open_gate(key)
        chunks = list(iter(connection.read_chunk, b""))
    assert chunks[-1] == b"data: last\n\n"
    assert set(chunks[:-1]) <= {b": ping\n\n"}
