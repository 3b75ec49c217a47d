"""How streamed answers end is told: what the audit log, metrics, traces and the access log get of it."""

import asyncio
import json
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from perdure import (
    App,
    AuditSettings,
    Config,
    EventStream,
    File,
    LogSettings,
    OtlpSettings,
    Problem,
    Response,
    Stream,
    TraceSettings,
    WebSocket,
)
from perdure.cli.main import main
from perdure.ingress.asgi import Message
from perdure.telemetry.families import Buckets
from tests.audit.logs import records
from tests.calls import run
from tests.ingress.test_socket_records import connect
from tests.servers import serve
from tests.telemetry.otlp_receiver import Received, attributes_of, http_collector

SAMPLED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
UNSAMPLED = SAMPLED[:-1] + "0"


class Probe:
    """An app that streams, with all that keeps records."""

    def __init__(self, folder: Path, *, url: str = "", exclude: tuple[str, ...] = (), **traces: Any) -> None:
        self.folder = folder
        self.waits = asyncio.Event()
        otlp = OtlpSettings(endpoint=url or "http://127.0.0.1:9", metrics=False)
        self.app = App("probe", config=Config(
            audit=AuditSettings(dir=str(folder / "audit"), fsync="never", exclude=exclude),
            logs=LogSettings(access=True), otlp=otlp,
            traces=TraceSettings(**{
                "ratio": 0.0, "slow_s": None, "delay_s": 60.0, "exporter": "otlp" if url else "none", **traces,
            }),
        ))  # fmt: skip

        @self.app.get("/stream/{how}")
        async def stream(req: Any) -> Stream:
            return Stream(self.chunks(req.params["how"]))

        @self.app.get("/events")
        async def events() -> EventStream:
            return EventStream(["one", "two"])

        @self.app.get("/nothing")
        async def nothing(res: Response[Any]) -> Stream:
            res.status = 204
            return Stream(self.chunks("whole"))

        @self.app.get("/file")
        async def file() -> File:
            return File(folder / "file.txt")

        (folder / "file.txt").write_text("0123456789")

    async def chunks(self, how: str) -> AsyncIterator[bytes]:
        if how == "empty":
            return
        yield b"12345"
        yield b"678"
        if how == "broken":
            raise LookupError("there is no more")
        if how == "waiting":
            await self.waits.wait()

    def record(self, kind: str = "streamed") -> dict[str, Any]:
        [found] = records(self.folder / "audit", kind)
        return found

    async def counted(self) -> dict[str, Any]:
        """Return the series of the two metrics that streams are counted by, and how they are spread."""
        found: dict[str, Any] = {}
        for family in await self.app._compiled()._metrics.collect():
            if family.name in {"perdure.response.stream.duration", "http.server.response.body.size"}:
                for sample in family.samples:
                    assert isinstance(sample.value, Buckets)
                    labels = dict(sample.labels)
                    named = labels.get("perdure.stream.outcome", labels.get("http.request.method"))
                    found[f"{labels['perdure.handler']} {named}"] = (sum(sample.value.counts), sample.value.total)
        return found


async def ask(
    probe: Probe, path: str, *, method: str = "GET", traceparent: str = UNSAMPLED, leaves_after: int | None = None,
    is_cancelled: bool = False,
) -> bytes:  # fmt: skip
    """Send one request, as an ASGI server would, and return the body.

    Args:
        leaves_after: The client leaves when so many chunks have come.
        is_cancelled: The server ends the request when so many have.
    """
    headers = [(b"host", b"test"), (b"traceparent", traceparent.encode()), (b"user-agent", b"tests")]
    scope = {
        "type": "http", "method": method, "path": path, "headers": headers, "query_string": b"", "scheme": "http",
        "http_version": "1.1", "client": ("192.0.2.7", 1234), "server": ("test", 80),
    }  # fmt: skip
    leaving, chunks = asyncio.Event(), list[bytes]()

    async def receive() -> Message:
        await leaving.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if leaving.is_set():
            raise OSError("the client has left")
        if message["type"] == "http.response.body":
            chunks.append(message.get("body", b""))
            if leaves_after is not None and len(chunks) >= leaves_after:
                enough.set()
                if not is_cancelled:
                    leaving.set()

    enough = asyncio.Event()
    serving = asyncio.ensure_future(probe.app(scope, receive, send))
    if is_cancelled:
        await enough.wait()
        serving.cancel()
    with suppress(LookupError, asyncio.CancelledError):
        await serving
    return b"".join(chunks)


def asked(probe: Probe, *requests: Any) -> dict[str, Any]:
    """Start the app, send *requests*, and stop it; return what was counted."""

    async def scenario() -> dict[str, Any]:
        await probe.app.start()
        for request in requests:
            await request()
        counted = await probe.counted()
        await probe.app.stop()
        return counted

    return run(scenario())


ENDS: list[Any] = [
    ("whole", {}, "complete", 8, ""), ("empty", {}, "complete", 0, ""), ("broken", {}, "broken", 8, "LookupError"),
    ("waiting", {"leaves_after": 2}, "left", 8, ""), ("whole", {"leaves_after": 1}, "left", 5, ""),
    ("waiting", {"leaves_after": 2, "is_cancelled": True}, "cut", 8, ""),
]  # fmt: skip


@pytest.mark.parametrize(("how", "options", "outcome", "sent", "error"), ENDS)
def test_end_of_a_stream_is_in_audit_log_metrics_and_access_log(
    how: str, options: dict[str, Any], outcome: str, sent: int, error: str, tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.INFO, "perdure.access")
    probe = Probe(tmp_path)
    counted = asked(probe, lambda: ask(probe, f"/stream/{how}", **options))

    began, ended = probe.record("request"), probe.record()
    assert (-1, 200) == (began["bytes"], began["status"])
    same = ("id", "client", "principal", "method", "path", "handler", "route", "version", "status")
    assert [began[name] for name in same] == [ended[name] for name in same]
    assert (outcome, error, sent) == (ended["outcome"], ended["error"], ended["bytes"])
    assert ended["us"] >= 0
    assert ended["at"] >= began["at"]

    (times, seconds) = counted.pop(f"stream {outcome}")
    assert 1 == times
    assert 0 <= seconds < 10
    assert {"stream GET": (1, sent)} == counted

    [line] = [record for record in caplog.records if record.name == "perdure.access"]
    facts = vars(line)
    assert (outcome, sent, error or None) == (facts["stream"], facts["sent_bytes"], facts.get("reason"))
    assert f", stream {outcome}" in line.getMessage()
    assert began["id"] == facts["request_id"]


def test_events_are_a_stream(tmp_path: Path) -> None:
    probe = Probe(tmp_path)
    asked(probe, lambda: ask(probe, "/events"))
    record = probe.record()
    assert ("complete", len(b"data: one\n\ndata: two\n\n")) == (record["outcome"], record["bytes"])


@pytest.mark.parametrize("path", ["/stream/whole", "/events", "/file", "/nothing"])
def test_where_no_body_is_sent_none_is_told_of(path: str, tmp_path: Path) -> None:
    probe = Probe(tmp_path)
    method = "GET" if path == "/nothing" else "HEAD"
    counted = asked(probe, lambda: ask(probe, path, method=method))
    assert [] == records(tmp_path / "audit", "streamed")
    assert 0 == probe.record("request")["bytes"]
    assert [(1, 0)] == list(counted.values())


def test_size_of_a_file_is_known_when_it_begins(tmp_path: Path) -> None:
    probe = Probe(tmp_path)
    counted = asked(probe, lambda: ask(probe, "/file"))
    assert 10 == probe.record("request")["bytes"]
    assert [] == records(tmp_path / "audit", "streamed")
    assert {"file GET": (1, 10)} == counted


def test_handler_that_is_excluded_has_no_record_of_its_streams_either(tmp_path: Path) -> None:
    probe = Probe(tmp_path, exclude=("stream",))
    asked(probe, lambda: ask(probe, "/stream/whole"), lambda: ask(probe, "/events"))
    assert ["/events"] == [each["path"] for each in records(tmp_path / "audit", "streamed")]


def test_broken_stream_is_written_whatever_share_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "perdure.access")
    probe = Probe(tmp_path)
    access = probe.app._compiled()._access
    assert access is not None
    access._share = 0
    access._owed = 0
    asked(probe, lambda: ask(probe, "/stream/whole"), lambda: ask(probe, "/stream/broken"))
    told = [record.getMessage() for record in caplog.records if record.name == "perdure.access"]
    assert [True] == ["stream broken (LookupError)" in line for line in told]


def test_show_has_both_records_and_tail_tells_how_it_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    probe = Probe(tmp_path)
    asked(probe, lambda: ask(probe, "/stream/broken"))
    named = probe.record()["id"]
    capsys.readouterr()
    assert 0 == main(["audit", "show", named, "--dir", str(tmp_path / "audit"), "--json"])
    assert ["request", "streamed"] == [json.loads(line)["kind"] for line in capsys.readouterr().out.splitlines()]
    assert 0 == main(["audit", "tail", "--dir", str(tmp_path / "audit"), "-n", "1"])
    line = capsys.readouterr().out
    assert " broken GET '/stream/broken' 192.0.2.7:1234 stream unversioned 8 bytes " in line
    assert line.endswith(f" {named} LookupError\n")


@pytest.fixture
def collector() -> Iterator[Received]:
    with http_collector() as received:
        yield received


def span_of(collector: Received, name: str) -> Span:
    [found] = [span for span in collector.spans if span.name == name]
    return found


@pytest.mark.parametrize(("how", "options", "outcome", "sent", "error"), ENDS)
def test_stream_of_a_sampled_request_has_a_span_below_the_requests(
    how: str, options: dict[str, Any], outcome: str, sent: int, error: str, tmp_path: Path, collector: Received
) -> None:
    probe = Probe(tmp_path, url=collector.url)
    asked(probe, lambda: ask(probe, f"/stream/{how}", traceparent=SAMPLED, **options))
    [server], stream = collector.servers(), span_of(collector, "response stream")
    assert (server.trace_id, server.span_id) == (stream.trace_id, stream.parent_span_id)
    assert server.end_time_unix_nano <= stream.start_time_unix_nano + 1_000_000 <= stream.end_time_unix_nano + 1_000_000
    told, whole = attributes_of(stream.attributes), attributes_of(server.attributes)
    assert (outcome, sent) == (told.pop("perdure.stream.outcome"), told.pop("http.response.body.size"))
    assert "response" == told.pop("perdure.stage")
    assert (error or None) == told.pop("error.type", None)
    assert told.items() <= whole.items()
    assert "perdure.request_id" in told
    assert (Status.STATUS_CODE_ERROR if error else Status.STATUS_CODE_UNSET) == stream.status.code
    assert ["exception"] * bool(error) == [event.name for event in stream.events]
    assert Status.STATUS_CODE_UNSET == server.status.code


def test_broken_stream_that_nobody_sampled_is_told_with_its_request_and_whole_ones_are_not(
    tmp_path: Path, collector: Received
) -> None:
    probe = Probe(tmp_path, url=collector.url)
    asked(probe, *(lambda how=how: ask(probe, f"/stream/{how}") for how in ("whole", "broken", "empty")))
    [server], stream = collector.servers(), span_of(collector, "response stream")
    assert "/stream/broken" == attributes_of(server.attributes)["url.path"]
    assert server.span_id == stream.parent_span_id
    assert {"validation", "handler", "response"} <= {span.name for span in collector.spans}


def test_slow_request_is_told_of_once_when_its_stream_breaks_too(tmp_path: Path, collector: Received) -> None:
    probe = Probe(tmp_path, url=collector.url, slow_s=1e-9)
    asked(probe, lambda: ask(probe, "/stream/broken"))
    assert 1 == len(collector.servers())
    assert collector.servers()[0].span_id == span_of(collector, "response stream").parent_span_id


def test_broken_streams_that_nobody_sampled_are_limited(tmp_path: Path, collector: Received) -> None:
    probe = Probe(tmp_path, url=collector.url, unsampled_limit=1)
    asked(probe, *[lambda: ask(probe, "/stream/broken")] * 5)
    assert 1 <= len(collector.servers()) <= 2  # a second may have begun


def test_recorder_that_fails_disturbs_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    probe = Probe(tmp_path)

    class Failing:
        def streamed(self, lctx: object, end: object) -> None:
            raise ValueError("no")

    controller = probe.app._compiled().controller
    controller.stream_recorders = (Failing(), *controller.stream_recorders)
    bodies: list[bytes] = []

    async def keep() -> None:
        bodies.append(await ask(probe, "/stream/whole"))

    asked(probe, keep)
    assert [b"12345678"] == bodies
    assert "complete" == probe.record()["outcome"]
    assert "a recorder failed: no" in caplog.text


SOCKETS: list[Any] = [
    ("/echo", ("hällo", "x"), "left", 7, ""), ("/once", (), "complete", 5, ""), ("/closed", ("x",), "complete", 2, ""),
    ("/echo", ("break",), "broken", 0, "ValueError"), ("/typed", ("no number",), "cut", 0, "MalformedRequestError"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "messages", "outcome", "sent", "error"), SOCKETS)
def test_end_of_a_websocket_is_told_everywhere_too(
    path: str, messages: tuple[str, ...], outcome: str, sent: int, error: str, tmp_path: Path, collector: Received,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.INFO, "perdure.access")
    probe = Probe(tmp_path, url=collector.url, ratio=1.0)

    @probe.app.websocket("/echo")
    async def echo(ws: WebSocket[str, str]) -> None:
        async for text in ws:
            if text == "break":
                raise ValueError(text)
            await ws.send(text)

    @probe.app.websocket("/once")
    async def once(ws: WebSocket[str, str]) -> None:
        await ws.send(b"12345")

    @probe.app.websocket("/typed")
    async def typed(ws: WebSocket[int, int]) -> None:
        await ws.receive_json()

    @probe.app.websocket("/closed")
    async def closed(ws: WebSocket[str, str]) -> None:
        await ws.send("ab")
        await ws.close()
        await ws.send("c")

    counted = asked(probe, lambda: connect(probe.app, path, *messages))
    began, ended = probe.record("request"), probe.record()
    assert (-1, 101) == (began["bytes"], began["status"])
    assert (began["id"], path, 101) == (ended["id"], ended["path"], ended["status"])
    assert (outcome, error, sent) == (ended["outcome"], ended["error"], ended["bytes"])
    assert [f"{path[1:]} {outcome}"] == list(counted)
    [facts] = [vars(record) for record in caplog.records if record.name == "perdure.access"]
    assert (101, outcome, sent) == (facts["status"], facts["stream"], facts["sent_bytes"])
    stream, [server] = span_of(collector, "response stream"), collector.servers()
    assert server.span_id == stream.parent_span_id
    assert (outcome, sent) == tuple(
        attributes_of(stream.attributes)[name] for name in ("perdure.stream.outcome", "http.response.body.size")
    )


def test_websocket_that_was_not_taken_has_one_record_and_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "perdure.access")
    probe = Probe(tmp_path)

    async def refuse() -> None:
        raise Problem(403, "no")

    @probe.app.websocket("/refused", before=[refuse])
    async def refused(ws: WebSocket[str, str]) -> None: ...

    asked(probe, lambda: connect(probe.app, "/refused"))
    assert 403 == probe.record("request")["status"]
    assert [] == records(tmp_path / "audit", "streamed")
    assert [403] == [vars(record)["status"] for record in caplog.records if record.name == "perdure.access"]


def test_websocket_that_broke_and_that_nobody_sampled_is_told_of_once(tmp_path: Path, collector: Received) -> None:
    probe = Probe(tmp_path, url=collector.url)

    @probe.app.websocket("/broken")
    async def broken(ws: WebSocket[str, str]) -> None:
        raise ValueError("no")

    asked(probe, lambda: connect(probe.app, "/broken"))
    assert 1 == len(collector.servers())


SERVED = """
import asyncio
from perdure import App, Request, Stream

app = App("probe")


@app.get("/stream/{how}")
async def stream(req: Request) -> Stream:
    return Stream(chunks(req.params["how"]))


async def chunks(how):
    yield b"12345"
    yield b"678"
    if how == "broken":
        raise LookupError("there is no more")
    if how == "waiting":
        await asyncio.sleep(600)
"""


def wait_for(found: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 20
    while not found():
        assert time.monotonic() < give_up
        time.sleep(0.02)


@pytest.mark.slow
def test_end_of_a_stream_of_the_own_server_is_recorded(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SERVED)
    log = tmp_path / "audit"
    environ = {"PERDURE_AUDIT__DIR": str(log), "PERDURE_AUDIT__FLUSH_S": "0.02"}
    with serve(tmp_path / "app.py", log=tmp_path / "log", env=environ) as server:
        assert b"12345678" == httpx.get(f"{server.url}/stream/whole").content
        with suppress(httpx.RemoteProtocolError):
            httpx.get(f"{server.url}/stream/broken")
        assert 200 == httpx.head(f"{server.url}/stream/whole").status_code
        port = int(server.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"GET /stream/waiting HTTP/1.1\r\nHost: test\r\n\r\n")
            while b"678" not in client.recv(65536):
                pass
        wait_for(lambda: 3 == len(records(log, "streamed")))
    told = [(each["path"], each["outcome"], each["bytes"]) for each in records(log, "streamed")]
    assert [("/stream/whole", "complete", 8), ("/stream/broken", "broken", 8), ("/stream/waiting", "left", 8)] == told
    assert [-1, -1, 0, -1] == [each["bytes"] for each in records(log, "request")]
