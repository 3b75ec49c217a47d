"""Types in words, short enough for one line of a revision file."""

from msgspec import UNSET

from perdure.gtype.nodes import (
    AnyValue,
    Array,
    Boolean,
    Bytes,
    Date,
    DateTime,
    Decimal,
    Duration,
    Enum,
    Field,
    Integer,
    Intersection,
    Literal,
    Node,
    Null,
    Number,
    Object,
    Record,
    Ref,
    String,
    Time,
    Tuple,
    Union,
    Uuid,
)  # fmt: skip

__all__ = ["article", "field_words", "listed", "words"]

_PLAIN: dict[type, str] = {
    Boolean: "true or false", Null: "null", Bytes: "bytes", Date: "date", Time: "time", DateTime: "instant",
    Duration: "duration", Uuid: "UUID", Decimal: "decimal", AnyValue: "any value",
}  # fmt: skip
_SHOWN = 6


def words(node: Node) -> str:
    """Return what *node* is, for people: ``text of 1 to 64 characters``, ``list of Line``, ``Money or null``."""
    match node:
        case Ref(name=name):
            return name
        case String():
            return _string(node)
        case Integer() | Number():
            return _number(node)
        case Array(items=items):
            size = _between(node.min_items, node.max_items, "item")
            return f"list of {words(items)}" + (f", {size}" if size else "") + (", no two equal" if node.unique else "")
        case Record(values=values):
            return f"map of {words(values)}"
        case Tuple(items=items):
            return f"list of exactly {listed([words(item) for item in items])}"
        case Object(fields=fields):
            return f"object of {listed([field.name for field in fields])}" if fields else "empty object"
        case Literal(values=values):
            return _one_of(values)
        case Enum(members=members):
            return _one_of(tuple(value for _, value in members))
        case Union(members=members):
            return " or ".join(words(member) for member in members)
        case Intersection(members=members):
            return " that is also ".join(words(member) for member in members)
        case _:
            return _PLAIN[type(node)]


def field_words(field: Field) -> str:
    """Return what the member *field* holds, and whether it must be there."""
    if field.required:
        return words(field.node)
    default = "" if field.default is UNSET or field.default is None else f", {field.default!r} if absent"
    return f"{words(field.node)}, optional{default}"


def listed(names: list[str]) -> str:
    """Return *names* with commas and an ``and``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "nothing"


def article(text: str) -> str:
    """Return *text* with ``a`` or ``an`` before it."""
    return f"an {text}" if text[:1].lower() in "aeio" else f"a {text}"


def _string(node: String) -> str:
    size = _between(node.min_length, node.max_length, "character")
    shape = f" that matches {node.pattern}" if node.pattern is not None else ""
    return "text" + (f" of {size}" if size else "") + shape


def _number(node: Integer | Number) -> str:
    name = "whole number" if isinstance(node, Integer) else "number"
    bounds = [
        f"{sign} {bound}"
        for sign, bound in (("≥", node.ge), (">", node.gt), ("≤", node.le), ("<", node.lt))
        if bound is not None
    ]
    step = [f"a multiple of {node.multiple_of}"] if node.multiple_of is not None else []
    return " ".join([name, " and ".join([*bounds, *step])]).strip()


def _between(least: int | None, most: int | None, unit: str) -> str:
    if not least and most is None:
        return ""
    if most is None:
        return f"{least} {unit}{'' if least == 1 else 's'} or more"
    if not least:
        return f"at most {most} {unit}{'' if most == 1 else 's'}"
    return f"{least} to {most} {unit}s" if least != most else f"{most} {unit}{'' if most == 1 else 's'}"


def _one_of(values: tuple[object, ...]) -> str:
    if len(values) == 1:
        return repr(values[0])
    shown = [repr(value) for value in values[:_SHOWN]]
    more = [f"{len(values) - _SHOWN} more"] if len(values) > _SHOWN else []
    return f"one of {', '.join([*shown, *more])}"
