"""From a request in an older version's shape to one typed as the handler takes it.

It is read by the older version's codecs, carried forward by the chain, and decoded once more at the newest.

Source: SPEC 3.5; DESIGN "Timescape"; property 17.
"""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, final

from perdure.context.events import Moments
from perdure.context.exchange import Exchange
from perdure.context.query import parse_query
from perdure.context.request import Request, Values
from perdure.errors import Fault, InvalidRequestError, InvalidValueError, Place, RevisionFaultError
from perdure.lifecycle.carried import CarriedExchange, as_sent, as_texts, changes, copied, wire_name
from perdure.lifecycle.reader import Codecs, NewestReader, Reader
from perdure.lifecycle.stages import VALIDATION, transform_stage
from perdure.timescape.chain import Chain
from perdure.timescape.parts import RequestParts

__all__ = ["Arrival", "OlderReader"]

Names = Container[str]
"""Of members of a query or header type."""
Texts = dict[str, list[str]]
"""All values of each name."""


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Arrival:
    """Where carried requests arrive: the version the handler speaks."""

    codecs: Codecs
    query_names: tuple[str, ...] = ()
    """Members of the query's type."""
    header_names: tuple[str, ...] = ()


@final
class OlderReader(Reader):
    """Reads requests in an older version's shape and carries them forward.

    Args:
        older: Reads the client's version into JSON-compatible builtins.
        newest: What the handler takes.
        chain: What lies between; None where the versions differ but need no transformer.
        revisions: Their names, for the error that says whose fault an invalid result is.
    """

    def __init__(self, older: NewestReader, newest: Arrival, chain: Chain | None, revisions: tuple[str, ...]) -> None:
        self._older = older
        self._newest = newest.codecs
        self._query_names = frozenset(newest.query_names)
        self._header_names = tuple((name, wire_name(name)) for name in newest.header_names)
        self._spellings = {name.lower(): name for name in newest.header_names}
        self._revisions = revisions
        touches = chain.touches if chain is not None else frozenset[str]()
        carrying = chain if chain is not None and chain.touches_request else None
        self._carry = None if carrying is None else carrying.request
        self.stages = (VALIDATION,) if carrying is None else (VALIDATION, transform_stage("request", carrying))
        self._carries_query, self._carries_headers = "query" in touches, "headers" in touches

    def load(
        self, request: Request[Any, Any, Any, Any], exchange: Exchange, params: Mapping[str, str], raw: Any,
        moments: Moments,
    ) -> None:  # fmt: skip
        """Decode, carry forward, decode at the newest version; raises as `Reader.load` says."""
        older: Request[Any, Any, Any, Any] = Request(exchange)
        self._older.load(older, exchange, params, raw, moments)
        parts = RequestParts(
            path=dict(older.params),
            query=older.query if self._older.has_query else self._sent_query(exchange),
            headers=_lowered(older.headers) if self._older.has_headers else self._sent_headers(exchange),
            body=older.body,
        )
        query, headers = copied(parts.query), copied(parts.headers)
        if self._carry is not None:
            moments.append(perf_counter())
            self._carry(parts)
        self._arrive(request, parts, query, headers)
        if self._carries_query and self._newest.query is None:
            _show_query(request, exchange, changes(query, parts.query))
        if self._carries_headers:
            _show_headers(request, exchange, changes(headers, parts.headers))

    def _sent_query(self, exchange: Exchange) -> dict[str, object]:
        """Return the query no type is declared for, if anything looks at it."""
        if self._carries_query or self._newest.query is not None:
            return as_sent(parse_query(exchange.query_string))
        return {}

    def _sent_headers(self, exchange: Exchange) -> dict[str, object]:
        """Return the headers no type is declared for, as far as anything looks at them."""
        if self._carries_headers:
            names = dict.fromkeys(name for name, _ in exchange.header_items())
            return as_sent({name: exchange.header_values(name) for name in names})
        sent = {wire: exchange.header_values(wire) for _, wire in self._header_names}
        return as_sent({name: values for name, values in sent.items() if values})

    def _arrive(
        self,
        request: Request[Any, Any, Any, Any],
        parts: RequestParts,
        query: Mapping[str, object],
        headers: Mapping[str, object],
    ) -> None:
        """Decode *parts*; *query* and *headers* are what these were before the chain changed them."""
        newest, faults = self._newest, list[tuple[Place, Fault]]()
        own = list[tuple[Place, Fault]]()

        def decode(place: Place, name: str, make: Callable[[Any], object] | None, data: Any, kept: Names) -> None:
            try:
                setattr(request, name, data if make is None else make(data))
            except InvalidValueError as error:
                for fault in error.faults:
                    # No recorded type holds the rules of a `refused`, so nobody could check them before; the pointer
                    # is in the newest shape, as there is no way back for it.
                    is_own = fault.code == "refused" or _member_of(fault) in kept
                    (own if is_own else faults).append((place, fault))

        decode("path", "params", newest.params and newest.params.from_data, parts.path, ())
        if newest.query is not None:
            if self._older.has_query:
                decode("query", "query", newest.query.from_data, parts.query, ())
            else:
                texts, kept = self._query_texts(parts.query, query)
                decode("query", "query", newest.query.decode_strings, texts, kept)
        if newest.headers is not None:
            if self._older.has_headers:
                spelled = {self._spellings.get(name, name): value for name, value in parts.headers.items()}
                decode("header", "headers", newest.headers.from_data, spelled, ())
            else:
                texts, kept = self._header_texts(parts.headers, headers)
                decode("header", "headers", newest.headers.decode_strings, texts, kept)
        body = newest.body if parts.body is not None or not newest.body_optional else None
        decode("body", "body", body and body.from_data, parts.body, ())
        if faults:
            raise RevisionFaultError(self._revisions, (*faults, *own))
        if own:
            raise InvalidRequestError(tuple(own))

    def _query_texts(self, query: Mapping[str, object], sent: Mapping[str, object]) -> tuple[Texts, Names]:
        """Return the texts of *query*, and which of them are still what the client sent.

        What the client sent for nobody is left out: its version has no type that could forbid it.
        """
        kept = {name for name, value in query.items() if name in sent and sent[name] == value}
        texts = {
            name: as_texts(value) for name, value in query.items() if name in self._query_names or name not in kept
        }
        return texts, kept

    def _header_texts(self, headers: Mapping[str, object], sent: Mapping[str, object]) -> tuple[Texts, Names]:
        """Return the texts of *headers* under the names of the newest type, and which are still what was sent."""
        texts, kept = dict[str, list[str]](), set[str]()
        for name, wire in self._header_names:
            key = lower if (lower := name.lower()) in headers else wire
            if key in headers:
                texts[name] = as_texts(headers[key])
                if key in sent and sent[key] == headers[key]:
                    kept.add(name)
        return texts, kept


def _lowered(headers: Mapping[str, object]) -> dict[str, object]:
    return {name.lower(): value for name, value in headers.items()}


def _member_of(fault: Fault) -> str:
    """Return the name of the member *fault* lies in."""
    return fault.pointer[1:].partition("/")[0].replace("~1", "/").replace("~0", "~")


def _show_query(request: Request[Any, Any, Any, Any], exchange: Exchange, changed: Mapping[str, list[str]]) -> None:
    """Let a handler that declares no type for the query see what was changed in it."""
    if changed:
        values = {**parse_query(exchange.query_string), **changed}
        request.query = Values({name: texts for name, texts in values.items() if texts})


def _show_headers(request: Request[Any, Any, Any, Any], exchange: Exchange, changed: Mapping[str, list[str]]) -> None:
    """Let a handler see what was changed in the headers, however it looks at them."""
    if changed:
        request._exchange = CarriedExchange(exchange, {wire_name(name): texts for name, texts in changed.items()})
