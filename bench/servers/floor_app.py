"""The floor: Granian's RSGI and msgspec with nothing between them. Routed by hand, no framework at all."""

from typing import Protocol

import msgspec
from structs import NewOrder, find_user, place

JSON_HEADERS = [("content-type", "application/json")]
decode = msgspec.json.Decoder(NewOrder).decode
encode = msgspec.json.Encoder().encode


class Scope(Protocol):
    """What is read of an RSGI scope."""

    proto: str
    method: str
    path: str


class Exchange(Protocol):
    """What is used of an RSGI HTTP protocol."""

    async def __call__(self) -> bytes: ...

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None: ...

    def response_empty(self, status: int, headers: list[tuple[str, str]]) -> None: ...


async def app(scope: Scope, exchange: Exchange) -> None:
    """Answer one request."""
    path = scope.path
    method = scope.method
    if method == "GET" and path.startswith("/users/"):
        try:
            user_id = int(path[7:])
        except ValueError:
            exchange.response_empty(404, [])
            return
        exchange.response_bytes(200, JSON_HEADERS, encode(find_user(user_id)))
    elif method == "POST" and path == "/orders":
        try:
            order = decode(await exchange())
        except msgspec.DecodeError:
            exchange.response_empty(400, [])
            return
        exchange.response_bytes(201, JSON_HEADERS, encode(place(order)))
    else:
        exchange.response_empty(404, [])
