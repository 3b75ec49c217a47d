"""What is written for endpoints: path, query, headers, bodies, statuses, and what nothing can be carried over."""

import re
from pathlib import Path

import pytest

from perdure.gtype.nodes import Array, Integer, Node, Null, Record, Ref, String, Union
from perdure.manifest.records import Api, Endpoint
from perdure.timescape.chain import Chain
from perdure.timescape.loading import load_revisions
from perdure.timescape.parts import RequestParts, ResponseParts
from tests.nodes import f, obj
from tests.timescape.authoring.recorded import record_change

S, I = String(), Integer()  # noqa: E741
ORDER = obj(id=S)


def api(key: str = "GET /orders", *, types: dict[str, Node] | None = None, **parts: object) -> Api:
    return Api(types=types or {}, endpoints={key: Endpoint(handler="orders", **parts)})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("old", "new", "hints", "before", "after"),
    [
        (
            api(query=obj(f("state", S, optional=True))), api(query=obj(f("status", S, optional=True))),
            ["GET /orders.state=status"], RequestParts(query={"state": "open"}), RequestParts(query={"status": "open"}),
        ),
        (
            api(query=obj(f("limit", I, optional=True, default=20))),
            api(query=obj(f("limit", I, optional=True, default=50))),
            [], RequestParts(), RequestParts(query={"limit": 20}),
        ),
        (
            api(query=obj(f("ids", S))), api(query=obj(f("ids", Array(items=S)))),
            [], RequestParts(query={"ids": "a"}), RequestParts(query={"ids": ["a"]}),
        ),
        (
            api(headers=obj(f("X-Shop", S, optional=True))), api(headers=obj(f("X-Shop", S, default="main"))),
            [], RequestParts(), RequestParts(headers={"x-shop": "main"}),
        ),
        (
            api(headers=obj(f("x_shop", S, optional=True))), api(headers=obj(f("x_org", S, optional=True))),
            ["GET /orders.X-Shop=x-org"], RequestParts(headers={"x_shop": "a"}), RequestParts(headers={"x_org": "a"}),
        ),
        (
            api("GET /orders/{id}"), api("GET /orders/{order_id}"),
            [], RequestParts(path={"id": "7"}), RequestParts(path={"order_id": "7"}),
        ),
        (
            api("GET /orders/{id}", params=obj(f("id", I))),
            api("GET /orders/{order_id}/all", params=obj(f("order_id", S))),
            [], RequestParts(path={"id": 7}), RequestParts(path={"order_id": "7"}),
        ),
        (
            api("GET /orders/{id}", params=obj(f("id", I))),
            api("GET /orders/{number}", params=obj(f("number", I))),
            ["GET /orders/{id}.id=number"], RequestParts(path={"id": 7}), RequestParts(path={"number": 7}),
        ),
        (
            api(body=Ref(name="Order"), types={"Order": ORDER}),
            api(body=Array(items=Ref(name="Order")), types={"Order": ORDER}),
            [], RequestParts(body={"id": "1"}), RequestParts(body=[{"id": "1"}]),
        ),
        (
            api(body=Ref(name="Order"), types={"Order": ORDER}),
            api(body=Ref(name="New"), types={"New": obj(f("key", S))}),
            ["Order.id=key"], RequestParts(body={"id": "1"}), RequestParts(body={"key": "1"}),
        ),
    ],
)  # fmt: skip
def test_request_is_carried_forward(
    old: Api, new: Api, hints: list[str], before: RequestParts, after: RequestParts, tmp_path: Path
) -> None:
    recorded = record_change(tmp_path, old, new, hints)
    assert recorded.written.holes == ()
    chain = recorded.chain(next(iter(old.endpoints)))
    assert chain is not None, recorded.text
    chain.request(before)
    assert after == before
    assert next(iter(new.endpoints)) == chain.target_key


@pytest.mark.parametrize(
    ("old", "new", "before", "after"),
    [
        (api(status=200), api(status=202), ResponseParts(status=202), ResponseParts(status=200)),
        (api(status=200), api(status=202), ResponseParts(status=303), ResponseParts(status=303)),
        (
            api(response=Array(items=S)),
            api(response=Ref(name="Page"), types={"Page": obj(f("items", Array(items=S)))}),
            ResponseParts(body={"items": ["a"]}), ResponseParts(body=["a"]),
        ),
        (
            api(response=S), api(response=Union(members=(I, Null()))), ResponseParts(body=7), ResponseParts(body="7"),
        ),
    ],
)  # fmt: skip
def test_answer_is_carried_back(
    old: Api, new: Api, before: ResponseParts, after: ResponseParts, tmp_path: Path
) -> None:
    chain = record_change(tmp_path, old, new).chain("GET /orders")
    assert chain is not None
    chain.response(before)
    assert after == before


def test_answer_without_data_is_left_alone(tmp_path: Path) -> None:
    new = api(response=Ref(name="Page"), types={"Page": obj(f("items", Array(items=S)))})
    chain = record_change(tmp_path, api(response=Array(items=S)), new).chain("GET /orders")
    assert chain is not None
    answer = ResponseParts(status=204)
    chain.bare_response(answer)
    assert ResponseParts(status=204) == answer


def test_endpoint_when_its_handler_lives_on_under_another_key_is_moved(tmp_path: Path) -> None:
    recorded = record_change(tmp_path, api("DELETE /orders/{id}"), api("POST /orders/{id}/cancel"))
    (move,) = load_revisions(tmp_path)[1].moves
    assert ("DELETE /orders/{id}", "POST /orders/{id}/cancel") == (move.old, move.new)
    assert recorded.written.functions == 0


def test_endpoint_when_hinted_is_moved_to_another_handler(tmp_path: Path) -> None:
    new = Api(endpoints={"GET /bills": Endpoint(handler="bills"), "GET /b": Endpoint(handler="orders")})
    record_change(tmp_path, api(), new, moves=["GET /orders=GET /bills"])
    (move,) = load_revisions(tmp_path)[1].moves
    assert move.new == "GET /bills"


def test_endpoint_when_gone_is_said_to_have_no_way(tmp_path: Path) -> None:
    recorded = record_change(tmp_path, api(), Api(endpoints={"GET /bills": Endpoint(handler="bills")}))
    (said,) = load_revisions(tmp_path)[1].impossibilities
    assert ("request", "GET /orders", "it is gone") == said[:3]
    assert "revision.impossible(" in recorded.text


def test_body_when_it_is_no_data_any_more_has_no_way(tmp_path: Path) -> None:
    old = api("POST /orders", body=Ref(name="Order"), types={"Order": ORDER})
    new = api("POST /orders", body_media=("multipart/form-data",))
    record_change(tmp_path, old, new)
    (said,) = load_revisions(tmp_path)[1].impossibilities
    assert ("request", "POST /orders") == said[:2]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ({"response_media": "text/plain"}, {"response": S}, "it answered text/plain and answers text now"),
        ({"response": S}, {"response_media": "text/plain"}, "it answered text and answers text/plain now"),
        ({"response_media": "text/plain"}, {"response_media": "a/b"}, "it answered text/plain and answers a/b now"),
        (
            {"response_media": "text/plain"},
            {"response": S, "status": 201},
            "it answered text/plain and answers text now",
        ),
    ],
)
def test_answer_when_it_is_data_on_one_side_only_has_no_way(
    old: dict[str, object], new: dict[str, object], reason: str, tmp_path: Path
) -> None:
    written = record_change(tmp_path, api(**old), api(**new)).written  # type: ignore[arg-type]
    (said,) = load_revisions(tmp_path)[1].impossibilities
    assert ("response", "GET /orders", reason) == said[:3]
    assert (0, (f"responses of GET /orders: {reason}",)) == (written.functions, written.impossible)


@pytest.mark.parametrize("old", [{"response_media": "*/*"}, {"response_media": "application/json"}])
def test_answer_when_nothing_was_said_of_it_is_carried_as_it_is(old: dict[str, object], tmp_path: Path) -> None:
    record_change(tmp_path, api(**old), api(response=S))  # type: ignore[arg-type]
    assert () == load_revisions(tmp_path)[1].impossibilities


NUMBERS = Record(values=I)


def decided(folder: Path, old: Node, new: Node) -> Chain:
    """What carries back once every place that was left open says ``{}``."""
    recorded = record_change(folder, api(response=old), api(response=new))
    file = recorded.written.file
    text = re.sub(r"revision\.todo\([^()]*\)", "{}", recorded.text)
    assert text != recorded.text
    file.write_text(text)
    chain = recorded.chain("GET /orders")
    assert chain is not None
    return chain


@pytest.mark.parametrize(("new", "came"), [(NUMBERS, {"a": 1}), (Record(values=S), {"a": "1"})])
def test_answer_when_it_may_be_null_is_what_a_person_decided(
    new: Node, came: dict[str, object], tmp_path: Path
) -> None:
    chain = decided(tmp_path, new, Union(members=(NUMBERS, Null())))
    null, value, moved = ResponseParts(), ResponseParts(body={"a": 1}), ResponseParts(status=303)
    chain.response(null)
    chain.response(value)
    chain.bare_response(moved)
    assert ({}, came, None) == (null.body, value.body, moved.body)


def test_answer_when_it_may_be_null_leaves_a_file_alone(tmp_path: Path) -> None:
    chain = decided(tmp_path, NUMBERS, Union(members=(NUMBERS, Null())))
    file = ResponseParts(headers={"content-type": "text/csv"})
    chain.bare_response(file)
    assert file.body is None


def test_path_parameter_when_new_is_left_to_a_person_who_is_told(tmp_path: Path) -> None:
    recorded = record_change(tmp_path, api("GET /orders"), api("GET /shops/{shop}/orders"))
    assert ["shop: text"] == [hole.what for hole in recorded.written.holes]
    assert len(load_revisions(tmp_path)) == 2


def test_generic_type_when_it_changes_everywhere_is_written_once(tmp_path: Path) -> None:
    def both(member: str) -> Api:
        page = {name: obj(f(member, Array(items=S)), f("n", I)) for name in ("Page[A]", "Page[B]")}
        return Api(
            types=dict(page),
            endpoints={f"GET /{name}": Endpoint(handler=name, response=Ref(name=f"Page[{name}]")) for name in "AB"},
        )

    recorded = record_change(tmp_path, both("items"), both("rows"), ["Page.items=rows"])
    assert recorded.text.count("@revision.response(") == 1
    assert '@revision.response("Page")\ndef downgrade_page(page: dict[str, object])' in recorded.text
    for key in ("GET /A", "GET /B"):
        chain = recorded.chain(key)
        assert chain is not None
        answer = ResponseParts(body={"rows": [], "n": 1})
        chain.response(answer)
        assert answer.body == {"items": [], "n": 1}


def test_type_when_only_answered_has_no_request_function(tmp_path: Path) -> None:
    old = api(response=Ref(name="Order"), types={"Order": ORDER})
    new = api(response=Ref(name="Order"), types={"Order": obj(f("key", S))})
    assert "@revision.request" not in record_change(tmp_path, old, new, ["Order.id=key"]).text
