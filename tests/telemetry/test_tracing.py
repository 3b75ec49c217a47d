"""What is traced, and what becomes of it: apps in this process, collectors that are real servers."""

import asyncio
import itertools
import json
import logging
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from opentelemetry import trace as otel
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from perdure import App, Config, GlobalContext, LocalContext, OtlpSettings, Problem, Response, TraceSettings, traced
from perdure.clock import FakeClock
from perdure.errors import ConfigError
from perdure.telemetry.exports import Exports
from perdure.telemetry.otlp_http import HttpTransport
from perdure.telemetry.otlp_transport import Answer, Target
from perdure.telemetry.outbox import Outage, Outbox, OutboxLimits
from tests.calls import run, serving
from tests.started import free_port
from tests.telemetry.otlp_receiver import Received, attributes_of, children_of, http_collector, tree_of

CALLER = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}


@pytest.fixture
def collector() -> Iterator[Received]:
    with http_collector() as received:
        yield received


def made(url: str, *, otlp: dict[str, Any] | None = None, **traces: Any) -> App:
    """Return an app that sends its spans to *url* when it stops."""
    config = Config(
        traces=TraceSettings(**{"ratio": 0.0, "slow_s": None, "delay_s": 60.0, **traces}),
        otlp=OtlpSettings(**{"endpoint": url, "metrics": False, **(otlp or {})}), trust_request_id=True,
    )  # fmt: skip
    app = App("shop", config=config)

    @app.get("/orders/{order_id:int}", id="orders.get")
    async def get(lctx: LocalContext) -> dict[str, str]:
        return {"span": f"{otel.get_current_span().get_span_context().span_id:016x}"}

    @app.get("/broken")
    async def broken() -> None:
        raise LookupError("token=abc")

    @app.get("/teapot")
    async def teapot() -> None:
        raise Problem(418, "short and stout")

    return app


def send(app: App, *paths: str, headers: dict[str, str] | None = None, method: str = "GET") -> list[httpx.Response]:
    """Start *app*, ask for each of *paths*, and stop it: then all is sent."""

    async def asked() -> list[httpx.Response]:
        await app.start()
        async with serving(app) as client:
            answers = [await client.request(method, path, headers=headers) for path in paths]
        await app.stop()
        return answers

    return run(asked())


def exports_of(app: App) -> Exports:
    exports = app._compiled()._exports
    assert exports is not None
    return exports


def dropped(app: App) -> dict[str, int]:
    return dict(exports_of(app)._outbox.dropped())  # type: ignore[arg-type]


# --- which requests are told of -------------------------------------------------------------------------------------


def test_request_when_its_caller_is_sampled_is_told_with_the_attributes_of_the_conventions(collector: Received) -> None:
    (answer,) = send(made(collector.url), "/orders/7?api_key=hidden", headers={**CALLER, "user-agent": "tests/1"})
    (server,) = collector.servers()
    told = attributes_of(server.attributes)
    assert "GET /orders/{order_id}" == server.name
    assert {
        "http.request.method": "GET", "http.route": "/orders/{order_id}", "http.response.status_code": 200,
        "url.path": "/orders/7", "url.scheme": "http", "server.address": "test", "client.address": "127.0.0.1",
        "network.protocol.version": "1.1", "user_agent.original": "tests/1", "perdure.handler": "orders.get",
        "perdure.version": answer.headers["api-version"], "perdure.request_id": answer.headers["x-request-id"],
    }.items() <= told.items()  # fmt: skip
    assert {"routing": {}, "validation": {}, "handler": {}, "response": {}} == tree_of(server, collector.spans)
    assert server.flags & 0x301 == 0x301  # sampled, and its parent is another server's
    assert answer.json()["span"] == server.span_id.hex()
    assert "hidden" not in str(collector.spans)
    assert [("perdure", "0.1.0")] == collector.scopes


def test_request_when_nobody_samples_it_is_not_told_of(collector: Received) -> None:
    app = made(collector.url)
    answers = send(
        app, "/orders/7", "/teapot", "/nowhere", "/orders/7", headers={"traceparent": CALLER["traceparent"][:-1] + "0"}
    )
    assert [200, 418, 404, 200] == [answer.status_code for answer in answers]
    assert "0000000000000000" == answers[0].json()["span"]
    assert [] == collector.spans
    assert {"full": 0, "limit": 0, "failed": 0} == dropped(app)


@pytest.mark.parametrize(("ratio", "least", "most"), [(1.0, 200, 200), (0.3, 30, 90), (0.0, 0, 0)])
def test_traces_that_begin_here_are_sampled_by_the_ratio(
    collector: Received, ratio: float, least: int, most: int
) -> None:
    answers = send(made(collector.url, ratio=ratio), *["/orders/7"] * 200)
    sampled = {answer.headers["traceparent"][3:35] for answer in answers if answer.headers["traceparent"][-1] == "3"}
    assert sampled == {span.trace_id.hex() for span in collector.servers()}
    assert least <= len(sampled) <= most
    # OpenTelemetry's consistent sampling: the last 56 bits, read as a number, are at least so much.
    rejected = round((1 - ratio) * (1 << 56))
    assert sampled == {
        trace_id for answer in answers
        if int((trace_id := answer.headers["traceparent"][3:35])[18:], 16) >= rejected
    }  # fmt: skip


def test_callers_when_they_are_not_followed_are_sampled_by_the_ratio(collector: Received) -> None:
    send(made(collector.url, follow_parent=False), "/orders/7", headers=CALLER)
    assert [] == collector.spans
    (answer,) = send(
        made(collector.url, follow_parent=False, ratio=1.0), "/orders/7",
        headers={"traceparent": CALLER["traceparent"][:-1] + "0"},
    )  # fmt: skip
    assert "1" == answer.headers["traceparent"][-1]
    assert 1 == len(collector.servers())


def test_errors_and_slow_requests_are_told_though_nobody_sampled_them(collector: Received) -> None:
    send(made(collector.url), "/broken", "/teapot", "/nowhere")
    (server,) = collector.servers()
    assert ("GET /broken", Status.STATUS_CODE_ERROR) == (server.name, server.status.code)
    collector.spans.clear()
    send(made(collector.url, slow_s=1e-9), "/orders/7", "/nowhere", "/healthz")
    assert ["GET /orders/{order_id}", "GET", "GET"] == [span.name for span in collector.servers()]


def test_failure_that_the_handler_answers_itself_is_told_as_one(collector: Received) -> None:
    app = made(collector.url)

    @app.get("/own")
    async def own(res: Response[Any]) -> str:
        res.status = 503
        return "later"

    send(app, "/own")
    (server,) = collector.servers()
    assert (Status.STATUS_CODE_ERROR, "503") == (server.status.code, attributes_of(server.attributes)["error.type"])
    assert {"validation": {}, "handler": {}, "response": {}} == tree_of(server, collector.spans)


def test_errors_when_there_are_too_many_a_second_are_counted_instead(collector: Received) -> None:
    app = made(collector.url, unsampled_limit=3)
    answers = send(app, *["/broken"] * 20)
    assert {500} == {answer.status_code for answer in answers}
    assert 20 == len(collector.servers()) + dropped(app)["limit"]
    assert 3 <= len(collector.servers()) <= 9  # the second may end, and the next, while they come


def test_refused_requests_are_told_with_the_error_that_refused_them(collector: Received) -> None:
    app = made(collector.url)
    send(app, "/nowhere", headers=CALLER)
    send(app, "/orders/7", headers=CALLER, method="DELETE")
    nowhere, wrong = collector.servers()
    assert ("GET", 404) == (nowhere.name, attributes_of(nowhere.attributes)["http.response.status_code"])
    assert 405 == attributes_of(wrong.attributes)["http.response.status_code"]
    assert Status.STATUS_CODE_UNSET == nowhere.status.code
    (routing,) = children_of(nowhere, collector.spans)
    for span in (nowhere, routing):
        assert (
            "perdure.errors.requests.RouteNotFoundError" == attributes_of(span.events[0].attributes)["exception.type"]
        )


def test_request_when_it_asks_too_often_is_told_with_its_route(collector: Received) -> None:
    app = made(collector.url)

    @app.get("/scarce/{name}", id="scarce", rate_limit="1/minute")
    async def scarce() -> None: ...

    assert [204, 429] == [answer.status_code for answer in send(app, "/scarce/a", "/scarce/b", headers=CALLER)]
    _, refused = collector.servers()
    told = attributes_of(refused.attributes)
    assert ("GET /scarce/{name}", "scarce", 429) == (
        refused.name, told["perdure.handler"], told["http.response.status_code"]
    )  # fmt: skip
    assert "error.type" not in told


def test_health_checks_are_told_of_in_a_callers_trace_only(collector: Received) -> None:
    app = made(collector.url, ratio=1.0)
    send(app, "/healthz", "/openapi.json")
    assert [] == collector.spans
    send(app, "/healthz", headers=CALLER)
    assert 1 == len(collector.servers())


def test_what_errors_say_is_told_if_asked_for(collector: Received) -> None:
    send(made(collector.url), "/broken")
    assert "token=abc" not in str(collector.spans)
    send(made(collector.url, error_messages=True), "/broken")
    last = [span for span in collector.spans if span.name == "handler"][-1]
    assert {"exception.type": "LookupError", "exception.message": "token=abc"} == attributes_of(
        last.events[0].attributes
    )


@pytest.mark.parametrize("method", ["BREW", "x" * 50])
def test_a_method_nobody_knows_makes_no_name_of_its_own(collector: Received, method: str) -> None:
    send(made(collector.url), "/orders/7", headers=CALLER, method=method)
    (server,) = collector.servers()
    told = attributes_of(server.attributes)
    assert "HTTP" == server.name
    assert ("_OTHER", method.upper()) == (
        told["http.request.method"],
        str(told["http.request.method_original"]).upper(),
    )


def test_long_and_strange_texts_are_shortened_and_written_as_unicode(collector: Received) -> None:
    send(made(collector.url), "/nowhere/%F0%9F%90%8D" + "a" * 3000, headers={**CALLER, "user-agent": "a" * 5000})
    (server,) = collector.servers()
    told = attributes_of(server.attributes)
    assert 2048 == len(str(told["url.path"])) == len(str(told["user_agent.original"]))


# --- what is a part of what -----------------------------------------------------------------------------------------


def test_steps_that_run_at_the_same_time_are_each_a_part_of_what_began_them(collector: Received) -> None:
    app = made(collector.url)

    class Stock:
        async def wait(self, begun: asyncio.Event, end: asyncio.Event) -> None:
            begun.set()
            await end.wait()

    app.module("stock", Stock())

    @app.get("/crossed")
    async def crossed(lctx: LocalContext, gctx: GlobalContext) -> None:
        events = [asyncio.Event() for _ in range(4)]

        async def beside() -> None:
            await events[0].wait()
            await gctx.modules.stock.wait(events[1], events[2])  # begins in the other's call, and ends after it

        async def release() -> None:
            await events[1].wait()
            events[3].set()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            events[2].set()

        lctx.spawn("beside", beside())
        lctx.spawn("release", release())
        await gctx.modules.stock.wait(events[0], events[3])

    (answer,) = send(app, "/crossed", headers=CALLER)
    assert 204 == answer.status_code
    (server,) = collector.servers()
    tree = tree_of(server, collector.spans)
    assert {"module stock.wait": {}} == tree["handler"]
    assert {"module stock.wait": {}} == tree["spawn beside"]
    assert {} == tree["spawn release"]


def test_steps_when_there_are_very_many_are_counted_instead(collector: Received) -> None:
    app = made(collector.url)

    @app.get("/busy")
    async def busy(lctx: LocalContext) -> None:
        for number in range(1200):
            await lctx.publish(f"topic {number}")

    send(app, "/busy", headers=CALLER)
    (server,) = collector.servers()
    assert 200 == attributes_of(server.attributes)["perdure.spans_omitted"]
    assert 1000 == sum(span.name.startswith("publish") for span in collector.spans)
    assert len(collector.spans) == len({span.span_id for span in collector.spans}) == 1005
    assert ["routing", "validation", "handler", "response"] == list(tree_of(server, collector.spans))


def test_every_kind_of_step_of_a_failing_request_has_its_span(collector: Received) -> None:
    app = made(collector.url)

    @app.catch
    async def catcher(error: BaseException) -> None: ...

    async def undo() -> None:
        raise OSError("undoing failed")

    def before(lctx: LocalContext) -> None:
        lctx.compensate(undo)

    @app.get("/failing", before=[before])
    async def failing(lctx: LocalContext) -> None:
        await lctx.publish("topic")
        raise LookupError

    send(app, "/failing")
    (server,) = collector.servers()
    tree = tree_of(server, collector.spans)
    # Nobody knew that it would be told of, so the time of its routing was not taken.
    assert ["validation", "hook before", "handler", "hook catcher", "compensation undo"] == list(tree)
    assert {"publish topic": {}} == tree["handler"]
    failed = {span.name for span in collector.spans if span.status.code == Status.STATUS_CODE_ERROR}
    assert {"GET /failing", "handler", "compensation undo"} == failed


def test_calls_of_other_servers_are_client_spans(collector: Received) -> None:
    app, seen = made(collector.url), list[httpx.Request]()

    def upstream(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.url.path == "/down":
            raise httpx.ConnectError("refused")
        return httpx.Response(503 if request.url.path == "/busy" else 200)

    client = httpx.AsyncClient(transport=traced(httpx.MockTransport(upstream)))

    @app.get("/calling")
    async def calling() -> None:
        await client.get("https://user:pass@other.example/fine?key=hidden")
        await client.post("http://other.example:8080/busy")
        with pytest.raises(httpx.ConnectError):
            await client.get("http://other.example/down", headers={"traceparent": "mine"})

    (answer,) = send(app, "/calling", headers={**CALLER, "tracestate": "a=b"})
    assert 204 == answer.status_code
    (handler,) = (span for span in collector.spans if span.name == "handler")
    fine, busy, down = children_of(handler, collector.spans)
    assert {Span.SPAN_KIND_CLIENT} == {span.kind for span in (fine, busy, down)}
    assert ["GET", "POST", "GET"] == [span.name for span in (fine, busy, down)]
    told = [attributes_of(span.attributes) for span in (fine, busy, down)]
    assert ["https://other.example/fine", "http://other.example:8080/busy", "http://other.example/down"] == [
        each["url.full"] for each in told
    ]
    assert [443, 8080, 80] == [each["server.port"] for each in told]
    assert [200, 503, None] == [each.get("http.response.status_code") for each in told]
    assert [None, "503", "httpx.ConnectError"] == [each.get("error.type") for each in told]
    assert f"00-{fine.trace_id.hex()}-{fine.span_id.hex()}-01" == seen[0].headers["traceparent"]
    assert "a=b" == seen[0].headers["tracestate"]
    assert "mine" == seen[2].headers["traceparent"]
    assert {"perdure.request_id", "perdure.handler", "perdure.version"} <= set(told[0])


def test_calls_outside_of_requests_are_left_alone() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    with httpx.Client(transport=traced(httpx.MockTransport(answer))) as client:
        assert 200 == client.get("http://other.example/").status_code
    assert "traceparent" not in seen[0].headers


def test_traced_when_given_something_else_says_what_it_takes() -> None:
    with pytest.raises(TypeError, match="takes a transport"):
        traced(httpx.Client())  # type: ignore[arg-type]


# --- time -----------------------------------------------------------------------------------------------------------


def test_times_when_the_clock_is_set_back_stay_in_order(collector: Received) -> None:
    app = made(collector.url)
    clock = FakeClock()

    @app.get("/set-back")
    async def set_back() -> None:
        clock.set_time(clock.time() - 3600)

    tracer = exports_of(app).tracer
    assert tracer is not None
    tracer._clock = clock
    before = time.time_ns()
    send(app, "/set-back", "/orders/7", headers=CALLER)
    assert before > collector.spans[0].start_time_unix_nano
    by_id = {span.span_id: span for span in collector.spans}
    for span in collector.spans:
        assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano
        parent = by_id.get(span.parent_span_id, span)
        assert parent.start_time_unix_nano <= span.start_time_unix_nano
        assert span.end_time_unix_nano <= parent.end_time_unix_nano


# --- getting it there -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_collector_when_it_is_gone_loses_spans_which_are_counted_and_told_once(
    caplog: pytest.LogCaptureFixture, protocol: str
) -> None:
    app = made(f"http://127.0.0.1:{free_port()}", delay_s=0.01, otlp={"timeout_s": 0.1, "protocol": protocol})

    async def scenario() -> None:
        await app.start()
        async with serving(app) as client:
            for _ in range(3):
                assert 200 == (await client.get("/orders/7", headers=CALLER)).status_code
                await asyncio.sleep(0.02)
        await app.stop()

    with caplog.at_level(logging.WARNING, "perdure.telemetry"):
        run(scenario())
    assert 3 == dropped(app)["failed"]
    assert 1 == sum("cannot be sent" in record.getMessage() for record in caplog.records)


def test_collector_when_it_comes_back_gets_what_comes_then(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    app = made(f"http://127.0.0.1:{port}", delay_s=0.01, otlp={"timeout_s": 0.05})

    async def scenario() -> None:
        await app.start()
        async with serving(app) as client:
            await client.get("/orders/1", headers=CALLER)
            while not dropped(app)["failed"]:
                await asyncio.sleep(0.005)
            with http_collector(port) as received:
                await client.get("/orders/2", headers=CALLER)
                await asyncio.to_thread(received.wait, lambda got: got.servers())
                await app.stop()
        assert ["/orders/2"] == [attributes_of(span.attributes)["url.path"] for span in received.servers()]

    with caplog.at_level(logging.WARNING, "perdure.telemetry"):
        run(scenario())
    assert 1 == dropped(app)["failed"]
    assert ["cannot be sent", "are sent to"] == [
        part for record in caplog.records for part in ("cannot be sent", "are sent to") if part in record.getMessage()
    ]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_collector_when_it_is_busy_is_asked_again(collector: Received, status: int) -> None:
    collector.statuses = [status]
    transport = HttpTransport(target(f"{collector.url}/v1/traces"), "traces")
    answer = transport.send(b"", 5)
    assert (False, True) == (answer.is_taken, answer.may_retry)
    assert (0.0 if status == 429 else None) == answer.wait_s
    assert transport.send(b"", 5).is_taken
    transport.close()


def test_collector_when_it_refuses_for_good_is_not_asked_again(collector: Received) -> None:
    app = made(collector.url)
    collector.statuses = [400]
    send(app, "/orders/7", headers=CALLER)
    assert [] == collector.spans
    assert 1 == dropped(app)["failed"]
    assert 1 == len(collector.headers)


def target(url: str) -> Target:
    return Target(
        url=url, is_secure=False, protocol="http/protobuf", headers={}, is_compressed=False, timeout_s=1.0,
        certificate=None, client_certificate=None, client_key=None,
    )  # fmt: skip


class Stuck:
    """A transport whose collector takes the message and never answers, until it is let."""

    def __init__(self) -> None:
        self.let = threading.Event()
        self.asked = threading.Event()
        self.sent: list[bytes] = []

    def send(self, message: bytes, timeout_s: float) -> Answer:
        self.asked.set()
        self.let.wait(10)
        self.sent.append(message)
        return Answer(True)

    def close(self) -> None:
        pass


def limits(**options: float) -> OutboxLimits:
    every = {"queue_spans": 10, "batch_spans": 4, "delay_s": 0.001, "timeout_s": 5.0, "flush_timeout_s": 0.05}
    return OutboxLimits(**{**every, **options})  # type: ignore[arg-type]


def test_outbox_when_it_is_full_takes_no_more_until_something_is_sent() -> None:
    box, stuck = Outbox(limits(flush_timeout_s=5.0)), Stuck()
    assert not box.has_room()  # it is not open yet
    box.start(b"".join, stuck, Outage("traces", "x"))
    count = 0
    for count in itertools.count():
        if not box.has_room():
            break
        box.put(b"%d " % count, 2)
    assert 5 == count  # what is in hand takes room, too
    stuck.let.set()
    box.close()
    assert b"0 1 2 3 4 " == b"".join(stuck.sent)
    assert {"full": 0, "limit": 0, "failed": 0} == box.dropped()


def test_outbox_when_nothing_is_answered_ends_in_its_time_and_counts_what_is_left() -> None:
    box, stuck = Outbox(limits()), Stuck()
    box.start(b"".join, stuck, Outage("traces", "x"))
    for _ in range(5):
        box.put(b".", 1)
    assert stuck.asked.wait(5)
    begun = time.monotonic()
    box.close()
    assert time.monotonic() - begun < 3
    assert 5 == box.dropped()["failed"]
    stuck.let.set()


def test_requests_when_there_is_no_room_are_answered_and_counted(collector: Received) -> None:
    app = made(collector.url, queue_limit=10, batch_limit=1000)
    answers = send(app, *["/orders/7"] * 15, *["/nowhere"] * 5, headers=CALLER)
    assert {200, 404} == {answer.status_code for answer in answers}
    assert 2 == len(collector.servers())  # five spans each
    assert {"full": 18, "limit": 0, "failed": 0} == dropped(app)


def test_app_that_starts_again_sends_again(collector: Received) -> None:
    app = made(collector.url)
    send(app, "/orders/1", headers=CALLER)
    send(app, "/orders/2", headers=CALLER)
    assert ["/orders/1", "/orders/2"] == [attributes_of(span.attributes)["url.path"] for span in collector.servers()]


def test_spans_of_a_rejecting_collector_are_told(collector: Received, caplog: pytest.LogCaptureFixture) -> None:
    collector.rejected = 2
    with caplog.at_level(logging.WARNING, "perdure.telemetry"):
        send(made(collector.url), "/orders/7", headers=CALLER)
    assert 1 == sum("took traces, but for 2: they are lost" in record.getMessage() for record in caplog.records)


def test_secrets_in_what_the_program_names_itself_are_masked(
    collector: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOT_TOKEN", "123456:very-secret")
    app = made(collector.url)

    @app.get("/told", secrets={"bot_token"})
    async def told(lctx: LocalContext, gctx: GlobalContext) -> str:
        token = (await gctx.secrets.get("bot_token")).reveal()
        await lctx.spawn(f"send with {token}", asyncio.sleep(0))
        await lctx.publish(f"sent.{token}")
        inner = httpx.MockTransport(lambda _: httpx.Response(200))
        async with httpx.AsyncClient(transport=traced(inner)) as client:
            await client.get(f"http://telegram.example/bot{token}/send")
        return "told"

    (answer,) = send(app, "/told", headers=CALLER)
    names = {span.name for span in collector.spans}
    (call,) = (span for span in collector.spans if span.name == "GET")
    assert (200, "http://telegram.example/bot***/send") == (
        answer.status_code,
        attributes_of(call.attributes)["url.full"],
    )
    assert {"spawn send with ***", "publish sent.***"} <= names
    assert b"very-secret" not in b"".join(span.SerializeToString() for span in collector.spans)


def test_headers_may_come_from_a_secret(collector: Received, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTLP_HEADERS", "authorization=Bearer%20abc,x-tenant=shop")
    send(made(collector.url, otlp={"secret": "otlp_headers", "headers": {"X-Other": "1"}}), "/orders/7", headers=CALLER)
    headers = collector.headers[0]
    assert ("Bearer abc", "shop", "1") == (headers["authorization"], headers["x-tenant"], headers["x-other"])


def test_console_prints_spans_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    app = made("http://unused.example", exporter="console")
    send(app, "/orders/7", headers=CALLER)
    (line,) = capsys.readouterr().out.splitlines()
    spans = json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert "GET /orders/{order_id}" == spans[0]["name"]


@pytest.mark.parametrize(("protocol", "package"), [("http/protobuf", "urllib3"), ("grpc", "grpc")])
def test_missing_extra_is_told_when_the_app_starts(
    monkeypatch: pytest.MonkeyPatch, protocol: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, "perdure.telemetry.otlp_http", raising=False)
    monkeypatch.delitem(sys.modules, "perdure.telemetry.otlp_grpc", raising=False)
    app = made("http://127.0.0.1:9", otlp={"protocol": protocol})
    with pytest.raises(ConfigError, match=rf"needs {package}: pip install 'perdure\[otel\]'"):
        run(app.start())


def test_nothing_is_started_where_nothing_is_exported() -> None:
    app = App("shop")
    before = threading.active_count()

    async def scenario() -> None:
        await app.start()
        assert before == threading.active_count()
        await app.stop()

    run(scenario())
    assert app._compiled()._exports is None
    assert app._compiled().controller.entered is None
