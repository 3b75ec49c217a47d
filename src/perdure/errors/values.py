"""A value does not fit its type: what is wrong with it, and where."""

from typing import Literal, final

from msgspec import Struct

from perdure.errors.base import PerdureError

Place = Literal["body", "path", "query", "header"]
"""Where in a request a fault lies."""


@final
class Fault(Struct, frozen=True, kw_only=True):
    """One thing wrong with one value.

    `actual` is the offending value as JSON text, shortened, and masked where the schema marks it secret.
    """

    pointer: str
    """RFC 6901 JSON Pointer from the root of the value: ``/lines/0/quantity``; ``""`` is the root."""
    code: str
    """A stable identifier: ``type``, ``required``, ``unknown_field``, ``minimum``, ``pattern``, …"""
    expected: str
    actual: str
    message: str


class ValueRejectedError(PerdureError):
    """A value does not fit its GType."""


@final
class InvalidValueError(ValueRejectedError):
    """A well-formed value breaks its type's rules; `faults` lists every way in which it does."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(f"{fault.pointer or '/'}: {fault.message}" for fault in faults[:5]))
        self.faults = faults


@final
class MalformedValueError(ValueRejectedError):
    """The bytes are no JSON (or msgpack) document, or one nested too deeply."""
