"""Whose fault a failure is: the revision after which the value first was wrong, whatever the seed."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from perdure.gtype.nodes import Array, Integer, Ref, String
from perdure.manifest.records import Api, Endpoint
from perdure.timescape.parts import RequestParts, ResponseParts
from perdure.timescape.proving.proof import Effort, prove
from perdure.timescape.proving.report import Report
from perdure.timescape.proving.subject import Subject
from perdure.timescape.timescape import Timescape
from tests.nodes import obj
from tests.timescape.history import Step, history

KEY = "POST /things"
LAST = 4
SEEDS = [0, 7, 12]
TEXT = String(max_length=20)
Write = Callable[[Any, int], None]


def api(number: int) -> Api:
    thing = obj(**{f"name{number}": TEXT}, note=TEXT, count=Integer(ge=0, le=9))
    page = obj(things=Array(items=Ref(name="Thing"), max_items=3))
    return Api(
        types={"Thing": thing, "Page": page},
        endpoints={KEY: Endpoint(handler="x", body=Ref(name="Thing"), response=Ref(name="Page"))},
    )


def rename(revision: Any, number: int) -> None:
    """Declare what is right for the revision that makes version *number*."""
    old, new = f"name{number - 1}", f"name{number}"
    revision.request("Thing")(lambda thing: {new if name == old else name: each for name, each in thing.items()})
    revision.response("Thing")(lambda thing: {old if name == new else name: each for name, each in thing.items()})


def steps(broken: int, write: Write) -> tuple[Step, ...]:
    """Return four revisions, of which only that of version *broken* has what *write* declares beside what is right."""

    def declared(number: int) -> Step:
        def declare(revision: Any) -> None:
            if number > 1:
                rename(revision, number)
            if number == broken:
                write(revision, number)

        return Step(api(number), declare)

    return tuple(declared(number) for number in range(1, LAST + 1))


def proved(broken: int, write: Write, seed: int) -> Report:
    effort = Effort(examples=6, seed=seed)
    return prove(Subject(timescape=Timescape(history(*steps(broken, write)))), effort)


def by_chance_forward(revision: Any, _: int) -> None:
    chance = random.Random(5)

    def note(request: RequestParts) -> None:
        assert isinstance(request.body, dict)
        request.body["note"] = chance.choice("ab")

    revision.request(KEY)(note)


def by_chance_back(revision: Any, _: int) -> None:
    chance = random.Random(5)

    def note(response: ResponseParts) -> None:
        assert isinstance(response.body, dict)
        for each in response.body["things"]:
            each["note"] = chance.choice("ab")

    revision.response(KEY)(note)


def sometimes_wrong_forward(revision: Any, _: int) -> None:
    chance = random.Random(5)

    def count(request: RequestParts) -> None:
        assert isinstance(request.body, dict)
        request.body["count"] = chance.choice([1, 1, 1, 99])

    revision.request(KEY)(count)


def sometimes_crashes_those_after_it(revision: Any, number: int) -> None:
    chance = random.Random(5)

    def forget(request: RequestParts) -> None:
        assert isinstance(request.body, dict)
        if chance.random() < 0.3:
            del request.body[f"name{number}"]

    revision.request(KEY)(forget)


def wrong_for_some_values(revision: Any, number: int) -> None:
    def shorten(response: ResponseParts) -> None:
        assert isinstance(response.body, dict)
        for each in response.body["things"]:
            each[f"name{number}"] = each[f"name{number}"] * (3 if each["count"] > 6 else 1)

    revision.response(KEY)(shorten)


def loses_a_member(revision: Any, _: int) -> None:
    def forget(request: RequestParts) -> None:
        assert isinstance(request.body, dict)
        request.body["note"] = ""

    revision.request(KEY)(forget)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("broken", [2, 4])
@pytest.mark.parametrize(
    "write",
    [by_chance_forward, by_chance_back, sometimes_wrong_forward, sometimes_crashes_those_after_it,
     wrong_for_some_values],
)  # fmt: skip
def test_fault_is_that_of_the_revision_that_made_the_value_wrong(write: Write, broken: int, seed: int) -> None:
    report = proved(broken, write, seed)
    assert {f"r{broken}"} == {failure.revision for failure in report.failures}, str(report)


@pytest.mark.parametrize("seed", SEEDS)
def test_member_that_a_type_loses_is_not_blamed_on_the_endpoints_function_of_another_revision(seed: int) -> None:
    def loses(revision: Any, number: int) -> None:
        revision.request("Thing")(lambda thing: thing | {"note": ""})

    def harmless(revision: Any) -> None:
        revision.request(KEY)(lambda request: None)

    revisions = history(*steps(3, loses), Step(api(LAST), harmless))
    report = prove(Subject(timescape=Timescape(revisions)), Effort(examples=6, seed=seed))
    assert {("lost", "r3")} == {(each.kind, each.revision) for each in report.failures}, str(report)


def test_member_that_an_endpoint_loses_is_told_with_its_revision() -> None:
    report = proved(4, loses_a_member, 0)
    assert [] == [str(each) for each in report.failures if each.revision != "r4"]
