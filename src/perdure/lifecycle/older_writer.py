"""From what a handler returned to a `Reply` in the shape of an older version.

It is made of the newest one by the chain. The bytes that leave are what is validated: against the type of the version
the client speaks.

Source: SPEC 3.1, 3.3, 3.5; properties 11 and 17.
"""

from time import perf_counter
from typing import Any, final

import msgspec

from perdure.context.events import Moments
from perdure.context.exchange import Exchange
from perdure.context.media import negotiate
from perdure.context.response import UNANSWERED, Response
from perdure.errors import UntranslatableResponseError
from perdure.gtype.codec import Codec
from perdure.lifecycle.answering import is_answer
from perdure.lifecycle.carried import apply_changes, show_headers
from perdure.lifecycle.reply import BODILESS, Reply, without_type
from perdure.lifecycle.stages import RESPONSE, transform_stage
from perdure.lifecycle.writer import (
    ENCODE_ERRORS,
    JSON,
    MSGPACK,
    OFFERED,
    NewestWriter,
    Writer,
    check_body,
    unencodable,
    with_type,
)
from perdure.timescape.chain import Chain
from perdure.timescape.parts import ResponseParts

__all__ = ["OlderWriter"]

_OF_THE_BODY = frozenset(
    {"accept-ranges", "content-disposition", "content-length", "content-range", "content-type", "etag", "last-modified"}
)
"""Headers that describe a body, and go when another takes its place."""


@final
class OlderWriter(Writer):
    """Writes answers in the shape of an older version.

    Args:
        newest: Writes what no version changes, and knows the handler's type.
        older: Codec of the version the client speaks; None where it promises no type.
        chain: What lies between; None where the versions differ but need no transformer.
        check: Validate what leaves.
    """

    def __init__(
        self, newest: NewestWriter, older: Codec | None, untyped: Codec, chain: Chain | None, *, check: bool
    ) -> None:
        self._newest = newest
        self._to_data = (newest.codec or untyped).to_data
        self._older = older
        self._chain = chain
        self.stages = (RESPONSE,) if chain is None else (transform_stage("response", chain), RESPONSE)
        self._checks = check and older is not None
        self._has_null = older is not None and older.validator.is_valid(None)

    def write(self, value: object, response: Response[Any], exchange: Exchange, moments: Moments) -> Reply:
        """Encode, carry back and validate; raises as `Writer.write` says."""
        if value is None and response.body is not UNANSWERED:
            value = response.body
        if value is None and not self._newest.nullable:
            return self._write_nothing(response, exchange, moments)
        if is_answer(value, typed=self._newest.codec is not None):
            return self._write_answer(self._newest.write(value, response, exchange, moments), exchange, moments)
        try:
            body = self._to_data(value)
        except ENCODE_ERRORS as error:
            raise unencodable(self._newest.handler, value, error) from error
        items, shown = response.header_items, show_headers(response.header_items)
        parts = ResponseParts(status=response.status, headers=dict(shown), body=body)
        if self._chain is not None:
            try:
                self._chain.response(parts)
            except UntranslatableResponseError:
                self._blame_handler(value)
                raise
            moments.append(perf_counter())
        return self._write_data(parts, apply_changes(items, shown, parts.headers), exchange)

    def _write_nothing(self, response: Response[Any], exchange: Exchange, moments: Moments) -> Reply:
        """Answer for a handler that gave no answer: transformers see a 204 without a body."""
        reply = self._newest.write(None, response, exchange, moments)
        parts, items = self._carry_bare(reply, moments)
        if parts.status == reply.status == 204 and response.status == 200:
            # This 204 only says that there was no body. If there is one now, or the older type has null, it says 200.
            parts.status = 200
        if parts.body is None and not (self._has_null and 200 <= parts.status < 300):
            return self._write_absent(parts.status, items)
        return self._write_data(parts, items, exchange)

    def _write_answer(self, reply: Reply, exchange: Exchange, moments: Moments) -> Reply:
        """Answer with *reply*, which is no data and so has no type, unless a transformer makes it data."""
        parts, items = self._carry_bare(reply, moments)
        if parts.body is not None:
            return self._write_data(parts, [item for item in items if item[0] not in _OF_THE_BODY], exchange)
        if parts.status in BODILESS and parts.status != reply.status:
            return Reply(parts.status, without_type(items), b"")
        return Reply(parts.status, items, reply.body)

    def _carry_bare(self, reply: Reply, moments: Moments) -> tuple[ResponseParts, list[tuple[str, str]]]:
        """Return what the chain makes of an answer without data, and the headers to send."""
        shown = show_headers(reply.headers)
        parts = ResponseParts(status=reply.status, headers=dict(shown), body=None)
        if self._chain is not None:
            self._chain.bare_response(parts)
            moments.append(perf_counter())
        return parts, apply_changes(reply.headers, shown, parts.headers)

    def _write_data(self, parts: ResponseParts, items: list[tuple[str, str]], exchange: Exchange) -> Reply:
        """Encode and validate what was carried back."""
        status = parts.status
        if parts.body is None and self._older is None:
            return self._write_absent(status, items)
        raw = self._encode(parts.body)
        self._check(raw, status)
        if status in BODILESS:
            return Reply(status, without_type(items), b"")
        accept = exchange.header("accept")
        if accept is not None and "msgpack" in accept and negotiate(accept, OFFERED) == MSGPACK:
            return Reply(status, with_type(items, MSGPACK), msgspec.msgpack.encode(parts.body))
        return Reply(status, with_type(items, JSON), raw)

    def _write_absent(self, status: int, items: list[tuple[str, str]]) -> Reply:
        """Answer without a body, unless one was promised."""
        self._check(b"null", status)
        return Reply(204 if status == 200 else status, without_type(items), b"")

    def _check(self, raw: bytes, status: int) -> None:
        if self._checks and self._older is not None and 200 <= status < 300:
            check_body(raw, self._older.probe_json, self._older.check_json, self._newest.handler)

    def _encode(self, body: object) -> bytes:
        """Return *body* as JSON; one that has no such form is the chain's, as what the handler gave had one."""
        try:
            return msgspec.json.encode(body)
        except ENCODE_ERRORS as error:
            if self._chain is None:
                raise unencodable(self._newest.handler, body, error) from error
            raise UntranslatableResponseError(", ".join(self._chain.revisions), self._chain.target_key) from error

    def _blame_handler(self, value: object) -> None:
        """Raise InvalidResponseError if the chain failed because the handler's own answer was invalid."""
        codec = self._newest.codec
        if codec is not None:
            check_body(codec.encode_json(value), codec.probe_json, codec.check_json, self._newest.handler)
