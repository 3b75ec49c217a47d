"""Changes of an API, written as the types before and after: what the generator is tried on."""

from collections.abc import Mapping
from typing import NamedTuple

from perdure.gtype.nodes import (
    AnyValue,
    Array,
    Boolean,
    Date,
    DateTime,
    Decimal,
    Enum,
    Field,
    Integer,
    Literal,
    Node,
    Null,
    Number,
    Object,
    Record,
    Ref,
    String,
    Tuple,
    Union,
    Uuid,
)  # fmt: skip
from perdure.manifest.records import Api, Endpoint
from tests.nodes import f

__all__ = ["CHANGES", "Change", "thing"]


class Change(NamedTuple):
    """One change of the type ``Thing``, which every request has and every answer is."""

    old: Mapping[str, Node]
    new: Mapping[str, Node]
    renames: tuple[str, ...] = ()
    holes: int | None = 0
    """How many places are left to a person; None for any number."""

    @property
    def apis(self) -> tuple[Api, Api]:
        return _api(self.old), _api(self.new)


def _api(types: Mapping[str, Node]) -> Api:
    whole = Endpoint(handler="echo", body=Ref(name="Thing"), response=Ref(name="Thing"))
    several = Array(items=Ref(name="Thing"))
    nested = Endpoint(handler="echo_all", body=several, response=Record(values=several))
    return Api(types=dict(types), endpoints={"POST /things": whole, "PUT /things": nested})


def thing(*fields: Field, closed: bool = False, **others: Node) -> dict[str, Node]:
    return {"Thing": Object(fields=fields, closed=closed), **others}


def one_of(*values: str) -> Literal:
    return Literal(values=values)


def enum(**members: str) -> Enum:
    return Enum(members=tuple(members.items()))


def either(*members: Node, tag: str | None = None) -> Union:
    return Union(members=members, discriminator=tag)


S, I, N, B, NULL = String(), Integer(), Number(), Boolean(), Null()  # noqa: E741
DAY, MOMENT = Date(), DateTime(tz=True)
INNER = Object(fields=(f("x", I), f("y", S)))
CARD = Object(fields=(f("kind", one_of("card")), f("number", S)))
CASH = Object(fields=(f("kind", one_of("cash")), f("paid", I)))
BANK = Object(fields=(f("kind", one_of("bank")), f("iban", S)))
LONG = "a_member_with_a_long_name_of_its_own"

DIM = Object(fields=(f("w", I), f("h", I, optional=True, default=3)))
CHANGES: dict[str, Change] = {
    "member renamed": Change(thing(f("a", S), f("b", I)), thing(f("c", S), f("b", I)), ("Thing.a=c",)),
    "optional member renamed": Change(
        thing(f("a", S, optional=True)), thing(f("c", S, optional=True)), ("Thing.a=c",)
    ),
    "members swapped": Change(thing(f("a", S), f("b", S)), thing(f("b", S), f("a", S)), ("Thing.a=b", "Thing.b=a")),
    "names passed on": Change(
        thing(f("a", S), f("b", I, optional=True)), thing(f("b", S), f("c", I, optional=True)),
        ("Thing.a=b", "Thing.b=c"),
    ),
    "renamed and widened": Change(thing(f("a", I)), thing(f("c", N)), ("Thing.a=c",), 1),
    "required added with default": Change(thing(f("a", S)), thing(f("a", S), f("b", S, default="x"))),
    "required added with one value": Change(thing(f("a", S)), thing(f("a", S), f("b", one_of("EUR")))),
    "required added that may be null": Change(thing(f("a", S)), thing(f("a", S), f("b", either(I, NULL)))),
    "required added": Change(thing(f("a", S)), thing(f("a", S), f("b", I)), (), 1),
    "optional added": Change(thing(f("a", S)), thing(f("a", S), f("b", I, optional=True))),
    "optional added to a closed one": Change(
        thing(f("a", S), closed=True), thing(f("a", S), f("b", I, optional=True), closed=True)
    ),
    "closed": Change(thing(f("a", S)), thing(f("a", S), closed=True)),
    "required removed": Change(thing(f("a", S), f("b", I)), thing(f("a", S)), (), 1),
    "optional removed": Change(thing(f("a", S), f("b", I, optional=True)), thing(f("a", S))),
    "split": Change(thing(f("name", S)), thing(f("first", S), f("last", S)), (), 3),
    "became optional": Change(thing(f("a", S)), thing(f("a", S, optional=True)), (), 1),
    "became optional with default": Change(thing(f("a", S)), thing(f("a", S, optional=True, default="x"))),
    "became required": Change(thing(f("a", I, optional=True)), thing(f("a", I)), (), 1),
    "became required, had a default": Change(thing(f("a", I, optional=True, default=3)), thing(f("a", I))),
    "default changed": Change(
        thing(f("a", I, optional=True, default=3)), thing(f("a", I, optional=True, default=4))
    ),
    "became nullable": Change(thing(f("a", I)), thing(f("a", either(I, NULL))), (), 1),
    "optional became nullable": Change(
        thing(f("a", I, optional=True)), thing(f("a", either(I, NULL), optional=True))
    ),
    "integer to number": Change(thing(f("a", I)), thing(f("a", N)), (), 1),
    "nullable number to integer": Change(thing(f("a", either(N, NULL))), thing(f("a", either(I, NULL))), (), 1),
    "integer to text": Change(thing(f("a", I)), thing(f("a", S)), (), 1),
    "number to text": Change(thing(f("a", N)), thing(f("a", S)), (), 1),
    "number to digits": Change(thing(f("a", N)), thing(f("a", String(pattern="^[0-9]{1,9}\\.[0-9]{2}$"))), (), 1),
    "number to decimal": Change(thing(f("a", N)), thing(f("a", Decimal())), (), 1),
    "text to decimal": Change(thing(f("a", S)), thing(f("a", Decimal())), (), 1),
    "uuid to text": Change(thing(f("a", Uuid())), thing(f("a", S)), (), 1),
    "bounds narrowed": Change(thing(f("a", Integer(ge=0))), thing(f("a", Integer(ge=1))), (), 1),
    "text shortened": Change(thing(f("a", S)), thing(f("a", String(max_length=3))), (), 1),
    "day to moment": Change(thing(f("a", DAY)), thing(f("a", MOMENT)), (), 2),
    "value to list": Change(thing(f("a", S)), thing(f("a", Array(items=S))), (), 1),
    "value to list of one": Change(thing(f("a", I)), thing(f("a", Array(items=I, min_items=1, max_items=1)))),
    "nullable to list": Change(thing(f("a", either(S, NULL))), thing(f("a", Array(items=S))), (), 1),
    "list of other items": Change(thing(f("a", Array(items=I))), thing(f("a", Array(items=S))), (), 1),
    "list of lists": Change(
        thing(f("a", Array(items=Array(items=I)))), thing(f("a", Array(items=Array(items=S)))), (), 1
    ),
    "list bounded": Change(thing(f("a", Array(items=I))), thing(f("a", Array(items=I, max_items=2))), (), 1),
    "list to set": Change(thing(f("a", Array(items=I))), thing(f("a", Array(items=I, unique=True))), (), 1),
    "map of other values": Change(thing(f("a", Record(values=I))), thing(f("a", Record(values=S))), (), 1),
    "pair": Change(thing(f("a", Tuple(items=(I, S)))), thing(f("a", Tuple(items=(S, S)))), (), 1),
    "object to list": Change(
        thing(f("a", Ref(name="Dim")), Dim=DIM), thing(f("a", Array(items=Ref(name="Dim"))), Dim=DIM), (), 1
    ),
    "object to list of what changed, too": Change(
        thing(f("a", Ref(name="Line")), Line=Object(fields=(f("sku", S),))),
        thing(f("a", Array(items=Ref(name="Line"))), Line=Object(fields=(f("sku", Array(items=S)),))), (), 2
    ),
    "list to object around it": Change(
        thing(f("a", Array(items=S))),
        thing(f("a", Object(fields=(f("items", Array(items=S)), f("total", I, optional=True, default=0))))), (), 1
    ),
    "value to object with a default beside it": Change(
        thing(f("a", I)), thing(f("a", Object(fields=(f("value", I), f("unit", S, optional=True, default="m"))))), (), 1
    ),
    "value to object": Change(
        thing(f("a", I)), thing(f("a", Ref(name="Box"))) | {"Box": Object(fields=(f("value", I),))}
    ),
    "money": Change(
        {"Thing": N},
        {"Thing": Object(fields=(f("amount", String(pattern="^[0-9]{1,9}\\.[0-9]{2}$")), f("unit", one_of("EUR"))))},
        (), 1,
    ),
    "list to page": Change(
        {"Thing": Array(items=I)}, {"Thing": Object(fields=(f("items", Array(items=I)), f("next", either(S, NULL))))},
        (), None,
    ),
    "enumeration renamed by hint": Change(
        {"Thing": enum(A="a", B="b")}, {"Thing": enum(A="a", C="c")}, ("Thing.b=c",)
    ),
    "enumeration with new values": Change({"Thing": enum(A="a", B="b")}, {"Thing": enum(A="x", B="b")}),
    "enumeration with more": Change({"Thing": enum(A="a")}, {"Thing": enum(A="a", B="b")}, (), 1),
    "enumeration with fewer": Change({"Thing": enum(A="a", B="b", C="c")}, {"Thing": enum(A="a")}, (), 1),
    "values merged": Change(
        {"Thing": enum(A="a", B="b", C="c")}, {"Thing": enum(A="a", D="d")}, ("Thing.b=d", "Thing.c=d"), 1
    ),
    "literal with more": Change(thing(f("a", one_of("x"))), thing(f("a", one_of("x", "y"))), (), 1),
    "text to enumeration": Change(thing(f("a", S)), thing(f("a", one_of("x", "y"))), (), 1),
    "numbers to words": Change(thing(f("a", Literal(values=(1, 2)))), thing(f("a", one_of("x", "y"))), (), 2),
    "truth to words": Change(thing(f("a", B)), thing(f("a", one_of("yes", "no"))), (), 2),
    "union with more": Change(thing(f("a", I)), thing(f("a", either(I, S))), (), 1),
    "union with fewer, converted": Change(thing(f("a", either(S, I))), thing(f("a", S))),
    "tagged union with more": Change(
        thing(f("a", either(Ref(name="Card"), Ref(name="Cash"), tag="kind")), Card=CARD, Cash=CASH),
        thing(f("a", either(Ref(name="Card"), Ref(name="Cash"), Ref(name="Bank"), tag="kind")), Card=CARD, Cash=CASH,
              Bank=BANK), (), 1,
    ),
    "members of a tagged union change": Change(
        thing(f("a", either(Ref(name="Card"), Ref(name="Cash"), tag="kind")), Card=CARD, Cash=CASH),
        thing(f("a", either(Ref(name="Card"), Ref(name="Cash"), tag="kind")), Card=CARD,
              Cash=Object(fields=(f("kind", one_of("cash")), f("cents", I)))), ("Cash.paid=cents",),
    ),
    "nested type changes": Change(
        thing(f("a", Array(items=Ref(name="Inner"))), Inner=INNER),
        thing(f("a", Array(items=Ref(name="Inner"))), Inner=Object(fields=(f("z", I), f("y", S)))), ("Inner.x=z",),
    ),
    "nested type renamed and changed": Change(
        thing(f("a", Record(values=Ref(name="Inner"))), Inner=INNER),
        thing(f("a", Record(values=Ref(name="Core"))), Core=Object(fields=(f("z", I), f("y", S)))), ("Inner.x=z",),
    ),
    "type renamed by hint": Change(
        thing(f("a", Ref(name="Inner")), Inner=INNER), thing(f("b", Ref(name="Core")), Core=INNER),
        ("Inner=Core", "Thing.a=b"),
    ),
    "member takes another type": Change(
        thing(f("a", Ref(name="Inner")), f("b", Ref(name="Other")), Inner=INNER, Other=Object(fields=(f("x", I),))),
        thing(f("a", Ref(name="Other")), f("b", Ref(name="Other")), Other=Object(fields=(f("x", I),))), (), 1,
    ),
    "recursive": Change(
        thing(f("a", S), f("below", Array(items=Ref(name="Thing")))),
        thing(f("b", S), f("below", Array(items=Ref(name="Thing")))), ("Thing.a=b",),
    ),
    "everything to something": Change(thing(f("a", AnyValue())), thing(f("a", S)), (), 1),
    "long names": Change(
        thing(f(LONG, Array(items=Integer(ge=1))), f("b", S)),
        thing(f(f"{LONG}_now", Array(items=Integer(ge=2, le=100))), f("b", one_of("x", "y", "z"))),
        (f"Thing.{LONG}={LONG}_now",), None,
    ),
    "odd names": Change(
        thing(f('qu"ote', S), f("class", I), f("ünï", S), f("new\nline", S), f("revision", I)),
        thing(f("it's", S), f("def", I), f("x y", S), f("back\\slash", S), f("re", S)), (), None,
    ),
}  # fmt: skip
