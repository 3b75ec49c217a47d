"""Texts to typed data: path parameters, queries, headers and forms, whose values have no types of their own.

A text becomes a number, a truth value or a member of an enumeration where its type asks for one and it can be read
as one; else it stays text, and validation says what was wanted. So nothing is ever lost on the way to an error
message.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Final, final

from perdure.errors import Fault, InvalidValueError
from perdure.gtype.nodes import (
    AnyValue,
    Array,
    Boolean,
    Enum,
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
from perdure.gtype.validator import Validator, compile_validator
from perdure.gtype.validator_faults import Secrets, brief, pointer
from perdure.gtype.validator_scalars import allowed_values

__all__ = ["DecodeStrings", "compile_strings"]

DecodeStrings = Callable[[Mapping[str, list[str]]], object]
"""Texts by member name, each name with all its values in order, to a value."""

_Read = Callable[[str], object]
_TRUTHS: Final[Mapping[str, bool]] = {"true": True, "1": True, "false": False, "0": False}
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_MAX_DIGITS: Final = 4300
"""More are refused by the interpreter, as reading them takes time that grows with the square of their number."""


@final
class _Member:
    """How the texts of one member are read."""

    __slots__ = ("many", "name", "node", "one", "read")

    def __init__(self, name: str, node: Node, gtype: GType) -> None:
        members = _alternatives(node, gtype)
        lists = [member for member in members if isinstance(member, Array | Tuple)]
        scalars = [member for member in members if not isinstance(member, Array | Tuple | Null)]
        self.name = name
        self.node = node
        self.many = bool(lists)
        self.one = bool(scalars)
        """A single text may stand for itself, even where several make a list."""
        items = [item for one in lists for item in ((one.items,) if isinstance(one, Array) else one.items)]
        self.read = _reader(Union(members=(*items, *scalars)), gtype)

    def data(self, texts: list[str]) -> object:
        """Return what *texts*, at least one, stand for; all but the first are ignored where there can be but one."""
        if self.many and not (self.one and len(texts) == 1):
            return list(texts) if self.read is None else [self.read(text) for text in texts]
        return texts[0] if self.read is None else self.read(texts[0])


def compile_strings(gtype: GType, validator: Validator, from_data: Callable[[object], object]) -> DecodeStrings:
    """Return what turns texts into a value of *gtype*.

    Args:
        gtype: An object whose members are scalars or arrays of scalars; members of other kinds are never valid.
        validator: Of *gtype*.
        from_data: Makes a value of data, or raises `InvalidValueError` with every fault.
    """
    root = gtype.resolve(gtype.root)
    if not isinstance(root, Object):
        return _compile_open(root, gtype, from_data)
    members = [_Member(field.name, field.node, gtype) for field in root.fields]
    singles = tuple((member.name, member.read) for member in members if not member.many)
    lists = tuple((member.name, member.data) for member in members if member.many)
    known = frozenset(member.name for member in members) if root.closed else None

    def decode(values: Mapping[str, list[str]]) -> object:
        data: dict[str, object] = {}
        for name, read in singles:
            texts = values.get(name)
            if texts:
                if len(texts) != 1:
                    raise InvalidValueError(_faults_of_repeated(values, members, gtype, validator))
                data[name] = texts[0] if read is None else read(texts[0])
        for name, read_all in lists:
            texts = values.get(name)
            if texts:
                data[name] = read_all(texts)
        if known is not None and not values.keys() <= known:
            data |= {name: texts[0] for name, texts in values.items() if name not in known}
        return from_data(data)

    return decode


def _compile_open(root: Node, gtype: GType, from_data: Callable[[object], object]) -> DecodeStrings:
    """Return what turns texts into a map, or into whatever data without known members there can be."""
    member = _Member("", root.values if isinstance(root, Record) else AnyValue(), gtype)

    def decode(values: Mapping[str, list[str]]) -> object:
        data = {
            name: member.data(texts) if member.many or len(texts) == 1 else list(texts)
            for name, texts in values.items()
            if texts
        }
        return from_data(data)

    return decode


def _faults_of_repeated(
    values: Mapping[str, list[str]], members: list[_Member], gtype: GType, validator: Validator
) -> tuple[Fault, ...]:
    """Return the faults of *values*, some of which are given more than once where only one can be."""
    data: dict[str, object] = {name: texts[0] for name, texts in values.items() if texts}
    repeated: dict[str, Fault] = {}
    for member in members:
        texts = values.get(member.name)
        if not texts:
            continue
        data[member.name] = member.data(texts)
        if len(texts) > 1 and not member.many:
            place = pointer((member.name,))
            shown = Secrets(gtype).show(member.node, secret=False)(texts)
            repeated[place] = Fault(
                pointer=place,
                code="repeated",
                expected="one value",
                actual=shown,
                message=f"is given {len(texts)} times",
            )
    others = (fault for fault in validator.faults(data) if fault.pointer not in repeated)
    return (*repeated.values(), *others)


def _alternatives(node: Node, gtype: GType) -> list[Node]:
    """Return the members of *node*, if it is a union, at any depth of unions; else itself."""
    target = gtype.resolve(node)
    if not isinstance(target, Union):
        return [target]
    return [inner for member in target.members for inner in _alternatives(member, gtype)]


def _reader(node: Node, gtype: GType) -> _Read | None:
    """Return what reads a text as *node* where it can; None where any text stays as it is."""
    node = gtype.resolve(node)
    match node:
        case Integer() | Number():
            return _read_number
        case Boolean():
            return _read_truth
        case Literal() | Enum():
            return _constant_reader(node)
        case Intersection(members=members):
            return next((read for member in members if (read := _reader(member, gtype)) is not None), None)
        case Union(members=members) if len(members) == 1:
            return _reader(members[0], gtype)
        case Union(members=members):
            return _choice_reader(members, gtype)
        case _:
            return None


def _read_number(text: str) -> object:
    if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS:
        return int(text)
    found = _NUMBER.fullmatch(text)
    if found is None or len(text) > _MAX_DIGITS:
        return text
    if found[1] is None and found[2] is None:
        return int(text)
    number = float(text)
    return number if math.isfinite(number) else text


def _read_truth(text: str) -> object:
    return _TRUTHS.get(text.lower(), text)


def _constant_reader(node: Literal | Enum) -> _Read | None:
    """Return what reads a text as the declared value it spells; a declared text comes before a number."""
    table: dict[str, object] = {}
    for value in allowed_values(node):
        if isinstance(value, bool):
            table |= {text: truth for text, truth in _TRUTHS.items() if truth is value}
        elif isinstance(value, int | float):
            table[brief(value)] = value
    if not table:
        return None
    table |= {value: value for value in allowed_values(node) if isinstance(value, str)}
    return lambda text: table.get(text, text)


def _choice_reader(members: tuple[Node, ...], gtype: GType) -> _Read | None:
    """Return what reads a text as the first of *members* that takes what it reads, and leaves it as text otherwise."""
    choices = [
        (read, compile_validator(GType(root=member, definitions=gtype.definitions)).is_valid)
        for member in members
        if (read := _reader(member, gtype)) is not None
    ]
    if not choices:
        return None

    def read_any(text: str) -> object:
        for read, accepts in choices:
            value = read(text)
            if accepts(value):
                return value
        return text

    return read_any
