"""Unions that msgspec keeps wrongly in memory.

msgspec 0.19 to 0.22 does so once it has compiled a type with one of these in one union. With the first two it corrupts
memory, and the process dies later, anywhere:

- A string with a pattern, and a list, set, tuple of any length or dict: when the decoder goes, the pattern is freed as
  if it were the type of their items.
- A tuple of one length, and a number with bounds, or text, bytes or a dict of bounded size: msgspec stores the tuple
  where it looks for the bounds, and the other way round. It holds to bounds nobody gave, and the next garbage
  collection follows addresses that are none.
- A float from a bound on, and one above a bound; or a float up to a bound, and one below: all bounds stored after them
  are looked for one place too far, so that others are held to.

So msgspec is never given such a type: see `perdure.gtype.safe_decoding` for types of users, and
`perdure.gtype.mirror_parts` for mirrors.
"""

import collections.abc
import typing
from collections.abc import Iterable
from typing import Annotated, Final

from msgspec import Meta

__all__ = ["bare", "has_pattern", "holds_items", "is_bounded", "is_fixed_tuple", "is_unsafe"]

_ITEMS: Final = frozenset({
    list, set, frozenset, dict, collections.abc.Collection, collections.abc.Sequence, collections.abc.MutableSequence,
    collections.abc.Set, collections.abc.MutableSet, collections.abc.Mapping, collections.abc.MutableMapping,
})  # fmt: skip
_BOUNDS: Final = ("ge", "gt", "le", "lt", "multiple_of", "min_length", "max_length")


def is_unsafe(alternatives: Iterable[object]) -> bool:
    """Return whether msgspec keeps the union of *alternatives*, none of which is a union itself, wrongly."""
    found = tuple(alternatives)
    if any(map(holds_items, found)) and any(map(has_pattern, found)):
        return True
    return (any(map(is_fixed_tuple, found)) and any(map(is_bounded, found))) or _mix_bounds(found)


def _mix_bounds(alternatives: tuple[object, ...]) -> bool:
    """Return whether there are two floats among *alternatives*, bounded on one side with and without the bound."""
    floats = [each for each in alternatives if bare(each) is float]
    names = {name for each in floats for meta in _metas(each) for name in _BOUNDS if getattr(meta, name) is not None}
    return len(floats) > 1 and (names >= {"ge", "gt"} or names >= {"le", "lt"})


def has_pattern(annotation: object) -> bool:
    """Return whether *annotation* is of strings that match a pattern."""
    return any(meta.pattern is not None for meta in _metas(annotation))


def is_bounded(annotation: object) -> bool:
    """Return whether *annotation* is of numbers within bounds, or of anything of bounded size."""
    return any(getattr(meta, name) is not None for meta in _metas(annotation) for name in _BOUNDS)


def holds_items(annotation: object) -> bool:
    """Return whether *annotation* is of arrays of any length, or of dicts."""
    base = bare(annotation)
    origin = typing.get_origin(base)
    if base is tuple or base is typing.Tuple or (origin is tuple and Ellipsis in typing.get_args(base)):  # noqa: UP006
        return True
    kind = base if origin is None else origin
    return isinstance(kind, type) and kind in _ITEMS


def is_fixed_tuple(annotation: object) -> bool:
    """Return whether *annotation* is of tuples of one length; NamedTuples are told apart."""
    base = bare(annotation)
    return typing.get_origin(base) is tuple and not holds_items(base)


def bare(annotation: object) -> object:
    """Return *annotation* without the metadata of ``Annotated``."""
    return typing.get_args(annotation)[0] if typing.get_origin(annotation) is Annotated else annotation


def _metas(annotation: object) -> list[Meta]:
    if typing.get_origin(annotation) is not Annotated:
        return []
    return [extra for extra in typing.get_args(annotation)[1:] if isinstance(extra, Meta)]
