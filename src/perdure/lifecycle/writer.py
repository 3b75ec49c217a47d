"""From what a handler returned to a `Reply`.

The bytes that leave are what is validated.

Source: SPEC 3.1, 3.3; property 11.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, final

from perdure.context.events import Moments, Stage
from perdure.context.exchange import Exchange
from perdure.context.media import negotiate
from perdure.context.response import UNANSWERED, Response
from perdure.errors import Fault, InvalidResponseError, InvalidValueError
from perdure.gtype.codec import DECODE_ERRORS, Codec
from perdure.lifecycle.answering import is_answer, write_answer
from perdure.lifecycle.reply import Reply
from perdure.lifecycle.stages import RESPONSE

__all__ = [
    "ENCODE_ERRORS", "JSON", "MSGPACK", "OFFERED", "NewestWriter", "Writer", "check_body", "unencodable", "with_type",
]  # fmt: skip

JSON = "application/json"
MSGPACK = "application/msgpack"
OFFERED = (JSON, MSGPACK)
ENCODE_ERRORS = (TypeError, ValueError, RecursionError, OverflowError)

_JSON_TYPE = ("content-type", JSON)


class Writer(ABC):
    """Turns what a handler returned into a `Reply`."""

    stages: tuple[Stage, ...]
    """What that goes through, in order."""

    @abstractmethod
    def write(self, value: object, response: Response[Any], exchange: Exchange, moments: Moments) -> Reply:
        """Encode, carry back, and validate the answer.

        Args:
            moments: Where the time is added at which each of `stages` but the first begins.
        Raises:
            InvalidResponseError: The answer breaks the promise made to the client.
            UntranslatableResponseError: A transformer failed.
        """


@final
class NewestWriter(Writer):
    """Writes answers in the shape in which the handler gives them.

    Args:
        handler: Its id, for errors.
        codec: Of the declared type; None where none is declared: anything goes.
        untyped: Encodes values of no declared type.
        check: Validate what leaves.
        nullable: The declared type has null among its values.
    """

    def __init__(self, handler: str, codec: Codec | None, untyped: Codec, *, check: bool, nullable: bool) -> None:
        self.stages = (RESPONSE,)
        self.handler = handler
        self.nullable = nullable
        self.codec = codec
        self._typed = codec is not None
        self._data_kinds: set[type] = set()
        """Classes of values that were found to be data: asking again takes longer than encoding them."""
        self._codec = codec or untyped
        self._encode = self._codec.encode_json
        self._checks = codec is not None and check

    def write(
        self, value: object, response: Response[Any], exchange: Exchange,
        moments: Moments,  # noqa: ARG002 - it is one stage
    ) -> Reply:  # fmt: skip
        """Encode and validate; raises as `Writer.write` says."""
        if value is None:
            value = response.body
            if value is UNANSWERED or value is None:
                if not self.nullable:
                    return self._write_nothing(value, response)
                value = None
        kind = type(value)
        if kind not in self._data_kinds:
            if is_answer(value, typed=self._typed):
                return write_answer(value, response, exchange)
            self._data_kinds.add(kind)
        accept = exchange.header("accept")
        if accept is not None and "msgpack" in accept and negotiate(accept, OFFERED) == MSGPACK:
            return self._write_msgpack(value, response)
        try:
            raw = self._encode(value)
        except ENCODE_ERRORS as error:
            raise unencodable(self.handler, value, error) from error
        if self._checks and 200 <= response.status < 300:
            check_body(raw, self._codec.probe_json, self._codec.check_json, self.handler)
        items = response.header_items
        return Reply(response.status, with_type(items, JSON) if items else [_JSON_TYPE], raw)

    def _write_nothing(self, value: object, response: Response[Any]) -> Reply:
        """Answer without a body, unless one was promised."""
        if self._checks and 200 <= response.status < 300 and value is UNANSWERED:
            missing = Fault(
                pointer="", code="required", expected="a value", actual="nothing", message="nothing was returned"
            )
            raise InvalidResponseError(self.handler, (missing,))
        return Reply(204 if response.status == 200 else response.status, [*response.header_items], b"")

    def _write_msgpack(self, value: object, response: Response[Any]) -> Reply:
        try:
            raw = self._codec.encode_msgpack(value)
        except ENCODE_ERRORS as error:
            raise unencodable(self.handler, value, error) from error
        if self._checks and 200 <= response.status < 300:
            check_body(raw, self._codec.probe_msgpack, self._codec.check_msgpack, self.handler)
        return Reply(response.status, with_type(response.header_items, MSGPACK), raw)


def check_body(
    raw: bytes, probe: Callable[[bytes], object] | None, check: Callable[[bytes], None], handler: str
) -> None:
    """Raise InvalidResponseError if *raw*, which *handler* answers, breaks the promise.

    Args:
        probe: Of a codec, as is *check*.
    """
    if probe is not None:
        try:
            probe(raw)
        except DECODE_ERRORS:
            pass
        else:
            return
    try:
        check(raw)
    except InvalidValueError as error:
        raise InvalidResponseError(handler, error.faults) from error


def with_type(items: list[tuple[str, str]], media_type: str) -> list[tuple[str, str]]:
    """Return a new list of *items*, with *media_type* where they name none."""
    if not items:
        return [("content-type", media_type)]
    if any(name == "content-type" for name, _ in items):
        return [*items]
    return [("content-type", media_type), *items]


def unencodable(handler: str, value: object, error: Exception) -> InvalidResponseError:
    """Return the error that says that *value* has no JSON form."""
    kind = type(value).__qualname__
    fault = Fault(pointer="", code="encoding", expected="encodable data", actual=kind, message=str(error))
    return InvalidResponseError(handler, (fault,))
