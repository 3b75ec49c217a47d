"""An example of each edit: a type before and after it."""

from msgspec import UNSET

from perdure.gtype import nodes as n
from perdure.gtype.nodes import Field, Node

__all__ = ["EXAMPLES"]


def one(name: str, node: Node, *, required: bool = True, default: object = UNSET) -> n.Object:
    """An open object of one member."""
    return n.Object(fields=(Field(name=name, node=node, required=required, default=default),))


def several(*names: str, **optional: Node) -> n.Object:
    """An open object of members of which only those that may be left out have a type."""
    fields = [Field(name=name, node=n.AnyValue()) for name in names]
    return n.Object(fields=(*fields, *(Field(name=name, node=node, required=False) for name, node in optional.items())))


def union(*members: Node, discriminator: str | None = None) -> n.Union:
    return n.Union(members=members, discriminator=discriminator)


def tagged(name: str, other: str, tags: tuple[str, str]) -> n.Object:
    fields = [Field(name=key, node=n.Literal(values=(tag,))) for key, tag in zip((name, other), tags, strict=True)]
    return n.Object(fields=tuple(fields))


TEXT, WHOLE, OPEN = n.String(), n.Integer(), n.Object(fields=(Field(name="a", node=n.Integer()),))
LONG, SHORT = n.Literal(values=("a", "b")), n.Literal(values=("a",))
BOTH = n.Object(fields=(*OPEN.fields, Field(name="b", node=n.String())))
MAYBE = n.Object(fields=(*OPEN.fields, Field(name="b", node=n.String(), required=False)))
ODD = union(tagged("k", "t", ("x", "u")), tagged("k", "t", ("y", "v")), discriminator="k")
EVEN = union(tagged("k", "t", ("x", "u")), tagged("k", "t", ("y", "w")), discriminator="t")
UNCOMBINED = n.Intersection(members=(n.String(pattern="a"), n.String(pattern="b")))

EXAMPLES: dict[str, tuple[Node, Node]] = {
    "type-narrowed": (n.Number(), WHOLE),
    "type-changed": (WHOLE, TEXT),
    "became-nullable": (TEXT, union(TEXT, n.Null())),
    "property-became-required": (one("a", TEXT, required=False), one("a", TEXT)),
    "required-property-added": (OPEN, BOTH),
    "optional-property-added": (OPEN, MAYBE),
    "property-renamed": (one("a", TEXT), one("z", TEXT)),
    "object-closed": (OPEN, n.Object(fields=OPEN.fields, closed=True)),
    "enum-value-removed": (LONG, SHORT),
    "enum-value-renamed": (LONG, n.Literal(values=("z", "b"))),
    "enum-set": (TEXT, LONG),
    "constant-changed": (SHORT, n.Literal(values=("b",))),
    "minimum-raised": (n.Integer(ge=1), n.Integer(ge=2)),
    "minimum-set": (WHOLE, n.Integer(ge=1)),
    "maximum-lowered": (n.Number(le=5), n.Number(lt=5)),
    "maximum-set": (WHOLE, n.Integer(le=1)),
    "multiple-of-set": (WHOLE, n.Integer(multiple_of=2)),
    "multiple-of-changed": (n.Integer(multiple_of=2), n.Integer(multiple_of=3)),
    "min-length-raised": (n.String(min_length=1), n.String(min_length=2)),
    "min-length-set": (TEXT, n.String(min_length=2)),
    "max-length-lowered": (n.Bytes(max_length=2), n.Bytes(max_length=1)),
    "max-length-set": (TEXT, n.String(max_length=2)),
    "pattern-set": (TEXT, n.String(pattern="^a")),
    "pattern-changed": (n.String(pattern="^a"), n.String(pattern="^b")),
    "format-set": (TEXT, n.String(format="phone")),
    "format-changed": (n.String(format="phone"), n.String(format="colour")),
    "offset-rule-narrowed": (n.DateTime(), n.DateTime(tz=True)),
    "offset-rule-changed": (n.Time(tz=False), n.Time(tz=True)),
    "min-items-raised": (n.Array(items=TEXT, min_items=1), n.Array(items=TEXT, min_items=2)),
    "min-items-set": (n.Array(items=TEXT), n.Array(items=TEXT, min_items=2)),
    "max-items-lowered": (n.Array(items=TEXT, max_items=3), n.Array(items=TEXT, max_items=2)),
    "max-items-set": (n.Array(items=TEXT), n.Array(items=TEXT, max_items=2)),
    "unique-items-set": (n.Array(items=TEXT), n.Array(items=TEXT, unique=True)),
    "tuple-item-added": (n.Tuple(items=(TEXT,)), n.Tuple(items=(TEXT, WHOLE))),
    "min-properties-raised": (n.Record(values=TEXT, min_size=1), n.Record(values=TEXT, min_size=2)),
    "min-properties-set": (n.Record(values=TEXT), n.Record(values=TEXT, min_size=2)),
    "max-properties-lowered": (n.Record(values=TEXT, max_size=3), n.Record(values=TEXT, max_size=2)),
    "max-properties-set": (n.Record(values=TEXT), n.Record(values=TEXT, max_size=2)),
    "keys-set": (n.Record(values=TEXT), n.Record(values=TEXT, keys=n.String(pattern="^a"))),
    "union-member-removed": (union(TEXT, WHOLE, n.Boolean()), union(TEXT, WHOLE)),
    "discriminator-changed": (ODD, EVEN),
    "intersection-member-added": (UNCOMBINED, n.Intersection(members=(*UNCOMBINED.members, n.String(pattern="c")))),
    "default-set": (one("a", TEXT, required=False), one("a", TEXT, required=False, default="x")),
    "default-changed": (one("a", TEXT, required=False, default="y"), one("a", TEXT, required=False, default="x")),
    "deprecated": (WHOLE, n.Integer(deprecated=True)),
    "values-left-out": (
        n.Intersection(members=(several("x", "y", b=n.AnyValue()), several("k", "l", d=TEXT))),
        n.Intersection(members=(several("x", "y", d=n.AnyValue()), several("k", "l", b=WHOLE))),
    ),
}  # fmt: skip
"""For one of each two opposite edits, a type before and after it."""
