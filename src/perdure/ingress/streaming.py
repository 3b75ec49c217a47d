"""Sending a streamed answer, whatever the server: until its end, or until the client leaves.

Servers tell of a client's leaving in their own ways, some only when something is sent, some not even then. A stream
that waits for its next event would never hear of it, so the client is watched beside.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from perdure.errors import ClientDisconnectedError
from perdure.lifecycle.following import Followed

__all__ = ["send_stream"]


async def send_stream(
    chunks: AsyncGenerator[bytes, None],
    send: Callable[[bytes], Awaitable[None]],
    wait_disconnect: Callable[[], Awaitable[None]],
) -> bool:
    """Send all *chunks* and close them, however this ends. Cancel-safe.

    Args:
        send: Sends one chunk, when the client can take it; raises ClientDisconnectedError where it cannot any more.
        wait_disconnect: Returns when the client has left.
    Returns:
        Whether all was sent; False where the client left before.
    Raises:
        Exception: What *chunks* raised: the answer is not whole, and must not pass for it.
    """
    pump = asyncio.ensure_future(_pump(chunks, send))
    leaving = asyncio.ensure_future(wait_disconnect())
    try:
        await asyncio.wait((pump, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not pump.done():
            _note_leaving(chunks)
    finally:
        leaving.cancel()
        if not pump.done():
            pump.cancel()
            await asyncio.wait((pump, leaving))
    try:
        pump.result()
    except (ClientDisconnectedError, asyncio.CancelledError):
        return False
    return True


async def _pump(chunks: AsyncGenerator[bytes, None], send: Callable[[bytes], Awaitable[None]]) -> None:
    async with aclosing(chunks):
        async for chunk in chunks:
            try:
                await send(chunk)
            except ClientDisconnectedError:
                _note_leaving(chunks)
                raise


def _note_leaving(chunks: AsyncGenerator[bytes, None]) -> None:
    if isinstance(chunks, Followed):
        chunks.has_left = True
