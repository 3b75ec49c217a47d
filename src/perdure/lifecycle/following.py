"""Streamed answers and WebSockets, watched on their way to the server: how much was sent, and how that ended.

The request is over for everybody else when its answer is ready; a stream may go on for days after that.
"""

import logging
from collections.abc import AsyncGenerator, Callable
from time import perf_counter
from typing import Any, Final, final

from perdure.context.local import LocalContext
from perdure.context.socket import SocketTransport
from perdure.context.streaming import Outcome, StreamEnd, StreamRecorder
from perdure.errors import ClientDisconnectedError, SocketClosedError
from perdure.lifecycle.reply import BODILESS, FileSlice, Reply

__all__ = ["Followed", "FollowedSocket", "follow", "tell_end"]

_STREAMED: Final = -1
_log = logging.getLogger("perdure.lifecycle")

_Over = Callable[[Outcome, Exception | None, int], None]


def follow(reply: Reply, lctx: LocalContext, recorders: tuple[StreamRecorder, ...], begun: float) -> int:
    """Return how many bytes the body of *reply* will have; -1 where it is streamed.

    In the latter case *recorders* will be told when it has been.

    Args:
        reply: Its body is replaced by one that is watched.
        lctx: Of the request.
        recorders: See `StreamRecorder.streamed`.
        begun: When the answer was ready, on the clock of `time.perf_counter`.
    """
    body = reply.body
    if lctx._exchange.method == "HEAD" or reply.status in BODILESS:
        return 0
    if isinstance(body, bytes):
        return len(body)
    if isinstance(body, FileSlice):
        return body.stop - body.start
    if not recorders:
        return _STREAMED

    def over(outcome: Outcome, error: Exception | None, sent_bytes: int) -> None:
        end = StreamEnd(
            status=reply.status, outcome=outcome, error=error, sent_bytes=sent_bytes, begun=begun,
            ended=perf_counter(),
        )  # fmt: skip
        tell_end(recorders, lctx, end)

    reply.body = Followed(body, over)
    return _STREAMED


def tell_end(recorders: tuple[StreamRecorder, ...], lctx: LocalContext, end: StreamEnd) -> None:
    """Tell *recorders* how a stream ended."""
    for recorder in recorders:
        try:
            recorder.streamed(lctx, end)
        except Exception as failure:  # noqa: BLE001 - whoever looks on must not disturb whom it looks at
            _log.error("a recorder failed: %s", failure, exc_info=failure, extra={"request_id": lctx.request_id})


@final
class Followed(AsyncGenerator[bytes, None]):
    """Chunks as they are sent.

    No generator of our own: one that is closed before it began runs nothing, and its end would not be told.

    Args:
        chunks: What is streamed.
        over: Called once, at the end: with the outcome, what broke it, and how many bytes were sent.
    """

    __slots__ = ("_chunks", "_over", "_pending", "_sent", "has_left")

    def __init__(self, chunks: AsyncGenerator[bytes, None], over: _Over) -> None:
        self._chunks = chunks
        self._over: _Over | None = over
        self._pending = 0
        """Bytes of the last chunk: it was sent when the next one is asked for."""
        self._sent = 0
        self.has_left = False
        """Whether the client has left; who sends the chunks sets it before it closes them."""

    async def __anext__(self) -> bytes:
        """Return the next chunk; the one before was sent."""
        self._sent += self._pending
        self._pending = 0
        try:
            chunk = await self._chunks.__anext__()
        except StopAsyncIteration:
            self._end("complete", None)
            raise
        except ClientDisconnectedError:
            self._end("left", None)  # the handler streams what it reads from the client
            raise
        except Exception as error:
            self._end("broken", error)
            raise
        self._pending = len(chunk)
        return chunk

    async def asend(self, value: None) -> bytes:  # noqa: ARG002 - a generator has it; nobody sends anything
        """Return the next chunk."""
        return await self.__anext__()

    async def athrow(self, kind: Any, value: Any = None, traceback: Any = None) -> bytes:
        """Let an error be raised where the chunks come from."""
        return await self._chunks.athrow(kind, value, traceback)

    async def aclose(self) -> None:
        """Close the chunks: there was an end to them before, or now there is."""
        try:
            await self._chunks.aclose()
        finally:
            self._end("left" if self.has_left else "cut", None)

    def _end(self, outcome: Outcome, error: Exception | None) -> None:
        over, self._over = self._over, None
        if over is not None:
            over(outcome, error, self._sent)


@final
class FollowedSocket:
    """A WebSocket's transport, as `perdure.context.socket.SocketTransport`, that counts what is sent."""

    __slots__ = ("_begun", "_has_left", "_sent", "_transport")

    def __init__(self, transport: SocketTransport) -> None:
        self._transport = transport
        self._begun = perf_counter()
        self._sent = 0
        self._has_left = False

    async def accept(self) -> None:
        """Take the client's offer."""
        await self._transport.accept()
        self._begun = perf_counter()

    async def receive(self) -> str | bytes:
        """Return the next message; raises as `SocketTransport.receive`."""
        try:
            return await self._transport.receive()
        except SocketClosedError:
            self._has_left = True
            raise

    async def send(self, message: str | bytes) -> None:
        """Send a message; raises as `SocketTransport.send`."""
        try:
            await self._transport.send(message)
        except SocketClosedError:
            self._has_left = True
            raise
        whole = message if isinstance(message, bytes) or message.isascii() else message.encode("utf-8", "surrogatepass")
        self._sent += len(whole)

    async def close(self, code: int) -> None:
        """Say good-bye."""
        await self._transport.close(code)

    async def refuse(self, status: int) -> None:
        """Answer the client's offer with *status* instead of accepting it."""
        await self._transport.refuse(status)

    def end(self, status: int, error: BaseException | None, *, is_broken: bool) -> StreamEnd:
        """Return how it ended, now, after it was accepted.

        Args:
            status: What its offer was answered with.
            error: What ended it, but for the client's leaving.
            is_broken: Whether that was the program's fault.
        """
        outcome: Outcome = "broken" if is_broken else "cut" if error else "left" if self._has_left else "complete"
        return StreamEnd(
            status=status, outcome=outcome, error=error, sent_bytes=self._sent, begun=self._begun, ended=perf_counter()
        )
