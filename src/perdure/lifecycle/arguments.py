"""Which parameters a handler or hook takes, decided once, and how it is called.

A callable names what it needs of ``req, res, lctx, gctx`` in this order (a catch hook also ``error``, first; a
WebSocket handler ``ws`` in place of ``res``). Everything else is refused where it is registered.

Source: SPEC 3.1, property 1.
"""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, final

from msgspec import Struct

from perdure.errors import SignatureError
from perdure.lifecycle.spreading import HANDLER, spread

__all__ = ["CATCH", "HANDLER", "SOCKET", "Callback", "describe", "inspect_callback"]

CATCH = ("error", *HANDLER)
"""What a catch hook may take."""

SOCKET = ("req", "ws", "lctx", "gctx")
"""What a WebSocket handler may take."""


@final
class Callback(Struct, frozen=True):
    """A checked callable, ready to be called with all of its kind's arguments."""

    fn: Callable[..., Any]
    call: Callable[..., Any]
    """Takes every argument of the kind, in order, and passes on those *fn* names."""
    takes: tuple[str, ...]
    is_async: bool
    streams: bool
    """Calling it makes an iterator: it was written with ``yield``."""


def describe(fn: object) -> str:
    """Return where *fn* is defined: ``create_order (app.py:31)``."""
    target = inspect.unwrap(fn) if callable(fn) else fn
    target = getattr(target, "func", target)
    code = getattr(target, "__code__", None) or getattr(type(target).__call__, "__code__", None)
    name = getattr(target, "__qualname__", type(target).__qualname__)
    return f"{name} ({code.co_filename}:{code.co_firstlineno})" if code is not None else name


def inspect_callback(fn: Callable[..., Any], allowed: tuple[str, ...] = HANDLER) -> Callback:
    """Check that *fn* takes only *allowed* parameters, in that order, and prepare its call.

    Raises:
        SignatureError: It does not; the message names function, file, line and parameter.
    """
    if not callable(fn):
        raise SignatureError(f"{fn!r} is not callable")
    try:
        parameters = inspect.signature(fn).parameters.values()
    except (ValueError, TypeError) as error:
        raise SignatureError(f"{describe(fn)} has no signature to check: {error}") from error
    takes: list[str] = []
    bound = {*fn.keywords} - {*allowed} if isinstance(fn, partial) else set[str]()
    for parameter in parameters:
        if parameter.name in bound:
            continue
        problem = _refusal(parameter, takes, allowed)
        if problem:
            raise SignatureError(f"{describe(fn)}: parameter {parameter.name!r} {problem}")
        takes.append(parameter.name)
    target = fn if inspect.isroutine(fn) else getattr(fn, "func", None) or type(fn).__call__
    streams = inspect.isasyncgenfunction(target) or inspect.isgeneratorfunction(target)
    is_async = inspect.iscoroutinefunction(target) or inspect.isasyncgenfunction(target)
    return Callback(fn, spread(fn, tuple(takes), allowed), tuple(takes), is_async, streams)


def _refusal(parameter: inspect.Parameter, taken: list[str], allowed: tuple[str, ...]) -> str:
    order = ", ".join(allowed)
    if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
        return f"collects arguments; name what you need of: {order}"
    if parameter.kind is parameter.KEYWORD_ONLY:
        return f"is keyword-only; {order} are passed by position"
    if parameter.name not in allowed:
        return f"is none of: {order}"
    if parameter.default is not parameter.empty:
        return "has a default; what a handler names is always given"
    if taken and allowed.index(parameter.name) < allowed.index(taken[-1]):
        return f"comes after {taken[-1]!r}; the order is: {order}"
    return ""
