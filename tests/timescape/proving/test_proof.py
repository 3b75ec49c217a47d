"""What `prove` says beside transformer bugs: what is not recorded, left open, refused, removed or cannot be tried."""

import threading
from typing import Any

import pytest
from msgspec import structs

from perdure.diff.findings import LEVELS
from perdure.errors import ConfigError, Problem, RevisionError, UnknownVersionError
from perdure.gtype.nodes import Array, Integer, Intersection, Node, Null, Ref, String, Union
from perdure.manifest.records import Api, Endpoint
from perdure.timescape.holes import Hole
from perdure.timescape.parts import RequestParts, ResponseParts
from perdure.timescape.proving.proof import Effort, prove
from perdure.timescape.proving.report import Failure, Report
from perdure.timescape.proving.subject import Subject
from perdure.timescape.recorded import RecordedRevision, record
from perdure.timescape.revision import Revision
from perdure.timescape.timescape import Timescape
from tests.nodes import obj
from tests.timescape.history import Step, Write, history, nothing

QUICK = Effort(examples=10)
TEXT = String(max_length=20)


def api(thing: Node, **more: Endpoint) -> Api:
    return Api(
        types={"Thing": thing},
        endpoints={"POST /things": Endpoint(handler="add", body=Ref(name="Thing"), response=Ref(name="Thing"))} | more,
    )


def revisions(*apis: Api, write: Write = nothing) -> tuple[RecordedRevision, ...]:
    """Return a revision for each of *apis*; *write* declares what the last says."""
    *older, last = apis
    return history(*map(Step, older), Step(last, write))


def proved(*apis: Api, write: Write = nothing, **options: Any) -> Report:
    return prove(Subject(timescape=Timescape(revisions(*apis, write=write))), QUICK, **options)


def kinds(report: Report) -> list[str]:
    return [failure.kind for failure in report.failures]


OLD, NEW = api(obj(a=TEXT)), api(obj(b=TEXT))


def rename(revision: Any) -> None:
    revision.request("Thing")(lambda value: {"b": value["a"]})
    revision.response("Thing")(lambda value: {"a": value["b"]})


def test_api_when_nothing_was_ever_recorded_is_a_failure() -> None:
    report = prove(Subject(timescape=Timescape(()), code=NEW), QUICK)
    assert ["unrecorded"] == kinds(report)
    assert not report.ok


def test_api_without_endpoints_or_revisions_is_fine() -> None:
    assert prove(Subject(timescape=Timescape(()), code=Api()), QUICK).ok


def test_code_when_it_differs_from_the_record_is_told_once_for_each_edit() -> None:
    code = api(obj(b=TEXT, c=TEXT), **{"GET /things": Endpoint(handler="list", response=Ref(name="Thing"))})
    report = prove(Subject(timescape=Timescape(revisions(NEW)), code=code), QUICK)
    assert {"unrecorded"} == set(kinds(report))
    levels = [LEVELS.index(failure.level) for failure in report.failures if failure.level is not None]
    assert levels == sorted(levels)
    assert {LEVELS.index("breaking"), LEVELS.index("compatible")} <= set(levels)
    assert len(report.failures) == len({failure.message for failure in report.failures})


def test_code_when_only_descriptions_differ_passes_with_a_remark() -> None:
    code = api(structs.replace(obj(b=TEXT), description="A thing."))
    report = prove(Subject(timescape=Timescape(revisions(NEW)), code=code), QUICK)
    assert report.ok
    assert "descriptions" in report.remarks[0].message


def test_type_when_it_changed_without_a_transformer_fails_both_ways_and_names_the_revision() -> None:
    report = proved(OLD, NEW)
    assert [("invalid", "r2", "request"), ("invalid", "r2", "response")] == [
        (failure.kind, failure.revision, failure.direction) for failure in report.failures
    ]
    assert all("history.py:" in failure.place for failure in report.failures)


def test_change_that_is_compatible_needs_no_transformer() -> None:
    wider = obj(a=TEXT, c_=TEXT)
    assert proved(OLD, api(wider)).ok


def test_whole_chain_when_the_middle_is_wrong_blames_the_middle() -> None:
    third = api(obj(b=TEXT, c=Integer()))

    def write(revision: Any) -> None:
        revision.request("Thing")(lambda value: value | {"c": 1})
        revision.response("Thing")(lambda value: {"b": value["b"]})

    middle: Any = Revision("2025-02-01")
    middle.request("Thing")(lambda value: {"B": value["a"]})
    middle.response("Thing")(lambda value: {"a": value["b"]})
    last = Revision("2025-03-01")
    write(last)
    chain = (
        record("r1", Revision("2025-01-01"), before=Api(), after=OLD), record("r2", middle, before=OLD, after=NEW),
        record("r3", last, before=NEW, after=third),
    )  # fmt: skip
    report = prove(Subject(timescape=Timescape(chain)), QUICK)
    assert [("invalid", "r2", "request")] == [(each.kind, each.revision, each.direction) for each in report.failures]
    assert any("2025-01-01 to 2025-03-01" in subject for subject in report.failures[0].also)


def test_member_when_a_newer_one_takes_its_name_does_not_stand_in_for_it() -> None:
    known, unknown, again = (
        api(obj(**names)) for names in ({"a": TEXT, "b": TEXT}, {"b": TEXT}, {"b": TEXT, "a": TEXT})
    )

    def write(revision: Any) -> None:
        revision.request("Thing")(lambda value: value | {"a": ""})

    report = proved(known, unknown, again, write=write)
    assert [("invalid", "r2", "response")] == [(each.kind, each.revision, each.direction) for each in report.failures]


def test_clients_when_they_do_not_count_are_left_out() -> None:
    assert proved(OLD, NEW, live=["v2"]).ok
    assert not proved(OLD, NEW, live=["v1"]).ok
    assert ("2025-02-01",) == proved(OLD, NEW, live=["v2"]).versions


def test_version_or_name_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UnknownVersionError):
        proved(OLD, NEW, live=["v9"])
    with pytest.raises(ConfigError, match="'Thingy'"):
        proved(OLD, NEW, only=["Thingy"])
    with pytest.raises(ConfigError):
        Effort(examples=0)


def test_names_when_given_limit_what_is_looked_at() -> None:
    assert 0 == proved(OLD, NEW, only=["todo"]).subjects
    assert ["invalid", "invalid"] == kinds(proved(OLD, NEW, only=["POST /things"]))
    assert proved(OLD, NEW, write=rename, only=["Thing"]).subjects < proved(OLD, NEW, write=rename).subjects


def test_hole_in_a_revision_is_found_without_running_it() -> None:
    (first,) = revisions(NEW)
    open_place = structs.replace(first, file="/r/r1.py", place="r/r1.py:3", holes=(Hole(7, "the currency", "up"),))
    (failure,) = prove(Subject(timescape=Timescape((open_place,))), QUICK).failures
    assert ("todo", "r/r1.py:7") == (failure.kind, failure.place)
    assert "the currency" in failure.message


def test_value_when_it_is_refused_by_a_problem_passes_with_a_remark() -> None:
    def write(revision: Any) -> None:
        def refuse(value: dict[str, object]) -> dict[str, object]:
            if value["a"] == "":
                raise Problem(400, "it has no name")
            return {"b": value["a"]}

        revision.request("Thing")(refuse)
        revision.response("Thing")(lambda value: {"a": value["b"]})

    report = proved(OLD, NEW, write=write)
    assert report.ok
    assert any("refused on purpose" in each.message and "it has no name" in each.message for each in report.remarks)


def test_change_that_is_said_to_be_impossible_passes_with_a_remark() -> None:
    def write(revision: Any) -> None:
        revision.impossible("Thing", "request", reason="nobody knows b")
        revision.response("Thing")(lambda value: {"a": value["b"]})

    report = proved(OLD, NEW, write=write)
    assert report.ok, str(report)
    assert any("nobody knows b" in each.message for each in report.remarks)


GONE = {"DELETE /things": Endpoint(handler="drop")}


def test_endpoint_when_it_was_removed_without_a_word_is_a_failure() -> None:
    (failure,) = proved(api(obj(a=TEXT), **GONE), OLD).failures
    assert ("unserved", "r2", "DELETE /things") == (failure.kind, failure.revision, failure.target)
    assert "clients of 2025-01-01" in failure.subject


def test_endpoint_when_its_removal_is_stated_or_it_is_moved_or_its_clients_are_gone_is_fine() -> None:
    def state(revision: Any) -> None:
        revision.impossible("DELETE /things", "request", reason="things are for ever")

    stated = proved(api(obj(a=TEXT), **GONE), OLD, write=state)
    assert stated.ok
    assert "things are for ever" in stated.remarks[0].message
    moved = api(obj(a=TEXT), **{"POST /things/drop": Endpoint(handler="drop")})
    to = "POST /things/drop"
    assert proved(api(obj(a=TEXT), **GONE), moved, write=lambda each: each.moved("DELETE /things", to=to)).ok
    assert proved(api(obj(a=TEXT), **GONE), OLD, live=["v2"]).ok


def test_name_when_another_handler_has_it_and_no_move_is_said_passes_with_a_remark() -> None:
    def paths(**handlers: str) -> dict[str, Endpoint]:
        return {f"GET /{path}": Endpoint(handler=handler) for path, handler in handlers.items()}

    before, after = api(obj(a=TEXT), **paths(a="one")), api(obj(a=TEXT), **paths(a="other", b="one"))
    report = proved(before, after)
    assert report.ok
    assert ["revision.moved('GET /a', to='GET /b')" in each.message for each in report.remarks] == [True]
    said = proved(before, after, write=lambda revision: revision.moved("GET /a", to="GET /b"))
    renamed = proved(before, api(obj(a=TEXT), **paths(a="other", b="new")))
    assert ((), ()) == (said.remarks, renamed.remarks)


def test_endpoint_when_a_handler_stays_for_the_old_version_is_tried_up_to_that() -> None:
    timescape = Timescape(revisions(OLD, NEW, api(obj(c=TEXT))))
    subject = Subject(timescape=timescape, speaks={"POST /things": frozenset({1})}, unserved=frozenset())
    subjects = {failure.subject for failure in prove(subject, QUICK).failures}
    also = {each for failure in prove(subject, QUICK).failures for each in failure.also}
    assert any("2025-01-01 to 2025-02-01" in each for each in subjects | also)


def test_type_without_values_is_told_not_skipped() -> None:
    impossible = Intersection(members=(String(pattern="^a"), Integer()))
    report = proved(api(obj(a=impossible)), api(obj(a=impossible, b=Union(members=(TEXT, Null())))))
    assert any("no values were made for" in each.message for each in report.remarks)


def test_promise_when_it_holds_passes_and_when_it_does_not_fails() -> None:
    def keep(revision: Any) -> None:
        rename(revision)
        revision.lossless("Thing")

    def lose(revision: Any) -> None:
        revision.request("Thing")(lambda value: {"b": value["a"].strip()})
        revision.response("Thing")(lambda value: {"a": value["b"]})
        revision.lossless("Thing", keeps="old")

    assert proved(OLD, NEW, write=keep).ok
    (failure,) = proved(OLD, NEW, write=lose).failures
    assert ("lossy", {"a": " "}) == (failure.kind, failure.example.given if failure.example else None)


def test_drift_when_it_is_meant_passes() -> None:
    def write(revision: Any) -> None:
        revision.request("Thing")(lambda value: {"b": value["a"][:10]})
        revision.response("Thing")(lambda value: {"a": ("-" + value["b"])[:20]})

    assert ["drift"] == kinds(proved(OLD, NEW, write=write))

    def meant(revision: Any) -> None:
        write(revision)
        revision.lossless("Thing", keeps="nothing")

    assert proved(OLD, NEW, write=meant).ok


@pytest.mark.parametrize(("target", "keeps"), [("POST /things", "both"), ("Thing", "some"), ("Thingy", "both")])
def test_promise_that_makes_no_sense_is_refused(target: str, keeps: Any) -> None:
    with pytest.raises(RevisionError):
        proved(OLD, NEW, write=lambda revision: revision.lossless(target, keeps=keeps))


def test_body_that_is_a_list_of_the_type_at_any_depth_is_carried() -> None:
    def deep(name: str) -> Api:
        listed = Endpoint(handler="add", body=Array(items=Array(items=Ref(name="Thing"))), response=Ref(name="Thing"))
        return Api(types={"Thing": obj(**{name: TEXT})}, endpoints={"POST /things": listed})

    assert proved(deep("a"), deep("b"), write=rename).ok


def test_query_without_a_type_must_do_without_what_nobody_sends() -> None:
    old = Api(endpoints={"GET /things": Endpoint(handler="list")})
    new = Api(endpoints={"GET /things": Endpoint(handler="list", query=obj(limit=Integer(ge=1)))})

    def write(revision: Any) -> None:
        def fill(request: RequestParts) -> None:
            request.query.setdefault("limit", 20)

        revision.request("GET /things")(fill)

    (failure,) = proved(old, new).failures
    assert "/query/limit" in failure.message
    assert proved(old, new, write=write).ok


def test_answer_whose_status_changed_needs_a_transformer() -> None:
    created = Api(
        types=OLD.types,
        endpoints={key: structs.replace(each, status=201) for key, each in OLD.endpoints.items()},
    )

    def write(revision: Any) -> None:
        def as_before(response: ResponseParts) -> None:
            response.status = 200

        revision.response("POST /things")(as_before)

    (failure,) = proved(OLD, created).failures
    assert "status" in failure.message
    assert proved(OLD, created, write=write).ok


def test_outside_the_main_thread_everything_works_but_the_time_limit() -> None:
    reports: list[Report] = []
    thread = threading.Thread(target=lambda: reports.append(proved(OLD, NEW, write=rename)))
    thread.start()
    thread.join()
    assert reports[0].ok


def test_report_as_text_has_a_paragraph_for_each_failure() -> None:
    report = proved(OLD, NEW)
    text = str(report)
    failure: Failure = report.failures[0]
    assert f"{failure.place}: invalid: request 'Thing' " in text
    assert "  mend   declare @revision.request('Thing')" in text
    assert text.splitlines()[-1].startswith("2 failures: ")


def test_body_that_is_new_must_come_from_somewhere() -> None:
    old = Api(endpoints={"POST /things": Endpoint(handler="add")})
    new = Api(endpoints={"POST /things": Endpoint(handler="add", body=obj(a=TEXT))})

    def write(revision: Any) -> None:
        def fill(request: RequestParts) -> None:
            request.body = {"a": ""}

        revision.request("POST /things")(fill)

    assert ["invalid"] == kinds(proved(old, new))
    assert proved(old, new, write=write).ok
