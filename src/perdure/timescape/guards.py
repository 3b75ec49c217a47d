"""What stands between a revision's functions and the request: every failure says which revision and where.

A `Problem` is a transformer's own answer and passes; anything else a function raises becomes the cause of an
`UntranslatableRequestError` or `UntranslatableResponseError`.
"""

from collections.abc import Callable, Mapping, Sequence

from perdure.context.response import Response
from perdure.errors import Problem, UntranslatableRequestError, UntranslatableResponseError
from perdure.timescape.parts import RequestParts, ResponseParts
from perdure.timescape.revision import Direction, Transformer

__all__ = ["Step", "guard_parts", "guard_step", "guard_value"]

Step = Callable[[RequestParts | ResponseParts], None]
"""Change a request or an answer in place."""

_PASSING = (Problem, UntranslatableRequestError, UntranslatableResponseError)


def guard_value(revision: str, transformer: Transformer) -> Callable[[object], object]:
    """Return the function of a type-level *transformer* of *revision*, guarded."""
    function, target, failure = transformer.function, transformer.target, _failure(transformer.direction)

    def carry(value: object) -> object:
        try:
            return function(value)
        except Problem:
            raise
        except Exception as error:
            raise failure(revision, target) from error

    return carry


def guard_parts(revision: str, transformer: Transformer) -> Step:
    """Return the function of a handler-level *transformer* of *revision*, guarded.

    It must return nothing, and leave a status and headers that can be sent: servers may end the connection over others.
    """
    function, target, failure = transformer.function, transformer.target, _failure(transformer.direction)

    def carry(parts: RequestParts | ResponseParts) -> None:
        try:
            if isinstance(parts, ResponseParts):
                before = dict(parts.headers)
                answer = function(parts)
                _check_sendable(parts, before)
            else:
                answer = function(parts)
        except Problem:
            raise
        except Exception as error:
            raise failure(revision, target) from error
        if answer is not None:
            raise failure(revision, target) from TypeError(
                f"{transformer.place}: it must change its argument and return None"
            )

    return carry


def guard_step(revision: str, key: str, direction: Direction, steps: Sequence[Step]) -> Step | None:
    """Return *steps* as one, or None; where a value is too deep or odd to be walked, the endpoint *key* is blamed."""
    if not steps:
        return None
    failure = _failure(direction)
    first, *others = steps

    def carry(parts: RequestParts | ResponseParts) -> None:
        try:
            first(parts)
            for step in others:
                step(parts)
        except _PASSING:
            raise
        except Exception as error:
            raise failure(revision, key) from error

    return carry


def _check_sendable(parts: ResponseParts, before: Mapping[str, str]) -> None:
    """Put the names of headers in lower case.

    Raises:
        ValueError: The status is none an answer ends with, or a header that is not in *before* cannot be sent.
        TypeError: The headers are no dict of texts.
    """
    if type(parts.status) is not int or not 200 <= parts.status <= 599:
        raise ValueError(f"the status is {parts.status!r}, not one of 200 to 599"[:120])
    if type(parts.headers) is not dict:
        raise TypeError("the headers must stay a dict")
    if parts.headers == before:
        return
    scratch, headers = Response[object](), dict[str, str]()
    for name, value in parts.headers.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"the header {name!r} is {value!r}: names and values are texts"[:120])
        if before.get(name) != value:
            scratch.set_header(name, value)
            name = name.lower()
        headers[name] = value
    parts.headers = headers


def _failure(direction: Direction) -> type[UntranslatableRequestError] | type[UntranslatableResponseError]:
    return UntranslatableRequestError if direction == "request" else UntranslatableResponseError
