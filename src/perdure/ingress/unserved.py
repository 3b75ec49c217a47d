"""What is answered where no handler serves a request: health, metrics, documents, browsers' questions, problems."""

from typing import final

from perdure.context.exchange import Exchange
from perdure.errors import MalformedRequestError, MethodNotAllowedError, MisdirectedRequestError, RequestError
from perdure.ingress.cors import Cors
from perdure.ingress.documents import Documents
from perdure.ingress.health import Health
from perdure.ingress.metrics_page import MetricsPage
from perdure.ingress.problems import problem_reply
from perdure.lifecycle.reply import Reply
from perdure.routing.manager import RouteManager

__all__ = ["Unserved"]


@final
class Unserved:
    """Answers what no plan serves. A route of the program's own goes before all of it."""

    def __init__(
        self, routes: RouteManager, health: Health, metrics: MetricsPage, documents: Documents, cors: Cors
    ) -> None:  # fmt: skip
        self._routes = routes
        self._health = health
        self._metrics = metrics
        self._documents = documents
        self._cors = cors

    async def answer(self, error: RequestError, exchange: Exchange, request_id: str, index: int) -> Reply:
        """Return the answer to *exchange*. Cancel-safe.

        Args:
            error: Why nothing serves it.
            index: Of the version it is told about.
        """
        reply = self._health.answer(exchange.method, exchange.path)
        if reply is not None and self._routes.is_free(exchange.path, error):
            return reply  # whatever version or host is asked for, or closed: a brown-out must not take the process out
        if exchange.path == self._metrics.path and self._routes.is_free(exchange.path, error):
            return await self._metrics.answer(exchange, request_id)
        if isinstance(error, MisdirectedRequestError | MalformedRequestError):
            return problem_reply(error, request_id)
        reply = self._preflight(exchange) or await self._documents.answer(exchange, error, index, request_id)
        if reply is not None:
            return reply
        if isinstance(error, MethodNotAllowedError) and exchange.method == "OPTIONS":
            return Reply(204, [("allow", ", ".join(error.allowed))], b"")
        return problem_reply(error, request_id)

    def _preflight(self, exchange: Exchange) -> Reply | None:
        """Return the answer to a browser that asks before it sends; None for every other request."""
        wanted = exchange.header("access-control-request-method")
        if exchange.method != "OPTIONS" or wanted is None or exchange.header("origin") is None:
            return None
        methods = self._routes.methods_ever(exchange.path)
        if not methods:
            return None
        return self._cors.preflight(exchange, self._routes.cors_of(wanted, exchange.path), methods)
