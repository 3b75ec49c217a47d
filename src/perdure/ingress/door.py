"""The door: what every request passes first and every answer last, whatever the server.

Source: SPEC 2, 3.6, 4.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Protocol, final

from perdure.config import Config
from perdure.context.exchange import Exchange
from perdure.context.query import parse_query
from perdure.context.socket import SocketTransport
from perdure.context.trace import new_trace, parse_trace, private_bits
from perdure.errors import HeadersTooLargeError, MethodNotAllowedError, RequestError
from perdure.ids import is_well_formed_request_id
from perdure.ingress.documents import Documents
from perdure.ingress.health import Health
from perdure.ingress.problems import problem_reply
from perdure.lifecycle.controller import Controller
from perdure.lifecycle.reply import Reply
from perdure.lifecycle.socket_run import POLICY
from perdure.routing.manager import RouteManager
from perdure.timescape.timescape import HeaderItems, Timescape

__all__ = ["AnswerableExchange", "Door"]

_log = logging.getLogger("perdure.ingress")


class AnswerableExchange(Exchange, Protocol):
    """An exchange that waits for its answer."""

    def send(self, reply: Reply) -> Awaitable[None] | None:
        """Send *reply*; what is returned, if anything, is to be awaited."""


@final
class Door:
    """Names, bounds, routes and answers requests."""

    def __init__(
        self, config: Config, routes: RouteManager, controller: Controller, health: Health, next_id: Callable[[], str],
        timescape: Timescape, documents: Documents,
    ) -> None:  # fmt: skip
        self._routes = routes
        self._controller = controller
        self._health = health
        self._documents = documents
        self._next_id = next_id
        self._timescape = timescape
        self._bits = private_bits()
        self._trust_request_id = config.trust_request_id
        self._version_header = config.version_header.lower()
        self._version_query = config.version_query
        self._header_limit_count = config.header_limit_count
        self._header_limit_bytes = config.header_limit_bytes

    async def answer(self, exchange: AnswerableExchange) -> None:
        """Answer *exchange*: whatever happens, there is something to send.

        Raises:
            asyncio.CancelledError: The server itself cancelled the request.
        """
        header = exchange.header
        request_id = self._next_id() if not self._trust_request_id else self._inbound_id(exchange)
        parents = exchange.header_values("traceparent")
        states = () if not parents or header("tracestate") is None else exchange.header_values("tracestate")
        trace = (parse_trace(parents, states, self._bits) if parents else None) or new_trace(self._bits)
        asked: str | None = None
        try:
            count, size_bytes = exchange.header_size()
            if count > self._header_limit_count or size_bytes > self._header_limit_bytes:
                self._check_headers(exchange)
            asked = header(self._version_header)
            if asked is None and exchange.query_string and self._version_query is not None:
                asked = self._asked_in_query(exchange.query_string)
            plan, params, index = self._routes.find(exchange, asked)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client reads an answer
            told, reply = self._refuse(error, exchange, request_id, asked)
        else:
            told = self._timescape.state.headers[index]
            reply = await self._controller.run(plan, exchange, params, told[0][1], request_id, trace)
        reply.headers += (*told, ("x-request-id", request_id), ("traceparent", trace.traceparent))
        if trace.state:
            reply.headers.append(("tracestate", trace.state))
        sending = exchange.send(reply)
        if sending is not None:
            await sending

    async def serve_socket(self, exchange: Exchange, transport: SocketTransport) -> None:
        """Serve a WebSocket to its end; one that cannot be routed is refused before it is accepted."""
        request_id = self._next_id() if not self._trust_request_id else self._inbound_id(exchange)
        parents, states = exchange.header_values("traceparent"), exchange.header_values("tracestate")
        trace = parse_trace(parents, states, self._bits) or new_trace(self._bits)
        try:
            self._check_headers(exchange)
            asked = exchange.header(self._version_header)
            if asked is None:  # an empty one asks for a version that is none, as over HTTP
                asked = self._asked_in_query(exchange.query_string)
            plan, params, version = self._routes.find_socket(exchange, asked)
        except RequestError:
            await transport.close(POLICY)
            return
        await self._controller.run_socket(plan, transport, exchange, dict(params), version, request_id, trace)

    def _inbound_id(self, exchange: Exchange) -> str:
        given = exchange.header("x-request-id")
        return given if given is not None and is_well_formed_request_id(given) else self._next_id()

    def _check_headers(self, exchange: Exchange) -> None:
        count, size_bytes = exchange.header_size()
        if count > self._header_limit_count:
            raise HeadersTooLargeError(f"more than {self._header_limit_count} header fields")
        if size_bytes > self._header_limit_bytes:
            raise HeadersTooLargeError(f"more than {self._header_limit_bytes} bytes of header fields")

    def _asked_in_query(self, query_string: str) -> str | None:
        name = self._version_query
        if name is None or name not in query_string:
            return None
        values = parse_query(query_string).get(name)
        return values[-1] if values else None

    def _refuse(
        self, error: Exception, exchange: Exchange, request_id: str, asked: str | None
    ) -> tuple[HeaderItems, Reply]:
        """Answer what was not found to have a plan; a fault of our own, here or before, is a 500 and logged."""
        headers = self._timescape.state.headers
        if isinstance(error, RequestError):
            try:
                index = self._routes.version_of(asked, error)
                return headers[index], self._answer_unserved(error, exchange, request_id, index)
            except Exception as failure:  # noqa: BLE001 - reported below
                error = failure
        _log.error("the door failed: %s", error, exc_info=error, extra={"request_id": request_id})
        return headers[self._timescape.default], problem_reply(error, request_id)

    def _answer_unserved(self, error: RequestError, exchange: Exchange, request_id: str, index: int) -> Reply:
        """Answer what no plan serves: health checks, documents, OPTIONS, and problems."""
        reply = self._health.answer(exchange.method, exchange.path)
        if reply is not None and self._routes.is_free(exchange.path, error):
            return reply  # whatever version is asked for, or closed: a brown-out must not take the process out
        reply = self._documents.answer(exchange, error, index, request_id)
        if reply is not None:
            return reply
        if isinstance(error, MethodNotAllowedError) and exchange.method == "OPTIONS":
            return Reply(204, [("allow", ", ".join(error.allowed))], b"")
        return problem_reply(error, request_id)
