"""Property 9: every supported Python type gives a valid GType.

A type is built from a *plan*, plain data that Hypothesis makes, together with a strategy for its instances. The oracles
are msgspec, which encodes instances and decodes documents by the Python type, and jsonschema-rs, which judges
documents by the exported JSON Schema; neither knows anything of GTypes.
"""

import contextlib
import dataclasses
import datetime as dt
import decimal
import enum
import json
import os
import subprocess
import sys
import types
import typing
import uuid
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, TypeVar

import annotated_types as at
import attrs
import jsonschema_rs
import msgspec
import pydantic
import pytest
import typing_extensions as te
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from msgspec import Meta

from perdure.gtype.json_schema_export import to_json_schema
from perdure.gtype.json_schema_import import from_json_schema
from perdure.gtype.native import is_native
from perdure.gtype.nodes import GType
from perdure.gtype.registry import TypeRegistry, gtype_of
from perdure.gtype.traversal import references

T = TypeVar("T")
Plan = Any
"""A type as data: ``["list", ["int", 1, 5]]``."""
Made = tuple[Any, st.SearchStrategy[Any]]
"""A type and its instances."""

CHECKED = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))


class Page(msgspec.Struct, Generic[T]):
    """Some items of many."""

    items: list[T]
    next: str | None = None


@dataclasses.dataclass
class Box(Generic[T]):
    value: T


# --- plans ---------------------------------------------------------------------------------------------------------

_names = st.sampled_from(["Item", "Order", "Line", "Money"])
_members = st.lists(st.sampled_from(["a", "b", "c", "type_", "some_name"]), unique=True, max_size=4)
_small = st.integers(-5, 5)
_simple = st.sampled_from(
    ["int", "str", "float", "bool", "none", "date", "time", "datetime", "aware", "timedelta", "uuid", "decimal", "any"]
).map(lambda kind: [kind])
_scalar = st.one_of(
    _simple,
    st.builds(
        lambda kind, low, size: [kind, low, low + size],
        st.sampled_from(["int_meta", "int_at"]),
        _small,
        st.integers(0, 9),
    ),
    st.builds(lambda low, size: ["float_meta", low, low + size], _small, st.integers(0, 9)),
    st.builds(lambda low, size: ["str_meta", low, low + size], st.integers(0, 3), st.integers(0, 3)),
    st.builds(lambda step: ["int_step", step], st.integers(1, 7)),
    st.sampled_from([["pattern", "^[a-c]+"], ["pattern", "^[0-9]{2,3}$"], ["pattern", r"^x\d?$"]]),
    st.builds(
        lambda values: ["literal", values],
        st.lists(st.sampled_from(["x", "y", 1, 2, None, True]), min_size=1, max_size=3, unique_by=repr),
    ),
    st.builds(
        lambda name, values: ["enum", name, values],
        _names,
        st.lists(st.sampled_from(["p", "q", "r"]), min_size=1, unique=True),
    ),
    st.builds(
        lambda name, values: ["enum", name, values],
        _names,
        st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True),
    ),
)


def _composite(inner: st.SearchStrategy[Plan]) -> st.SearchStrategy[Plan]:
    fields = st.tuples(
        _members, st.lists(inner, min_size=5, max_size=5), st.lists(st.booleans(), min_size=5, max_size=5)
    ).map(lambda drawn: [list(field) for field in zip(*drawn, strict=False)])
    classes = st.sampled_from(
        [
            "struct",
            "camel",
            "closed",
            "tagged",
            "row",
            "recursive",
            "dataclass",
            "typeddict",
            "namedtuple",
            "attrs",
            "pydantic",
        ]
    )
    return st.one_of(
        st.builds(
            lambda kind, plan: [kind, plan], st.sampled_from(["list", "optional", "page", "box", "sequence"]), inner
        ),
        st.builds(
            lambda plan, low, size: ["list_meta", plan, low, low + size], inner, st.integers(0, 2), st.integers(0, 2)
        ),
        st.builds(lambda kind: ["set", [kind]], st.sampled_from(["int", "str", "uuid"])),
        st.builds(lambda plans: ["tuple", plans], st.lists(inner, max_size=3)),
        st.builds(lambda key, plan: ["dict", key, plan], st.sampled_from(["str", "int", "uuid"]), inner),
        st.builds(lambda name, plan: ["newtype", name, plan], _names, inner),
        st.builds(lambda kind, name, members: [kind, name, members], classes, _names, fields),
        st.builds(lambda one, two: ["either", one, two], fields, fields),
    )


plans: st.SearchStrategy[Plan] = st.deferred(lambda: st.recursive(_scalar, _composite, max_leaves=8))
_KINDS = ("struct", "camel", "closed", "dataclass", "typeddict", "attrs")


def _wide(inner: st.SearchStrategy[Plan]) -> st.SearchStrategy[Plan]:
    """Return plans of one class of every kind, all with the same few members, so that one example tries many types."""
    members = st.tuples(*(st.tuples(st.just(name), inner, st.booleans()).map(list) for name in ("a", "some_name", "c")))
    return st.deferred(
        lambda: st.builds(
            lambda name, drawn: ["tuple", [[kind, name, list(drawn)] for kind in _KINDS]], _names, members
        )
    )


_trusted: st.SearchStrategy[Plan] = st.deferred(
    lambda: st.one_of(
        _scalar.filter(
            lambda plan: plan[0] not in {"decimal", "int_at"} and str(plan[-1]) not in {"^[0-9]{2,3}$", r"^x\d?$"}
        ),
        st.builds(lambda kind, plan: [kind, plan], st.sampled_from(["list", "optional", "page", "box"]), _scalar),
        st.builds(lambda one, two: ["either", [["a", one, False]], [["a", two, True]]], _scalar, _scalar),
        st.builds(lambda low, plan: ["list_meta", plan, low, 2], st.integers(0, 2), _scalar),
        st.builds(lambda one: ["recursive", "Tree", [["a", one, False]]], _scalar),
    )
)
"""Plans of which most are native."""
_tagged_alone = st.builds(lambda plan: ["tagged", "Item", [["a", plan, False]]], _scalar)
_patterned = st.builds(lambda kind: [kind, ["pattern", r"^x\d?$"]], st.sampled_from(["list", "optional", "page"]))

# --- from plans to types -------------------------------------------------------------------------------------------

_SIMPLE: dict[str, Made] = {
    "int": (int, st.integers(-(2**62), 2**62)),
    "str": (str, st.text(max_size=5)),
    "float": (float, st.floats(-1e9, 1e9)),
    "bool": (bool, st.booleans()),
    "none": (None, st.none()),
    "date": (dt.date, st.dates()),
    "time": (dt.time, st.times()),
    "datetime": (dt.datetime, st.datetimes()),
    "aware": (Annotated[dt.datetime, Meta(tz=True)], st.datetimes(timezones=st.just(dt.UTC))),
    "timedelta": (dt.timedelta, st.timedeltas(dt.timedelta(-999), dt.timedelta(999))),
    "uuid": (uuid.UUID, st.uuids()),
    "decimal": (decimal.Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
    "any": (Any, st.sampled_from([1, "x", None, [1], {"a": True}])),
}


def of(generic: Any, *arguments: Any) -> Any:
    """Return *generic* with *arguments* only known now."""
    return generic[arguments if len(arguments) != 1 else arguments[0]]


class Builder:
    """Builds the types of one plan; each class lives in a module of its own, so that its qualified name is unique."""

    def __init__(self) -> None:
        self.modules: list[str] = []

    def made(self, plan: Plan, *, pydantic_only: bool = False) -> Made:
        kind, *rest = plan
        if kind in _SIMPLE:
            return _SIMPLE[kind]
        build: Callable[..., Made] = getattr(self, f"_{kind}")
        if pydantic_only and kind not in {
            "dataclass",
            "typeddict",
            "pydantic",
            "list",
            "optional",
            "dict",
            "literal",
            "enum",
            "tuple",
        }:
            return _SIMPLE["int"]
        return build(*rest, self.pydantic_made if pydantic_only else self.made)

    def pydantic_made(self, plan: Plan) -> Made:
        """Build only what Pydantic can hold in a member, and writes as msgspec does."""
        return _SIMPLE["int"] if plan[0] == "timedelta" else self.made(plan, pydantic_only=True)

    def _module(self) -> types.ModuleType:
        name = f"made_{len(self.modules)}"
        module = sys.modules[name] = types.ModuleType(name)
        self.modules.append(name)
        return module

    def _settle(self, cls: Any, module: types.ModuleType) -> Any:
        cls.__module__ = module.__name__
        return cls

    def _int_meta(self, low: int, high: int, _: object) -> Made:
        return Annotated[int, Meta(ge=low, le=high)], st.integers(low, high)

    def _int_at(self, low: int, high: int, _: object) -> Made:
        return Annotated[int, at.Interval(ge=low, lt=high + 1)], st.integers(low, high)

    def _int_step(self, step: int, _: object) -> Made:
        return Annotated[int, Meta(multiple_of=step)], st.integers(-20, 20).map(lambda value: value * step)

    def _float_meta(self, low: int, high: int, _: object) -> Made:
        return Annotated[float, Meta(ge=low, le=high)], st.floats(low, high)

    def _str_meta(self, low: int, high: int, _: object) -> Made:
        return Annotated[str, Meta(min_length=low, max_length=high)], st.text(min_size=low, max_size=high)

    def _pattern(self, pattern: str, _: object) -> Made:
        examples = {"^[a-c]+": ["a", "abcd"], "^[0-9]{2,3}$": ["12", "123"], r"^x\d?$": ["x", "x1"]}
        return Annotated[str, Meta(pattern=pattern)], st.sampled_from(examples[pattern])

    def _literal(self, values: list[Any], _: object) -> Made:
        return of(Literal, *values), st.sampled_from(values)

    def _enum(self, name: str, values: list[Any], _: object) -> Made:
        cls = enum.Enum(name, {f"M{index}": value for index, value in enumerate(values)})  # type: ignore[misc]
        return self._settle(cls, self._module()), st.sampled_from(list(cls))

    def _list(self, plan: Plan, made: Callable[[Plan], Made]) -> Made:
        tp, values = made(plan)
        return of(list, tp), st.lists(values, max_size=3)

    def _sequence(self, plan: Plan, made: Callable[[Plan], Made]) -> Made:
        tp, values = made(plan)
        return of(typing.Sequence, tp), st.lists(values, max_size=3)

    def _list_meta(self, plan: Plan, low: int, high: int, made: Callable[[Plan], Made]) -> Made:
        tp, values = made(plan)
        return Annotated[of(list, tp), Meta(min_length=low, max_length=high)], st.lists(
            values, min_size=low, max_size=high
        )

    def _set(self, plan: Plan, made: Callable[[Plan], Made]) -> Made:
        tp, values = made(plan)
        return of(set, tp), st.frozensets(values, max_size=3).map(set)

    def _tuple(self, plans: list[Plan], made: Callable[[Plan], Made]) -> Made:
        parts = [made(plan) for plan in plans]
        return of(tuple, *(tp for tp, _ in parts)), st.tuples(*(values for _, values in parts))

    def _optional(self, plan: Plan, made: Callable[[Plan], Made]) -> Made:
        tp, values = made(plan)
        return of(typing.Optional, tp), st.none() | values

    def _dict(self, key: str, plan: Plan, made: Callable[[Plan], Made]) -> Made:
        (keys, texts), (tp, values) = _SIMPLE[key], made(plan)
        return of(dict, keys, tp), st.dictionaries(texts, values, max_size=3)

    def _newtype(self, name: str, plan: Plan, made: Callable[[Plan], Made]) -> Made:
        tp, values = made(plan)
        return self._settle(NewType(name, tp), self._module()), values

    def _page(self, plan: Plan, made: Callable[[Plan], Made]) -> Made:
        tp, values = made(plan)
        return of(Page, tp), st.builds(Page, st.lists(values, max_size=2), st.none() | st.just("n"))

    def _box(self, plan: Plan, made: Callable[[Plan], Made]) -> Made:
        tp, values = made(plan)
        return of(Box, tp), st.builds(Box, values)

    def _fields(
        self, members: list[Plan], made: Callable[[Plan], Made]
    ) -> list[tuple[str, Any, st.SearchStrategy[Any], bool]]:
        """Return name, type, values and whether there is a default, members without one first."""
        built = [(name, *made(plan), optional) for name, plan, optional in members]
        return sorted(built, key=lambda field: field[3])

    def _instances(
        self, cls: Any, fields: list[tuple[str, Any, st.SearchStrategy[Any], bool]]
    ) -> st.SearchStrategy[Any]:
        required = {name: values for name, _, values, optional in fields if not optional}
        optional = {name: values for name, _, values, optional in fields if optional}
        return st.fixed_dictionaries(required, optional=optional).map(lambda given: cls(**given))

    def _defined(self, name: str, members: list[Plan], made: Callable[[Plan], Made], **options: Any) -> Made:
        module, fields = self._module(), self._fields(members, made)
        declared = [
            (field, of(typing.Optional, tp), None) if optional else (field, tp) for field, tp, _, optional in fields
        ]
        cls = msgspec.defstruct(name, declared, module=module.__name__, **options)
        return self._settle(cls, module), self._instances(cls, fields)

    def _struct(self, name: str, members: list[Plan], made: Callable[[Plan], Made]) -> Made:
        return self._defined(name, members, made)

    def _camel(self, name: str, members: list[Plan], made: Callable[[Plan], Made]) -> Made:
        return self._defined(name, members, made, rename="camel", omit_defaults=True)

    def _closed(self, name: str, members: list[Plan], made: Callable[[Plan], Made]) -> Made:
        return self._defined(name, members, made, forbid_unknown_fields=True)

    def _tagged(self, name: str, members: list[Plan], made: Callable[[Plan], Made]) -> Made:
        return self._defined(name, members, made, tag=f"{name}-tag", tag_field="kind")

    def _row(self, name: str, members: list[Plan], made: Callable[[Plan], Made]) -> Made:
        return self._defined(name, [[*field[:2], False] for field in members], made, array_like=True)

    def _either(self, one: list[Plan], two: list[Plan], made: Callable[[Plan], Made]) -> Made:
        left, lefts = self._defined("Left", one, made, tag=True)
        right, rights = self._defined("Right", two, made, tag=True)
        return left | right | None, lefts | rights | st.none()

    def _recursive(self, name: str, members: list[Plan], made: Callable[[Plan], Made]) -> Made:
        """Build a Struct that refers to itself by name, which both readers look up in its module."""
        module, fields = self._module(), self._fields(members, made)
        declared: list[Any] = [(field, tp) for field, tp, _, _ in fields]
        cls = msgspec.defstruct(name, [*declared, ("again", f"list[{name}] | None", None)], module=module.__name__)
        setattr(module, name, cls)
        every = {field: values for field, _, values, _ in fields}
        flat = st.fixed_dictionaries(every).map(lambda given: cls(**given))
        deep = st.fixed_dictionaries({**every, "again": st.lists(flat, max_size=2)}).map(lambda given: cls(**given))
        return cls, flat | deep

    def _dataclass(self, name: str, members: list[Plan], made: Callable[[Plan], Made]) -> Made:
        module, fields = self._module(), self._fields(members, made)
        declared: list[Any] = [
            (field, of(typing.Optional, tp), None) if optional else (field, tp) for field, tp, _, optional in fields
        ]
        cls = self._settle(dataclasses.make_dataclass(name, declared), module)
        return cls, self._instances(cls, fields)

    def _attrs(self, name: str, members: list[Plan], made: Callable[[Plan], Made]) -> Made:
        module, fields = self._module(), self._fields(members, made)
        declared = {field: attrs.field(default=None) if optional else attrs.field() for field, _, _, optional in fields}
        plain = attrs.make_class(name, declared)
        plain.__annotations__ = {
            field: of(typing.Optional, tp) if optional else tp for field, tp, _, optional in fields
        }
        return self._settle(plain, module), self._instances(plain, fields)

    def _typeddict(self, name: str, members: list[Plan], made: Callable[[Plan], Made]) -> Made:
        module, fields = self._module(), self._fields(members, made)
        declared = {field: of(te.NotRequired, tp) if optional else tp for field, tp, _, optional in fields}
        return self._settle(te.TypedDict(name, declared), module), self._instances(dict, fields)  # type: ignore[operator]

    def _namedtuple(self, name: str, members: list[Plan], made: Callable[[Plan], Made]) -> Made:
        module = self._module()
        fields = self._fields([[*field[:2], False] for field in members if not field[0].startswith("_")], made)
        cls = NamedTuple(name, [(field, tp) for field, tp, _, _ in fields])  # type: ignore[misc]
        return self._settle(cls, module), self._instances(cls, fields)

    def _pydantic(self, name: str, members: list[Plan], _: object) -> Made:
        module, fields = self._module(), self._fields(members, self.pydantic_made)
        declared: dict[str, Any] = {
            field: (of(typing.Optional, tp), None) if optional else (tp, ...) for field, tp, _, optional in fields
        }
        cls = pydantic.create_model(name, __module__=module.__name__, **declared)
        return self._settle(cls, module), self._instances(cls, fields)


# --- oracles -------------------------------------------------------------------------------------------------------


def encoded(value: object) -> Any:
    """Return *value* as JSON data, the way msgspec and Pydantic write it."""
    raw = msgspec.json.encode(value, enc_hook=lambda model: model.model_dump(mode="json", by_alias=True))
    return msgspec.json.decode(raw)


def judge_of(gtype: GType) -> jsonschema_rs.Validator:
    schema = to_json_schema(gtype)
    jsonschema_rs.meta.validate(schema)
    return jsonschema_rs.validator_for(schema, validate_formats=True)


@contextlib.contextmanager
def built(*wanted: Plan) -> Iterator[list[Made]]:
    """Build types whose modules exist as long as the block."""
    builder = Builder()
    try:
        yield [builder.made(plan) for plan in wanted]
    finally:
        for name in builder.modules:
            del sys.modules[name]


def fingerprint(plan: Plan) -> str:
    with built(plan) as [(tp, _)]:
        return gtype_of(tp).fingerprint


# --- the property --------------------------------------------------------------------------------------------------


@CHECKED
@given(plan=_wide(plans), data=st.data())
def test_every_type_gives_a_valid_gtype_that_its_instances_fit(plan: Plan, data: st.DataObject) -> None:
    with built(plan) as [(tp, instances)]:
        gtype = gtype_of(tp)
        again = GType.from_canonical(gtype.canonical())
        assert (again, again.fingerprint) == (gtype, gtype.fingerprint)
        used = {name for node in (gtype.root, *gtype.definitions.values()) for name in references(node)}
        assert used == set(gtype.definitions)
        judge = judge_of(gtype)
        imported = from_json_schema(to_json_schema(gtype))
        assert imported.canonical() == gtype.canonical()
        for _ in range(3):
            document = encoded(data.draw(instances))
            assert judge.is_valid(document), [error.message for error in judge.iter_errors(document)]


_ODD = st.sampled_from(
    [None, True, 0, 1, -7, 3, 1.5, "", "x", "p", "12", "abcdefgh", [], [1], ["x"], {}, {"a": 1}, {"x": "y"}]
)


@st.composite
def mutated(draw: st.DrawFn, document: Any) -> Any:
    """Draw *document* with one change, which never makes a float without fraction: msgspec refuses those."""
    if isinstance(document, list) and document and draw(st.booleans()):
        index = draw(st.integers(0, len(document) - 1))
        return [*document[:index], draw(mutated(document[index])), *document[index + 1 :]]
    if isinstance(document, dict) and document and draw(st.integers(0, 3)):
        key = draw(st.sampled_from(sorted(document)))
        changed = {**document, key: draw(mutated(document[key]))}
        if draw(st.integers(0, 3)) == 0:
            del changed[key]
        return changed
    if isinstance(document, list) and draw(st.integers(0, 3)):
        return draw(st.sampled_from([document[:-1], [*document, *document[:1]], [*document, None], [1, 1], ["x", "x"]]))
    if isinstance(document, str) and draw(st.booleans()):
        return f"{document}\n"
    if isinstance(document, dict) and draw(st.booleans()):
        return {**document, draw(st.sampled_from(["x", "a", "again", "kind", "type", "12"])): draw(_ODD)}
    return draw(_ODD)


@CHECKED
@given(plan=plans | _trusted | _wide(_trusted) | _tagged_alone | _patterned, data=st.data())
def test_native_type_is_taken_by_msgspec_iff_it_fits_the_schema(plan: Plan, data: st.DataObject) -> None:
    with built(plan) as [(tp, instances)]:
        assume(is_native(tp))
        judge = judge_of(gtype_of(tp))
        for _ in range(10):
            document = data.draw(mutated(encoded(data.draw(instances))))
            try:
                msgspec.json.decode(msgspec.json.encode(document), type=tp)
                taken = True
            except msgspec.ValidationError:
                taken = False
            assert taken == judge.is_valid(document), document


@CHECKED
@given(several=st.lists(plans, min_size=2, max_size=4))
def test_names_and_definitions_do_not_hang_on_the_order_types_are_met_in(several: list[Plan]) -> None:
    with built(*several) as made:
        found = []
        for types_ in ([tp for tp, _ in made], [tp for tp, _ in reversed(made)]):
            registry = TypeRegistry()
            registry.collect(*types_)
            found.append((registry.definitions, [registry.node(tp) for tp, _ in made]))
        assert found[0] == found[1]


@pytest.fixture(scope="module")
def other_process() -> Iterator[Callable[[Plan], str]]:
    """Return what asks another process, with other hashes, for a fingerprint."""
    environment = {**os.environ, "PYTHONHASHSEED": "4711"}
    command = [sys.executable, __file__]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        source, sink = process.stdout, process.stdin

        def ask(plan: Plan) -> str:
            sink.write(json.dumps(plan) + "\n")
            sink.flush()
            return source.readline().strip()

        yield ask
        sink.close()


@CHECKED
@given(plan=_wide(plans))
def test_fingerprint_is_the_same_in_every_process(plan: Plan, other_process: Callable[[Plan], str]) -> None:
    assert fingerprint(plan) == other_process(plan)


def test_float_without_fraction_is_a_whole_number_that_msgspec_refuses() -> None:
    assert judge_of(gtype_of(int)).is_valid(62.0)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b"62.0", type=int)


if __name__ == "__main__":
    for line in sys.stdin:
        print(fingerprint(json.loads(line)), flush=True)  # noqa: T201
