"""Statements that carry an object over in place, member by member."""

from collections.abc import Mapping
from typing import NamedTuple, final

from msgspec import UNSET

from perdure.gtype.nodes import Field, Node, Null, Object, Union
from perdure.timescape.authoring.conversion import Converter
from perdure.timescape.authoring.converting import Spot
from perdure.timescape.authoring.counterparts import constant_of
from perdure.timescape.authoring.layout import Call, Code, ListOf, MapOf, Text, flat, literal, statement
from perdure.timescape.authoring.notes import identifier
from perdure.timescape.authoring.wording import listed, words

__all__ = ["Carried", "carry_members"]


class Carried(NamedTuple):
    """How an object is carried over."""

    lines: tuple[str, ...]
    said: tuple[str, ...]
    """What they do, in a few words each."""
    looks_inside: bool
    """Values of members are worked with, not only moved about."""


class _Pair(NamedTuple):
    """A member on both sides."""

    source: Field
    target: Field


def carry_members(
    variable: str, source: Object, target: Object, names: Mapping[str, str], converter: Converter
) -> Carried | None:
    """Return statements that make a *target* of the *source* in *variable*; None where it is one already.

    Args:
        variable: Name of a dict that may be changed.
        source: What it is.
        target: What is to be made.
        names: For members of *source* that are called otherwise, their names in *target*.
        converter: Writes the conversions of members.
    """
    return _Members(variable, source, target, names, converter).carried()


@final
class _Members:
    """The members of one object, sorted by what becomes of them."""

    def __init__(
        self, variable: str, source: Object, target: Object, names: Mapping[str, str], converter: Converter
    ) -> None:
        theirs = {field.name: field for field in target.fields}
        paired = {name: new for name, new in names.items() if new in theirs}
        paired = {field.name: paired[field.name] for field in source.fields if field.name in paired}
        taken = set(paired.values())
        for field in source.fields:
            if field.name in theirs and field.name not in paired and field.name not in taken:
                paired[field.name] = field.name
        self.variable = variable
        self.source = source
        self.target = target
        self.converter = converter
        self.pairs = [_Pair(f, theirs[paired[f.name]]) for f in source.fields if f.name in paired]
        self.lost = [field for field in source.fields if field.name not in paired]
        self.added = [field for field in target.fields if field.name not in paired.values()]
        self.lines: list[str] = []
        self.said: list[str] = []
        self.looks_inside = False

    def carried(self) -> Carried | None:
        """Return the statements; see `carry_members`."""
        self._rename()
        for pair in self.pairs:
            self._keep(pair)
        asked = [field for field in self.added if field.required and _fill(field, self.converter) is None]
        for field in self.added:
            if field.required and field not in asked:
                self._fill(field)
        self._ask(asked)
        self._shut()
        if not self.lines:
            return None
        self._drop()
        return Carried(tuple(self.lines), tuple(self.said), self.looks_inside)

    def _at(self, name: str) -> str:
        return f"{self.variable}[{literal(name)}]"

    def _set(self, name: str, code: Code, depth: int = 1) -> None:
        self.lines += statement(f"{self._at(name)} = ", code, depth)

    def _rename(self) -> None:
        renamed = [pair for pair in self.pairs if pair.source.name != pair.target.name]
        if not renamed:
            return
        self.said += [f"rename {pair.source.name} to {pair.target.name}" for pair in renamed]
        if {pair.target.name for pair in renamed} & {field.name for field in self.source.fields}:
            self._rename_at_once(renamed)
            return
        for pair in renamed:
            popped = Call(f"{self.variable}.pop", (Text(literal(pair.source.name)),))
            if not pair.source.required:
                self.lines.append(f"    if {literal(pair.source.name)} in {self.variable}:")
            self._set(pair.target.name, popped, 1 if pair.source.required else 2)

    def _rename_at_once(self, renamed: list[_Pair]) -> None:
        """Some take the names of others: all leave before any comes back."""
        table = MapOf(tuple((pair.source.name, Text(literal(pair.target.name))) for pair in renamed))
        variable = self.variable
        self.lines += statement("names = ", table)
        taken = f"{{new: {variable}.pop(old) for old, new in names.items() if old in {variable}}}"
        self.lines.append(f"    {variable} |= {taken}")

    def _keep(self, pair: _Pair) -> None:
        """Convert the value of a member that lives on, and see to it that it is there."""
        source, target = pair
        name, is_sure = target.name, source.required
        default = _absence(source, target, self.converter)
        if not source.required and default is not None and default[1]:
            self.lines.append(f"    {self.variable}.setdefault({literal(name)}, {_constant(default[0])})")
            self.said.append(f"{name} is {_constant(default[0])} where it is absent")
            is_sure = True
        if not source.required and not target.required and self._is_null_only(source, target):
            self._forget_null(name)
            return
        made = self.converter.convert(source.node, target.node, Spot(self._at(name), name))
        if made is not None:
            self.looks_inside = True
            self.said.append(f"convert {name}")
            if not is_sure:
                self.lines.append(f"    if {literal(name)} in {self.variable}:")
            self._set(name, made, 1 if is_sure else 2)
        if target.required and not is_sure:
            self._must_have(source, target, has_block=made is not None)

    def _must_have(self, source: Field, target: Field, *, has_block: bool) -> None:
        name = target.name
        value = _fill(target, self.converter)
        if value is not None:
            self.lines.append(f"    {self.variable}.setdefault({literal(name)}, {_constant(value[0])})")
            self.said.append(f"{name} is {_constant(value[0])} where it is absent")
            return
        hole = self.converter.notes.hole(f"{name}: {words(target.node)}, where {source.name} is absent", self.variable)
        self.lines.append("    else:" if has_block else f"    if {literal(name)} not in {self.variable}:")
        self._set(name, hole, 2)
        self.said.append(f"decide {name}")

    def _is_null_only(self, source: Field, target: Field) -> bool:
        """Tell whether null is all that keeps *source* from being *target*, which may be left out."""
        node = source.node
        if not isinstance(node, Union) or self.converter.fitting.fits(node, target.node):
            return False
        inner = [each for each in node.members if not isinstance(each, Null)]
        return len(inner) < len(node.members) and all(self.converter.fitting.fits(each, target.node) for each in inner)

    def _forget_null(self, name: str) -> None:
        self.lines += [f"    if {self.variable}.get({literal(name)}) is None:",
                       f"        {self.variable}.pop({literal(name)}, None)"]  # fmt: skip
        self.said.append(f"leave {name} out where it is null")

    def _fill(self, field: Field) -> None:
        value = _fill(field, self.converter)
        if value is not None:
            self._set(field.name, _display(value[0]))
            self.said.append(f"fill {field.name}")

    def _ask(self, asked: list[Field]) -> None:
        """Take what the other side does not know, and ask a person to make of it what the other side needs."""
        if not asked:
            return
        self.looks_inside = True
        taken = [self.variable]
        telling = [field for field in self.lost if constant_of(self.converter.fitting.resolve(field.node)) is None]
        for field in telling:
            local = identifier(field.name, frozenset({*taken, "math", "re", "revision"}))
            taken.append(local)
            absent = "" if field.required else ", None"
            self.lines.append(f"    {local} = {self.variable}.pop({literal(field.name)}{absent})")
        made_of = taken[1:] or taken
        for field in asked:
            self._set(field.name, self.converter.notes.hole(f"{field.name}: {words(field.node)}", *made_of))
        names = listed([field.name for field in asked])
        gone = f" from {listed([field.name for field in telling])}" if telling else ""
        self.said.append(f"make {names}{gone}")
        self.lost = [field for field in self.lost if field not in telling]

    def _shut(self) -> None:
        """Leave out what a closed object refuses."""
        if not self.target.closed:
            return
        if not self.source.closed:
            known = ", ".join(literal(field.name) for field in self.target.fields)
            self.lines += [f"    for name in {self.variable}.keys() - {{{known}}}:" if known else
                           f"    for name in list({self.variable}):",
                           f"        del {self.variable}[name]"]  # fmt: skip
            self.said.append("drop what is not known")
        elif self.lost and not self.lines:
            self._drop()
            self.lost = []

    def _drop(self) -> None:
        gone = [field for field in self.lost if not (self.target.closed and not self.source.closed)]
        for field in gone:
            if field.required:
                self.lines.append(f"    del {self._at(field.name)}")
            else:
                self.lines.append(f"    {self.variable}.pop({literal(field.name)}, None)")
        if gone:
            self.said.append(f"drop {listed([field.name for field in gone])}")


def _absence(source: Field, target: Field, converter: Converter) -> tuple[object, bool] | None:
    """Return what an absent *source* stands for, and whether that has to be said, as *target* says something else."""
    if source.default is UNSET or not converter.fitting.accepts(source.node, source.default):
        return None
    is_other = target.required or (target.default is not UNSET and target.default != source.default)
    is_other = is_other or (not target.required and target.default is UNSET and source.default is not None)
    return source.default, is_other


def _fill(field: Field, converter: Converter) -> tuple[object] | None:
    """Return what a new *field* holds where nobody says anything of it; None where only a person knows."""
    if field.default is not UNSET:
        return (field.default,)
    constant = constant_of(converter.fitting.resolve(field.node))
    if constant is not None:
        return constant
    return (None,) if converter.fitting.fits(_NULL, field.node) else None


_NULL: Node = Null()


def _display(value: object) -> Code:
    """Return a JSON value as code."""
    if isinstance(value, dict):
        return MapOf(tuple((str(name), _display(item)) for name, item in value.items()))
    if isinstance(value, list):
        return ListOf(tuple(map(_display, value)))
    return Text(literal(value))


def _constant(value: object) -> str:
    return flat(_display(value))
