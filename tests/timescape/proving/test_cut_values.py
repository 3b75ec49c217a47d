"""`prove` tells of values that come out cut although there was room for all of them, and is silent where they do not.

Each bug is tried beside the function as it should be. What the types force, or what is found elsewhere in the result,
is no loss.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from perdure.gtype.nodes import Array, Decimal, Integer, Node, Number, Object, Record, Ref, String
from perdure.manifest.records import Api, Endpoint
from perdure.timescape.parts import RequestParts, ResponseParts
from perdure.timescape.proving.proof import Effort, prove
from perdure.timescape.proving.report import Report
from perdure.timescape.proving.subject import Subject
from perdure.timescape.timescape import Timescape
from tests.nodes import obj
from tests.timescape.history import Step, Write, history

TEXT = String(max_length=40)
TAGS = Array(items=TEXT, max_items=9)
LINES = Array(items=Ref(name="Line"))
Convert = Callable[[dict[str, Any]], Any]


def api(thing: Node, *, is_asked: bool, **types: Node) -> Api:
    body = Ref(name="Thing") if is_asked else None
    endpoint = Endpoint(handler="x", body=body, response=Ref(name="Thing"))
    return Api(types={"Thing": thing, **types}, endpoints={"POST /x": endpoint})


def proved(old: Api, new: Api, write: Write, seed: int = 0) -> Report:
    revisions = history(Step(old), Step(new, write))
    return prove(Subject(timescape=Timescape(revisions)), Effort(examples=10, limit_s=1.0, seed=seed))


class Case(NamedTuple):
    """Types before and after, a function for answers that is right, one that is wrong, and what is told of that."""

    name: str
    old: Object
    new: Object
    right: Convert
    wrong: Convert
    kind: str
    about: str


def cents(value: dict[str, Any]) -> float:
    return float(value["amount"])


SAME: dict[str, Node] = {
    "tags": TAGS,
    "text": TEXT,
    "weight": Number(),
    "code": TEXT,
    "stock": Record(values=Integer()),
}
ANSWERS = [
    Case("list_cut_after_two", obj(**SAME, a=TEXT), obj(**SAME), lambda each: each | {"a": ""},
         lambda each: each | {"a": "", "tags": each["tags"][:2]}, "lost", "'tags'"),
    Case("first_item_dropped", obj(**SAME, a=TEXT), obj(**SAME), lambda each: each | {"a": ""},
         lambda each: each | {"a": "", "tags": each["tags"][1:]}, "lost", "'tags'"),
    Case("short_items_dropped", obj(**SAME, a=TEXT), obj(**SAME), lambda each: each | {"a": ""},
         lambda each: each | {"a": "", "tags": [one for one in each["tags"] if len(one) > 1]}, "lost", "'tags'"),
    Case("items_reversed", obj(**SAME, a=TEXT), obj(**SAME), lambda each: each | {"a": ""},
         lambda each: each | {"a": "", "tags": each["tags"][::-1]}, "cut", "order of 'tags'"),
    Case("text_cut_off", obj(**SAME, a=TEXT), obj(**SAME), lambda each: each | {"a": "", "text": each["text"].strip()},
         lambda each: each | {"a": "", "text": each["text"][:8]}, "lost", "'text'"),
    Case("only_the_first_word", obj(**SAME, a=TEXT), obj(**SAME), lambda each: each | {"a": ""},
         lambda each: each | {"a": "", "text": each["text"].split(" ")[0]}, "lost", "'text'"),
    Case("only_before_the_comma", obj(**SAME, a=TEXT), obj(**SAME), lambda each: each | {"a": ""},
         lambda each: each | {"a": "", "text": each["text"].split(",")[0]}, "lost", "'text'"),
    Case("number_rounded", obj(**SAME, a=TEXT), obj(**SAME), lambda each: each | {"a": ""},
         lambda each: each | {"a": "", "weight": round(each["weight"], 1)}, "lost", "'weight'"),
    Case("number_made_whole", obj(**SAME, a=TEXT), obj(**SAME), lambda each: each | {"a": ""},
         lambda each: each | {"a": "", "weight": int(each["weight"])}, "lost", "'weight'"),
    Case("leading_zeros_lost", obj(**SAME, a=TEXT), obj(**SAME), lambda each: each | {"a": ""},
         lambda each: each | {"a": "", "code": each["code"].lstrip("0") or each["code"]}, "lost", "'code'"),
    Case("map_without_a_key", obj(**SAME, a=TEXT), obj(**SAME), lambda each: each | {"a": ""},
         lambda each: each | {"a": "", "stock": dict(list(each["stock"].items())[:2])}, "lost", "'stock'"),
    Case("renamed_and_cut", obj(labels=TAGS), obj(tags=TAGS), lambda each: {"labels": each["tags"]},
         lambda each: {"labels": each["tags"][:2]}, "cut", "'tags' in 'labels'"),
    Case("renamed_and_cut_off", obj(title=TEXT), obj(name=TEXT), lambda each: {"title": each["name"]},
         lambda each: {"title": each["name"][:10]}, "cut", "'name' in 'title'"),
    Case("cents_lost", obj(price=Number()), obj(amount=String(pattern=r"^\d{1,9}\.\d{2}$"), currency=TEXT),
         lambda each: {"price": float(each["amount"])}, lambda each: {"price": int(float(each["amount"]))}, "cut",
         "'amount' in 'price'"),
    Case("decimal_by_way_of_a_float", obj(price=String()), obj(amount=Decimal()),
         lambda each: {"price": str(each["amount"])}, lambda each: {"price": str(float(each["amount"]))}, "cut",
         "'amount' in 'price'"),
    Case("converted_items_cut", obj(items=LINES, a=TEXT), obj(items=LINES),
         lambda each: each | {"a": ""}, lambda each: each | {"a": "", "items": each["items"][:2]}, "cut", "'items'"),
]  # fmt: skip
OLD_LINE, NEW_LINE = obj(sku=TEXT, qty=Integer()), obj(sku=TEXT, quantity=Integer())


def answers(case: Case, convert: Convert, seed: int = 0) -> Report:
    def write(revision: Any) -> None:
        revision.response("Thing")(convert)
        revision.response("Line")(lambda line: {"sku": line["sku"], "qty": line["quantity"]})

    old, new = (
        api(node, is_asked=False, Line=line) for node, line in ((case.old, OLD_LINE), (case.new, NEW_LINE))
    )  # fmt: skip
    return proved(old, new, write, seed)


@pytest.mark.parametrize("case", ANSWERS, ids=lambda case: case.name)
def test_value_cut_on_the_way_back_is_told(case: Case) -> None:
    report = answers(case, case.wrong)
    (found,) = (*report.failures, *report.warnings)
    assert (case.kind, "Thing") == (found.kind, found.target), str(report)
    assert case.about in found.message
    assert report.ok == (case.kind == "cut")


@pytest.mark.parametrize("case", ANSWERS, ids=lambda case: case.name)
@pytest.mark.parametrize("seed", [0, 3])
def test_value_that_is_carried_whole_is_not_told(case: Case, seed: int) -> None:
    report = answers(case, case.right, seed)
    assert not (*report.failures, *report.warnings), str(report)


MEANT = [
    ("split_in_two", obj(given=TEXT, family=TEXT), obj(name=TEXT),
     lambda each: dict(zip(("given", "family"), each["name"].partition(" ")[::2], strict=True))),
    ("joined", obj(name=String()), obj(given=TEXT, family=TEXT),
     lambda each: {"name": f"{each['given']} {each['family']}".strip()}),
    ("no_room", obj(name=String(max_length=5)), obj(name=TEXT), lambda each: {"name": each["name"][:5]}),
    ("whole_number_wanted", obj(weight=Integer()), obj(weight=Number(ge=0, le=999)),
     lambda each: {"weight": round(each["weight"])}),
    ("another_unit", obj(price=Integer()), obj(price=Integer()), lambda each: {"price": each["price"] // 100}),
    ("one_and_the_rest", obj(first=TEXT, rest=TAGS), obj(all=Array(items=TEXT, min_items=1, max_items=9)),
     lambda each: {"first": each["all"][0], "rest": each["all"][1:]}),
    ("without_spaces_or_case", obj(name=TEXT, a=TEXT), obj(name=TEXT),
     lambda each: {"name": " ".join(each["name"].lower().split()), "a": ""}),
    ("fixed_digits", obj(price=String(pattern=r"^-?\d+\.\d{2}$")), obj(price=Number(ge=0, le=9999)),
     lambda each: {"price": f"{each['price']:.2f}"}),
    ("whole_and_fraction", obj(euros=Integer(), cents=TEXT), obj(price=String(pattern=r"^\d{1,4}\.[1-9]{2}$")),
     lambda each: {"euros": int(each["price"].split(".")[0]), "cents": each["price"].split(".")[1]}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "old", "new", "convert"), MEANT, ids=lambda each: each if isinstance(each, str) else ""
)
def test_what_types_force_or_is_found_elsewhere_is_not_told(
    name: str, old: Object, new: Object, convert: Convert
) -> None:  # fmt: skip
    case = Case(name, old, new, convert, convert, "", "")
    for seed in (0, 1):
        report = answers(case, convert, seed)
        assert not (*report.failures, *report.warnings), str(report)


def test_request_that_is_cut_is_told_and_a_promise_of_nothing_silences_it() -> None:
    old, new = api(obj(tags=TAGS), is_asked=True), api(obj(tags=TAGS, a=TEXT), is_asked=True)

    def write(revision: Any) -> None:
        revision.request("Thing")(lambda each: {"tags": each["tags"][:2], "a": ""})
        revision.response("Thing")(lambda each: {"tags": each["tags"]})

    def meant(revision: Any) -> None:
        write(revision)
        revision.lossless("Thing", keeps="nothing")

    (failure,) = proved(old, new, write).failures
    assert ("lost", "request") == (failure.kind, failure.direction)
    assert proved(old, new, meant).ok


def test_function_of_an_endpoint_that_cuts_is_told_both_ways() -> None:
    listed = Endpoint(handler="x", query=obj(names=TAGS), response=obj(names=TAGS))
    old, new = Api(endpoints={"GET /x": listed}), Api(endpoints={"GET /x": listed})

    def write(revision: Any) -> None:
        def ask(request: RequestParts) -> None:
            names = request.query["names"]
            assert isinstance(names, list)
            request.query["names"] = names[:2]

        def tell(response: ResponseParts) -> None:
            assert isinstance(response.body, dict)
            response.body["names"] = response.body["names"][:2]

        revision.request("GET /x")(ask)
        revision.response("GET /x")(tell)

    report = proved(old, new, write)
    assert [("lost", "request"), ("lost", "response")] == [(each.kind, each.direction) for each in report.failures]
    assert {"GET /x"} == {each.target for each in report.failures}


NAMES = obj(name=TEXT), obj(given=TEXT, family=TEXT)


@pytest.mark.parametrize("joint", [", ", ",", "-", "/", ";", "; ", ":", "|", "."])
def test_name_joined_by_a_space_but_split_at_another_sign_is_told(joint: str) -> None:
    def split(each: dict[str, str]) -> dict[str, str]:
        given, _, family = each["name"].partition(joint)
        return {"given": given, "family": family}

    def write(revision: Any) -> None:
        revision.request("Thing")(split)
        revision.response("Thing")(lambda each: {"name": f"{each['given']} {each['family']}".strip()[:40]})

    old, new = (api(node, is_asked=True) for node in NAMES)
    report = proved(old, new, write)
    assert ["drift"] == [each.kind for each in report.failures], str(report)


def test_list_joined_by_one_sign_and_split_at_another_is_told() -> None:
    old, new = api(obj(remarks=TAGS), is_asked=True), api(obj(remark=String()), is_asked=True)

    def write(at: str) -> Callable[[Any], None]:
        def declare(revision: Any) -> None:
            revision.request("Thing")(lambda each: {"remark": "; ".join(each["remarks"])})
            revision.response("Thing")(lambda each: {"remarks": [one[:40] for one in each["remark"].split(at)][:9]})

        return declare

    (warning,) = proved(old, new, write(",")).warnings
    assert ("cut", "response") == (warning.kind, warning.direction)
    assert "remarks" in warning.message
    assert not proved(old, new, write("; ")).warnings
