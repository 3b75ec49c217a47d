"""Conversions of what is one of several types: values that may be null, unions."""

from perdure.gtype.nodes import Array, Node, Null, Tuple, Union
from perdure.timescape.authoring.converting import Converting, Spot
from perdure.timescape.authoring.layout import Call, Choice, Code, Text
from perdure.timescape.authoring.telling import told_by
from perdure.timescape.authoring.wording import words

__all__ = ["from_nullable", "from_union", "has_null", "into_union"]


def from_nullable(converting: Converting, source: Node, target: Node, spot: Spot) -> Code:
    """Convert what is not null; null stays, or becomes an empty list, or a person says what comes of it."""
    inner, shape = _without_null(source), _without_null(target)
    made = converting.converted(inner, target, spot)
    is_there = f"{spot.value} is not None"
    if has_null(target):
        return Choice(made, is_there, Text("None"))
    if isinstance(shape, Array) and not shape.min_items and not isinstance(converting.fitting.resolve(inner), Array):
        return Choice(made, is_there, Text("[]"))
    return Choice(made, is_there, converting.notes.hole(f"{spot.what}: {words(target)} where it was null"))


def into_union(converting: Converting, source: Node, target: Union, spot: Spot) -> Code:
    """Convert to the first member of *target* for which no person is needed."""
    resolve = converting.fitting.resolve
    members = [member for member in target.members if not isinstance(resolve(member), Null)]
    if isinstance(source, Array) and len(members) < len(target.members) and len(members) == 1:
        shape = resolve(members[0])
        if not isinstance(shape, Array | Tuple):
            return Choice(Text("None"), f"not {spot.value}", converting.converted(source, shape, spot))
    if isinstance(source, Union):
        return from_union(converting, source, target, spot)
    if len(members) == 1:
        return converting.converted(source, members[0], spot)
    for member in members:
        trial = converting.trial()
        if trial.convert(source, member, spot) is not None and not trial.notes.holes:
            return converting.converted(source, member, spot)
    return converting.hole(source, target, spot)


def from_union(converting: Converting, source: Union, target: Node, spot: Spot) -> Code:
    """Tell members that do not fit by their tag or their kind, and convert each."""
    fitting, notes = converting.fitting, converting.notes
    odd = [member for member in source.members if not fitting.fits(member, target)]
    conditions = [told_by(member, source, spot.value, fitting.types) for member in odd]
    if None in conditions:
        return converting.hole(source, target, spot)
    asked = notes.holes
    made = [converting.converted(member, target, spot) for member in odd]
    is_all_odd = len(odd) == len(source.members)
    if is_all_odd and all(isinstance(each, Call) and each.function == "revision.todo" for each in made):
        notes.holes = asked
        return converting.hole(source, target, spot)
    code = made.pop() if is_all_odd else Text(spot.value)
    for each, condition in reversed(list(zip(made, conditions, strict=False))):
        code = Choice(each, condition or "", code)
    return code


def has_null(node: Node) -> bool:
    """Tell whether null is one of the values of *node*."""
    return isinstance(node, Null) or (isinstance(node, Union) and any(isinstance(each, Null) for each in node.members))


def _without_null(node: Node) -> Node:
    if not isinstance(node, Union):
        return node
    members = tuple(each for each in node.members if not isinstance(each, Null))
    return members[0] if len(members) == 1 else Union(members=members, discriminator=node.discriminator)
