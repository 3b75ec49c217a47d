"""`prove` tells what is lost or turned into something else on the way there and back, each bug beside its right twin.

Members and parameters that are called otherwise since, functions for one direction only, functions of endpoints, words
of enumerations, and types that change places.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from perdure.errors import RevisionError
from perdure.gtype.nodes import (
    Array,
    Decimal,
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
    Union,
)
from perdure.manifest.records import Api, Endpoint
from perdure.timescape.parts import RequestParts, ResponseParts
from perdure.timescape.proving.proof import Effort, prove
from perdure.timescape.proving.report import Report
from perdure.timescape.proving.subject import Subject
from perdure.timescape.renames import Renames
from perdure.timescape.revision import Revision
from perdure.timescape.timescape import Timescape
from tests.nodes import f, obj, words
from tests.timescape.history import Step, Write, history, nothing

SEEDS = (0, 1, 2, 7, 11, 23)


def optional(name: str, node: Node, default: object) -> Field:
    return f(name, node, optional=True, default=default)


def echo(**types: Node) -> Api:
    """Return an API that answers with the first of *types*, which it is sent."""
    first = Ref(name=next(iter(types)))
    return Api(types=types, endpoints={"POST /x": Endpoint(handler="x", body=first, response=first)})


def asked(key: str, path: Object | None = None, query: Object | None = None) -> Api:
    return Api(endpoints={key: Endpoint(handler="x", params=path, query=query, response=Integer())})


def moved(key: str) -> Write:
    return lambda revision: revision.moved("GET /o/{id}", to=key)


def functions(**declared: Callable[..., object]) -> Write:
    """Return what declares functions: ``request_Line``; ``request`` and ``response`` are of ``POST /x``."""

    def write(revision: Any) -> None:
        for name, function in declared.items():
            direction, _, target = name.rstrip("_").partition("_")
            getattr(revision, direction)(target or "POST /x")(function)

    return write


def both(*writes: Write) -> Write:
    def write(revision: Any) -> None:
        for each in writes:
            each(revision)

    return write


def proved(old: Api, new: Api, write: Write, renames: Renames, seed: int = 0) -> Report:
    revisions = history(Step(old), Step(new, write, renames))
    return prove(Subject(timescape=Timescape(revisions)), Effort(examples=10, limit_s=1.0, seed=seed))


def edited(**members: Callable[[Any], object]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return a function that changes some members of an object."""
    return lambda value: value | {name: change(value[name]) for name, change in members.items()}


def renamed(old: str, new: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda value: {new if name == old else name: each for name, each in value.items()}


def without(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda value: {each: value[each] for each in value if each != name}


def in_part(part: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Any], None]:
    """Return a function of an endpoint that changes *part*."""

    def carry(parts: RequestParts | ResponseParts) -> None:
        setattr(parts, part, change(getattr(parts, part)))

    return carry


class Case(NamedTuple):
    """An API at two versions, what is right between them, what is wrong, and what is told of that."""

    name: str
    old: Api
    new: Api
    right: Write
    wrong: Write
    told: tuple[tuple[str, str, str], ...]
    """Kind, direction and target of each."""
    renames: Renames = Renames()


MAYBE = Union(members=(String(), Null()))
NOTES = echo(O=obj(optional("note", MAYBE, None), id=Integer()))
REMARKS = echo(O=obj(optional("remark", MAYBE, None), id=Integer()))
NOTE = Renames(members={"O": {"note": "remark"}})
TAG, TAGS = (
    echo(O=obj(optional("tag", String(), ""))),
    echo(O=obj(optional("tags", Array(items=String()), []))),
)
RENAMED = functions(request_O=renamed("note", "remark"), response_O=renamed("remark", "note"))
FEW = echo(Line=obj(qty=Integer(ge=0, le=99), sku=String()))
LINE = echo(Line=obj(qty=Integer(), sku=String()))
FOUND = asked("GET /o", query=obj(optional("state", MAYBE, None)))
FIND = asked("GET /o", query=obj(optional("status", MAYBE, None)))
STATE = Renames(members={"GET /o": {"state": "status"}})
ONE, OTHER = asked("GET /o/{id}", path=obj(id=Integer())), asked("GET /o/{oid}", path=obj(oid=Integer()))
OLD_S, NEW_S = echo(S=words("a", "b", "c")), echo(S=words("a", "bb", "c"))
SWAPPED = Renames(types={"A": "B", "B": "A"}, members={"A": {"x": "x2"}, "B": {"y": "y2"}})
PLACES = obj(a=Ref(name="A"), b=Ref(name="B")), obj(a=Ref(name="B"), b=Ref(name="A"))


def mapped(up: dict[str, str], down: dict[str, str]) -> Write:
    return functions(request_S=up.__getitem__, response_S=down.__getitem__)


def find(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Write:
    return lambda revision: revision.request("GET /o")(in_part("query", change))


def one(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Write:
    return both(
        moved("GET /o/{oid}"), lambda revision: revision.request("GET /o/{id}")(in_part("path", change))
    )  # fmt: skip


def swapped(back: Callable[[dict[str, Any]], dict[str, Any]]) -> Write:
    return functions(
        request_A=renamed("x", "x2"), response_A=renamed("x2", "x"), request_B=renamed("y", "y2"), response_B=back
    )


BOX = echo(Box=obj(rows=Array(items=Array(items=Integer())), names=Record(values=Integer())))
TREE = echo(Tree=obj(name=String(), below=Array(items=Ref(name="Tree"), max_items=2)))
BAG = obj(lines=Array(items=Ref(name="Line")), total=Integer())
BAGS = echo(Bag=BAG, Line=obj(qty=Integer(), sku=String()))
HOLDER = obj(at=Ref(name="At"), id=Integer())
CARD, CASH = (obj(kind=Literal(values=(kind,)), no=String(max_length=9)) for kind in ("card", "cash"))
PAID = Union(members=(Ref(name="Card"), Ref(name="Cash")), discriminator="kind")
PAYMENTS = echo(Sale=obj(paid=PAID), Card=CARD, Cash=CASH)


def up_and_down(**both_ways: tuple[Callable[[Any], object], Callable[[Any], object]]) -> Write:
    """Return what declares for types what is done with requests, and with answers."""
    return both(
        *(functions(**{f"request_{name}": up, f"response_{name}": down}) for name, (up, down) in both_ways.items())
    )


def added(number: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return edited(qty=lambda each: each + number)


def made(change: Callable[[Any], object]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return edited(no=change)


S_MAPPED = mapped({"a": "a", "b": "bb", "c": "c"}, {"a": "a", "bb": "b", "c": "c"})
CASES = [
    Case("renamed_member_dropped", NOTES, REMARKS, RENAMED,
         functions(request_O=without("note"), response_O=without("remark")),
         (("lost", "request", "O"), ("lost", "response", "O")), NOTE),
    Case("renamed_member_forgotten_in_answers", NOTES, REMARKS, RENAMED,
         functions(request_O=renamed("note", "remark"), response_O=dict),
         (("lost", "response", "O"), ("drift", "response", "O")), NOTE),
    Case("renamed_member_without_any_function", NOTES, REMARKS, RENAMED, nothing,
         (("lost", "request", "O"), ("lost", "response", "O")), NOTE),
    Case("renamed_member_carried_by_the_endpoint", NOTES, REMARKS,
         functions(request=in_part("body", renamed("note", "remark")),
                   response=in_part("body", renamed("remark", "note"))),
         functions(request=in_part("body", renamed("note", "remark"))),
         (("lost", "response", "O"), ("drift", "request", "POST /x")), NOTE),
    Case("renamed_member_of_another_type_dropped", TAG, TAGS,
         functions(request_O=lambda each: {"tags": [each.get("tag", "")]},
                   response_O=lambda each: {"tag": "".join(each.get("tags", [])[:1])}),
         functions(request_O=without("tag"), response_O=without("tags")),
         (("lost", "request", "O"), ("lost", "response", "O")), Renames(members={"O": {"tag": "tags"}})),
    Case("only_requests_converted", LINE, LINE, functions(request_Line=edited(qty=lambda each: min(each, 99))),
         functions(request_Line=edited(qty=lambda each: each * 2)), (("drift", "request", "Line"),)),
    Case("only_answers_converted", FEW, LINE, functions(response_Line=edited(qty=lambda each: max(0, min(each, 99)))),
         functions(response_Line=edited(qty=lambda each: max(0, min(each + 1, 99)))), (("drift", "response", "Line"),)),
    Case("answers_converted_by_the_endpoint", LINE, LINE,
         functions(request_Line=edited(qty=lambda each: each * 2),
                   response=in_part("body", edited(qty=lambda each: each // 2))),
         functions(request_Line=edited(qty=lambda each: each * 2),
                   response=in_part("body", edited(qty=lambda each: each // 3))), (("drift", "response", "POST /x"),)),
    Case("only_requests_converted_by_the_endpoint", LINE, LINE,
         functions(request=in_part("body", edited(qty=lambda each: min(each, 99)))),
         functions(request=in_part("body", edited(qty=lambda each: each * 2))), (("drift", "request", "POST /x"),)),
    Case("order_of_functions_of_an_endpoint", LINE, LINE,
         functions(request=in_part("body", edited(qty=lambda each: min(each, 50))),
                   request_=in_part("body", edited(sku=str.strip))),
         functions(request=in_part("body", edited(qty=lambda each: min(each, 50))),
                   request_=in_part("body", edited(qty=lambda each: 0 if each > 70 else each))),
         (("order", "request", "POST /x"),)),
    Case("recorded_query_rename_forgotten", FOUND, FIND, find(renamed("state", "status")), find(dict),
         (("lost", "request", "GET /o"),), STATE),
    Case("recorded_query_rename_without_any_function", FOUND, FIND, find(renamed("state", "status")), nothing,
         (("lost", "request", "GET /o"),), STATE),
    Case("query_parameter_made_constant", FOUND, FIND, find(renamed("state", "status")),
         find(lambda _: {"status": "x"}), (("lost", "request", "GET /o"),), STATE),
    Case("unrecorded_query_rename_forgotten", FOUND, FIND, find(renamed("state", "status")), find(dict),
         (("cut", "request", "GET /o"),)),
    Case("path_parameter_made_constant", ONE, OTHER, one(renamed("id", "oid")), one(lambda _: {"oid": 1}),
         (("lost", "request", "GET /o/{id}"),)),
    Case("two_words_become_one", OLD_S, NEW_S, S_MAPPED,
         mapped({"a": "a", "b": "bb", "c": "bb"}, {"a": "a", "bb": "b", "c": "c"}), (("drift", "request", "S"),)),
    Case("words_crossed_in_both_maps", OLD_S, NEW_S, S_MAPPED,
         mapped({"a": "c", "b": "bb", "c": "a"}, {"a": "c", "bb": "b", "c": "a"}), (("crossed", "request", "S"),)),
    Case("words_rotated_in_both_maps", OLD_S, NEW_S, S_MAPPED,
         mapped({"a": "c", "b": "a", "c": "bb"}, {"a": "b", "bb": "c", "c": "a"}), (("crossed", "request", "S"),)),
    Case("types_that_change_places", echo(O=PLACES[0], A=obj(x=Integer()), B=obj(y=String())),
         echo(O=PLACES[1], A=obj(y2=String()), B=obj(x2=Integer())), swapped(renamed("y2", "y")),
         swapped(lambda each: {"y": each["y2"][:3]}), (("drift", "response", "B"), ("cut", "response", "B")), SWAPPED),
    Case("number_made_positive", LINE, LINE, up_and_down(Line=(added(1), added(-1))),
         up_and_down(Line=(edited(qty=abs), dict)), (("altered", "request", "Line"),)),
    Case("number_made_negative_on_the_way_back", LINE, LINE, up_and_down(Line=(dict, dict)),
         up_and_down(Line=(edited(qty=abs), edited(qty=lambda each: -abs(each)))), (("altered", "response", "Line"),)),
    Case("list_of_lists_made_flat", BOX, BOX, up_and_down(Box=(dict, dict)),
         up_and_down(Box=(edited(rows=lambda rows: [[each for row in rows for each in row]]), dict)),
         (("altered", "request", "Box"),)),
    Case("keys_of_a_map_in_small_letters", BOX, BOX, up_and_down(Box=(dict, dict)),
         up_and_down(Box=(edited(names=lambda each: {key.lower(): value for key, value in each.items()}), dict)),
         (("altered", "request", "Box"),)),
    Case("text_in_a_type_that_holds_itself", TREE, TREE, up_and_down(Tree=(dict, dict)),
         up_and_down(Tree=(edited(name=lambda each: each.replace("a", "b")), dict)), (("altered", "request", "Tree"),)),
    Case("type_that_drifts_within_another", BAGS, BAGS,
         up_and_down(Bag=(edited(total=lambda each: each + 1), edited(total=lambda each: each - 1)),
                     Line=(added(1), added(-1))),
         up_and_down(Bag=(edited(total=lambda each: each + 1), edited(total=lambda each: each - 1)),
                     Line=(added(1), added(-2))), (("drift", "response", "Line"),)),
    Case("type_that_drifts_below_an_endpoint_with_a_function_of_its_own", BAGS, BAGS,
         both(up_and_down(Line=(added(1), added(-1))), functions(response_Bag=dict, response=lambda _: None)),
         both(up_and_down(Line=(added(1), added(-2))), functions(response_Bag=dict, response=lambda _: None)),
         (("drift", "response", "Line"),)),
    Case("member_of_a_union_that_drifts", PAYMENTS, PAYMENTS,
         up_and_down(Sale=(dict, dict), Card=(dict, dict), Cash=(dict, dict)),
         up_and_down(Sale=(dict, dict), Card=(made(lambda no: no[1:] + no[:1]), dict), Cash=(dict, dict)),
         (("drift", "response", "Card"),)),
    Case("member_of_a_union_made_invalid", PAYMENTS, PAYMENTS,
         up_and_down(Sale=(dict, dict), Card=(dict, dict), Cash=(dict, dict)),
         up_and_down(Sale=(dict, dict), Card=(made(lambda no: no + "0123456789"), dict), Cash=(dict, dict)),
         (("invalid", "request", "Card"),)),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_lost_there_or_back_is_told(case: Case) -> None:
    report = proved(case.old, case.new, case.wrong, case.renames)
    found = {(each.kind, each.direction, each.target) for each in (*report.failures, *report.warnings)}
    assert set(case.told) == found, str(report)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_right_is_not_told(case: Case) -> None:
    for seed in SEEDS:
        report = proved(case.old, case.new, case.right, case.renames, seed)
        assert not (*report.failures, *report.warnings), str(report)


FLOATS = echo(C=obj(optional("f", Number(), 0.0)))
DECIMALS = echo(C=obj(optional("f", Decimal(), "0")))
MEANT = [
    ("float_to_decimal", FLOATS, DECIMALS, functions(
        request_C=lambda each: {"f": each.get("f", 0.0)},
        response_C=lambda each: {"f": float(each.get("f", "0")) if math.isfinite(float(each.get("f", "0"))) else 0.0}),
     Renames()),
    ("whole_number_of_a_float", echo(D=obj(w=Integer())), echo(D=obj(w=Number())),
     functions(response_D=edited(w=lambda each: int(each) if each == int(each) else round(each))), Renames()),
    ("words_made_one_as_there_is_no_room", echo(S=words("a", "b", "c")), echo(S=words("a", "b")),
     mapped({"a": "a", "b": "b", "c": "b"}, {"a": "a", "b": "b"}), Renames()),
    ("words_made_one_by_a_recorded_rename", OLD_S, NEW_S,
     mapped({"a": "a", "b": "bb", "c": "bb"}, {"a": "a", "bb": "b", "c": "c"}),
     Renames(members={"S": {"c": "bb", "b": "bb"}})),
    ("parameter_removed", asked("GET /o", query=obj(optional("page", Integer(), 1))),
     asked("GET /o", query=obj(optional("cursor", String(), ""))), find(lambda _: {}), Renames()),
    ("functions_of_an_endpoint_undone_in_turn", LINE, LINE, both(
        functions(request=in_part("body", edited(qty=lambda each: each + 1))),
        functions(request=in_part("body", edited(qty=lambda each: each * 2))),
        functions(response=in_part("body", edited(qty=lambda each: each - 1))),
        functions(response=in_part("body", edited(qty=lambda each: each // 2)))), Renames()),
    ("functions_of_a_type_undone_in_turn", LINE, LINE, both(
        functions(request_Line=edited(qty=lambda each: each + 1)),
        functions(request_Line=edited(qty=lambda each: each * 2)),
        functions(response_Line=edited(qty=lambda each: each - 1)),
        functions(response_Line=edited(qty=lambda each: each // 2))), Renames()),
    ("type_that_changed_carried_by_what_holds_it", echo(O=HOLDER, At=obj(day=String(min_length=1))),
     echo(O=HOLDER, At=obj(day=String(min_length=1, max_length=1))),
     up_and_down(O=(edited(at=edited(day=lambda each: each[:1])), dict)), Renames()),
    ("member_of_another_unit", LINE, LINE, up_and_down(
        Line=(edited(qty=lambda each: each * 100), edited(qty=lambda each: each // 100))), Renames()),
    ("member_that_may_be_altered", LINE, LINE, both(
        up_and_down(Line=(edited(qty=abs), dict)),
        lambda revision: revision.lossless("Line", keeps="nothing")), Renames()),
    ("drift_of_an_endpoint_that_is_meant", LINE, LINE, both(
        functions(request=in_part("body", edited(qty=lambda each: each * 2))),
        lambda revision: revision.lossless("POST /x", keeps="nothing")), Renames()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "write", "renames"), [each[1:] for each in MEANT], ids=[each[0] for each in MEANT]
)
def test_what_types_force_or_is_declared_is_not_told(old: Api, new: Api, write: Write, renames: Renames) -> None:
    for seed in SEEDS:
        report = proved(old, new, write, renames, seed)
        assert not (*report.failures, *report.warnings), str(report)


def test_endpoint_of_which_more_is_promised_than_nothing_or_that_is_not_there_is_refused() -> None:
    with pytest.raises(RevisionError, match="keeps='nothing'"):
        Revision("2025-02-01").lossless("POST /x", keeps="both")
    with pytest.raises(RevisionError, match=r"no endpoint 'POST /y'.*'POST /x'"):
        proved(LINE, LINE, lambda revision: revision.lossless("POST /y", keeps="nothing"), Renames())
