"""Names that are given up and taken again, through `Timeline`: what is dropped on the way, and what is not."""

from collections.abc import Callable, Sequence
from copy import copy

import pytest

from perdure.gtype.nodes import Array, Field, Integer, Intersection, Node, Object, Ref, String, Union
from perdure.manifest.records import Api, Endpoint
from perdure.timescape.chain import Chain
from perdure.timescape.parts import RequestParts, ResponseParts
from perdure.timescape.renames import Renames
from perdure.timescape.revision import Revision
from perdure.timescape.timeline import Timeline
from perdure.timescape.timescape import Timescape
from tests.timescape.history import Step, Write, history, nothing

KEY = "POST /sums"
SUM = Ref(name="Sum")
NOTHING = Renames()


def thing(*names: str, **nodes: Node) -> Object:
    fields = [Field(name=name, node=Integer(), required=False) for name in names]
    return Object(fields=(*fields, *(Field(name=name, node=node) for name, node in nodes.items())))


def api(node: Node = SUM, *, query: Object | None = None, headers: Object | None = None, **types: Node) -> Api:
    return Api(
        types=types, endpoints={KEY: Endpoint(handler="s", body=node, response=node, query=query, headers=headers)}
    )


def timeline(apis: Sequence[Api], write: Write = nothing, renames: Renames = NOTHING) -> Timeline:
    """Return the line of *apis*; the second revision says *write* and *renames*."""
    first, second, *later = apis
    return Timeline(Timescape(history(Step(first), Step(second, write, renames), *map(Step, later))))


def carried(line: Timeline, body: object, at: int = 0, to: int = 2, **parts: dict[str, object]) -> RequestParts:
    request = RequestParts(body=body, **parts)
    chain = line.chain(KEY, at, to)
    if isinstance(chain, Chain):
        chain.request(request)
    return request


def brought_back(line: Timeline, body: object, at: int = 0, to: int = 2) -> object:
    response = ResponseParts(body=body)
    chain = line.chain(KEY, at, to)
    if isinstance(chain, Chain):
        chain.response(response)
    return response.body


FIRST, SECOND, THIRD = thing("id", "total"), thing("id", "net"), thing("id", "net", "total")


@pytest.mark.parametrize(
    ("node", "wrap"),
    [
        (SUM, lambda value: value),
        (Array(items=SUM), lambda value: [value]),
        (thing(of=Ref(name="List")), lambda value: {"of": [value]}),
    ],
)
def test_name_when_taken_again_is_dropped_both_ways_wherever_its_type_occurs(
    node: Node, wrap: Callable[[object], object]
) -> None:
    line = timeline([api(node, Sum=each, List=Array(items=SUM)) for each in (FIRST, SECOND, THIRD)])
    assert wrap({"id": 1}) == carried(line, wrap({"id": 1, "total": 2})).body
    assert wrap({"id": 1, "net": 3}) == brought_back(line, wrap({"id": 1, "net": 3, "total": 2}))


def test_transformer_of_the_older_version_never_sees_the_newer_member() -> None:
    seen: list[object] = []

    def watch(parts: ResponseParts) -> None:
        seen.append(copy(parts.body))

    def rename(value: dict[str, object]) -> dict[str, object]:
        return {"id": value["id"], "net": value["total"], "total": 9}

    def write(revision: Revision) -> None:
        revision.response(KEY)(watch)
        revision.request("Sum")(rename)

    line = timeline([api(Sum=each) for each in (FIRST, SECOND, THIRD)], write)
    brought_back(line, {"id": 1, "total": 2})
    assert [{"id": 1}] == seen
    assert {"id": 1, "net": 5} == carried(line, {"id": 1, "total": 5}).body


def test_versions_that_do_not_know_the_name_and_those_that_never_lose_it_have_no_hop() -> None:
    line = timeline([api(Sum=each) for each in (FIRST, SECOND, THIRD)])
    assert line.chain(KEY, 1, 2) is None
    kept = timeline([api(Sum=each) for each in (thing("total"), thing("total", "net"), thing("total"))])
    assert [None, None] == [kept.chain(KEY, at, 2) for at in (0, 1)]
    lost = timeline([api(Sum=each) for each in (FIRST, SECOND, thing("id"))])
    assert [None, None] == [lost.chain(KEY, at, 2) for at in (0, 1)]


def test_name_when_lost_and_taken_twice_is_dropped_at_either_loss() -> None:
    line = timeline([api(Sum=each) for each in (FIRST, SECOND, THIRD, SECOND, THIRD)])
    assert {"id": 1} == brought_back(line, {"id": 1, "total": 2}, 0, 4)
    assert {"id": 1} == brought_back(line, {"id": 1, "total": 2}, 2, 4)
    assert {"id": 1, "total": 2} == brought_back(line, {"id": 1, "total": 2}, 3, 4)


def test_type_when_renamed_or_replaced_on_the_way_keeps_its_lost_names() -> None:
    renamed = [
        api(Ref(name=name), **{name: each}) for name, each in (("Sum", FIRST), ("Bill", SECOND), ("Bill", THIRD))
    ]
    for renames in (Renames(types={"Sum": "Bill"}), NOTHING):
        line = timeline(renamed, renames=renames)
        assert {"id": 1} == brought_back(line, {"id": 1, "total": 2})
        assert {"id": 1} == carried(line, {"id": 1, "total": 2}).body
    later = [api(Ref(name=name), **{name: each}) for name, each in (("Sum", FIRST), ("Sum", SECOND), ("Bill", THIRD))]
    assert {"id": 1} == brought_back(timeline(later), {"id": 1, "total": 2})


@pytest.mark.parametrize("mix", [Intersection, Union])
def test_member_when_a_type_beside_it_has_the_name_stays(mix: type[Intersection] | type[Union]) -> None:
    node = mix(members=(SUM, Ref(name="Other")))
    line = timeline([api(node, Sum=each, Other=thing("total")) for each in (FIRST, SECOND, THIRD)])
    assert {"id": 1, "total": 2} == brought_back(line, {"id": 1, "total": 2})


def test_parameter_when_its_name_is_taken_again_is_dropped_from_older_requests() -> None:
    parts = [
        api(String(), query=thing(*names), headers=thing(*names))
        for names in (("id", "Total"), ("id",), ("id", "Total"))
    ]
    line = timeline(parts)
    chain = line.chain(KEY, 0, 2)
    assert isinstance(chain, Chain)
    assert {"query", "headers"} == chain.touches
    request = carried(line, "x", query={"id": 1, "Total": 2}, headers={"id": 1, "total": 2})
    assert ({"id": 1}, {"id": 1}) == (request.query, request.headers)
    assert line.chain(KEY, 1, 2) is None


def test_endpoint_when_moved_on_the_way_drops_what_was_lost_under_its_old_name() -> None:
    moved = "POST /bills"
    first, second = api(Sum=FIRST), Api(types={"Sum": SECOND}, endpoints={moved: api().endpoints[KEY]})
    third = Api(types={"Sum": THIRD}, endpoints=second.endpoints)
    line = timeline([first, second, third], lambda revision: revision.moved(KEY, to=moved))
    assert {"id": 1} == brought_back(line, {"id": 1, "total": 2})
