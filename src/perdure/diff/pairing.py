"""Which endpoint of the new API is which of the old one.

A key names its path's parameters, but clients send only their values: ``GET /users/{id}`` and ``GET /users/{user_id}``
are one endpoint. A path with a slash at its end is another than that without, since servers tell them apart; but where
one goes as the other comes, it was moved. So it was where a handler, known by its id, goes on at another path.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from perdure.manifest.records import Endpoint

__all__ = ["Pair", "pair_endpoints", "parameter_names", "renamed_in_path", "shape"]

_PARAMETER = re.compile(r"\{([^{}]*)\}")


class Pair(NamedTuple):
    """An endpoint on both sides; on one of them None where it was added or removed."""

    old: str | None
    new: str | None
    is_moved: bool = False
    """Clients must call it by another method or path."""


def shape(key: str) -> str:
    """Return *key* without the names of its parameters: ``GET /users/{}``."""
    return _PARAMETER.sub("{}", key)


def parameter_names(key: str) -> list[str]:
    """Return the names of the path parameters in *key*, in order."""
    return _PARAMETER.findall(key)


def renamed_in_path(old: str, new: str) -> dict[str, str]:
    """Return the path parameters of the key *old* that are called otherwise in *new*, which it became: old, new.

    Where the paths are the same but for names, their places tell. Where they are not, a parameter that is gone is the
    one that is new, if there is but one of each.
    """
    ours, theirs = parameter_names(old), parameter_names(new)
    if _path_shape(old) != _path_shape(new):
        ours, theirs = [name for name in ours if name not in theirs], [name for name in theirs if name not in ours]
        if len(ours) != 1 or len(theirs) != 1:
            return {}
    return {one: other for one, other in zip(ours, theirs, strict=True) if one != other}


def pair_endpoints(
    old: Mapping[str, Endpoint], new: Mapping[str, Endpoint], moves: Mapping[str, str]
) -> tuple[Pair, ...]:
    """Return every endpoint of both APIs, each old one once, sorted by path and method.

    Args:
        old: The endpoints of the old API.
        new: Those of the new API.
        moves: For old keys, the new ones; what names no endpoint of these APIs is left out.
    """
    waiting, free = dict.fromkeys(old), dict.fromkeys(new)
    known = frozenset(free)
    pairs: list[Pair] = []

    def join(before: str, after: str) -> None:
        pairs.append(Pair(before, after, shape(before) != shape(after)))
        waiting.pop(before)
        free.pop(after, None)

    for before in [key for key in waiting if moves.get(key) in known]:
        join(before, moves[before])
    for spell in (_as_written, shape, _without_slash):
        for before, after in _matches(waiting, free, spell):
            join(before, after)
    for before, after in _same_handlers(old, new):
        if before in waiting and after in free:
            join(before, after)
    pairs += [Pair(key, None) for key in waiting]
    pairs += [Pair(None, key) for key in free]
    return tuple(sorted(pairs, key=_order))


def _matches(old: Iterable[str], new: Iterable[str], spell: Callable[[str], str]) -> list[tuple[str, str]]:
    """Return those that *spell* makes the same; where several do, in the order of both."""
    candidates: dict[str, list[str]] = {}
    for key in new:
        candidates.setdefault(spell(key), []).append(key)
    for keys in candidates.values():
        keys.reverse()
    found = [(key, candidates.get(spell(key), [])) for key in old]
    return [(key, keys.pop()) for key, keys in found if keys]


def _same_handlers(old: Mapping[str, Endpoint], new: Mapping[str, Endpoint]) -> list[tuple[str, str]]:
    """Return those whose handler has one endpoint of *old* and one of *new*."""
    homes = {endpoint.handler: key for key, endpoint in new.items()}
    before, after = (Counter(endpoint.handler for endpoint in side.values()) for side in (old, new))
    return [
        (key, homes[endpoint.handler])
        for key, endpoint in old.items()
        if before[endpoint.handler] == after[endpoint.handler] == 1
    ]


def _path_shape(key: str) -> str:
    return shape(key).partition(" ")[2].rstrip("/")


def _as_written(key: str) -> str:
    return key


def _without_slash(key: str) -> str:
    return shape(key).rstrip("/")


def _order(pair: Pair) -> tuple[str, str, str]:
    method, _, path = (pair.old or pair.new or "").partition(" ")
    return path, method, pair.new or ""
