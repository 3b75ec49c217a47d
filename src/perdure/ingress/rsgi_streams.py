"""Bodies that come and go in pieces, over RSGI.

Source: Granian's RSGI specification 1.6; what it leaves open was tried on Granian 2.8 (`tests/ingress`).
"""

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from perdure.context.exchange import Exchange
from perdure.context.local import current_context
from perdure.errors import ClientDisconnectedError, MalformedRequestError, PayloadTooLargeError, RequestError
from perdure.ingress.peers import Peer
from perdure.ingress.streaming import send_stream
from perdure.lifecycle.reply import Reply

__all__ = ["join_chunks", "read_chunks", "send_chunks"]

_log = logging.getLogger("perdure.ingress")


async def join_chunks(chunks: AsyncIterator[bytes]) -> bytes:
    """Return all of *chunks* in one; raises what they raise."""
    return b"".join([chunk async for chunk in chunks])


async def read_chunks(exchange: Exchange, protocol: Any, limit_bytes: int) -> AsyncIterator[bytes]:
    """Yield the body as it arrives; raises as `Exchange.chunks`.

    Raises:
        MalformedRequestError: It ends too early, or its chunks are malformed.
    """
    length = exchange.header("content-length")
    if length is not None and int(length) > limit_bytes:
        raise PayloadTooLargeError(limit_bytes)
    received = silent = 0
    try:
        async for chunk in protocol:
            received += len(chunk)
            if received > limit_bytes:
                raise PayloadTooLargeError(limit_bytes)
            if chunk:
                silent = 0
                yield chunk
            else:
                silent += 1
    except RuntimeError as error:
        raise ClientDisconnectedError("the client left before the end of its body") from error
    if length is not None and received < int(length):
        raise ClientDisconnectedError("the client left before the end of its body")
    # Granian gives an empty chunk at the end, and one more for a body that was broken off, or has trailers.
    if length is None and silent > 1 and exchange.http_version.startswith("1") and exchange.header("trailer") is None:
        raise MalformedRequestError("the body ends too early, or its chunks are malformed")


async def send_chunks(chunks: AsyncGenerator[bytes, None], reply: Reply, scope: Any, protocol: Any) -> None:
    """Send *chunks* as they come, as slowly as the client reads; cut the connection where that fails."""
    if scope.method == "HEAD":
        async with aclosing(chunks):
            protocol.response_empty(reply.status, reply.headers)
        return
    transport: Any = protocol.response_stream(reply.status, reply.headers)
    peer = Peer(scope.client, scope.server, scope.http_version)

    async def send(chunk: bytes) -> None:
        try:
            await transport.send_bytes(chunk)
        except RuntimeError as error:
            raise ClientDisconnectedError("the client left in the middle of a stream") from error
        await peer.wait_writable(len(chunk))

    try:
        await send_stream(chunks, send, protocol.client_disconnect)
    except Exception as error:  # noqa: BLE001 - the answer has begun: all that can be done is not to let it pass for whole
        was_cut = peer.cut()
        lctx = current_context()
        told = "its connection was cut" if was_cut else "its client takes it for whole"
        facts = {"request_id": lctx.request_id} if lctx is not None else {}
        if isinstance(
            error, RequestError
        ):  # what it reads from its client while it answers: anybody can break that off
            _log.info("a stream ended early, %s: %s", told, error, extra=facts)
        else:
            _log.error("a stream failed, %s: %s", told, error, exc_info=error, extra=facts)
    finally:
        # Granian ends the answer when nobody holds its transport any more; an exception's traceback may hold `send`.
        transport = None
        peer.close()
