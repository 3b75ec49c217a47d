"""Clients that are never the same twice: other addresses, paths, ids, tokens, versions, agents with each request."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Final, final

from harness.scenarios import SCENARIOS
from harness.tokens import token_of

__all__ = ["CONNECTIONS", "visit"]

CONNECTIONS: Final = 32
_LEAVES_EACH: Final = 500
"""Each so manieth request is for a slow answer, and the client leaves before it comes."""
_PATIENCE_S: Final = 0.01
_KNOWN: Final = 1000
"""Clients that come again and again, until they are told to wait."""
_OLDEST, _NEWEST = SCENARIOS["post_oldest"], SCENARIOS["post"]


async def visit(port: int, numbers: range) -> Counter[int]:
    """Send the requests *numbers* to the server at *port*, over connections that are kept.

    Returns:
        How many were answered with which status; 0 is who left, or was left.
    """
    seen: Counter[int] = Counter()
    left = iter(numbers)
    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(_stay(port, left, seen))
    return seen


async def _stay(port: int, left: Iterator[int], seen: Counter[int]) -> None:
    loop = asyncio.get_running_loop()
    for number in left:
        _, visitor = await loop.create_connection(lambda: _Visitor(left, seen), "127.0.0.1", port)
        visitor.send(number)
        await visitor.gone


@final
class _Visitor(asyncio.Protocol):
    """One connection: sends the next request as soon as the last is answered."""

    def __init__(self, left: Iterator[int], seen: Counter[int]) -> None:
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._left, self._seen = left, seen
        self._answer = b""
        self._waits = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self, number: int) -> None:
        """Send the request *number*."""
        self._waits = True
        self._transport.write(_request(number))
        if number % _LEAVES_EACH == 0:
            asyncio.get_running_loop().call_later(_PATIENCE_S, self._transport.abort)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, blank, body = self._answer.partition(b"\r\n\r\n")
        _, _, length = head.partition(b"content-length: ")
        if not blank or len(body) < int(length.partition(b"\r\n")[0] or 0):
            return
        self._seen[int(head[9:12])] += 1
        self._answer, self._waits = b"", False
        number = next(self._left, None)
        if number is None:
            self._transport.close()
        elif not self._transport.is_closing():
            self.send(number)

    def connection_lost(self, exc: Exception | None) -> None:
        self._seen[0] += self._waits
        self.gone.set_result(None)


def _request(number: int) -> bytes:
    """Return the request *number*, the same in each run."""
    chance = Random(number)
    method, path, body = _asked(number, chance)
    headers = {
        "host": f"{chance.choice(('www', 'api', 'old'))}.shop.example",
        "user-agent": f"soak/{number} ({chance.getrandbits(64):x})",
        "x-forwarded-for": _address(number, chance),
        "x-request-id": f"soak-{number}-{chance.getrandbits(32):x}",
        "accept-language": f"x-{number:x}",
        "traceparent": f"00-{number + 1:032x}-{number + 1:016x}-01",
        "tracestate": f"soak={number:x}",
        **_claims(number, chance),
    }
    if body:
        headers |= {"content-type": "application/json", "content-length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def _asked(number: int, chance: Random) -> tuple[str, str, bytes]:
    if number % _LEAVES_EACH == 0:
        return "GET", f"/slow/{number}", b""
    match chance.randrange(100):
        case 0:
            return "GET", f"/broken/{number}", b""
        case 1:
            return f"BREW{number}", f"/users/{number}", b""
        case 2:
            return "OPTIONS", f"/users/{number}", b""
        case 3:
            return "POST", "/orders", json.dumps({f"unknown{number}": number}).encode()
        case kind if kind < 15:
            return "GET", f"/nowhere/{number}/{chance.getrandbits(128):x}", b""
        case kind if kind < 25:
            return "GET", f"/things/{chance.getrandbits(128):x}?page={number}&q={chance.getrandbits(64):x}", b""
        case kind if kind < 35:
            return "POST", f"/orders?{chance.getrandbits(32):x}", (_OLDEST if kind % 2 else _NEWEST).body
        case _:
            return "GET", f"/users/{number}", b""


def _address(number: int, chance: Random) -> str:
    match chance.randrange(4):
        case 0:
            return f"192.0.2.{chance.randrange(32)}"
        case 1:
            return f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::1"
        case _:
            return f"{20 + (number >> 24)}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def _claims(number: int, chance: Random) -> dict[str, str]:
    """Return who the client says it is, and in which version it wants its answer."""
    claims: dict[str, str] = {}
    match chance.randrange(20):
        case 0 | 1:
            claims["authorization"] = f"Bearer {token_of(f'client {number}')}"
        case 2:
            claims["authorization"] = f"Bearer {token_of(f'known {chance.randrange(_KNOWN)}')}"
        case 3:
            claims["authorization"] = f"Bearer {chance.getrandbits(256):x}"
        case 4:
            claims["origin"] = f"https://{number}.shop.example"
            claims["access-control-request-method"] = "GET"
    match chance.randrange(20):
        case 0 | 1:
            claims["api-version"] = f"{2025 + number % 2}-{1 + number % 12:02}-{1 + number % 28:02}"
        case 2:
            claims["api-version"] = f"v1.{number}.{number % 7}"
        case 3:
            claims["api-version"] = f"partners-{number}"
        case 4 | 5 | 6 | 7:
            claims["api-version"] = _OLDEST.version
        case 8 | 9 | 10 | 11:
            claims["api-version"] = _NEWEST.version
    return claims
