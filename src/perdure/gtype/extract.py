"""Python types, read into nodes.

The reader keeps every named type once, under a number of its own, because two types may have the same name and which
names are free is only known at the end. `perdure.gtype.registry` turns the numbers into names.
"""

import collections.abc
import contextlib
import datetime as dt
import decimal
import enum
import types
import typing
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import cast, final

import msgspec
import typing_extensions

from perdure.errors import TypeDefinitionError
from perdure.gtype import nodes
from perdure.gtype.annotations import evaluate
from perdure.gtype.constraints import annotate, constrain, read_demands, restricts
from perdure.gtype.documentation import describe, enum_node, suggest
from perdure.gtype.generics import class_of, substitute
from perdure.gtype.map_keys import key_node
from perdure.gtype.members import class_kind, shape_of, strip_qualifiers
from perdure.gtype.naming import canonical_node
from perdure.gtype.nodes import Node, Ref, Scalar

__all__ = ["Definition", "Reader", "node_of"]

_SCALARS: Mapping[object, Node] = types.MappingProxyType({
    str: nodes.String(), typing.LiteralString: nodes.String(), int: nodes.Integer(), float: nodes.Number(),
    bool: nodes.Boolean(), None: nodes.Null(), types.NoneType: nodes.Null(), bytes: nodes.Bytes(),
    bytearray: nodes.Bytes(), memoryview: nodes.Bytes(), dt.date: nodes.Date(), dt.time: nodes.Time(),
    dt.datetime: nodes.DateTime(), dt.timedelta: nodes.Duration(), uuid.UUID: nodes.Uuid(),
    decimal.Decimal: nodes.Decimal(), typing.Any: nodes.AnyValue(), object: nodes.AnyValue(),
    msgspec.Raw: nodes.AnyValue(),
})  # fmt: skip
_LISTS = frozenset({
    list, collections.abc.Sequence, collections.abc.MutableSequence, collections.abc.Collection,
    collections.abc.Iterable,
})  # fmt: skip
_SETS = frozenset({set, frozenset, collections.abc.Set, collections.abc.MutableSet})
_MAPS = frozenset({dict, collections.abc.Mapping, collections.abc.MutableMapping})
_ALIASES = (typing_extensions.TypeAliasType, getattr(typing, "TypeAliasType", typing_extensions.TypeAliasType))
_MOST_NESTED = 12
"""How often a generic type may occur within itself, each time with other arguments."""


@final
class Definition(msgspec.Struct, kw_only=True):
    """One named type that was read."""

    number: str
    """What references call it until it has a name."""
    subject: object
    """The class, ``NewType`` or alias, without arguments."""
    arguments: tuple[Node, ...]
    node: Node | None = None
    """None while it is being read."""


@final
class _Owner(msgspec.Struct, frozen=True):
    """What the type being read is a part of."""

    tp: object = None
    """What ``Self`` means."""
    pydantic: bool = False
    text_bytes: bool = False


@final
class Reader:
    """Reads types; remembers the named ones."""

    def __init__(self) -> None:
        self.definitions: dict[object, Definition] = {}
        self.localns: Mapping[str, object] | None = None
        self._by_number: dict[str, Definition] = {}
        self._owner = _Owner()

    def node(self, tp: object, where: str) -> Node:
        """Return the node of *tp*; named types become references by number.

        Args:
            tp: An annotation, resolved.
            where: The place *tp* was found at, for error messages: ``Order.lines``.
        Raises:
            TypeDefinitionError: *tp*, or a type in it, has no GType.
        """
        tp = strip_qualifiers(tp)
        if typing.get_origin(tp) is typing.Annotated:
            return self._annotated(tp, where)
        plain = self._scalar(tp)
        if plain is not None:
            return plain
        if isinstance(tp, typing.TypeVar):
            return self._type_variable(tp, where)
        if tp is typing.Self or tp is typing_extensions.Self:
            if self._owner.tp is None:
                raise TypeDefinitionError(f"{where}: Self has no meaning outside of a class")
            return self.node(self._owner.tp, where)
        return self._structured(tp, where)

    def forget(self, known: int) -> None:
        """Drop every definition but the first *known*."""
        for key, entry in list(self.definitions.items())[known:]:
            del self.definitions[key], self._by_number[entry.number]

    @contextlib.contextmanager
    def _inside(self, owner: "_Owner") -> Iterator[None]:
        """Read what follows as belonging to *owner*."""
        outer, self._owner = self._owner, owner
        try:
            yield
        finally:
            self._owner = outer

    def _scalar(self, tp: object) -> Node | None:
        if self._owner.text_bytes and (tp is bytes or tp is bytearray):
            return nodes.String()
        try:
            return _SCALARS.get(tp)
        except TypeError:  # unhashable metadata somewhere in it
            return None

    def _structured(self, tp: object, where: str) -> Node:
        origin = typing.get_origin(tp) or tp
        arguments = typing.get_args(tp)
        if origin is typing.Union or origin is types.UnionType:
            return self._union(arguments, where)
        if origin is typing.Literal:
            return self._literal(arguments, where)
        if isinstance(origin, (typing.NewType, *_ALIASES)):
            return self._alias(tp, where)
        if origin in _LISTS or origin in _SETS:
            items = self.node(arguments[0] if arguments else typing.Any, f"{where}[]")
            return nodes.Array(items=items, unique=origin in _SETS)
        if origin in _MAPS:
            return self._map(arguments or (typing.Any, typing.Any), where)
        if origin is tuple:
            return self._tuple(tp, arguments, where)
        cls = class_of(tp)
        if cls is not None and class_kind(cls) is not None:
            return self._class(tp, cls, where)
        if self._owner.pydantic:
            from perdure.gtype.pydantic_models import leaf_node

            return leaf_node(tp, where)
        raise TypeDefinitionError(f"{where}: {_shown(tp)} has no GType: {suggest(tp)}")

    def _annotated(self, tp: object, where: str) -> Node:
        inner, *extras = typing.get_args(tp)
        pydantic = self._owner.pydantic
        demands = read_demands(extras, where, pydantic=pydantic)
        if not restricts(demands):
            return annotate(self.node(inner, where), demands)
        # A narrowed alias is another type than the alias, so it does not refer to it.
        node = self.node(self._underlying(inner), where)
        return annotate(constrain(node, demands, where, pydantic=pydantic), demands)

    def _underlying(self, tp: object) -> object:
        """Return what *tp* is an alias of, also inside a union."""
        origin = typing.get_origin(tp) or tp
        if origin is typing.Union or origin is types.UnionType:
            members = tuple(self._underlying(member) for member in typing.get_args(tp))
            return typing.Union[members]  # noqa: UP007  (of a tuple only known now)
        return self._underlying(self._alias_value(tp)) if isinstance(origin, (typing.NewType, *_ALIASES)) else tp

    def _alias_value(self, tp: object) -> object:
        origin = typing.get_origin(tp) or tp
        if isinstance(origin, typing.NewType):
            return evaluate(origin.__supertype__, origin, localns=self.localns)
        alias = cast("typing_extensions.TypeAliasType", origin)
        try:
            value = alias.__value__
        except NameError as error:
            raise TypeDefinitionError(
                f"type {alias.__name__}: needs {error.name!r}, which is not defined in {alias.__module__}: "
                f"add an import of {error.name}"
            ) from None
        value = evaluate(value, alias, localns=self.localns)
        return substitute(value, dict(zip(alias.__type_params__, typing.get_args(tp), strict=False)))

    def _alias(self, tp: object, where: str) -> Node:
        origin = typing.get_origin(tp) or tp
        arguments = tuple(self.node(argument, where) for argument in typing.get_args(tp))
        name = getattr(origin, "__name__", where)

        def read() -> Node:
            with self._inside(_Owner()):
                return describe(self.node(self._alias_value(tp), name), origin)

        return self._define(origin, arguments, read)

    def _type_variable(self, variable: typing.TypeVar, where: str) -> Node:
        """Return what an unbound type variable allows: its default, bound or constraints, or else anything."""
        default = getattr(variable, "__default__", typing_extensions.NoDefault)
        if default is not typing_extensions.NoDefault:
            return self.node(default, where)
        if variable.__constraints__:
            return self._union(variable.__constraints__, where)
        if variable.__bound__ is not None:
            return self.node(evaluate(variable.__bound__, variable, localns=self.localns), where)
        return nodes.AnyValue()

    def _union(self, members: tuple[object, ...], where: str) -> Node:
        found: dict[bytes, Node] = {}
        for member in members:
            node = self.node(member, where)
            found.setdefault(canonical_node(node), node)
        distinct = tuple(found.values())
        return distinct[0] if len(distinct) == 1 else nodes.Union(members=distinct)

    def _literal(self, values: tuple[object, ...], where: str) -> Node:
        plain = [value.value if isinstance(value, enum.Enum) else value for value in values]
        for value in plain:
            if value is not None and type(value) not in {str, int, bool}:
                raise TypeDefinitionError(
                    f"{where}: a literal {value!r} cannot be written as JSON: use text or numbers"
                )
        return nodes.Literal(values=tuple(cast("list[Scalar]", plain)))

    def _map(self, arguments: tuple[object, ...], where: str) -> Node:
        keys = self.node(arguments[0], f"{where}.keys")
        values = self.node(arguments[1], f"{where}{{}}")
        return nodes.Record(values=values, keys=key_node(keys, self._resolve, where))

    def _resolve(self, node: Node) -> Node:
        while isinstance(node, Ref):
            found = self._by_number[node.name].node
            if found is None:
                return node
            node = found
        return node

    def _tuple(self, tp: object, arguments: tuple[object, ...], where: str) -> Node:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return nodes.Array(items=self.node(arguments[0], f"{where}[]"))
        if tp is tuple or tp is typing.Tuple:  # noqa: UP006  (users still write it)
            return nodes.Array(items=nodes.AnyValue())
        if any(getattr(argument, "__unpacked__", False) for argument in arguments):
            raise TypeDefinitionError(f"{where}: {tp!r} has parts of any length: use list, or a tuple of known length")
        return nodes.Tuple(
            items=tuple(self.node(argument, f"{where}[{index}]") for index, argument in enumerate(arguments))
        )

    def _class(self, tp: object, cls: type, where: str) -> Node:
        subject, given = cls, typing.get_args(tp)
        generic = vars(cls).get("__pydantic_generic_metadata__")
        if generic and generic["origin"] is not None:  # Pydantic makes a class of every set of arguments
            subject, given = generic["origin"], generic["args"]
        arguments = tuple(self.node(argument, where) for argument in given)
        return self._define(subject, arguments, lambda: self._class_node(tp, cls, subject))

    def _class_node(self, tp: object, cls: type, subject: type) -> Node:
        if class_kind(cls) == "enum":
            return describe(enum_node(cls), subject)
        shape = shape_of(tp, localns=self.localns)
        with self._inside(_Owner(tp, shape.kind == "pydantic", shape.text_bytes)):
            fields = tuple(
                nodes.Field(
                    name=member.name, node=self.node(member.hint, f"{subject.__name__}.{member.name}"),
                    required=member.required, default=member.default,
                )
                for member in shape.members
            )  # fmt: skip
        if shape.tag is not None:
            tag = nodes.Field(name=shape.tag_field, node=nodes.Literal(values=(shape.tag,)))
            fields = (tag, *fields)
        if shape.root:
            return describe(fields[0].node, subject)
        if shape.array:
            return describe(nodes.Tuple(items=tuple(field.node for field in fields)), subject)
        return describe(nodes.Object(fields=fields, closed=shape.closed), subject)

    def _define(self, subject: object, arguments: tuple[Node, ...], read: Callable[[], Node]) -> Ref:
        """Return a reference to the definition of *subject* with *arguments*, which is read if it is new."""
        key = (id(subject), *map(canonical_node, arguments))
        entry = self.definitions.get(key)
        if entry is None:
            unfinished = [other for other in self.definitions.values() if other.node is None]
            if sum(other.subject is subject for other in unfinished) > _MOST_NESTED:
                raise TypeDefinitionError(
                    f"{_shown(subject)} contains itself with ever new arguments: its type never ends"
                )
            entry = Definition(number=f"#{len(self.definitions)}", subject=subject, arguments=arguments)
            self.definitions[key] = self._by_number[entry.number] = entry
            entry.node = read()
        return Ref(name=entry.number)


def node_of(definition: Definition) -> Node:
    """Return the node of a definition that has been read.

    Raises:
        TypeDefinitionError: It is still being read.
    """
    if definition.node is None:
        raise TypeDefinitionError(f"{_shown(definition.subject)} is still being read")
    return definition.node


def _shown(tp: object) -> str:
    return tp.__qualname__ if isinstance(tp, type) and typing.get_origin(tp) is None else repr(tp)
