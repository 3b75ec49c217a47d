"""The GType: a type as data.

A `GType` is a root node and the named definitions it refers to. Nodes are frozen, comparable, and serialise to
canonical JSON; that is all the rest of Perdure needs to record, hash, compare, validate, generate and convert types.

Every *named* Python type (a class, an enum, a ``NewType``, a ``type`` alias, a generic with its arguments) becomes a
definition and is referred to by `Ref`, so a transformer can be written once per type and recursion needs no care.

Source: SPEC 3.2.
"""

import hashlib
from typing import final

import msgspec
from msgspec import UNSET, Struct

__all__ = [
    "AnyValue", "Array", "Boolean", "Bytes", "Date", "DateTime", "Decimal", "Duration", "Enum", "Field",
    "GType", "Integer", "Intersection", "Literal", "Node", "Null", "Number", "Object", "Record", "Ref",
    "Scalar", "String", "Time", "Tuple", "Union", "Uuid",
]  # fmt: skip

Scalar = str | int | float | bool | None
"""A JSON value without structure: what a literal or an enum member can be."""


class _Base(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    """What every node may carry."""

    description: str | None = None
    deprecated: bool = False
    secret: bool = False
    """The value is masked wherever Perdure would show it: error messages, logs, snapshots."""


@final
class Field(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One member of an object, under its name on the wire."""

    name: str
    node: "Node"
    required: bool = True
    default: object = UNSET
    """The JSON value an absent member stands for; `UNSET` where absence is itself meaningful or decided by code."""


@final
class Object(_Base, frozen=True, tag="object"):
    """An object with known members, in order of declaration."""

    fields: tuple[Field, ...] = ()
    closed: bool = False
    """Unknown members are refused; otherwise they are ignored."""


@final
class Record(_Base, frozen=True, tag="record"):
    """A map from strings that match *keys* to values."""

    values: "Node"
    keys: "Node | None" = None
    min_size: int | None = None
    max_size: int | None = None


@final
class Array(_Base, frozen=True, tag="array"):
    """A list, a set (*unique*) or a homogeneous tuple."""

    items: "Node"
    min_items: int | None = None
    max_items: int | None = None
    unique: bool = False


@final
class Tuple(_Base, frozen=True, tag="tuple"):
    """An array of exactly these items."""

    items: tuple["Node", ...]


@final
class String(_Base, frozen=True, tag="string"):
    """Text; lengths count code points, *pattern* is searched, *format* is an annotation."""

    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    format: str | None = None


@final
class Integer(_Base, frozen=True, tag="integer"):
    """A whole number; ``62.0`` is one, as in JSON Schema."""

    ge: int | None = None
    gt: int | None = None
    le: int | None = None
    lt: int | None = None
    multiple_of: int | None = None


@final
class Number(_Base, frozen=True, tag="number"):
    """A finite number."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    multiple_of: float | None = None


@final
class Boolean(_Base, frozen=True, tag="boolean"):
    """``true`` or ``false``."""


@final
class Null(_Base, frozen=True, tag="null"):
    """``null``."""


@final
class Bytes(_Base, frozen=True, tag="bytes"):
    """Bytes; base64 in JSON. Lengths count bytes."""

    min_length: int | None = None
    max_length: int | None = None


@final
class Date(_Base, frozen=True, tag="date"):
    """An RFC 3339 date."""


@final
class Time(_Base, frozen=True, tag="time"):
    """An RFC 3339 time; *tz* says whether an offset is required (True), refused (False) or free (None)."""

    tz: bool | None = None


@final
class DateTime(_Base, frozen=True, tag="datetime"):
    """An RFC 3339 instant; *tz* as for `Time`."""

    tz: bool | None = None


@final
class Duration(_Base, frozen=True, tag="duration"):
    """An ISO 8601 duration."""


@final
class Uuid(_Base, frozen=True, tag="uuid"):
    """A UUID."""


@final
class Decimal(_Base, frozen=True, tag="decimal"):
    """An exact decimal: a string of digits, or a number, on the wire."""


@final
class Literal(_Base, frozen=True, tag="literal"):
    """One of these values."""

    values: tuple[Scalar, ...]


@final
class Enum(_Base, frozen=True, tag="enum"):
    """One of the values of an enumeration; *members* are (name, value)."""

    members: tuple[tuple[str, Scalar], ...]


@final
class Union(_Base, frozen=True, tag="union"):
    """Any of *members*; where *discriminator* is given, that member of the object tells which."""

    members: tuple["Node", ...]
    discriminator: str | None = None


@final
class Intersection(_Base, frozen=True, tag="intersection"):
    """All of *members* at once."""

    members: tuple["Node", ...]


@final
class AnyValue(_Base, frozen=True, tag="any"):
    """Any JSON value."""


@final
class Ref(_Base, frozen=True, tag="ref"):
    """The definition called *name*."""

    name: str


Node = (
    Object | Record | Array | Tuple | String | Integer | Number | Boolean | Null | Bytes | Date | Time | DateTime
    | Duration | Uuid | Decimal | Literal | Enum | Union | Intersection | AnyValue | Ref
)  # fmt: skip
"""Any of the kinds of SPEC 3.2."""


@final
class GType(Struct, frozen=True, omit_defaults=True):
    """A type schema: a root and the definitions it reaches, by name."""

    root: Node
    definitions: dict[str, Node] = {}

    def resolve(self, node: Node) -> Node:
        """Return *node*, or what it refers to, through any number of references.

        Raises:
            KeyError: The reference names no definition.
        """
        while isinstance(node, Ref):
            node = self.definitions[node.name]
        return node

    def canonical(self) -> bytes:
        """Return this type as canonical JSON: sorted keys, defaults left out, no white space."""
        return msgspec.json.encode(self, order="sorted")

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of `canonical`, as 64 hexadecimal digits."""
        return hashlib.sha256(self.canonical()).hexdigest()

    @classmethod
    def from_canonical(cls, text: bytes | str) -> "GType":
        """Return the type that `canonical` wrote.

        Raises:
            msgspec.ValidationError: *text* is not a GType.
        """
        return msgspec.json.decode(text, type=cls)
