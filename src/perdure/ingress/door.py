"""The door: what every request passes first and every answer last, whatever the server.

Source: SPEC 2, 3.6, 4.
"""

from collections.abc import Callable, Sequence
from typing import final

from perdure.config import Config
from perdure.context.exchange import Exchange
from perdure.context.query import parse_query
from perdure.context.socket import SocketTransport
from perdure.context.trace import TraceContext, new_trace, parse_trace, private_bits
from perdure.errors import HeadersTooLargeError, MethodNotAllowedError, RequestError, RouteNotFoundError
from perdure.ids import is_well_formed_request_id
from perdure.ingress.health import Health
from perdure.ingress.problems import problem_reply
from perdure.lifecycle.controller import Controller
from perdure.lifecycle.reply import Reply
from perdure.lifecycle.socket_run import POLICY
from perdure.routing.manager import RouteManager

__all__ = ["Door"]


@final
class Door:
    """Names, bounds, routes and answers requests."""

    def __init__(
        self, config: Config, routes: RouteManager, controller: Controller, health: Health, next_id: Callable[[], str],
        version_names: Sequence[str],
    ) -> None:  # fmt: skip
        self._routes = routes
        self._controller = controller
        self._health = health
        self._next_id = next_id
        self._version_names = version_names
        self._bits = private_bits()
        self._trust_request_id = config.trust_request_id
        self._version_header = config.version_header.lower()
        self._version_query = config.version_query
        self._header_limit_count = config.header_limit_count
        self._header_limit_bytes = config.header_limit_bytes

    async def answer(self, exchange: Exchange) -> Reply:
        """Return the answer to *exchange*: whatever happens, there is one.

        Raises:
            asyncio.CancelledError: The server itself cancelled the request.
        """
        header = exchange.header
        request_id = self._next_id() if not self._trust_request_id else self._inbound_id(exchange)
        parents = exchange.header_values("traceparent")
        trace = self._inbound_trace(parents, exchange) if parents else new_trace(self._bits)
        asked: str | None = None
        try:
            count, size_bytes = exchange.header_size()
            if count > self._header_limit_count or size_bytes > self._header_limit_bytes:
                self._check_headers(exchange)
            asked = header(self._version_header)
            if asked is None and exchange.query_string and self._version_query is not None:
                asked = self._asked_in_query(exchange.query_string)
            plan, params, index = self._routes.find(exchange.method, exchange.path, asked)
        except RequestError as error:
            version = self._routes.version_name(asked)
            reply = self._refuse(error, exchange, request_id)
        else:
            version = self._version_names[index]
            reply = await self._controller.run(plan, exchange, params, version, request_id, trace)
        reply.headers += (
            (self._version_header, version), ("x-request-id", request_id), ("traceparent", trace.traceparent)
        )  # fmt: skip
        if trace.state:
            reply.headers.append(("tracestate", trace.state))
        return reply

    async def serve_socket(self, exchange: Exchange, transport: SocketTransport) -> None:
        """Serve a WebSocket to its end; one that cannot be routed is refused before it is accepted."""
        request_id = self._next_id() if not self._trust_request_id else self._inbound_id(exchange)
        trace = self._inbound_trace(exchange.header_values("traceparent"), exchange)
        try:
            self._check_headers(exchange)
            asked = exchange.header(self._version_header) or self._asked_in_query(exchange.query_string)
            plan, params, version = self._routes.find_socket(exchange.path, asked)
        except RequestError:
            await transport.close(POLICY)
            return
        await self._controller.run_socket(plan, transport, exchange, dict(params), version, request_id, trace)

    def _inbound_id(self, exchange: Exchange) -> str:
        given = exchange.header("x-request-id")
        return given if given is not None and is_well_formed_request_id(given) else self._next_id()

    def _inbound_trace(self, parents: list[str], exchange: Exchange) -> TraceContext:
        return parse_trace(parents, exchange.header_values("tracestate"), self._bits) or new_trace(self._bits)

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

    def _refuse(self, error: RequestError, exchange: Exchange, request_id: str) -> Reply:
        """Answer what no plan serves: health checks, OPTIONS, and problems."""
        if isinstance(error, RouteNotFoundError):
            reply = self._health.answer(exchange.method, exchange.path)
            if reply is not None:
                return reply
        if isinstance(error, MethodNotAllowedError) and exchange.method == "OPTIONS":
            return Reply(204, [("allow", ", ".join(error.allowed))], b"")
        return problem_reply(error, request_id)
