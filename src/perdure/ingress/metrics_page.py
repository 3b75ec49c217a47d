"""``/metrics``: what Prometheus reads."""

import asyncio
from collections.abc import Awaitable, Callable
from hmac import compare_digest
from typing import Final, final

from perdure.config import MetricsSettings
from perdure.context.exchange import Exchange
from perdure.context.secret import Secret
from perdure.errors import IdentityUnavailableError, MethodNotAllowedError, SecretError, UnauthenticatedError
from perdure.ingress.problems import problem_reply
from perdure.lifecycle.reply import Reply
from perdure.telemetry.families import Family
from perdure.telemetry.prometheus import chosen_format, expose

__all__ = ["MetricsPage"]

_METHODS: Final = ("GET", "HEAD")
_CHALLENGE: Final = 'Bearer realm="metrics"'


@final
class MetricsPage:
    """Answers whoever collects metrics. A route of the program's own at the same path goes first.

    Args:
        settings: Where it is, and who may read it.
        collect: Returns what was counted, by all processes of the server.
        read_secret: Returns a secret by its name.
    """

    def __init__(
        self, settings: MetricsSettings, collect: Callable[[], Awaitable[list[Family]]],
        read_secret: Callable[[str], Awaitable[Secret]],
    ) -> None:  # fmt: skip
        self.path = settings.path
        self._secret = settings.secret
        self._collect = collect
        self._read_secret = read_secret

    async def answer(self, exchange: Exchange, request_id: str) -> Reply:
        """Return the answer to *exchange*, which asks for the page. Cancel-safe."""
        if exchange.method not in _METHODS:
            return problem_reply(MethodNotAllowedError(exchange.method, _METHODS), request_id)
        try:
            await self._admit(exchange)
        except (UnauthenticatedError, IdentityUnavailableError) as error:
            return problem_reply(error, request_id)
        families = await self._collect()
        form = chosen_format(",".join(exchange.header_values("accept")))
        text = await asyncio.to_thread(expose, families, form)
        headers = [("content-type", form.content_type), ("cache-control", "no-store"), ("vary", "accept")]
        return Reply(200, headers, text)

    async def _admit(self, exchange: Exchange) -> None:
        if self._secret is None:
            return
        scheme, _, token = (exchange.header("authorization") or "").partition(" ")
        try:
            secret = await self._read_secret(self._secret)
        except SecretError as error:
            raise IdentityUnavailableError(f"the secret that lets in who reads metrics: {error}") from error
        known = secret.reveal_bytes()
        if scheme.lower() != "bearer" or not compare_digest(token.strip().encode("utf-8", "replace"), known):
            raise UnauthenticatedError("no token for the metrics, or another", (_CHALLENGE,))
