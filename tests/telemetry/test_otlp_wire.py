"""The wire format, against the protocol's own classes."""

import math

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from perdure.telemetry.otlp_wire import (
    OF_EVENT,
    OF_RESOURCE,
    Value,
    attribute,
    attributes,
    event,
    export_request,
    flags_field,
    name_and_kind,
    span_prefix,
    state_field,
    text_prefix,
    times,
)
from tests.telemetry.otlp_receiver import attributes_of

texts = st.text(st.characters(codec="utf-8"), max_size=300)
values = st.one_of(
    texts, st.booleans(), st.integers(-(1 << 63), (1 << 63) - 1), st.floats(), st.lists(texts, max_size=4).map(tuple)
)
nanoseconds = st.integers(0, (1 << 64) - 1)


def same(left: object, right: object) -> bool:
    return left == right or (
        isinstance(left, float) and isinstance(right, float) and math.isnan(left) and math.isnan(right)
    )


@given(st.dictionaries(texts, values, max_size=6))
def test_attributes_are_read_as_they_were_written(written: dict[str, Value]) -> None:
    read = attributes_of(Resource.FromString(attributes(written, OF_RESOURCE)).attributes)
    assert list(written) == list(read)
    for name, value in written.items():
        assert type(value) is type(read[name])
        assert same(value, read[name])


@given(texts, st.text(max_size=50))
def test_text_that_is_no_unicode_is_replaced(name: str, text: str) -> None:
    read = attributes_of(Span.FromString(attribute(name, text)).attributes)
    assert text.encode("utf-8", "replace").decode() == read[name]


@given(texts, texts)
def test_prefix_and_text_are_an_attribute(name: str, text: str) -> None:
    raw = text.encode()
    assert attribute(name, text) == text_prefix(name, len(raw)) + raw


@given(
    st.lists(st.tuples(texts, st.sampled_from([1, 2, 3]), nanoseconds, nanoseconds, st.integers(0, 0x3FF)), max_size=5),
    st.dictionaries(texts, values, max_size=3), st.integers(0, 6000),
)  # fmt: skip
def test_requests_are_read_as_they_were_written(
    spans: list[tuple[str, int, int, int, int]], resource: dict[str, Value], padding: int
) -> None:
    written = []
    for name, kind, begun, ended, flags in spans:
        fields = name_and_kind(name, kind) + times(0x39, begun, 0x41, ended) + flags_field(flags)
        fields += state_field("a=b") + event("exception", begun, attribute("x", "y" * padding, OF_EVENT))
        written.append(span_prefix(len(fields)) + fields)
    message = export_request(attributes(resource, OF_RESOURCE), ("perdure", "1"), written)
    (of_resource,) = ExportTraceServiceRequest.FromString(message).resource_spans
    (of_scope,) = of_resource.scope_spans
    assert list(resource) == list(attributes_of(of_resource.resource.attributes))
    assert ("perdure", "1") == (of_scope.scope.name, of_scope.scope.version)
    assert spans == [
        (span.name, span.kind, span.start_time_unix_nano, span.end_time_unix_nano, span.flags)
        for span in of_scope.spans
    ]
    for span in of_scope.spans:
        assert "a=b" == span.trace_state
        assert {"x": "y" * padding} == attributes_of(span.events[0].attributes)
        assert span.start_time_unix_nano == span.events[0].time_unix_nano
