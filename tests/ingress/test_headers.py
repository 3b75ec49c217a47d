"""Lines and headers by hand: paths, methods, framing, ids, and what must not get through."""

import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.ingress.wire import Answer, TruncatedError, request, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ingress.conftest import Server

    Same = Callable[[bytes], Answer]

JSON = "Content-Type: application/json"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


# -- paths ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("/items/gr%C3%BC%C3%9Fe", {"name": "grüße"}),
        ("/items/a%20b%3Fc%23d", {"name": "a b?c#d"}),
        ("/items/a+b", {"name": "a+b"}),
        ("/items/%2525", {"name": "%25"}),
        ("/items/a;b=c", {"name": "a;b=c"}),
        ("/items/...", {"name": "..."}),
        ("/items/.hidden", {"name": ".hidden"}),
        ("/items/a?b=/../c", {"name": "a"}),
        ("/tree/a/b%2Fc", {"rest": "a/b/c"}),
        ("/tree/a/b/", {"rest": "a/b/"}),
    ],
)
def test_path_is_decoded_once(target: str, body: object, same: "Same") -> None:
    answer = same(request("GET", target))
    assert (answer.status, answer.json()) == (200, body)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/items/a%2Fb", 404), ("/items/%2F", 404), ("/items//", 404), ("//items/a", 404), ("/items//a", 404),
        ("/items/..", 400), ("/items/.", 400), ("/items/../items/a", 400), ("/items/%2e%2e", 400),
        ("/items/%2E%2e/items/a", 400), ("/tree/a/..%2f..%2fetc/passwd", 400), ("/tree/%2e%2e/etc", 400),
        ("/items/%FF", 400), ("/items/%C0%AF", 400), ("/items/%ED%A0%80", 400), ("/items/%00", 400),
        ("/items/a%0d%0aX-Injected:1", 400), ("/items/%7f", 400), ("/tree//etc/passwd", 404),
        ("/%69tems/a", 200),
    ],
)  # fmt: skip
def test_path_nobody_has_a_good_reason_to_send(target: str, status: int, same: "Same") -> None:
    assert same(request("GET", target)).status == status


@pytest.mark.parametrize("target", ["/items/%", "/items/%zz", "/items/%4", "/items/%u0041"])
def test_path_with_half_an_escape_is_taken_as_it_is_or_refused(target: str, same: "Same") -> None:
    assert same(request("GET", target)).status in {200, 400}


def test_target_with_the_whole_url(server: "Server") -> None:
    answer = server.get("http://elsewhere.example/items/a")
    assert answer.status in {200, 400, 404}


@pytest.mark.parametrize("method", ["OPTIONS", "GET"])
def test_target_that_is_an_asterisk(method: str, server: "Server") -> None:
    assert server.ask(request(method, "*")).status in {200, 204, 400, 404}


@pytest.mark.parametrize("target", ["/items/ü", "items/a", "/items/a b", "/items/a\tb", "/items/\x00", "/items/a#b"])
def test_target_that_is_none_is_refused(target: str, server: "Server") -> None:
    assert server.ask(request("GET", target)).status in {200, 400, 404}


@pytest.mark.parametrize("length", [1_000, 8_000])
def test_long_target(length: int, same: "Same") -> None:
    answer = same(request("GET", f"/items/{'a' * length}"))
    assert (answer.status, len(answer.body)) == (200, length + len('{"name":""}'))


@pytest.mark.parametrize("target", [f"/items/{'a' * 9_000}", f"/items/a?q={'a' * 9_000}", f"/items/{'a' * 60_000}"])
def test_target_longer_than_the_limit_is_414(target: str, same: "Same") -> None:
    assert same(request("GET", target)).status == 414


def test_very_long_target_is_refused(server: "Server") -> None:
    with server.connect() as connection:
        connection.send_all_it_takes([request("GET", f"/items/{'a' * 1_000_000}")])
        with suppress(ConnectionError):  # refused before the answer could be read
            assert connection.read().status in {400, 414, 431}
    assert server.get("/items/a").status == 200


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("a=1&a=2&b", {"a": ["1", "2"], "b": [""]}),
        ("a=1%262&%C3%BC=%2B+", {"a": ["1&2"], "ü": ["+ "]}),
        ("&&a==1&", {"a": ["=1"]}),
    ],
)
def test_query(query: str, found: object, same: "Same") -> None:
    answer = same(request("GET", f"/query?{query}"))
    assert (answer.status, answer.json()) == (200, found)


@pytest.mark.parametrize("query", ["a=%", "a=%zz", "a=%FF", "%ED%A0%80=1", "&".join(["a"] * 100_0)])
def test_query_that_is_none_is_400(query: str, same: "Same") -> None:
    status = same(request("GET", f"/query?{query}")).status
    assert status == (400 if "%" in query else 200)


# -- methods ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["BREW", "get", "Get", "PROPFIND", "TRACE", "G-E_T"])
def test_method_nobody_serves_is_405(method: str, same: "Same") -> None:
    answer = same(request(method, "/items/a"))
    assert (answer.status, answer.header("allow")) == (405, "GET, HEAD, OPTIONS, PUT")


@pytest.mark.parametrize(
    "target",
    ["/items/a", "/nothing", "/healthz", "/answers/text", "/answers/none", "/answers/redirect", "/answers/file",
     "/answers/empty-text", "/answers/empty/205", "/answers/empty/304", "/raise", "/answers/cookies", "/answers/bytes"],
)  # fmt: skip
def test_head_is_get_without_the_body(target: str, same: "Same") -> None:
    got, head = same(request("GET", target)), same(request("HEAD", target))
    assert head.body == b""
    assert got.comparable()[:2] == head.comparable()[:2]


def test_head_leaves_the_connection_in_order(server: "Server") -> None:
    with server.connect() as connection:
        for target in ("/items/a", "/answers/file", "/streams/short", "/answers/redirect", "/nothing"):
            connection.send(request("HEAD", target), request("GET", "/items/next"))
            assert connection.read(head_only=True).status in {200, 308, 404}
            assert connection.read().json() == {"name": "next"}


def test_options_says_what_is_served(same: "Same") -> None:
    answer = same(request("OPTIONS", "/items/a"))
    assert (answer.status, answer.header("allow"), answer.body) == (204, "GET, HEAD, OPTIONS, PUT", b"")


# -- framing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        "Content-Length: 5\r\nContent-Length: 6", "Content-Length: 5, 6", "Content-Length: -1", "Content-Length: +5",
        "Content-Length: 5x", "Content-Length: 0x5", "Content-Length: ", "Content-Length: 1e1",
        "Content-Length: 99999999999999999999999",
        "Transfer-Encoding: chunked, identity", "Transfer-Encoding: xchunked", "Transfer-Encoding: gzip",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "Bad Name: 1", ": 1", "X-Nul: a\x00b",
        "Content-Length : 5",
    ],
)  # fmt: skip
def test_framing_that_can_be_read_in_two_ways_is_refused(fields: str, server: "Server") -> None:
    # If the server took another length than a proxy before it, the second request would be answered as one of its own.
    with server.connect() as connection:
        connection.send(f"POST /raw HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\nhello".encode(), request("GET", "/items/b"))
        connection.socket.shutdown(socket.SHUT_WR)
        found = connection.read_rest()
    assert found[:12] in {b"HTTP/1.1 400", b"HTTP/1.1 413", b"HTTP/1.1 431", b"HTTP/1.1 501", b""}
    assert b'"name":"b"' not in found
    assert server.get("/items/a").status == 200


def test_content_length_twice_the_same_is_refused_or_taken_once(server: "Server") -> None:
    with server.connect() as connection:
        connection.send(b"POST /raw HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello")
        answer = connection.read()
    assert answer.status == 400 or answer.json()["size"] == 5


def test_both_kinds_of_framing_are_refused_or_chunks_count(server: "Server") -> None:
    head = b"POST /raw HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
    with server.connect() as connection:
        connection.send(head, b"5\r\nhello\r\n0\r\n\r\n")
        answer = connection.read()
        assert answer.status == 400 or answer.json()["size"] == 5


@pytest.mark.parametrize("path", ["/raw", "/stream", "/orders", "/any", "/text"])
@pytest.mark.parametrize(
    "body",
    [b"5\r\nhello\r\n", b"5\r\nhel", b"", b"5\r\nhello\r\nzz\r\nhello\r\n0\r\n\r\n", b"5\r\nhelloworld",
     b"-5\r\nhello\r\n0\r\n\r\n", b"FFFFFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"],
    ids=["no-end", "half-a-chunk", "nothing", "bad-size", "bad-end", "negative", "huge"],
)  # fmt: skip
def test_chunks_that_are_broken_never_pass_for_a_body(body: bytes, path: str, server: "Server") -> None:
    with server.connect() as connection:
        connection.send(f"POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode(), body)
        connection.socket.shutdown(socket.SHUT_WR)
        found = connection.read_rest()
    assert found[:10] in {b"HTTP/1.1 4", b""}, found
    assert server.get("/items/a").status == 200


@pytest.mark.parametrize("path", ["/raw", "/stream", "/orders", "/any", "/upload"])
@pytest.mark.parametrize("leave", ["half", "whole", "reset"])
def test_body_that_ends_too_early_never_passes_for_one(path: str, leave: str, server: "Server") -> None:
    with server.connect() as connection:
        connection.send(f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n".encode(), b'{"lines":[]}')
        if leave == "half":
            connection.socket.shutdown(socket.SHUT_WR)
            assert connection.read_rest()[:10] in {b"HTTP/1.1 4", b""}
        elif leave == "whole":
            connection.socket.close()
        else:
            connection.reset()
    assert server.get("/items/a").status == 200


def test_chunked_body_with_extensions_and_announced_trailers(server: "Server") -> None:
    head = b"POST /raw HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
    with server.connect() as connection:
        connection.send(head, b"5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n")
        assert connection.read().json()["size"] == 11


def test_pipelined_requests_are_answered_in_order(server: "Server") -> None:
    with server.connect() as connection:
        connection.send(*(request("GET", f"/items/{index}") for index in range(20)))
        assert [connection.read().json() for _ in range(20)] == [{"name": str(index)} for index in range(20)]


def test_pipelined_bodies_do_not_run_into_each_other(server: "Server") -> None:
    with server.connect() as connection:
        for size in (5, 0, 70_000, 1):
            connection.send(request("POST", "/raw", body=bytes(size)))
        connection.send(request("GET", "/items/last"))
        assert [connection.read().json()["size"] for _ in range(4)] == [5, 0, 70_000, 1]
        assert connection.read().json() == {"name": "last"}


def test_http_1_0_is_answered_and_closed(server: "Server") -> None:
    with server.connect() as connection:
        connection.send(b"GET /items/a HTTP/1.0\r\n\r\n")
        answer = connection.read()
        assert (answer.status, answer.json()) == (200, {"name": "a"})
        assert connection.is_closed()


def test_http_1_0_stream_ends_with_the_connection(server: "Server") -> None:
    with server.connect() as connection:
        connection.send(b"GET /streams/short HTTP/1.0\r\nHost: a\r\n\r\n")
        answer = connection.read()
        assert (answer.status, answer.body, answer.chunked) == (200, b"0;1;2;", False)


@pytest.mark.parametrize(
    "line", ["GET /items/a HTTP/3.0", "GET /items/a HTTP/1.9", "GET /items/a", "GET", "\x16\x03\x01"]
)
def test_request_line_that_is_none_is_refused(line: str, server: "Server") -> None:
    with server.connect() as connection:
        connection.send(line.encode("latin-1"), b"\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert connection.read_rest()[:10] in {b"HTTP/1.1 4", b"HTTP/1.0 4", b"HTTP/1.1 2", b""}
    assert server.get("/items/a").status == 200


def test_connection_close_is_honoured(server: "Server") -> None:
    with server.connect() as connection:
        connection.send(request("GET", "/items/a", "Connection: close"))
        answer = connection.read()
        assert (answer.status, answer.header("connection")) == (200, "close")
        assert connection.is_closed()


def test_expect_100_continue_is_told_to_go_on(server: "Server") -> None:
    with server.connect() as connection:
        connection.send(b"POST /raw HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        assert connection.read_head()[0] == 100
        connection.send(b"hello")
        assert connection.read().json()["size"] == 5


def test_expect_100_continue_of_too_large_a_body_is_told_not_to(server: "Server") -> None:
    with server.connect() as connection:
        connection.send(b"POST /raw HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9999999\r\n\r\n")
        assert connection.read_head()[0] == 413


# -- host -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", ["", "Host: a\r\nHost: b\r\n", "Host: a b\r\n", "Host: \r\n", "Host: a/../b\r\n"])
def test_host_that_is_missing_doubled_or_none_is_no_failure(fields: str, server: "Server") -> None:
    answer = server.ask(f"GET /host HTTP/1.1\r\n{fields}\r\n".encode())
    assert answer.status in {200, 400}


def test_host_is_what_the_client_says(same: "Same") -> None:
    assert same(request("GET", "/host", host="shop.example:81")).json() == {"host": "shop.example:81", "version": "1.1"}


# -- injection --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", ["a%0d%0aX-Injected:%201", "a%0aX-Injected:%201", "a%0dX-Injected:%201", "a%00b", "%E2%82%AC", "a%7fb"]
)
def test_value_that_would_break_out_of_its_line_is_not_sent(value: str, same: "Same") -> None:
    for target in ("/reflect", "/reflect-problem"):
        answer = same(request("GET", f"{target}?value={value}"))
        assert answer.status in {500, 409}
        assert answer.header("x-injected") is None
        assert answer.header("x-reflected") is None


@pytest.mark.parametrize("value", ["plain", "gr%C3%BC%C3%9Fe", "with%20blank", "tab%09bed"])
def test_value_that_can_be_sent_is(value: str, same: "Same") -> None:
    answer = same(request("GET", f"/reflect?value={value}"))
    assert answer.status == 200
    assert answer.header("x-reflected") is not None


@pytest.mark.parametrize(
    ("target", "header", "expected"),
    [
        ("/reflect-cookie?value=a%0d%0aX-Injected:%201", "set-cookie", 'choice="a\\015\\012X-Injected: 1"; '),
        ("/reflect-cookie?value=a%3B%20Domain=evil", "set-cookie", 'choice="a\\073 Domain=evil"; '),
        ("/reflect-cookie?value=%22a", "set-cookie", 'choice="\\"a"; '),
        ("/reflect-file?value=a%0d%0aX-Injected:%201", "content-disposition", 'inline; filename="a__X-Injected: 1"; '),
        ("/reflect-file?value=%22;%20filename=evil", "content-disposition", 'inline; filename="_; filename=evil"; '),
        ("/reflect-file?value=%E2%82%AC", "content-disposition", "inline; filename=\"_\"; filename*=UTF-8''%E2%82%AC"),
    ],
)  # fmt: skip
def test_cookie_and_filename_cannot_be_broken_out_of(target: str, header: str, expected: str, same: "Same") -> None:
    answer = same(request("GET", target))
    assert (answer.status, answer.header("x-injected")) == (200, None)
    assert (answer.header(header) or "").startswith(expected)


@pytest.mark.parametrize("to", ["/a%0d%0aX-Injected:%201", "/a%0ab", "/a%00"])
def test_redirect_cannot_be_broken_out_of(to: str, same: "Same") -> None:
    answer = same(request("GET", f"/elsewhere?to={to}"))
    assert (answer.status, answer.header("x-injected"), answer.header("location")) == (500, None, None)


def test_header_value_that_is_not_ascii_is_as_good_as_absent(same: "Same") -> None:
    assert same(request("POST", "/raw", "Content-Type: \xff", body=b"a")).status == 200


# -- ids and versions -------------------------------------------------------------------------------------------------


def test_request_id_of_an_untrusted_client_is_not_taken_over(server: "Server") -> None:
    answer = server.get("/trace", "X-Request-ID: 1a203c0ac2d000000024kne33e")
    assert answer.json()["request_id"] == answer.header("x-request-id") != "1a203c0ac2d000000024kne33e"


def test_trace_goes_on(server: "Server") -> None:
    state = "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"
    answer = server.get("/trace", f"traceparent: 00-{TRACE}-{SPAN}-01", f"tracestate: {state}")
    version, trace, span, flags = (answer.header("traceparent") or "").split("-")
    assert (version, trace, flags) == ("00", TRACE, "01")
    assert span != SPAN
    assert answer.header("tracestate") == state
    assert answer.json()["trace_id"] == TRACE


@pytest.mark.parametrize(
    "fields",
    [
        (f"traceparent: 00-{TRACE}-{SPAN}-01", f"traceparent: 00-{TRACE}-{SPAN}-01"),
        (f"traceparent: ff-{TRACE}-{SPAN}-01",), (f"traceparent: 00-{TRACE.upper()}-{SPAN}-01",),
        (f"traceparent: 00-{'0' * 32}-{SPAN}-01",), ("traceparent: \xff",), ("traceparent:",),
    ],
)  # fmt: skip
def test_trace_that_is_none_starts_anew(fields: tuple[str, ...], server: "Server") -> None:
    answer = server.get("/trace", *fields, "tracestate: a=1")
    assert answer.status == 200
    assert TRACE not in (answer.header("traceparent") or TRACE)
    assert answer.header("tracestate") is None


@pytest.mark.parametrize(
    "raw",
    [
        request("GET", "/items/a"), request("GET", "/nothing"), request("DELETE", "/items/a"),
        request("OPTIONS", "/items/a"),
        request("GET", "/healthz"), request("GET", "/readyz"), request("GET", "/raise"), request("GET", "/items/.."),
        request("GET", "/items/a", "API-Version: v9"), request("GET", "/answers/file"),
        request("GET", "/streams/short"),
        request("GET", "/answers/file", "Range: bytes=2000-"), request("GET", "/answers/empty/304"),
        request("POST", "/orders", JSON, body=b"{"), request("POST", "/orders", JSON, body=bytes(300_000)),
        request("GET", "/hang"), request("GET", "/events"), request("GET", "/items/a", *["X: 1"] * 80),
    ],
)  # fmt: skip
def test_every_answer_says_version_id_and_trace(raw: bytes, same: "Same") -> None:
    answer = same(raw)
    assert answer.header("api-version") == "unversioned"
    assert answer.header("x-request-id")
    assert answer.header("traceparent")


def test_client_that_says_nothing_blocks_nobody(server: "Server") -> None:
    silent = [server.connect() for _ in range(20)]
    for connection in silent:
        connection.send(b"GET /items/a HTTP/1.1\r\nX-Slow")
    assert server.get("/items/a").status == 200
    for connection in silent:
        connection.socket.close()


def test_connections_are_reused(server: "Server") -> None:
    with server.connect() as connection:
        for index in range(50):
            connection.send(request("GET", f"/items/{index}"))
            assert connection.read().json() == {"name": str(index)}


def test_log_tells_nothing_of_what_clients_did_wrong(server: "Server") -> None:
    before = server.log
    for target in ("/items/%FF", "/items/..", "/query?a=%zz", "/nothing"):
        assert server.get(target).status in {400, 404}
    with server.connect() as connection:
        connection.send(b"POST /raw HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhello")
    with suppress(TruncatedError):
        server.ask(b"POST /stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n")
    wait_until(lambda: server.get("/items/a").status == 200)
    assert "Traceback" not in server.log[len(before) :]
