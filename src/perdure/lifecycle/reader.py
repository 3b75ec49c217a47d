"""From a raw request to a typed one.

The fast path decodes every declared part with a compiled codec and believes it. When one refuses, everything is read
again by the slow authority, which lists every fault of every part, or finds the request valid after all (``62.0`` is
an integer).

Source: SPEC 3.2, 3.3; properties 10 and 12.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

from perdure.context.events import Moments, Stage
from perdure.context.exchange import Exchange
from perdure.context.query import parse_query
from perdure.context.request import Request
from perdure.errors import (
    Fault,
    InvalidRequestError,
    InvalidValueError,
    MalformedRequestError,
    MalformedValueError,
    Place,
    UnsupportedMediaTypeError,
)
from perdure.gtype.codec import DECODE_ERRORS, Codec
from perdure.gtype.depth import MAX_DEPTH, check_depth, check_utf8
from perdure.gtype.depth_msgpack import check_msgpack_depth
from perdure.gtype.strings import DecodeStrings
from perdure.lifecycle.carried import wire_name
from perdure.lifecycle.stages import VALIDATION

__all__ = ["Codecs", "NewestReader", "Reader"]

JSON = "application/json"
MSGPACK = "application/msgpack"


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Codecs:
    """The codecs of an endpoint's parts at one version; None where a part has no type."""

    params: Codec | None = None
    param_readers: tuple[tuple[str, Callable[[str], object]], ...] = ()
    """What reads the text of each parameter, where the path's converters leave nothing to check, which is faster than
    *params*; it may raise ValueError."""
    query: Codec | None = None
    headers: Codec | None = None
    body: Codec | None = None
    body_optional: bool = False
    """An absent body stands for None."""
    body_form: bool = False
    """The body is a form, not JSON."""


class Reader(ABC):
    """Fills a `Request` from what arrived."""

    stages: tuple[Stage, ...]
    """What that goes through, in order."""

    @abstractmethod
    def load(
        self, request: Request[Any, Any, Any, Any], exchange: Exchange, params: Mapping[str, str], raw: Any,
        moments: Moments,
    ) -> None:  # fmt: skip
        """Decode and validate every declared part.

        Args:
            moments: Where the time is added at which each of `stages` but the first begins.
        Raises:
            InvalidRequestError: The request breaks its version's rules; every fault is listed.
            MalformedRequestError: A part is not well formed.
            UnsupportedMediaTypeError: The body is of a type the handler does not take.
            RevisionFaultError: A transformer made a valid request invalid.
            UntranslatableRequestError: A transformer failed.
            Problem: A transformer refused the request.
        """


_REFUSED = (*DECODE_ERRORS, ValueError)
"""What the fast path raises for a request that may be invalid."""


def _params_decoder(codec: Codec) -> Callable[[Mapping[str, str]], Any]:
    decode = codec.decode_strings
    return lambda params: decode({name: [text] for name, text in params.items()})


def _query_decoder(codec: Codec, ours: frozenset[str]) -> DecodeStrings:
    decode = codec.decode_strings
    if not ours:
        return decode

    def decode_others(values: Mapping[str, list[str]]) -> object:
        if ours.isdisjoint(values):
            return decode(values)
        return decode({name: texts for name, texts in values.items() if name not in ours})

    return decode_others


@final
class NewestReader(Reader):
    """Reads requests in one version's shape, straight into the types of that version's codecs.

    Args:
        header_names: Members of the headers' type.
        ours: Query parameters that are Perdure's (the version, an API key), where the query's type would refuse them.
    """

    def __init__(
        self, codecs: Codecs, header_names: tuple[str, ...] = (), *, ours: frozenset[str] = frozenset()
    ) -> None:
        self.stages = (VALIDATION,)
        self._codecs = codecs
        self.has_query = codecs.query is not None
        """The version declares a type for the query."""
        self.has_headers = codecs.headers is not None
        self._param_readers = codecs.param_readers
        self._params = _params_decoder(codecs.params) if codecs.params and not codecs.param_readers else None
        self._query = _query_decoder(codecs.query, ours) if codecs.query else None
        self._headers = codecs.headers.decode_strings if codecs.headers else None
        self._header_names = tuple((name, wire_name(name)) for name in header_names)
        self._body = codecs.body.decode_json if codecs.body and not codecs.body_form else None

    def load(
        self, request: Request[Any, Any, Any, Any], exchange: Exchange, params: Mapping[str, str], raw: Any,
        moments: Moments,  # noqa: ARG002 - it is one stage
    ) -> None:  # fmt: skip
        """Decode every declared part; raises as `Reader.load` says."""
        try:
            if self._param_readers:
                request.params = {name: read(params[name]) for name, read in self._param_readers}
            else:
                request.params = params if self._params is None else self._params(params)
            if self._query is not None:
                request.query = self._query(parse_query(exchange.query_string))
            if self._headers is not None:
                request.headers = self._headers(self._header_values(exchange))
            if self._body is None:
                request.body = raw if self._codecs.body is None else self._form(raw)
            else:
                media_type = exchange.header("content-type")
                if media_type != JSON:
                    request.body = self._decode_other(media_type, raw)
                else:
                    if len(raw) > MAX_DEPTH:  # what is shorter cannot be deeper
                        check_depth(raw)
                    if not raw.isascii():
                        check_utf8(raw)
                    request.body = self._body(raw)
        except _REFUSED:
            self._explain(request, exchange, params, raw)

    def _header_values(self, exchange: Exchange) -> dict[str, list[str]]:
        values = ((name, exchange.header_values(wire)) for name, wire in self._header_names)
        return {name: found for name, found in values if found}

    def _form(self, raw: Any) -> object:
        codec = self._codecs.body
        texts = {name: [value for value in values if isinstance(value, str)] for name, values in raw.items()}
        return codec.decode_strings(texts) if codec else raw

    def _decode_other(self, media_type: str | None, raw: bytes) -> object:
        codec = self._codecs.body
        assert codec is not None  # noqa: S101 - the caller checked
        if _is_msgpack(media_type, raw):
            check_msgpack_depth(raw)
            return codec.decode_msgpack(raw)
        check_depth(raw)
        check_utf8(raw)
        return codec.decode_json(raw)

    def _explain(
        self, request: Request[Any, Any, Any, Any], exchange: Exchange, params: Mapping[str, str], raw: Any
    ) -> None:
        """Read everything again, slowly, and raise every fault at once, unless there is none after all."""
        codecs, faults = self._codecs, list[tuple[Place, Fault]]()

        def read(place: Place, name: str, explain: Callable[[], object]) -> None:
            try:
                setattr(request, name, explain())
            except InvalidValueError as error:
                faults.extend((place, fault) for fault in error.faults)
            except MalformedValueError as error:
                raise MalformedRequestError(str(error)) from error

        if codecs.params is not None:
            decode_params = _params_decoder(codecs.params)
            read("path", "params", lambda: decode_params(params))
        decode_query = self._query
        if decode_query is not None:
            read("query", "query", lambda: decode_query(parse_query(exchange.query_string)))
        if codecs.headers is not None:
            decode_headers = codecs.headers.decode_strings
            read("header", "headers", lambda: decode_headers(self._header_values(exchange)))
        if codecs.body is not None:
            read("body", "body", lambda: self._explain_body(exchange, raw))
        if faults:
            raise InvalidRequestError(tuple(faults))

    def _explain_body(self, exchange: Exchange, raw: Any) -> object:
        codec = self._codecs.body
        assert codec is not None  # noqa: S101 - the caller checked
        if self._codecs.body_form:
            return self._form(raw)
        if not raw:
            if self._codecs.body_optional:
                return None
            missing = Fault(
                pointer="", code="required", expected="a body", actual="nothing", message="the body is missing"
            )
            raise InvalidValueError((missing,))
        if _is_msgpack(exchange.header("content-type"), raw):
            return codec.explain_msgpack(raw)
        return codec.explain_json(raw)


def _is_msgpack(media_type: str | None, raw: bytes) -> bool:
    """Tell JSON from msgpack; a body that names no type is JSON.

    Raises:
        UnsupportedMediaTypeError: It is neither.
    """
    if media_type is None:
        return False
    essence = media_type.partition(";")[0].strip().lower()
    if essence == JSON or essence.endswith("+json"):
        return False
    if essence in {MSGPACK, "application/x-msgpack", "application/vnd.msgpack"}:
        return True
    if not raw:
        return False
    raise UnsupportedMediaTypeError(media_type, (JSON, MSGPACK))
