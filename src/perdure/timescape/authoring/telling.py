"""Conditions that tell which member of a union a value is."""

from collections.abc import Mapping, Sequence

from perdure.gtype.nodes import Node, Scalar, Union
from perdure.timescape.authoring.layout import literal
from perdure.timescape.kinds import Shapes, kinds_of, tags_of

__all__ = ["told_by", "value_tuple"]


def told_by(member: Node, union: Union, value: str, types: Mapping[str, Node]) -> str | None:
    """Return an expression that is true where the expression *value* is the *member* of *union*; None if none is sure.

    Args:
        types: What the names in *union* mean.
    """
    shapes = Shapes(types)
    kinds = kinds_of(member, shapes)
    others = [kinds_of(each, shapes) for each in union.members if each is not member]
    if all(not kinds & other for other in others):
        return _by_kind(kinds, frozenset().union(*others), value)
    return _by_tag(member, union, value, shapes)


def value_tuple(values: Sequence[Scalar]) -> str:
    """Return *values* as a tuple display."""
    return f"({', '.join(literal(value) for value in values)}{',' if len(values) == 1 else ''})"


def _by_kind(kinds: frozenset[type], others: frozenset[type], value: str) -> str | None:
    if int in kinds and bool in others:
        return None  # isinstance(True, int)
    names = sorted(kind.__name__ for kind in kinds - {type(None)})
    if not names:
        return f"{value} is None"
    return f"isinstance({value}, {' | '.join([*names, *(['None'] if type(None) in kinds else [])])})"


def _by_tag(member: Node, union: Union, value: str, shapes: Shapes) -> str | None:
    """Only where every object of the union has a tag of its own."""
    if union.discriminator is None:
        return None
    objects = [each for each in union.members if dict in kinds_of(each, shapes)]
    found = {id(each): tags_of(each, union.discriminator, shapes) for each in objects}
    known = [tag for tags in found.values() for tag in tags or ()]
    own = found.get(id(member))
    if not own or None in found.values() or len(set(known)) < len(known) or kinds_of(member, shapes) != {dict}:
        return None
    tag = f"{value}[{literal(union.discriminator)}]"
    is_own = f"{tag} == {literal(own[0])}" if len(own) == 1 else f"{tag} in {value_tuple(own)}"
    return is_own if len(objects) == len(union.members) else f"isinstance({value}, dict) and {is_own}"
