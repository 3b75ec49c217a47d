"""Calling what takes some of the arguments of its kind, of which it names those it needs.

Source: SPEC 3.1.
"""

from collections.abc import Callable
from operator import itemgetter
from typing import Any

__all__ = ["HANDLER", "spread"]

HANDLER = ("req", "res", "lctx", "gctx")
"""What a handler, a before and an after hook may take."""


def spread(fn: Callable[..., Any], takes: tuple[str, ...], allowed: tuple[str, ...]) -> Callable[..., Any]:
    """Return a callable of all *allowed* arguments that passes on those *fn* takes."""
    if takes == allowed:
        return fn
    if allowed == HANDLER:
        return _spread_four(fn, takes)
    places = tuple(allowed.index(name) for name in takes)
    if not places:
        return lambda *_: fn()
    if len(places) == 1:
        place = places[0]
        return lambda *given: fn(given[place])
    pick = itemgetter(*places)
    return lambda *given: fn(*pick(given))


def _spread_four(fn: Callable[..., Any], takes: tuple[str, ...]) -> Callable[..., Any]:  # noqa: C901 - a table
    """Do as `spread` for handlers and hooks, without gathering arguments: it is called thrice per request."""
    match takes:
        case ():
            return lambda _req, _res, _lctx, _gctx: fn()
        case ("req",):
            return lambda req, _res, _lctx, _gctx: fn(req)
        case ("res",):
            return lambda _req, res, _lctx, _gctx: fn(res)
        case ("lctx",):
            return lambda _req, _res, lctx, _gctx: fn(lctx)
        case ("gctx",):
            return lambda _req, _res, _lctx, gctx: fn(gctx)
        case ("req", "res"):
            return lambda req, res, _lctx, _gctx: fn(req, res)
        case ("req", "lctx"):
            return lambda req, _res, lctx, _gctx: fn(req, lctx)
        case ("req", "gctx"):
            return lambda req, _res, _lctx, gctx: fn(req, gctx)
        case ("res", "lctx"):
            return lambda _req, res, lctx, _gctx: fn(res, lctx)
        case ("res", "gctx"):
            return lambda _req, res, _lctx, gctx: fn(res, gctx)
        case ("lctx", "gctx"):
            return lambda _req, _res, lctx, gctx: fn(lctx, gctx)
        case ("req", "res", "lctx"):
            return lambda req, res, lctx, _gctx: fn(req, res, lctx)
        case ("req", "res", "gctx"):
            return lambda req, res, _lctx, gctx: fn(req, res, gctx)
        case ("req", "lctx", "gctx"):
            return lambda req, _res, lctx, gctx: fn(req, lctx, gctx)
        case _:
            return lambda _req, res, lctx, gctx: fn(res, lctx, gctx)
