"""Asking another server: in bounded time, for a bounded answer, from that server and no other."""

import asyncio
from typing import Final, final

import httpx
from msgspec import Struct

from perdure.config.identity import is_loopback_url

__all__ = ["MAX_CONNECTIONS", "Answer", "FetchError", "Fetcher"]

MAX_CONNECTIONS: Final = 64
"""Of one `Fetcher`; more requests at once wait for each other."""


class FetchError(Exception):
    """Another server did not answer as it should; the message says how, and shows nothing of what it said."""


@final
class Answer(Struct, frozen=True):
    """What a server answered."""

    status: int
    body: bytes


@final
class Fetcher:
    """Requests to one URL.

    No redirect is followed: keys and verdicts come from where the configuration says. No compression is asked for, as a
    small answer could unpack to a huge one.

    Args:
        timeout_s: Time for all of a request, name resolution and connection included.
        limit_bytes: Largest answer that is read.
    """

    def __init__(self, url: str, *, timeout_s: float, limit_bytes: int) -> None:
        self._url: Final = url
        self._timeout_s: Final = timeout_s
        self._limit_bytes: Final = limit_bytes
        self._client: Final = httpx.AsyncClient(
            follow_redirects=False,
            timeout=timeout_s,
            limits=httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=5),
            # A proxy of the environment is for the outer world.
            trust_env=not is_loopback_url(url),
            headers={"accept": "application/json", "accept-encoding": "identity"},
        )

    async def get(self) -> Answer:
        """Return the answer to a GET. Cancel-safe.

        Raises:
            FetchError: There is none, it is too large, compressed, or comes too late.
        """
        return await self._ask(self._client.build_request("GET", self._url))

    async def post(self, form: dict[str, str], user: str, password: str) -> Answer:
        """Return the answer to a POST of *form*, with basic authentication; otherwise as `get`."""
        return await self._ask(
            self._client.build_request("POST", self._url, data=form), httpx.BasicAuth(user, password)
        )

    async def _ask(self, request: httpx.Request, auth: httpx.Auth | None = None) -> Answer:
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._client.send(request, stream=True, auth=auth)
                try:
                    return await self._read(response)
                finally:
                    await response.aclose()
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise FetchError(f"{self._url} does not answer: {type(error).__name__}") from error

    async def _read(self, response: httpx.Response) -> Answer:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise FetchError(f"{self._url} answers compressed, though it was asked not to")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > self._limit_bytes:
                raise FetchError(f"{self._url} answers with more than {self._limit_bytes} bytes")
        return Answer(response.status_code, bytes(body))

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()
