"""What msgspec would say of a union it must not be given.

It takes only unions whose alternatives it can tell apart by the kind of a value, or by tags. So that trying them in
turn is as good, and as quick, they have to be such unions here, too: of two lists within each other, each of which may
hold both, the ways to read them double with every level.
"""

from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, TypedDict, Union, cast

import msgspec
from msgspec import Struct

from perdure.gtype.generics import class_of
from perdure.gtype.members import class_kind
from perdure.gtype.unsafe_unions import bare, holds_items, is_fixed_tuple

__all__ = ["refuse_ambiguous"]


def refuse_ambiguous(alternatives: list[object]) -> None:
    """Refuse a union that msgspec would refuse.

    Args:
        alternatives: None of which is a union itself.
    Raises:
        TypeError: msgspec could not tell them apart.
    """
    union: Any = Union
    # Each with another note, as a union forgets what is equal.
    outlines = tuple(_noted(_outline(bare(each)), place) for place, each in enumerate(alternatives))
    msgspec.json.Decoder(union[outlines])


@dataclass
class _Data:
    """Stands for a dataclass."""


class _Members(TypedDict):
    """Stands for a TypedDict."""


class _Row(NamedTuple):
    """Stands for a NamedTuple."""


def _outline(alternative: object) -> object:
    """Return *alternative* without what is in it."""
    if is_fixed_tuple(alternative):
        return tuple
    cls = class_of(alternative)
    if cls is None or holds_items(alternative):
        return alternative if cls is None else cls
    kind = class_kind(cls)
    if kind == "struct":
        config = cast("type[Struct]", cls).__struct_config__
        return msgspec.defstruct(
            cls.__name__, (), tag=config.tag, tag_field=config.tag_field, array_like=config.array_like
        )
    if kind in {"dataclass", "attrs"} or (kind == "pydantic" and not hasattr(cls, "model_validate")):
        return _Data
    return {"typeddict": _Members, "namedtuple": _Row}.get(kind or "", alternative)


def _noted(outline: object, note: int) -> object:
    subscriptable: Any = Annotated
    return subscriptable[outline, note]
