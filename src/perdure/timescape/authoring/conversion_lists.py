"""Conversions of lists, pairs and maps, and of single values to lists and back."""

from perdure.gtype.nodes import Array, Node, Record, Tuple
from perdure.timescape.authoring.converting import Converting, Spot
from perdure.timescape.authoring.layout import Choice, Code, Each, ListOf, Text
from perdure.timescape.authoring.wording import words

__all__ = ["list_to_list", "map_to_map", "only_item", "tuple_to_tuple", "value_to_list"]


def list_to_list(converting: Converting, source: Array, target: Array, spot: Spot) -> Code:
    """Convert each item; a person says what comes of lists that are too short or too long for *target*."""
    item = spot.each()
    below = converting.convert(source.items, target.items, item)
    made: Code = Text(spot.value) if below is None else Each(below, item.value, spot.value)
    if target.unique and not source.unique:
        return converting.hole(source, target, spot)
    bounds = []
    if target.min_items and (source.min_items or 0) < target.min_items:
        bounds.append(f"len({spot.value}) >= {target.min_items}")
    if target.max_items is not None and (source.max_items is None or source.max_items > target.max_items):
        bounds.append(f"len({spot.value}) <= {target.max_items}")
    if not bounds:
        return made
    return Choice(made, " and ".join(bounds), converting.hole(source, target, spot))


def tuple_to_tuple(converting: Converting, source: Tuple, target: Tuple, spot: Spot) -> Code:
    """Convert each item of a tuple to that of another, which has as many."""
    pairs = enumerate(zip(source.items, target.items, strict=True))
    return ListOf(tuple(converting.converted(one, other, spot.at(place)) for place, (one, other) in pairs))


def map_to_map(converting: Converting, source: Record, target: Record, spot: Spot) -> Code:
    """Convert each value; the keys stay."""
    item = spot.each()
    below = converting.converted(source.values, target.values, item)
    return Each(below, f"name, {item.value}", f"{spot.value}.items()", key="name")


def value_to_list(converting: Converting, source: Node, target: Array, spot: Spot) -> Code:
    """Make a list of one item, if *target* may be that short and that long."""
    if (target.min_items or 0) > 1 or target.max_items == 0:
        return converting.hole(source, target, spot)
    return ListOf((converting.converted(source, target.items, spot),))


def only_item(converting: Converting, source: Array, target: Node, made: Code, spot: Spot) -> Code:
    """Take what is *made* of the first item of a list; a person says what comes of lists with none or several."""
    if source.min_items == source.max_items == 1:
        return made
    question = f"{spot.what}: {words(target)}, from a list without or with several items"
    return Choice(made, f"len({spot.value}) == 1", converting.notes.hole(question, spot.value))
