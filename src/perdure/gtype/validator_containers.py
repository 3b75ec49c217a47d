"""Checks for values with structure, and for combinations of types."""

from collections.abc import Callable
from typing import Final

from perdure.gtype.depth import MAX_DEPTH
from perdure.gtype.nodes import (
    AnyValue,
    Array,
    Boolean,
    Enum,
    Field,
    GType,
    Integer,
    Intersection,
    Literal,
    Node,
    Null,
    Number,
    Object,
    Record,
    Tuple,
    Union,
)
from perdure.gtype.nodes import Decimal as DecimalNode
from perdure.gtype.validator_faults import ABSENT, Check, Path, Refused, Refuser, Rule, Show, Sink, brief, size_rule
from perdure.gtype.validator_scalars import allowed_values, json_key

__all__ = [
    "Compile", "accepts", "array_check", "intersection_check", "json_kind", "json_kinds", "object_check", "phrase",
    "record_check", "tuple_check",
]  # fmt: skip

Compile = Callable[[Node, bool], Check]
"""Compiles a child; the flag says that it lies inside something secret."""

_KINDS: Final = {
    dict: "object", list: "array", tuple: "array", str: "string", int: "number", float: "number", bool: "boolean",
    type(None): "null",
}  # fmt: skip
_ALL_KINDS: Final = frozenset(_KINDS.values())
_REFUSER: Final = Refuser()


def _deep(show: Show) -> Rule:
    return Rule("depth", f"at most {MAX_DEPTH} levels", "is nested too deeply", show)


def object_check(
    node: Object, compile_child: Compile, show: Show, *, secret: bool, guarded: bool, gtype: GType
) -> Check:
    """Return the check for an object with known members.

    Args:
        node: What to check.
        compile_child: Compiles the members.
        show: Shows the whole object.
        secret: Everything inside is secret.
        guarded: Some member is secret, so what an unknown one holds may be a secret under a wrong name.
        gtype: Where references lead.
    """
    wrong, deep = Rule("type", "object", "must be an object", show), _deep(show)
    hidden: Show = _hide if secret or guarded else brief
    unknown = Rule("unknown_field", "no such member", "is not a member of this object", hidden)
    members = tuple(
        (field.name, compile_child(field.node, secret), _missing(field, gtype) if field.required else None)
        for field in node.fields
    )
    known = frozenset(field.name for field in node.fields) if node.closed else None

    def check(value: object, path: Path, out: Sink) -> None:
        if not isinstance(value, dict):
            out.add(wrong, value, path)
            return
        if len(path) >= MAX_DEPTH:
            out.add(deep, value, path)
            return
        for name, check_member, missing in members:
            if name in value:
                check_member(value[name], (*path, name), out)
            elif missing is not None:
                out.add(missing, ABSENT, (*path, name))
        if known is not None and not value.keys() <= known:
            for name in value:
                if name not in known:
                    out.add(unknown, value[name], (*path, name))

    return check


def _hide(value: object) -> str:
    del value
    return "***"


def _missing(field: Field, gtype: GType) -> Rule:
    return Rule("required", phrase(field.node, gtype), f"{brief(field.name)} is required", brief)


def record_check(node: Record, compile_child: Compile, show: Show, *, secret: bool) -> Check:
    """Return the check for a map."""
    wrong, deep = Rule("type", "object", "must be an object", show), _deep(show)
    low, high = node.min_size, node.max_size
    too_few = size_rule("min_properties", "at least", low, "member", show)
    too_many = size_rule("max_properties", "at most", high, "member", show)
    check_value = compile_child(node.values, secret)
    check_key = None if node.keys is None else compile_child(node.keys, secret)

    def check(value: object, path: Path, out: Sink) -> None:
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            out.add(wrong, value, path)
            return
        if len(path) >= MAX_DEPTH:
            out.add(deep, value, path)
            return
        if low is not None and len(value) < low:
            out.add(too_few, value, path)
        if high is not None and len(value) > high:
            out.add(too_many, value, path)
        for key, member in value.items():
            if check_key is not None:
                check_key(key, (*path, key), out)
            check_value(member, (*path, key), out)

    return check


def array_check(node: Array, compile_child: Compile, show: Show, *, secret: bool) -> Check:
    """Return the check for a list."""
    wrong, deep = Rule("type", "array", "must be an array", show), _deep(show)
    low, high, unique = node.min_items, node.max_items, node.unique
    too_few = size_rule("min_items", "at least", low, "item", show)
    too_many = size_rule("max_items", "at most", high, "item", show)
    repeated = Rule("unique_items", "items that all differ", "must not have equal items", show)
    check_item = compile_child(node.items, secret)

    def check(value: object, path: Path, out: Sink) -> None:
        if not isinstance(value, list | tuple):
            out.add(wrong, value, path)
            return
        if len(path) >= MAX_DEPTH:
            out.add(deep, value, path)
            return
        if low is not None and len(value) < low:
            out.add(too_few, value, path)
        if high is not None and len(value) > high:
            out.add(too_many, value, path)
        for index, item in enumerate(value):
            check_item(item, (*path, index), out)
        if unique and len(set(map(json_key, value))) < len(value):
            out.add(repeated, value, path)

    return check


def tuple_check(node: Tuple, compile_child: Compile, show: Show, *, secret: bool) -> Check:
    """Return the check for an array of exactly these items."""
    wrong, deep = Rule("type", "array", "must be an array", show), _deep(show)
    checks = tuple(compile_child(item, secret) for item in node.items)
    size = len(checks)
    too_few = size_rule("min_items", "exactly", size, "item", show)
    too_many = size_rule("max_items", "exactly", size, "item", show)

    def check(value: object, path: Path, out: Sink) -> None:
        if not isinstance(value, list | tuple):
            out.add(wrong, value, path)
            return
        if len(path) >= MAX_DEPTH:
            out.add(deep, value, path)
            return
        if len(value) != size:
            out.add(too_few if len(value) < size else too_many, value, path)
        for index, (check_item, item) in enumerate(zip(checks, value, strict=False)):
            check_item(item, (*path, index), out)

    return check


def intersection_check(node: Intersection, compile_child: Compile, *, secret: bool) -> Check:
    """Return the check that a value is all of the members at once."""
    checks = tuple(compile_child(member, secret) for member in node.members)

    def check(value: object, path: Path, out: Sink) -> None:
        for check_member in checks:
            check_member(value, path, out)

    return check


def accepts(check: Check, value: object, path: Path) -> bool:
    """Tell whether *check* finds nothing wrong with *value*."""
    try:
        check(value, path, _REFUSER)
    except Refused:
        return False
    return True


def json_kind(value: object) -> str:
    """Return which of JSON's six kinds *value* is, or ``""``."""
    kind = _KINDS.get(type(value))
    if kind is not None:
        return kind
    return next((name for base, name in _KINDS.items() if isinstance(value, base)), "")


def json_kinds(node: Node, gtype: GType) -> frozenset[str]:
    """Return the JSON kinds values of *node* can have."""
    match gtype.resolve(node):
        case Object() | Record():
            return frozenset({"object"})
        case Array() | Tuple():
            return frozenset({"array"})
        case Integer() | Number():
            return frozenset({"number"})
        case Boolean():
            return frozenset({"boolean"})
        case Null():
            return frozenset({"null"})
        case DecimalNode():
            return frozenset({"string", "number"})
        case (Literal() | Enum()) as known:
            return frozenset(map(json_kind, allowed_values(known)))
        case Union(members=members):
            return frozenset().union(*(json_kinds(member, gtype) for member in members))
        case Intersection(members=members):
            return _ALL_KINDS.intersection(*(json_kinds(member, gtype) for member in members))
        case AnyValue():
            return _ALL_KINDS
        case _:
            return frozenset({"string"})


def phrase(node: Node, gtype: GType) -> str:
    """Return a few words that say what *node* is: ``integer``, ``string or null``, ``one of "a", "b"``."""
    node = gtype.resolve(node)
    match node:
        case Literal() | Enum():
            values = allowed_values(node)
            return ("one of " if len(values) > 1 else "") + ", ".join(map(brief, values))
        case Union(members=members):
            return " or ".join(dict.fromkeys(phrase(member, gtype) for member in members)) or "nothing"
        case Intersection(members=members):
            return " and ".join(dict.fromkeys(phrase(member, gtype) for member in members))
        case AnyValue():
            return "value"
        case Record():
            return "object"
        case Tuple():
            return "array"
        case _:
            return type(node).__name__.lower()
