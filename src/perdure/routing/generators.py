"""Handlers that answer piece by piece, by the annotation of what they yield.

Bytes and text become the body as they come, events an event stream. Nothing else has a form on the wire that could
be cut into pieces, so it is refused here rather than in the middle of an answer.
"""

import collections.abc
from collections.abc import Awaitable, Callable
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from msgspec.structs import replace

from perdure.context.answers import EventStream
from perdure.context.sse import Event
from perdure.errors import TypeDefinitionError
from perdure.lifecycle.answering import ANSWERS
from perdure.lifecycle.arguments import Callback

__all__ = ["ITERATORS", "STREAMS", "UNDECLARED", "show_hint", "streaming_callback"]

STREAMS = (collections.abc.AsyncIterator, collections.abc.AsyncIterable, collections.abc.AsyncGenerator)
"""The types of what arrives, or leaves, piece by piece."""

ITERATORS = (*STREAMS, collections.abc.Iterator, collections.abc.Generator)
"""The types of answers that are streams."""

_PIECES = (bytes, str, bytearray, memoryview)
_ITERATIONS = (collections.abc.AsyncIterator, collections.abc.Iterator)


class _Undeclared:
    """Stands for a type that was not declared."""

    def __repr__(self) -> str:
        return "UNDECLARED"


UNDECLARED: Any = _Undeclared()


def streaming_callback(callback: Callback, response: Any, where: str) -> Callback:
    """Return *callback*, made to answer an `EventStream` where it yields events.

    Args:
        callback: The handler.
        response: Its declared response type, or `UNDECLARED`.
        where: The handler's place, for messages.
    Raises:
        TypeDefinitionError: It yields what cannot be streamed, or yields though it is declared to return something.
    """
    origin = get_origin(response) or response
    iterates = origin in ITERATORS or (callback.streams and origin is collections.abc.Iterable)
    if not iterates:
        if callback.streams and response is not UNDECLARED and origin not in ANSWERS:
            raise TypeDefinitionError(
                f"{where}: yields, but is declared to answer {show_hint(response)}: return it, or declare an iterator "
                "of bytes, str or Event"
            )
        return callback
    pieces = _alternatives(next(iter(get_args(response)), Any))
    if Event in pieces and all(piece is Event or piece is str for piece in pieces):
        return replace(callback, call=_as_events(callback))
    for piece in pieces:
        if piece not in (*_PIECES, Any, object) and not isinstance(piece, TypeVar):
            raise TypeDefinitionError(
                f"{where}: yields {show_hint(piece)}, which cannot be streamed: yield bytes, str or Event, or return a "
                "list"
            )
    return callback


def _alternatives(hint: Any) -> tuple[Any, ...]:
    if get_origin(hint) is Annotated:
        return _alternatives(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        return tuple(piece for member in get_args(hint) for piece in _alternatives(member))
    return (hint,)


def _as_events(callback: Callback) -> Callable[..., Any]:
    """Return *callback*'s call with what it answers as an event stream."""
    call = callback.call
    if callback.streams or not callback.is_async:
        return lambda *given: _events(call(*given))

    async def answer(*given: Any) -> object:
        pending: Awaitable[object] = call(*given)
        return _events(await pending)

    return answer


def _events(value: object) -> object:
    """Return an iterator as an event stream; anything else, such as None, is another answer."""
    return EventStream(value) if isinstance(value, _ITERATIONS) else value


def show_hint(hint: Any) -> str:
    """Return an annotation as it is written."""
    return hint.__qualname__ if isinstance(hint, type) else str(hint).replace("typing.", "")
