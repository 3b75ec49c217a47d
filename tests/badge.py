"""A scheme of authentication for tests that are about what comes after it."""

from typing import final

from perdure import Principal
from perdure.context.exchange import Exchange
from perdure.errors import UnauthenticatedError

__all__ = ["Badge"]


@final
class Badge:
    """Who shows a badge, in the header X-Badge, is believed, but for ``false``."""

    challenge = "Badge"
    name = "badge"
    security_scheme = {"type": "http", "scheme": "badge"}

    def credential(self, exchange: Exchange) -> str | None:
        return exchange.header("x-badge")

    def verify(self, credential: str) -> Principal:
        if credential == "false":
            raise UnauthenticatedError("a false badge")
        return Principal(subject=credential, scheme="badge")

    def remembered_s(self, principal: Principal) -> float:
        return 0

    async def start(self) -> None:
        return None

    async def stop(self) -> None:
        return None
