"""The wire format of the OpenTelemetry protocol, as far as spans need it, written by hand.

What the SDK makes of a span, an object and from it a message, takes 70 µs, ten times what the whole request does; this
takes two. What it writes is read by the protocol's own classes in the tests, field by field.

Source: opentelemetry/proto/trace/v1/trace.proto and its imports, version 1; the encoding of Protocol Buffers.
"""

from collections.abc import Iterable, Mapping
from struct import Struct as Packer
from typing import Final

__all__ = [
    "OF_EVENT", "OF_RESOURCE", "OF_SPAN", "SCHEMA_URL", "Value", "attribute", "attributes", "event", "export_request",
    "failed_status", "flags_field", "name_and_kind", "span_prefix", "state_field", "text_prefix", "times",
]  # fmt: skip

Value = str | int | bool | float | tuple[str, ...]
"""What an attribute may be."""

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.36.0"
"""Which conventions names and attributes follow; who collects them may translate them into those of others."""

OF_SPAN: Final = 0x4A
OF_EVENT: Final = 0x1A
OF_RESOURCE: Final = 0x0A
"""Where an attribute stands: its tag in the message it belongs to."""

_UTF8: Final = "utf-8"
_double: Final = Packer("<Bd").pack
_event_time: Final = Packer("<BQ").pack
_flags: Final = Packer("<BBI").pack

times: Final = Packer("<BQBQ").pack
"""Packs 0x39, a span's start, 0x41 and its end, in nanoseconds since 1970."""


def _varint(number: int) -> bytes:
    """Return *number*, not negative, seven bits to the byte, the least first."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


_SMALL: Final = tuple(_varint(number) for number in range(4096))
"""The lengths of nearly everything."""
_PREFIXES: Final = tuple(b"\x12" + length for length in _SMALL)
_TAGS: Final = tuple(bytes((tag,)) for tag in range(256))


def _sized(tag: int, payload: bytes) -> bytes:
    """Return a field that holds *payload*: text, bytes, or a message."""
    length = len(payload)
    return _TAGS[tag] + (_SMALL[length] if length < 4096 else _varint(length)) + payload


def _any_value(value: Value) -> bytes:
    if isinstance(value, str):
        return _sized(0x0A, value.encode(_UTF8, "replace"))
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        return b"\x18" + _varint(value & 0xFFFF_FFFF_FFFF_FFFF)
    if isinstance(value, float):
        return _double(0x21, value)
    return _sized(0x2A, b"".join(_sized(0x0A, _any_value(each)) for each in value))


def attribute(name: str, value: Value, of: int = OF_SPAN) -> bytes:
    """Return one attribute of a span, or of what *of* says; what is no Unicode becomes a question mark."""
    return _sized(of, _sized(0x0A, name.encode()) + _sized(0x12, _any_value(value)))


def text_prefix(name: str, size_bytes: int) -> bytes:
    """Return what comes before a text of so many bytes in UTF-8, so that both together are an attribute of a span."""
    whole = attribute(name, "x" * size_bytes)
    return whole[: len(whole) - size_bytes]


def attributes(values: Mapping[str, Value], of: int = OF_SPAN) -> bytes:
    """Return several."""
    return b"".join(attribute(name, value, of) for name, value in values.items())


def event(name: str, at_ns: int, attributes_of_event: bytes) -> bytes:
    """Return an event of a span."""
    return _sized(0x5A, _event_time(0x09, at_ns) + _sized(0x12, name.encode()) + attributes_of_event)


def failed_status() -> bytes:
    """Return the status of a span that failed."""
    return b"\x7a\x02\x18\x02"


def flags_field(flags: int) -> bytes:
    """Return the flags of a span: those of its trace, and from bit 8 on whether its parent is another server's."""
    return _flags(0x85, 0x01, flags)


def name_and_kind(name: str, kind: int) -> bytes:
    """Return both; *kind* is 1 for a part of the request, 2 for a server's span, 3 for a client's."""
    return _sized(0x2A, name.encode(_UTF8, "replace")) + bytes((0x30, kind))


def state_field(state: str) -> bytes:
    """Return the ``tracestate`` of a span."""
    return _sized(0x1A, state.encode())


def span_prefix(length: int) -> bytes:
    """Return what comes before a span of so many bytes, which is one of many in an `export_request`."""
    return _PREFIXES[length] if length < 4096 else b"\x12" + _varint(length)


def export_request(resource: bytes, scope: tuple[str, str], spans: Iterable[bytes]) -> bytes:
    """Return what is sent.

    Args:
        resource: Attributes of who sends it.
        scope: Name and version of what made the spans.
    """
    name, version = scope
    about = _sized(0x0A, _sized(0x0A, name.encode()) + _sized(0x12, version.encode()))
    of_scope = _sized(0x12, about + b"".join(spans) + _sized(0x1A, SCHEMA_URL.encode()))
    return _sized(0x0A, _sized(0x0A, resource) + of_scope)
