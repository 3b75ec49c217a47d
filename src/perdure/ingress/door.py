"""The door: what every request passes first and every answer last, whatever the server.

Source: SPEC 2, 3.6, 4.
"""

import logging
from collections.abc import Awaitable, Mapping
from time import perf_counter
from typing import Final, final

from perdure.config import Config
from perdure.context.exchange import Exchange
from perdure.context.local import HandlerFacts
from perdure.context.principal import Principal
from perdure.context.query import parse_query
from perdure.context.recording import Recorder
from perdure.context.refusal import Refusal
from perdure.context.socket import SocketTransport
from perdure.context.trace import NEVER, TraceContext, new_trace, parse_trace, private_bits
from perdure.errors import (
    ForbiddenError,
    IdentityUnavailableError,
    MalformedRequestError,
    OverloadedError,
    RateLimitedError,
    RequestError,
    UnauthenticatedError,
)
from perdure.identity.base import Identified, Identify
from perdure.ids import RequestIds, is_well_formed_request_id
from perdure.ingress.answerable import AnswerableExchange
from perdure.ingress.cors import Cors
from perdure.ingress.problems import problem_reply, status_of
from perdure.ingress.refusal import render
from perdure.ingress.screen import Screen
from perdure.ingress.unserved import Unserved
from perdure.lifecycle.controller import Controller
from perdure.lifecycle.plan import Plan
from perdure.lifecycle.reply import Reply
from perdure.policy.capacity import Capacity
from perdure.policy.gate import GateHeaders
from perdure.routing.manager import RouteManager
from perdure.timescape.timescape import HeaderItems, Timescape

__all__ = ["Door"]

_log = logging.getLogger("perdure.ingress")
_audit = logging.getLogger("perdure.audit")
_now: Final = perf_counter
_AUDITED: Mapping[type[BaseException], tuple[str, int]] = {
    UnauthenticatedError: ("unauthenticated", logging.WARNING), ForbiddenError: ("forbidden", logging.WARNING),
    IdentityUnavailableError: ("identity unavailable", logging.WARNING),
    RateLimitedError: ("rate limited", logging.INFO), OverloadedError: ("shed", logging.DEBUG),
}  # fmt: skip
"""What is told of those who were not let in, and how loudly: a flood must not cost more for being logged."""


@final
class Door:
    """Names, bounds, identifies, routes and answers requests."""

    def __init__(
        self, config: Config, routes: RouteManager, controller: Controller, unserved: Unserved,
        ids: RequestIds, timescape: Timescape, identify: Identify | None,
        capacity: Capacity, recorders: tuple[Recorder, ...],
    ) -> None:  # fmt: skip
        self._routes = routes
        self._controller = controller
        self._unserved = unserved
        self._ids = ids
        self._timescape = timescape
        self._identify = identify
        self._capacity = capacity
        self._recorders = recorders
        self._cors = Cors(config) if config.cors is not None or routes.has_cors else None
        self._screen = Screen(config)
        self._bits = private_bits()
        self.least = NEVER
        """What the ids of traces that begin here must reach to be sampled."""
        self.least_of_callers: str | None = None
        """The same for those of callers; None: their flag decides."""
        self._trust_request_id = config.trust_request_id
        self._version_header = config.version_header.lower()
        self._version_query = config.version_query
        self._always = tuple(config.response_headers.items())
        self._hsts = None if config.hsts_s is None else ("strict-transport-security", f"max-age={config.hsts_s}")

    async def answer(self, exchange: AnswerableExchange) -> None:  # noqa: C901 - each function this was split into costs
        """Answer *exchange*: whatever happens, there is something to send.

        Raises:
            asyncio.CancelledError: The server itself cancelled the request.
        """
        started = _now()
        header = exchange.header
        request_id = self._ids.new() if not self._trust_request_id else self._inbound_id(exchange)
        parents = exchange.header_values("traceparent")
        states = () if not parents or header("tracestate") is None else exchange.header_values("tracestate")
        bits = self._bits
        trace = None if not parents else parse_trace(parents, states, bits, self.least_of_callers)
        if trace is None:
            trace = new_trace(bits, self.least)
        asked: str | None = None
        plan: Plan | None = None
        index, cors = -1, None
        passed: GateHeaders = ()
        try:
            query_string = exchange.query_string
            self._screen.check(exchange, query_string)
            identify, refusal = self._identify, None
            if identify is not None and self._decides_version(exchange):
                refusal, identify = await _look_early(identify, exchange, request_id), None
            named = exchange.header_values(self._version_header)
            if named:
                asked = named[0] if len(named) == 1 else _agreed(named)
            else:
                asked = self._asked_elsewhere(exchange, query_string)
            plan, params, index = self._routes.find(exchange, asked)
            cors, gate = plan.cors, plan.gate
            ticket = self._capacity.enter(exchange, plan.priority)
            if gate is not None:
                try:
                    if identify is not None and plan.looks:
                        gate.guard(exchange)
                        identified = identify(exchange)
                        if type(identified) is Principal:
                            exchange.principal = identified
                        elif identified is not None:
                            refusal = await _settle(identified, exchange)
                    admitted = gate.admit(exchange, refusal)
                    passed = admitted if isinstance(admitted, tuple) else await admitted
                except BaseException:
                    self._capacity.leave(ticket)
                    raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the client reads an answer
            told, reply = await self._refuse(error, exchange, request_id, asked, plan, index)
            if self._recorders:
                body = reply.body
                size_bytes = len(body) if isinstance(body, bytes) and exchange.method != "HEAD" else 0
                facts = None if plan is None else plan.facts
                self._record(error, exchange, request_id, trace, facts, told[0][1], reply.status, size_bytes, started)
        else:
            state = self._timescape.state
            told = state.headers[index]
            try:
                reply = await self._controller.run(plan, exchange, params, told[0][1], request_id, trace, started)
            finally:
                self._capacity.leave(ticket)
                if gate is not None:
                    gate.leave()
            if asked is None and state.settle is not None:
                state.settle(exchange, index, reply.status)
        headers = reply.headers
        is_plain = len(headers) == 1 and headers[0][0] == "content-type"
        always = self._always if is_plain else [item for item in self._always if not _has(headers, item[0])]
        headers += (*always, *told, *passed, ("x-request-id", request_id), ("traceparent", trace.traceparent))
        if trace.state:
            headers.append(("tracestate", trace.state))
        if self._cors is not None and (origin := header("origin")) is not None and not _is_preflight(exchange, plan):
            headers += self._cors.headers(origin, cors)
        if self._hsts is not None and exchange.scheme == "https":
            headers.append(self._hsts)
        sending = exchange.send(reply)
        if sending is not None:
            await sending

    async def serve_socket(self, exchange: Exchange, transport: SocketTransport) -> None:
        """Serve a WebSocket to its end; one that cannot be routed is refused before it is accepted."""
        started, plan = _now(), None
        version = self._timescape.state.headers[self._timescape.default][0][1]
        request_id = self._ids.new() if not self._trust_request_id else self._inbound_id(exchange)
        parents, states = exchange.header_values("traceparent"), exchange.header_values("tracestate")
        bits = self._bits
        trace = parse_trace(parents, states, bits, self.least_of_callers) or new_trace(bits, self.least)
        try:
            self._screen.check(exchange, exchange.query_string)
            identify, refusal = self._identify, None
            if identify is not None and self._timescape.state.by_client:
                refusal, identify = await _look_early(identify, exchange, request_id), None
            named = exchange.header_values(self._version_header)  # an empty one asks for a version that is none
            asked = _agreed(named) if named else self._asked_elsewhere(exchange, exchange.query_string)
            plan, params, version = self._routes.find_socket(exchange, asked)
            if plan.gate is not None:
                if identify is not None and plan.looks:
                    plan.gate.guard(exchange)
                    refusal = await _settle(identify(exchange), exchange)
                admitted = plan.gate.admit(exchange, refusal)
                if not isinstance(admitted, tuple):
                    await admitted
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is told, and no handler runs
            if isinstance(error, RequestError):
                _note_refusal(error, exchange, request_id)
            else:
                _log.error("the door failed: %s", error, exc_info=error, extra={"request_id": request_id})
            status, facts = status_of(error), None if plan is None else plan.facts
            self._record(error, exchange, request_id, trace, facts, version, status, 0, started)
            await transport.refuse(status)
            return
        try:
            await self._controller.run_socket(
                plan, transport, exchange, dict(params), version, request_id, trace, started
            )
        finally:
            if plan.gate is not None:
                plan.gate.leave()

    def _decides_version(self, exchange: Exchange) -> bool:
        """Return whether who it comes from decides which version serves *exchange*, and any handler may."""
        return self._timescape.state.by_client and self._routes.may_look(exchange.method, exchange.path)

    def _inbound_id(self, exchange: Exchange) -> str:
        given = exchange.header("x-request-id")
        return given if given is not None and is_well_formed_request_id(given) else self._ids.new()

    def _asked_elsewhere(self, exchange: Exchange, query_string: str) -> str | None:
        if exchange.has_unreadable(self._version_header):
            return ""  # what cannot be read is the name of no version, too
        name = self._version_query
        if name is None or name not in query_string:
            return None
        values = parse_query(query_string).get(name)
        return _agreed(values) if values else None

    def _record(
        self, error: Exception, exchange: Exchange, request_id: str, trace: TraceContext, facts: HandlerFacts | None,
        version: str, status: int, size_bytes: int, started: float,
    ) -> None:  # fmt: skip
        refusal = Refusal(
            exchange=exchange, request_id=request_id, trace=trace, facts=facts, version=version, error=error,
            status=status, size_bytes=size_bytes, started=started, ended=_now(),
        )  # fmt: skip
        for recorder in self._recorders:
            try:
                recorder.refused(refusal)
            except Exception as failure:  # noqa: BLE001 - whoever looks on must not disturb whom it looks at
                _log.error("a recorder failed: %s", failure, exc_info=failure, extra={"request_id": request_id})

    async def _refuse(
        self, error: Exception, exchange: Exchange, request_id: str, asked: str | None, plan: Plan | None, index: int
    ) -> tuple[HeaderItems, Reply]:
        """Answer what was not let in; a fault of our own, here or before, is a 500 and logged.

        Args:
            plan: What would have served it, where it came to that; *index* is of its version then.
        """
        headers = self._timescape.state.headers
        if isinstance(error, RequestError):
            try:
                _note_refusal(error, exchange, request_id)
                if plan is not None:
                    return headers[index], render(error, plan, request_id)
                index = self._routes.version_of(asked, error)
                return headers[index], await self._unserved.answer(error, exchange, request_id, index)
            except Exception as failure:  # noqa: BLE001 - reported below
                error = failure
        _log.error("the door failed: %s", error, exc_info=error, extra={"request_id": request_id})
        return headers[self._timescape.default], problem_reply(error, request_id)


async def _look_early(identify: Identify, exchange: Exchange, request_id: str) -> RequestError | None:
    """Note who *exchange* comes from, before it is known whether anybody minds; return what was wrong with that."""
    try:
        return await _settle(identify(exchange), exchange)
    except Exception as error:  # noqa: BLE001 - a scheme of the program's own; routes that do not look must go on
        _log.error("a scheme of authentication failed: %s", error, exc_info=error, extra={"request_id": request_id})
        return IdentityUnavailableError("a scheme of authentication failed")


async def _settle(identified: Identified, exchange: Exchange) -> RequestError | None:
    """Note who *exchange* comes from; return what was wrong with its credentials, if anything was."""
    if isinstance(identified, Awaitable):
        identified = await identified
    if isinstance(identified, RequestError):
        return identified
    exchange.principal = identified
    return None


def _is_preflight(exchange: Exchange, plan: Plan | None) -> bool:
    """Return whether *exchange* asks for nothing but whether it may be sent, so that all is told already."""
    is_asking = exchange.method == "OPTIONS" and exchange.header("access-control-request-method") is not None
    return plan is None and is_asking


def _agreed(named: list[str]) -> str:
    """Return the version that all of *named* ask for.

    Raises:
        MalformedRequestError: They ask for several.
    """
    if any(each != named[0] for each in named):
        raise MalformedRequestError(f"the request asks for several versions: {', '.join(named)}"[:200])
    return named[0]


def _has(headers: list[tuple[str, str]], name: str) -> bool:
    return any(each[0] == name for each in headers)


def _note_refusal(error: RequestError, exchange: Exchange, request_id: str) -> None:
    """Tell the audit log who was not let in, and why: the client is not told."""
    kind, level = _AUDITED.get(type(error), ("", logging.NOTSET))
    if not kind or not _audit.isEnabledFor(level):
        return
    principal = exchange.principal
    facts = {
        "request_id": request_id, "client": exchange.client, "principal": None if principal is None else principal.key,
        "method": exchange.method, "path": exchange.path, "outcome": kind, "reason": str(error),
    }  # fmt: skip
    # A path may hold line breaks: as it is, it could write lines of its own into a log of text.
    called = f"{exchange.method} {exchange.path!r} from {exchange.client or 'an unknown address'}"
    by = "" if principal is None else f" as {principal.key!r}"
    _audit.log(level, "%s: %s (%s%s)", kind, error, called, by, extra=facts)
