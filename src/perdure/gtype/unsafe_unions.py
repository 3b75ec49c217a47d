"""Unions that msgspec frees wrongly.

In msgspec 0.19 to 0.22, when a decoder goes of whose type has, in one union, a string with a pattern and a list, set,
tuple of any length or dict, the pattern is freed as if it were the type of their items. That corrupts memory; the
process dies later, anywhere. A decoder that lives as long as the process is safe.
"""

import typing
from collections import abc
from typing import Annotated

from msgspec import Meta

__all__ = ["has_pattern", "holds_items"]

_ITEMS = (list, set, frozenset, dict, abc.Sequence, abc.Set, abc.Mapping, abc.Collection)


def has_pattern(annotation: object) -> bool:
    """Return whether *annotation* is of strings that match a pattern."""
    if typing.get_origin(annotation) is not Annotated:
        return False
    return any(isinstance(extra, Meta) and extra.pattern is not None for extra in typing.get_args(annotation)[1:])


def holds_items(annotation: object) -> bool:
    """Return whether *annotation* is of arrays of any length, or of dicts."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return holds_items(typing.get_args(annotation)[0])
    if annotation is tuple or (origin is tuple and Ellipsis in typing.get_args(annotation)):
        return True
    return (annotation if origin is None else origin) in _ITEMS
