"""What a request costs before anything is done with it: its id, its trace, its Local Context."""

from time import perf_counter
from typing import cast

from micro_cases.timing import Call
from perdure.clock import SystemClock
from perdure.context.exchange import Exchange
from perdure.context.local import HandlerFacts, LocalContext
from perdure.context.trace import new_trace, parse_trace
from perdure.ids import RequestIds

_TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
_NO_EXCHANGE = cast(Exchange, None)  # a Local Context only keeps it


def request_id() -> Call:
    """Draw a request id."""
    return RequestIds(SystemClock()).new


def trace_generated() -> Call:
    """Start a trace."""
    return new_trace


def trace_parsed() -> Call:
    """Continue the caller's trace."""
    values = [_TRACEPARENT]
    return lambda: parse_trace(values)


def local_context() -> Call:
    """Make a Local Context."""
    facts = HandlerFacts(handler="bench", route="/orders")
    trace = new_trace()
    return lambda: LocalContext(facts, "2026-02-10", _NO_EXCHANGE, "0", trace, perf_counter())


def snapshot_100_keys() -> Call:
    """Take a snapshot of a Local Context that holds a hundred small values."""
    context = cast(LocalContext, local_context()())
    for number in range(100):
        context.set(f"key-{number}", {"number": number, "text": f"value {number}"})
    return context.snapshot
