"""The check that a value is any of several types, and which of them it was meant to be where it is none.

What tells the members of a union apart is found in three steps: a required member with other values in each of them
(the discriminator), one that may be absent (its default says the rest), the kind of the JSON value. Where all that
leaves several, the member with the fewest faults is taken for the one that was meant.
"""

import types
from collections.abc import Iterator
from typing import Final, final

from perdure.gtype.nodes import Enum, Field, GType, Literal, Node, Object, Union
from perdure.gtype.validator_containers import Compile, accepts, json_kind, json_kinds, phrase
from perdure.gtype.validator_faults import ABSENT, Check, Collector, Path, Rule, Show, Sink, brief
from perdure.gtype.validator_scalars import allowed_values, json_key

__all__ = ["tags", "union_check"]

_Tag = str | int | float | bool | None
_KINDS: Final = ("object", "array", "string", "number", "boolean", "null")
_MISFITS: Final = types.MappingProxyType({"required": 2, "type": 1, "literal": 1, "enum": 1, "discriminator": 1})
"""How much faults speak against a member as a whole, rather than of a slip in it."""


@final
class _Tagged:
    """The object members of a union, by the value that tells them apart."""

    def __init__(self, name: str, checks: dict[object, Check], show: Show, *, required: bool) -> None:
        self.name = name
        self.checks = checks
        self.required = required
        listed = ", ".join(sorted(brief(tag) for tag in checks))
        self.unknown = Rule("discriminator", f"one of {listed}", f"must be one of {listed}", show)
        self.missing = Rule("required", f"one of {listed}", f"{brief(name)} is required", brief)

    def check(self, value: dict[str, object], path: Path, out: Sink) -> None:
        """Check *value* as the member its tag names."""
        if self.name not in value:
            out.add(self.missing, ABSENT, (*path, self.name))
            return
        tag = value[self.name]
        check_member = None if isinstance(tag, dict | list) else self.checks.get(json_key(tag))
        if check_member is None:
            out.add(self.unknown, tag, (*path, self.name))
        else:
            check_member(value, path, out)


def union_check(node: Union, compile_child: Compile, show: Show, *, secret: bool, guarded: bool, gtype: GType) -> Check:
    """Return the check that a value is any of the members.

    Where only one member could have been meant, by its discriminator or by its kind, that member's own faults are told.
    Otherwise it is told that none fits, and what is wrong with the closest.

    Args:
        node: What to check.
        compile_child: Compiles the members.
        show: Shows the whole value.
        secret: Everything inside is secret.
        guarded: Something inside is secret, and a guess at the member might show it.
        gtype: Where references lead.
    """
    members = tuple((json_kinds(member, gtype), compile_child(member, secret)) for member in node.members)
    by_kind = {kind: tuple(check for kinds, check in members if kind in kinds) for kind in _KINDS}
    expected = phrase(node, gtype)
    wrong = Rule("type", expected, f"must be {expected}", show)
    unfit = Rule("union", expected, f"fits none of: {expected}", show)
    tagged = _tagged(node, compile_child, show, secret=secret, gtype=gtype)

    def check(value: object, path: Path, out: Sink) -> None:
        if tagged is not None and isinstance(value, dict) and (tagged.required or tagged.name in value):
            tagged.check(value, path, out)
            return
        candidates = by_kind.get(json_kind(value), ())
        if len(candidates) == 1:
            candidates[0](value, path, out)
        elif not candidates:
            out.add(wrong, value, path)
        elif not any(accepts(candidate, value, path) for candidate in candidates):
            out.add(unfit, value, path)
            if not guarded and isinstance(value, dict | list | tuple) and isinstance(out, Collector):
                _closest(candidates, value, path)(value, path, out)

    return check


@final
class _Trial:
    """Weighs faults. Unions inside do not look for their own closest member: that would double at every level."""

    __slots__ = ("misfits", "total")

    def __init__(self) -> None:
        self.misfits = 0
        self.total = 0

    def add(self, rule: Rule, value: object, path: Path) -> None:
        """Count a fault."""
        del value, path
        self.total += 1
        self.misfits += _MISFITS.get(rule.code, 0)


def _closest(candidates: tuple[Check, ...], value: object, path: Path) -> Check:
    """Return the check of the member that is least at odds with *value*."""

    def distance(candidate: Check) -> tuple[int, int]:
        trial = _Trial()
        candidate(value, path, trial)
        return trial.misfits, trial.total

    return min(candidates, key=distance)


def _tagged(node: Union, compile_child: Compile, show: Show, *, secret: bool, gtype: GType) -> _Tagged | None:
    """Return the tagged members of *node*, if something tells all its objects apart."""
    name, required, found = node.discriminator, True, tags(node, gtype)
    if found is None:
        name, found = next(_optional_tags(node, gtype), (None, None))
        required = False
    if name is None or found is None:
        return None
    return _Tagged(name, {json_key(tag): compile_child(each, secret) for tag, each in found}, show, required=required)


def _optional_tags(node: Union, gtype: GType) -> Iterator[tuple[str, list[tuple[_Tag, Node]]]]:
    """Yield each member that tells the objects of *node* apart where it is present, with its values.

    Such a value leaves only one of them valid, so looking there first changes nothing but what is told.
    """
    objects = [gtype.resolve(member) for member in node.members if "object" in json_kinds(member, gtype)]
    first = objects[0] if len(objects) > 1 else None
    for field in first.fields if isinstance(first, Object) else ():
        found = _values_by_member(node, field.name, gtype, required=False)
        if found is not None:
            yield field.name, found


def tags(node: Union, gtype: GType) -> list[tuple[_Tag, Node]] | None:
    """Return each value of the discriminator of *node* with the member it stands for.

    Returns:
        None where the discriminator does not decide: there is none, an object lacks it, or two share a value.
    """
    if node.discriminator is None:
        return None
    return _values_by_member(node, node.discriminator, gtype, required=True)


def _values_by_member(node: Union, name: str, gtype: GType, *, required: bool) -> list[tuple[_Tag, Node]] | None:
    """Return the values of the member *name* in each object of *node*; None where they do not tell them apart."""
    found: list[tuple[_Tag, Node]] = []
    for member in node.members:
        if "object" not in json_kinds(member, gtype):
            continue
        target = gtype.resolve(member)
        if isinstance(target, Union):
            inner = _values_by_member(target, name, gtype, required=required)
            if inner is None:
                return None
            found.extend(inner)
            continue
        field = _field(target, name)
        values = None if field is None or (required and not field.required) else gtype.resolve(field.node)
        if not isinstance(values, Literal | Enum):
            return None
        found.extend((value, member) for value in allowed_values(values))
    if len({json_key(tag) for tag, _ in found}) < len(found):
        return None
    return found


def _field(node: Node, name: str) -> Field | None:
    fields = node.fields if isinstance(node, Object) else ()
    return next((field for field in fields if field.name == name), None)
