"""Conversions of objects: to others, of single values to objects around them, and back."""

from msgspec import UNSET

from perdure.gtype.nodes import Array, Field, Node, Object, Tuple
from perdure.timescape.authoring.converting import Converting, Spot
from perdure.timescape.authoring.counterparts import constant_of
from perdure.timescape.authoring.fitting import Fitting
from perdure.timescape.authoring.layout import Choice, Code, MapOf, Text, literal
from perdure.timescape.authoring.wording import words

__all__ = ["holds_a_list", "object_to_object", "object_to_value", "value_to_object"]


def object_to_object(converting: Converting, source: Object, target: Object, spot: Spot) -> Code:
    """Write an object anew, where all that can be known of it is certainly there."""
    ours = {field.name: field for field in source.fields}
    if any(not field.required and field.name in ours for field in target.fields):
        return converting.hole(source, target, spot)
    entries: list[tuple[str, Code]] = []
    for field in target.fields:
        own, constant = ours.get(field.name), constant_of(field.node)
        if own is not None and own.required:
            member = spot.at(field.name).called(field.name)
            entries.append((field.name, converting.converted(own.node, field.node, member)))
        elif field.required and constant is not None:
            entries.append((field.name, Text(literal(constant[0]))))
        elif field.required:
            question = f"{field.name}: {words(field.node)}"
            entries.append((field.name, converting.notes.hole(question, spot.value)))
    return MapOf(tuple(entries))


def value_to_object(converting: Converting, source: Node, target: Object, spot: Spot) -> Code:
    """Put a value into an object whose other members are known."""
    entries: list[tuple[str, Code]] = []
    only = _only_telling(target)
    for field in target.fields:
        constant = constant_of(field.node)
        if field is only:
            entries.append((field.name, converting.converted(source, field.node, spot.called(field.name))))
        elif field.required and constant is not None:
            entries.append((field.name, Text(literal(constant[0]))))
        elif field.required:
            question = f"{field.name}: {words(field.node)}, from {words(source)}"
            entries.append((field.name, converting.notes.hole(question, spot.value)))
    return MapOf(tuple(entries)) if entries else converting.hole(source, target, spot)


def object_to_value(converting: Converting, source: Object, target: Node, spot: Spot) -> Code:
    """Take the one member that tells something; a person says what comes of an object that tells more."""
    only = _only_telling(source)
    if only is None:
        return converting.hole(source, target, spot)
    made = converting.converted(only.node, target, spot.at(only.name))
    others = [each for each in source.fields if each is not only and constant_of(each.node) is None]
    if not others:
        return made
    odd = " or ".join(
        f"{each.name} is there" if each.default is UNSET else f"{each.name} is not {each.default!r}" for each in others
    )
    hole = converting.notes.hole(f"{spot.what}: {words(target)}, where {odd}", spot.value)
    return Choice(made, " and ".join(_says_nothing(each, spot.value) for each in others), hole)


def holds_a_list(node: Object, fitting: Fitting) -> bool:
    """Tell whether *node* is an object around a list."""
    only = _only_telling(node)
    return only is not None and isinstance(fitting.resolve(only.node), Array | Tuple)


def _only_telling(node: Object) -> Field | None:
    """Return the one member of *node* that must be there and may have several values; None where there are more."""
    telling = [field for field in node.fields if field.required and constant_of(field.node) is None]
    return telling[0] if len(telling) == 1 else None


def _says_nothing(field: Field, value: str) -> str:
    """Return an expression that is true where the optional member *field* of *value* is what it is by default."""
    name = literal(field.name)
    if field.default is UNSET:
        return f"{name} not in {value}"
    if field.default is None:
        return f"{value}.get({name}) is None"
    usual = literal(field.default)
    return f"{value}.get({name}, {usual}) == {usual}"
