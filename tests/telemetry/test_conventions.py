"""What is sent, held against OpenTelemetry's conventions as its own package lists them."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Any, final

import httpx
import opentelemetry.semconv._incubating.attributes as development
import opentelemetry.semconv.attributes as stable
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from opentelemetry.semconv._incubating.metrics import cpython_metrics, http_metrics, process_metrics
from opentelemetry.semconv.metrics.http_metrics import HTTP_SERVER_REQUEST_DURATION
from opentelemetry.semconv.schemas import Schemas

from perdure import App, GlobalContext, LocalContext, Request, traced
from perdure.config import MetricsSettings
from perdure.telemetry.metric import Metric
from perdure.telemetry.otlp_wire import SCHEMA_URL
from perdure.telemetry.registry import Registry
from perdure.telemetry.sheet import families_of
from perdure.telemetry.table import DURATION, TABLE
from tests.telemetry.otlp_receiver import Received, attributes_of, http_collector
from tests.telemetry.test_tracing import CALLER, made, send

THEIRS = [metric for metric in TABLE if not metric.name.startswith("perdure.")]
WHOLE_NUMBERS = {
    "server.port", "client.port", "network.peer.port", "http.response.status_code", "cpython.gc.generation",
    "process.pid", "http.request.resend_count", "process.parent_pid",
}  # fmt: skip


@final
class Instruments:
    """Takes the place of a meter, and keeps what is created: name to kind and unit."""

    def __init__(self) -> None:
        self.found: dict[str, tuple[str, str]] = {}

    def __getattr__(self, create: str) -> Any:
        kind = create.removeprefix("create_").removeprefix("observable_")
        return lambda name, *_, unit="", **__: self.found.setdefault(name, (kind, unit))


@pytest.fixture(scope="module")
def instruments() -> dict[str, tuple[str, str]]:
    meter = Instruments()
    for module in (cpython_metrics, http_metrics, process_metrics):
        for name, create in vars(module).items():
            if name.startswith("create_"):
                create(meter, *["callbacks"] * (create.__code__.co_argcount - 1))
    meter.found[HTTP_SERVER_REQUEST_DURATION] = ("histogram", "s")  # stable, so it is in no module of these
    return meter.found


@pytest.mark.parametrize("metric", THEIRS, ids=lambda metric: metric.name)
def test_metrics_with_names_of_the_conventions_have_their_kinds_and_units(
    metric: Metric, instruments: dict[str, tuple[str, str]]
) -> None:
    registry = Registry()
    registry.cell(metric, tuple("x" for _ in metric.labels))
    (family,) = (each for each in families_of(registry.sheet()) if each.name == metric.name)
    kind = "up_down_counter" if family.is_additive else family.kind
    assert instruments[metric.name] == (kind, metric.unit)


def test_durations_are_sorted_into_the_buckets_of_the_conventions() -> None:
    expected = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
    assert expected == DURATION.bounds == MetricsSettings().duration_buckets_s


def names_of(package: Any) -> Iterator[str]:
    for found in pkgutil.iter_modules(package.__path__):
        module = import_module(f"{package.__name__}.{found.name}")
        yield from (value for name, value in vars(module).items() if name.isupper() and isinstance(value, str))


@pytest.fixture(scope="module")
def received() -> Received:
    """What an app sends in which everything happens."""
    with http_collector() as collector:
        app = made(collector.url, otlp={"metrics": True}, error_messages=True)
        everything(app)
        paths = ("/orders/7", "/broken", "/teapot", "/nothing", "/all?key=hidden")
        send(app, *paths, headers={**CALLER, "user-agent": "x"})
        send(app, "/orders/7", method="PURGE", headers=CALLER)
    return collector


def everything(app: App) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/down":
            raise httpx.ConnectError("refused")
        return httpx.Response(302 if request.url.path == "/moved" else 503, headers={"location": "/there"})

    client = httpx.AsyncClient(transport=traced(httpx.MockTransport(answer)), follow_redirects=True)

    @app.before
    def look() -> None: ...

    class Stock:
        def take(self) -> None: ...

    app.module("stock", Stock())

    @app.get("/all")
    async def all_of_it(req: Request, lctx: LocalContext, gctx: GlobalContext) -> None:
        gctx.modules.stock.take()
        await client.request("PURGE", "http://other.example/moved?key=hidden")
        with pytest.raises(httpx.ConnectError):
            await client.get("http://other.example/down")

    @app.post("/bodies")
    async def bodies(req: Request[list[int]]) -> list[int]:
        return req.body


def told_by(received: Received) -> Iterator[tuple[str, object]]:
    for span in received.spans:
        yield from attributes_of(span.attributes).items()
        for event in span.events:
            yield from attributes_of(event.attributes).items()
    for resource in received.resources:
        yield from resource.items()
    for metric in received.metrics[-1]:
        points = getattr(metric, metric.WhichOneof("data") or "").data_points
        for point in points:
            yield from attributes_of(point.attributes).items()


def test_every_attribute_is_one_of_the_conventions_or_has_our_name(received: Received) -> None:
    known = {*names_of(stable), *names_of(development)}
    told = dict(told_by(received))
    assert {name for name in told if not name.startswith("perdure.")} <= known
    assert {"exception.message", "http.request.resend_count", "http.request.method_original"} <= told.keys()
    assert "" not in told.values()
    for name, value in told_by(received):
        assert isinstance(value, int) == (name in WHOLE_NUMBERS or name == "perdure.revisions"), (name, value)
    assert "hidden" not in str(told)


def test_every_span_has_the_attributes_its_kind_requires(received: Received) -> None:
    always = {"http.request.method", "perdure.handler", "perdure.version", "perdure.request_id"}
    required = {
        Span.SPAN_KIND_SERVER: always | {
            "url.path", "url.scheme", "http.response.status_code", "client.address", "network.peer.address",
            "network.protocol.version", "server.address",
        },
        Span.SPAN_KIND_CLIENT: always | {"server.address", "server.port", "url.full"},
        Span.SPAN_KIND_INTERNAL: always | {"perdure.stage"},
    }  # fmt: skip
    for span in received.spans:
        told = attributes_of(span.attributes)
        assert required[span.kind] <= told.keys(), span.name
        method = told["http.request.method"]
        assert ("http.request.method_original" in told) == (method == "_OTHER" and span.kind != Span.SPAN_KIND_INTERNAL)
        if span.kind != Span.SPAN_KIND_INTERNAL:
            shown = "HTTP" if method == "_OTHER" else method
            route = told.get("http.route", "") if span.kind == Span.SPAN_KIND_SERVER else ""
            assert f"{shown} {route}".strip() == span.name
            status = told.get("http.response.status_code")
            least = 500 if span.kind == Span.SPAN_KIND_SERVER else 400
            has_failed = not isinstance(status, int) or status >= least
            assert (span.status.code == Status.STATUS_CODE_ERROR) == has_failed == ("error.type" in told)
            assert "" == span.status.message


def test_every_span_has_exactly_the_attributes_that_the_guide_lists(received: Received) -> None:
    of_all = {"perdure.request_id", "perdure.version", "perdure.handler", "http.request.method"}
    may_be = {"error.type", "http.response.status_code", "perdure.level", "perdure.revisions"}
    of_client = {"server.address", "server.port", "url.full", "http.request.resend_count"}
    of_server = {"url.path", "url.scheme", "server.address", "client.address", "network.peer.address",
                 "network.protocol.version"}  # fmt: skip
    known_at_times = {"server.port", "client.port", "network.peer.port", "user_agent.original"}
    kinds = set()
    for span in received.spans:
        told = attributes_of(span.attributes)
        names, has_handler = told.keys(), told["perdure.handler"] != ""
        assert of_all <= names
        is_server, is_client = span.kind == Span.SPAN_KIND_SERVER, span.kind == Span.SPAN_KIND_CLIENT
        assert ("perdure.stage" in names) == (not is_server)
        assert ("http.route" in names) == (has_handler and not is_client)
        assert is_client or "http.response.status_code" in names
        assert not is_server or of_server <= names
        more = of_server | known_at_times if is_server else of_client if is_client else set()
        unexpected = names - of_all - may_be - more - {"perdure.stage", "http.route", "http.request.method_original"}
        assert not unexpected, (span.name, unexpected)
        kinds.add((span.kind, has_handler, "error.type" in names))
    assert len(kinds) >= 6, "much happened"


def test_resource_says_who_sends_and_by_what(received: Received) -> None:
    for told in received.resources:
        assert ("shop", "python", "perdure") == tuple(
            told[name] for name in ("service.name", "telemetry.sdk.language", "telemetry.sdk.name")
        )
        assert {"service.instance.id", "telemetry.sdk.version", "process.pid"} <= told.keys()
    assert SCHEMA_URL in {each.value for each in Schemas}
    assert {SCHEMA_URL} == set(received.schemas)
