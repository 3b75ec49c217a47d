"""What is counted of requests that no handler was run for."""

import pytest

from perdure.context.local import HandlerFacts, LocalContext
from perdure.context.origin import Origin
from perdure.context.refusal import Refusal
from perdure.context.trace import TraceContext, new_trace
from perdure.errors import (
    ForbiddenError,
    IdentityUnavailableError,
    MethodNotAllowedError,
    OverloadedError,
    RateLimitedError,
    RouteNotFoundError,
    UnauthenticatedError,
    UnknownVersionError,
    UriTooLongError,
    VersionClosedError,
)
from perdure.telemetry.prometheus import OPEN_METRICS, expose
from perdure.telemetry.registry import Registry
from perdure.telemetry.requests import RequestMetrics
from tests.policy.exchanges import from_address
from tests.telemetry.reading import Scraped, parsed

FACTS = HandlerFacts(handler="orders", route="/orders")


def page_after(refusals: list[Refusal]) -> Scraped:
    registry = Registry()
    counting = RequestMetrics(registry, lambda: 0.0)
    for refusal in refusals:
        counting.refused(refusal)
    return parsed(expose(registry.families(), OPEN_METRICS).decode())


def refusal(error: Exception, status: int, facts: HandlerFacts | None = FACTS, took_s: float = 0.25) -> Refusal:
    return Refusal(
        exchange=from_address("192.0.2.1:1"), request_id="x", trace=new_trace(), facts=facts, version="v2",
        error=error, status=status, size_bytes=100, started=10.0, ended=10.0 + took_s,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (RateLimitedError(1), 429, "rate_limited"), (OverloadedError(1), 503, "overloaded"),
        (UnauthenticatedError("x"), 401, "unauthenticated"), (ForbiddenError("x"), 403, "forbidden"),
        (IdentityUnavailableError("x"), 503, "identity_unavailable"), (UriTooLongError("x"), 414, "uri_too_long"),
        (UnknownVersionError("x", ()), 400, "unknown_version"), (RouteNotFoundError("/x"), 404, "route_not_found"),
        (MethodNotAllowedError("X", ()), 405, "method_not_allowed"), (ValueError("x"), 500, "error"),
    ],
)  # fmt: skip
def test_refused_request_is_counted_by_why(error: Exception, status: int, reason: str) -> None:
    page = page_after([refusal(error, status)] * 3)
    labels = {"perdure_handler": "orders", "perdure_version": "v2"}
    assert 3.0 == page.value("perdure_requests_refused_total", perdure_reason=reason, **labels)
    assert 3.0 == page.value(
        "http_server_request_duration_seconds_count", http_response_status_code=str(status), **labels
    )


def test_request_for_a_closed_version_counts_for_that_version() -> None:
    page = page_after([refusal(VersionClosedError("v1", "retired", "v2", None, ()), 410, None)])
    labels = {"perdure_handler": "(none)", "perdure_version": "v1"}
    assert 1.0 == page.value("perdure_requests_refused_total", perdure_reason="version_closed", **labels)


def test_what_is_answered_well_without_a_handler_is_not_refused() -> None:
    page = page_after([refusal(RouteNotFoundError("/healthz"), 200, None)])
    assert {} == page.by("perdure_requests_refused_total", "perdure_reason")
    assert 1.0 == page.value("http_server_request_duration_seconds_count", http_response_status_code="200")


def test_time_and_size_of_refused_requests_add_up_however_many_there_are() -> None:
    page = page_after([refusal(RateLimitedError(1), 429, FACTS, 0.001 if n % 2 else 0.25) for n in range(1000)])
    assert 500.0 == page.value("http_server_request_duration_seconds_bucket", le="0.005")
    assert 500.0 == page.value("http_server_request_duration_seconds_bucket", le="0.1")
    assert 1000.0 == page.value("http_server_request_duration_seconds_bucket", le="0.25")
    assert page.value("http_server_request_duration_seconds_sum") == pytest.approx(125.5)
    assert 1000.0 == page.value("http_server_response_body_size_bytes_count")
    assert 100_000.0 == page.value("http_server_response_body_size_bytes_sum")
    assert 1000.0 == page.value("http_server_response_body_size_bytes_bucket", le="100.0")


def test_scheme_is_what_the_proxies_say_and_failures_are_told_by_their_status() -> None:
    registry = Registry()
    counting = RequestMetrics(registry, lambda: 0.0)
    for number, scheme in enumerate(("http", "https", "https", "http", "https")):
        refused = refusal(ValueError("x"), 500 if number == 4 else 404, None)
        refused.exchange.origin = Origin("192.0.2.1:1", scheme, "shop.example")
        counting.refused(refused)
    page = parsed(expose(registry.families(), OPEN_METRICS).decode())
    name = "http_server_request_duration_seconds_count"
    assert {("http", "404", ""): 2, ("https", "404", ""): 2, ("https", "500", "500"): 1} == page.by(
        name, "url_scheme", "http_response_status_code", "error_type"
    )


def test_websockets_behind_proxies_are_counted_though_their_scheme_is_another() -> None:
    registry = Registry()
    counting = RequestMetrics(registry, lambda: 0.0)
    refused = refusal(RouteNotFoundError("/x"), 404, None)
    refused.exchange.origin = Origin("192.0.2.1:1", "wss", "shop.example")
    counting.refused(refused)
    lctx = LocalContext(FACTS, "v2", refused.exchange, "x", new_trace(), 10.0)
    counting.finished(lctx, 101, -1, 10.5)
    page = parsed(expose(registry.families(), OPEN_METRICS).decode())
    name = "http_server_request_duration_seconds_count"
    assert {("wss", "404"): 1, ("wss", "101"): 1} == page.by(name, "url_scheme", "http_response_status_code")


def test_a_bucket_takes_another_exemplar_after_a_second() -> None:
    registry = Registry()
    counting = RequestMetrics(registry, lambda: 1.0)

    def finish(number: int, at_s: float, took_s: float) -> None:
        trace = TraceContext(f"00-{number:032x}-{number:016x}-01")
        exchange = from_address("192.0.2.1:1")
        counting.finished(LocalContext(FACTS, "v2", exchange, "x", trace, at_s - took_s), 200, 0, at_s)

    def told() -> set[int]:
        samples = parsed(expose(registry.families(), OPEN_METRICS).decode()).families
        duration = samples["http_server_request_duration_seconds"].samples
        return {int(each.exemplar.labels["trace_id"], 16) for each in duration if each.exemplar}

    finish(1, 10.0, 0.001)
    finish(2, 10.1, 0.001)  # as good as the first
    finish(3, 10.2, 0.4)  # another bucket
    assert {1, 3} == told()
    finish(4, 10.9, 0.4)
    finish(5, 11.1, 0.001)
    assert {5, 3} == told()
