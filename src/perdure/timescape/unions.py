"""Which member of a union a value is, decided as cheaply as the members allow.

In this order: by the member that discriminates; by the kind of JSON value, where only one member has it; else by asking
the validators of those that share the kind, in order of declaration. A member whose type is gone after the revision
gets what fits none of the others: what its values look like now is not recorded.
"""

from collections.abc import Callable, Mapping, Sequence

from perdure.gtype.nodes import GType, Node, Null, Scalar, Union
from perdure.gtype.traversal import reachable
from perdure.gtype.validator import compile_validator
from perdure.timescape.kinds import ANY_KIND, Shapes, kinds_of, tags_of

__all__ = ["choose_member"]

_Visit = Callable[[object], object]
_Pairs = Sequence[tuple[Node, _Visit | None]]
_Accepts = Callable[[object], bool]


def choose_member(union: Union, visits: Sequence[_Visit | None], shapes: Shapes) -> _Visit | None:
    """Return what applies to a value that of *visits* which belongs to its member; None if none of them is there."""
    if not any(visits):
        return None
    pairs = list(zip(union.members, visits, strict=True))
    pairs.sort(key=lambda pair: shapes.is_gone(pair[0]))  # stable
    others = [(member, visit) for member, visit in pairs if not isinstance(member, Null)]
    if union.discriminator is not None:
        by_tag = _by_tag(union.discriminator, others, shapes)
        if by_tag is not None:
            return _visit_tagged(union.discriminator, by_tag, _only_gone(others, shapes))
    if len(others) == 1 and others[0][1] is not None:
        return _visit_not_null(others[0][1])
    return _visit_by_kind({kind: _choose(kind, pairs, shapes) for kind in ANY_KIND})


def _by_tag(discriminator: str, pairs: _Pairs, shapes: Shapes) -> dict[Scalar, _Visit | None] | None:
    found: dict[Scalar, _Visit | None] = {}
    for member, visit in pairs:
        tags = tags_of(member, discriminator, shapes)
        if tags is None:
            return None
        for tag in tags:
            found.setdefault(tag, visit)
    return found


def _choose(kind: type, pairs: _Pairs, shapes: Shapes) -> _Visit | None:
    """Return what to do with a value of *kind*."""
    possible = [(member, visit) for member, visit in pairs if kind in kinds_of(member, shapes)]
    if len(possible) < 2 or not any(visit for _, visit in possible):
        return possible[0][1] if possible else None
    otherwise = _only_gone(possible, shapes)
    asked = possible if otherwise is None else [pair for pair in possible if not shapes.is_gone(pair[0])]
    return _visit_accepted([(_accepts(member, shapes), visit) for member, visit in asked], otherwise)


def _only_gone(pairs: _Pairs, shapes: Shapes) -> _Visit | None:
    gone = [visit for member, visit in pairs if shapes.is_gone(member)]
    return gone[0] if len(gone) == 1 else None


def _accepts(node: Node, shapes: Shapes) -> _Accepts:
    return compile_validator(GType(root=node, definitions=reachable(node, shapes.types))).is_valid


def _visit_not_null(below: _Visit) -> _Visit:
    return lambda value: None if value is None else below(value)


def _visit_tagged(discriminator: str, by_tag: Mapping[Scalar, _Visit | None], otherwise: _Visit | None) -> _Visit:
    def visit(value: object) -> object:
        below = by_tag.get(value.get(discriminator), otherwise) if isinstance(value, dict) else None
        return value if below is None else below(value)

    return visit


def _visit_accepted(members: Sequence[tuple[_Accepts, _Visit | None]], otherwise: _Visit | None) -> _Visit:
    def visit(value: object) -> object:
        for accepts, below in members:
            if accepts(value):
                return value if below is None else below(value)
        return value if otherwise is None else otherwise(value)

    return visit


def _visit_by_kind(by_kind: Mapping[type, _Visit | None]) -> _Visit:
    def visit(value: object) -> object:
        kind = type(value)
        if kind not in by_kind:  # a subclass, from someone's transformer
            kind = next((each for each in kind.__mro__ if each in by_kind), kind)
        below = by_kind.get(kind)
        return value if below is None else below(value)

    return visit
