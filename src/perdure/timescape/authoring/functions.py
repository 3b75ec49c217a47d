"""The functions of a revision file: one for each type or endpoint and direction in which something has to be done."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from perdure.gtype.nodes import Node, Object
from perdure.timescape.authoring.conversion import Converter
from perdure.timescape.authoring.converting import Spot
from perdure.timescape.authoring.counterparts import counterparts
from perdure.timescape.authoring.fitting import Fitting, finite_values
from perdure.timescape.authoring.layout import Call, Code, Each, ListOf, MapOf, Text, flat, literal, statement
from perdure.timescape.authoring.members import Carried, carry_members
from perdure.timescape.authoring.notes import Notes, identifier
from perdure.timescape.authoring.sides import Sides
from perdure.timescape.kinds import Shapes, kinds_of

__all__ = ["Function", "Way", "function_lines", "type_functions"]

Way = Literal["request", "response"]
_WIDTH = 88
_NAMES: dict[frozenset[type], str] = {
    frozenset({str}): "str", frozenset({int}): "int", frozenset({int, float}): "float", frozenset({bool}): "bool",
    frozenset({dict}): "dict[str, Any]", frozenset({list}): "list[Any]",
}  # fmt: skip


class Function(NamedTuple):
    """One transformer."""

    way: Way
    target: str
    """A type's name or an endpoint's key, of before."""
    parameter: str
    takes: str
    gives: str
    said: str
    """What it does, for its docstring."""
    lines: tuple[str, ...]

    @property
    def words(self) -> str:
        """Everything in it that may need an import."""
        return "\n".join((self.takes, self.gives, *self.lines))


def type_functions(sides: Sides, notes: Notes) -> list[Function]:
    """Return the transformers of types, by name of the type; requests before answers."""
    converter = Converter(Fitting(sides.shapes), notes)
    request, response = sides.used_in("request"), sides.used_in("response")
    found: list[Function] = []
    for old, new in sides.types.items():
        if new is None:
            continue
        before, after, names = sides.carried(sides.before.types[old]), sides.after.types[new], sides.members(old)
        if old in request:
            found += _function("request", old, (before, after), names, converter)
        if old in response:
            back = {name: member for member, name in names.items() if list(names.values()).count(name) == 1}
            found += _function("response", old, (after, before), back, converter)
    return _for_generics(found, sides)


def _function(
    way: Way, target: str, sides: tuple[Node, Node], names: Mapping[str, str], converter: Converter
) -> Iterable[Function]:
    source, shape = sides
    if isinstance(source, Object) and isinstance(shape, Object):
        yield from _object_function(way, target, (source, shape), names, converter)
        return
    parameter = identifier(target, frozenset(converter.notes.taken))
    spot = Spot(parameter, identifier(target))
    code: Code | None
    said: list[str] = []
    if finite_values(source) is not None and finite_values(shape) is not None:
        prefix = "NEW" if way == "request" else "OLD"
        table = f"{prefix}_{identifier(target)}"
        code = converter.values(source, shape, spot, names, table)
        known = counterparts(source, shape, names)
        said = [f"rename {old} to {new}" for old, new in known.items() if old != new]
    else:
        code = converter.convert(source, shape, spot)
    if code is not None:
        takes, gives = _annotation(source, converter.fitting), _annotation(shape, converter.fitting)
        lines = tuple(_returned(code, takes, gives))
        yield Function(way, target, parameter, takes, gives, _sentence(said), lines)


def _returned(code: Code, takes: str, gives: str) -> list[str]:
    """Return the lines that return *code*, which must have a type of its own where it is read from what has none."""
    is_typed = isinstance(code, MapOf | ListOf | Each | Call) or flat(code).startswith(("float(", "int(", "str("))
    if gives == "Any" or "Any" not in takes or is_typed:
        return statement("return ", code)
    return [*statement(f"carried: {gives} = ", code), "    return carried"]


def _object_function(
    way: Way, target: str, sides: tuple[Object, Object], names: Mapping[str, str], converter: Converter
) -> Iterable[Function]:
    source, shape = sides
    parameter = identifier(target, frozenset(converter.notes.taken))
    carried = carry_members(parameter, source, shape, names, converter)
    if carried is not None:
        takes = _dict_annotation(source, shape, carried, converter.fitting)
        lines = (*carried.lines, f"    return {parameter}")
        yield Function(way, target, parameter, takes, takes, _sentence(carried.said), lines)


def _for_generics(functions: list[Function], sides: Sides) -> list[Function]:
    """Write what is the same for all ``Page[…]`` once, for ``Page``."""
    found: list[Function] = []
    for each in functions:
        base, bracket, _ = each.target.partition("[")
        family = {name for name in sides.before.types if name.startswith(f"{base}[")}
        alike = [
            other for other in functions
            if other.target in family and other.way == each.way
            and _body(other) == _body(each)
        ]  # fmt: skip
        if not bracket or base in sides.before.types or len(family) < 2 or len(alike) < len(family):
            found.append(each)
        elif alike[0] is each:
            new = identifier(base)
            lines = tuple(line.replace(each.parameter, new) for line in each.lines)
            found.append(each._replace(target=base, parameter=new, lines=lines))
    return found


def _body(function: Function) -> tuple[str, ...]:
    return tuple(line.replace(function.parameter, "_") for line in function.lines)


def function_lines(function: Function, name: str) -> list[str]:
    """Return the lines of *function*, called *name*, with its decorator."""
    decorator = statement("@", Call(f"revision.{function.way}", (Text(literal(function.target)),)), 0)
    definition = f"def {name}({function.parameter}: {function.takes}) -> {function.gives}:"
    if len(definition) > _WIDTH:
        parameter = f"    {function.parameter}: {function.takes},"
        head = [f"def {name}(", parameter, f") -> {function.gives}:"]
    else:
        head = [definition]
    way = "forward" if function.way == "request" else "back"
    said = f'    """{function.said}"""'
    if not function.said or len(said) > _WIDTH:
        said = f'    """Carry {_plain(function.target)} {way}."""'
    return [*decorator, *head, said, *function.lines]


def _plain(target: str) -> str:
    return target.replace("\\", "/").replace('"', "'")


def _sentence(said: Sequence[str]) -> str:
    text = "; ".join(dict.fromkeys(said))
    return f"{text[:1].upper()}{text[1:]}.".replace("\\", "/").replace('"', "'") if text else ""


def _annotation(node: Node, fitting: Fitting) -> str:
    kinds = kinds_of(node, Shapes(fitting.types))
    known = _NAMES.get(kinds - {type(None)})
    if known is None:
        return "object" if kinds == {type(None)} else "Any"
    return f"{known} | None" if type(None) in kinds else known


def _dict_annotation(source: Object, target: Object, carried: Carried, fitting: Fitting) -> str:
    shapes = Shapes(fitting.types)
    kinds = {kind for field in (*source.fields, *target.fields) for kind in kinds_of(field.node, shapes)}
    is_absent = any("None" in line or "names" in line for line in carried.lines)
    if kinds == {str} and not is_absent:
        return "dict[str, str]"
    return "dict[str, Any]" if carried.looks_inside else "dict[str, object]"
