"""Chains, through `Timeline`: what they do to requests and answers, and which there are."""

import time
from collections.abc import Callable
from copy import deepcopy

import pytest

from perdure.errors import Problem, UntranslatableRequestError, UntranslatableResponseError
from perdure.gtype.nodes import (
    Array,
    Enum,
    Integer,
    Literal,
    Node,
    Null,
    Number,
    Record,
    Ref,
    String,
    Tuple,
    Union,
)
from perdure.manifest.records import Api, Endpoint
from perdure.timescape.chain import Chain, Removed
from perdure.timescape.parts import RequestParts, ResponseParts
from perdure.timescape.revision import Revision
from perdure.timescape.timeline import Timeline
from perdure.timescape.timescape import Timescape
from tests.nodes import closed, obj
from tests.timescape.history import Step, Write, history, nothing

KEY = "POST /orders"
MONEY = Ref(name="Money")


def line_of(*apis_and_declarations: tuple[Api, Write]) -> Timeline:
    return Timeline(Timescape(history(*(Step(api, write) for api, write in apis_and_declarations))))


def to_object(value: object) -> object:
    return {"amount": f"{value:.2f}"}


def to_number(value: object) -> object:
    assert isinstance(value, dict)
    return float(value["amount"])


def money(revision: Revision) -> None:
    revision.request("Money")(to_object)
    revision.response("Money")(to_number)


def api(body: Node, money: Node | None = None, **types: Node) -> Api:
    all_types = {"Money": money or Number(), **types}
    return Api(types=all_types, endpoints={KEY: Endpoint(handler="o", body=body, response=body)})


def money_line(body: Node, **types: Node) -> Timeline:
    return line_of((api(body, **types), nothing), (api(body, obj(amount=String()), **types), money))


def chain_of(timeline: Timeline, at: int = 0, to: int = 1, key: str = KEY) -> Chain:
    chain = timeline.chain(key, at, to)
    assert isinstance(chain, Chain)
    return chain


NEW: object = {"amount": "1.50"}


@pytest.mark.parametrize(
    ("body", "old", "new"),
    [
        (MONEY, 1.5, NEW),
        (obj(price=MONEY, other=Integer()), {"price": 1.5, "other": 1}, {"price": NEW, "other": 1}),
        (obj(price=MONEY), {"extra": 1}, {"extra": 1}),
        (Array(items=MONEY), [1.5, 1.5], [NEW, NEW]),
        (Array(items=Array(items=MONEY)), [[1.5], []], [[NEW], []]),
        (Tuple(items=(Integer(), MONEY)), [1, 1.5], [1, NEW]),
        (Record(values=MONEY), {"a": 1.5}, {"a": NEW}),
        (Union(members=(MONEY, Null())), None, None),
        (Union(members=(MONEY, Null())), 1.5, NEW),
        (Union(members=(String(), MONEY)), "1.5", "1.5"),
        (Union(members=(String(), MONEY)), 1.5, NEW),
        (Ref(name="Page[Money]"), {"items": [1.5]}, {"items": [NEW]}),
        (Ref(name="Tree"), {"v": 1.5, "kids": [{"v": 1.5, "kids": []}]}, {"v": NEW, "kids": [{"v": NEW, "kids": []}]}),
    ],
)
def test_type_when_it_occurs_anywhere_is_carried_both_ways(body: Node, old: object, new: object) -> None:
    tree = obj(v=MONEY, kids=Array(items=Ref(name="Tree")))
    chain = chain_of(money_line(body, Tree=tree, **{"Page[Money]": obj(items=Array(items=MONEY))}))
    request, response = RequestParts(body=deepcopy(old)), ResponseParts(body=deepcopy(new))
    chain.request(request)
    chain.response(response)
    assert (request.body, response.body) == (new, old)


def test_union_when_told_by_a_tag_uses_the_tags_of_the_value_s_own_version() -> None:
    pet = Union(members=(Ref(name="Cat"), Ref(name="Dog")), discriminator="kind")

    def types(cat: str, dog: str) -> dict[str, Node]:
        return {"Cat": obj(kind=Literal(values=(cat,))), "Dog": obj(kind=Literal(values=(dog,)))}

    def swap(revision: Revision) -> None:
        revision.request("Cat")(lambda value: {"kind": "dog", "was": "cat"})
        revision.response("Cat")(lambda value: {"kind": "cat"})
        revision.request("Dog")(lambda value: {"kind": "cat", "was": "dog"})
        revision.response("Dog")(lambda value: {"kind": "dog"})

    chain = chain_of(line_of((api(pet, **types("cat", "dog")), nothing), (api(pet, **types("dog", "cat")), swap)))
    request = RequestParts(body={"kind": "cat"})
    chain.request(request)
    assert request.body == {"kind": "dog", "was": "cat"}
    response = ResponseParts(body=request.body)
    chain.response(response)
    assert response.body == {"kind": "cat"}


def test_union_when_a_member_s_type_is_gone_gives_it_what_fits_no_other() -> None:
    old_body = Union(members=(Ref(name="Person"), Ref(name="Firm")))
    new_body = Union(members=(Ref(name="Human"), Ref(name="Firm")))
    firm = closed(obj(firm=String()))
    old = api(old_body, Person=closed(obj(name=String())), Firm=firm)
    new = api(new_body, Human=closed(obj(full=String())), Firm=firm)

    def rename(revision: Revision) -> None:
        @revision.response("Person")
        def name(human: dict[str, str]) -> dict[str, str]:
            return {"name": human["full"]}

    chain = chain_of(line_of((old, nothing), (new, rename)))
    for before, after in (({"full": "A"}, {"name": "A"}), ({"firm": "B"}, {"firm": "B"})):
        response = ResponseParts(body=before)
        chain.response(response)
        assert response.body == after


def test_generic_type_when_named_without_arguments_is_every_one_of_them() -> None:
    body = Tuple(items=(Ref(name="Page[A]"), Ref(name="Page[B]")))
    types: dict[str, Node] = {"Page[A]": Array(items=Integer()), "Page[B]": Array(items=String())}
    paged: dict[str, Node] = {name: obj(items=node) for name, node in types.items()}

    def page(revision: Revision) -> None:
        revision.request("Page")(lambda value: {"items": value})

    chain = chain_of(line_of((api(body, **types), nothing), (api(body, **paged), page)))
    request = RequestParts(body=[[1], ["a"]])
    chain.request(request)
    assert request.body == [{"items": [1]}, {"items": ["a"]}]


def test_order_when_types_nest_is_inside_out_forward_and_the_inverse_back() -> None:
    seen: list[str] = []

    def trace(name: str) -> Callable[[object], object]:
        def note(value: object) -> object:
            seen.append(name)
            return value

        return note

    def note_parts(name: str) -> Callable[[object], None]:
        return lambda parts: seen.append(name)

    def declare(stem: str) -> Write:
        def all_of_them(revision: Revision) -> None:
            for name in (f"{stem}-outer-1", f"{stem}-outer-2"):
                revision.request("Outer")(trace(name))
                revision.response("Outer")(trace(name))
            revision.request("Money")(trace(f"{stem}-money"))
            revision.response("Money")(trace(f"{stem}-money"))
            revision.request(KEY)(note_parts(f"{stem}-handler"))
            revision.response(KEY)(note_parts(f"{stem}-handler"))

        return all_of_them

    same = api(Ref(name="Outer"), Outer=obj(price=MONEY))
    chain = chain_of(line_of((same, nothing), (same, declare("a")), (same, declare("b"))), 0, 2)
    chain.request(RequestParts(body={"price": 1}))
    steps = ("money", "outer-1", "outer-2", "handler")
    expected = [f"{stem}-{step}" for stem in "ab" for step in steps]
    assert seen == expected
    seen.clear()
    chain.response(ResponseParts(body={"price": 1}))
    assert seen == expected[::-1]


def test_parameters_and_headers_when_typed_are_carried_too() -> None:
    status = Ref(name="Status")
    endpoint = Endpoint(
        handler="o", params=obj(status=status), query=obj(status=Array(items=status), page=Integer()),
        headers=obj(**{"X-Status": status}),
    )  # fmt: skip
    same = Api(types={"Status": Enum(members=(("done", "done"), ("open", "open")))}, endpoints={KEY: endpoint})

    def declare(revision: Revision) -> None:
        revision.request("Status")(lambda value: "completed" if value == "done" else value)

    chain = chain_of(line_of((same, nothing), (same, declare)))
    request = RequestParts(
        path={"status": "done"}, query={"status": ["open", "done"], "page": 1}, headers={"x-status": "done"}
    )
    chain.request(request)
    expected = RequestParts(
        path={"status": "completed"},
        query={"status": ["open", "completed"], "page": 1},
        headers={"x-status": "completed"},
    )
    assert request == expected
    assert chain.touches == {"path", "query", "headers"}


def test_map_when_two_keys_become_one_is_untranslatable() -> None:
    def declare(revision: Revision) -> None:
        revision.request("Key")(lambda value: "same")

    same = api(Record(keys=Ref(name="Key"), values=Integer()), Key=String())
    with pytest.raises(UntranslatableRequestError) as caught:
        chain_of(line_of((same, nothing), (same, declare))).request(RequestParts(body={"a": 1, "b": 2}))
    assert (caught.value.revision, caught.value.target) == ("r2", KEY)


def test_transformer_when_it_fails_is_blamed_with_its_revision_and_cause() -> None:
    chain = chain_of(money_line(obj(price=MONEY)))
    with pytest.raises(UntranslatableRequestError) as request:
        chain.request(RequestParts(body={"price": "free"}))
    assert (request.value.revision, request.value.target) == ("r2", "Money")
    assert isinstance(request.value.__cause__, ValueError)
    with pytest.raises(UntranslatableResponseError) as response:
        chain.response(ResponseParts(body={"price": {}}))
    assert isinstance(response.value.__cause__, KeyError)


def test_transformer_when_it_raises_a_problem_has_its_way() -> None:
    def refuse(value: object) -> object:
        raise Problem(409, "no longer possible")

    def refuse_parts(parts: object) -> None:
        raise Problem(410)

    def declare_type(revision: Revision) -> None:
        revision.request("Money")(refuse)

    def declare_handler(revision: Revision) -> None:
        revision.response(KEY)(refuse_parts)

    same = api(MONEY)
    line = line_of((same, nothing), (same, declare_type), (same, declare_handler))
    with pytest.raises(Problem, match="no longer"):
        chain_of(line, 0, 2).request(RequestParts(body=1))
    with pytest.raises(Problem, match="410"):
        chain_of(line, 0, 2).response(ResponseParts(body=1))


def test_handler_transformer_when_it_returns_something_is_untranslatable() -> None:
    def declare(revision: Revision) -> None:
        revision.request(KEY)(lambda parts: {"body": 1})

    same = api(MONEY)
    with pytest.raises(UntranslatableRequestError) as caught:
        chain_of(line_of((same, nothing), (same, declare))).request(RequestParts(body=1))
    assert "return None" in str(caught.value.__cause__)


def test_value_when_nested_too_deeply_is_untranslatable() -> None:
    deep: object = 1.5
    for _ in range(5000):
        deep = [deep]
    chain = chain_of(money_line(Ref(name="Deep"), Deep=Union(members=(MONEY, Array(items=Ref(name="Deep"))))))
    with pytest.raises(UntranslatableRequestError):
        chain.request(RequestParts(body=deep))


def test_problem_when_no_revision_says_otherwise_is_untouched() -> None:
    def declare(revision: Revision) -> None:
        money(revision)

        @revision.problem()
        def everywhere(response: ResponseParts) -> None:
            response.headers["everywhere"] = str(response.status)

        @revision.problem(KEY)
        def here(response: ResponseParts) -> None:
            response.status = 400

    plain = chain_of(money_line(MONEY))
    untouched = ResponseParts(status=409, body={"title": "no"})
    plain.problem(untouched)
    assert untouched == ResponseParts(status=409, body={"title": "no"})
    assert "problem" not in plain.touches
    body = api(MONEY)
    told = ResponseParts(status=409)
    chain_of(line_of((body, nothing), (body, declare))).problem(told)
    assert told == ResponseParts(status=400, headers={"everywhere": "400"})


def test_endpoint_when_moved_is_followed_and_its_functions_are_those_of_its_old_key() -> None:
    old, new = "DELETE /orders/{order_id}", "POST /orders/{id}/cancel"

    def move(revision: Revision) -> None:
        revision.moved(old, to=new)

        @revision.request(old)
        def rename(request: RequestParts) -> None:
            request.path["id"] = request.path.pop("order_id")

        @revision.response(old)
        def empty(response: ResponseParts) -> None:
            response.status, response.body = 204, None

    def api_with(key: str) -> Api:
        return Api(endpoints={key: Endpoint(handler="cancel")})

    timeline = line_of((api_with(old), nothing), (api_with(new), move), (api_with(new), nothing))
    chain = chain_of(timeline, 0, 2, old)
    request, response = RequestParts(path={"order_id": "1"}), ResponseParts(body={"id": "1"})
    chain.request(request)
    chain.response(response)
    assert (chain.target_key, chain.revisions) == (new, ("r2",))
    assert (request.path, response.status, response.body) == ({"id": "1"}, 204, None)
    assert (timeline.name_at(old, 0, 2), timeline.name_at(new, 1, 2)) == (new, new)


def test_endpoint_when_removed_and_added_again_is_not_the_same() -> None:
    with_it, without = api(MONEY), Api(types={"Money": Number()})
    timeline = line_of((with_it, nothing), (without, nothing), (with_it, nothing), (with_it, money))
    assert timeline.chain(KEY, 0, 3) == Removed(KEY, "r2")
    assert timeline.name_at(KEY, 0, 2) is None
    assert timeline.name_at(KEY, 2, 2) == KEY
    assert timeline.endpoints_at(1) == {}
    with pytest.raises(KeyError):
        timeline.chain(KEY, 1, 3)


def test_chain_when_nothing_applies_is_none() -> None:
    body = obj(price=Integer())
    timeline = line_of((api(body), nothing), (api(body), money), (api(MONEY), nothing))
    assert timeline.chain(KEY, 0, 2) is None
    assert timeline.chain("GET /never/recorded", 0, 2) is None
    with pytest.raises(ValueError, match="carried forward"):
        timeline.chain(KEY, 2, 0)


def test_chain_when_versions_do_not_differ_is_the_same_object() -> None:
    same = api(MONEY)
    quiet = [(same, nothing)] * 20
    timeline = line_of(*quiet, (same, money), *quiet, (same, money), *quiet)
    head = 61
    assert len({id(timeline.chain(KEY, at, head)) for at in range(20)}) == 1
    assert len({id(timeline.chain(KEY, at, head)) for at in range(20, 41)}) == 1
    assert timeline.chain(KEY, 41, head) is None
    assert chain_of(timeline, 0, head).revisions == ("r21", "r42")


def test_timeline_when_every_one_of_100_revisions_touches_1000_endpoints_is_planned_quickly() -> None:
    types: dict[str, Node] = {"Money": Number(), **{f"T{place}": obj(price=MONEY) for place in range(1000)}}
    endpoints = {f"GET /{place}": Endpoint(handler=str(place), response=Ref(name=f"T{place}")) for place in range(1000)}
    whole = Api(types=types, endpoints=endpoints)
    start = time.perf_counter()
    timeline = line_of((whole, nothing), *[(whole, money)] * 99)
    lengths = {len(chain_of(timeline, 0, 99, key).revisions) for key in endpoints}
    assert lengths == {99}
    assert time.perf_counter() - start < 60, "0.6 s on an idle core"
