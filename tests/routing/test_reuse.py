"""Names that are used again, of endpoints and of members: old clients get what they knew by them, or nothing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import UNSET, Struct, UnsetType

from perdure import App, Request
from tests.calls import call
from tests.recording import Step, record

V1, V2, V3 = "2024-01-01", "2025-06-01", "2026-02-10"
A_TO_B, B_TO_A = 'revision.moved("GET /a", to="GET /b")\n', 'revision.moved("GET /b", to="GET /a")\n'


def app_of(paths: Mapping[str, str], folder: Path | None = None) -> App:
    """Return an app with a handler for each of *paths*, by its name, which is what it answers."""
    app = App("t", revisions=folder)
    for name, path in paths.items():
        add(app, name, path)
    return app


def add(app: App, name: str, path: str, **options: Any) -> None:
    async def answer() -> str:
        return name

    app.get(path, **{"id": name, **options})(answer)


def answers(app: App, path: str, *versions: str) -> list[object]:
    """Return what a GET of *path* answers to clients of each of *versions*: its text, or its status."""
    found = (call(app, "GET", path, headers={"api-version": version}) for version in versions)
    return [each.text if each.status_code == 200 else each.status_code for each in found]


def routes(app: App) -> dict[str, tuple[str, ...]]:
    return {f"{info.path} {info.handler}": info.versions for info in app.routes()}


def test_path_of_a_moved_endpoint_when_it_is_used_again_leads_old_clients_to_the_one_they_know(tmp_path: Path) -> None:
    now = {"one": "/b", "other": "/a"}
    steps = [Step(V1, app_of({"one": "/a"})), Step(V2, app_of({"one": "/b"}), A_TO_B), Step(V3, app_of(now))]
    app = app_of(now, record(tmp_path / "r", steps))
    assert ["one", 404, "other"] == answers(app, "/a", V1, V2, V3)
    assert [404, "one", "one"] == answers(app, "/b", V1, V2, V3)
    assert {"/a other": (V3,), "/a one": (V1,), "/b one": (V2, V3)} == routes(app)
    documents: list[Any] = [app.openapi(version=version) for version in (V1, V3)]
    assert ["one", "other"] == [each["paths"]["/a"]["get"]["operationId"] for each in documents]


def test_path_when_it_is_used_again_in_the_revision_that_moves_its_endpoint_is_two_endpoints(tmp_path: Path) -> None:
    now = {"one": "/b", "other": "/a"}
    app = app_of(now, record(tmp_path / "r", [Step(V1, app_of({"one": "/a"})), Step(V3, app_of(now), A_TO_B)]))
    assert ["one", "other"] == answers(app, "/a", V1, V3)
    assert [404, "one"] == answers(app, "/b", V1, V3)


def test_endpoints_when_they_change_places_and_back_are_followed(tmp_path: Path) -> None:
    there, here = {"one": "/a", "two": "/b"}, {"one": "/b", "two": "/a"}
    steps = [Step(V1, app_of(there)), Step(V2, app_of(here), A_TO_B + B_TO_A)]
    app = app_of(here, record(tmp_path / "once", steps))
    assert [["one", "two"], ["two", "one"]] == [answers(app, path, V1, V2) for path in ("/a", "/b")]
    steps.append(Step(V3, app_of(there), A_TO_B + B_TO_A))
    app = app_of(there, record(tmp_path / "twice", steps))
    assert [["one", "two", "one"], ["two", "one", "two"]] == [answers(app, path, V1, V2, V3) for path in ("/a", "/b")]
    assert {"/a one": (V1, V3), "/a two": (V2,), "/b two": (V1, V3), "/b one": (V2,)} == routes(app)


def test_path_when_it_is_used_again_with_a_converter_still_takes_what_it_took_of_old_clients(tmp_path: Path) -> None:
    now, source = {"one": "/b/{id}", "other": "/a/{id:int}"}, 'revision.moved("GET /a/{id}", to="GET /b/{id}")'
    steps = [Step(V1, app_of({"one": "/a/{id}"})), Step(V3, app_of(now), source)]
    app = app_of(now, record(tmp_path / "r", steps))
    assert [["one", "other"], ["one", 404]] == [answers(app, path, V1, V3) for path in ("/a/5", "/a/x")]
    assert {"/a/{id:int} other": (V3,), "/a/{id} one": (V1,), "/b/{id} one": (V3,)} == routes(app)
    assert () == app.unserved()


def test_old_client_when_only_another_endpoint_bears_the_name_is_told_that_nothing_serves_it(tmp_path: Path) -> None:
    steps = [
        Step(V1, app_of({"one": "/a"})),
        Step(V2, app_of({"one": "/b"}), A_TO_B),
        Step(V3, app_of({"one": "/b", "other": "/a"})),
    ]
    app = app_of({"other": "/a"}, record(tmp_path / "r", steps))
    assert [404, 404, "other"] == answers(app, "/a", V1, V2, V3)
    assert {(V1, "GET /a"), (V2, "GET /b"), (V3, "GET /b")} == set(app.unserved())


def test_handler_of_an_old_version_serves_its_own_endpoint_and_not_the_one_that_took_its_name(tmp_path: Path) -> None:
    steps = [
        Step(V1, app_of({"one": "/a"})),
        Step(V2, app_of({}), 'revision.impossible("GET /a", "request", reason="gone")'),
    ]
    steps.append(Step(V3, app_of({"other": "/a"})))
    app = App("t", revisions=record(tmp_path / "r", steps))
    add(app, "one", "/a", version=V1)
    assert ["one", 404, 404] == answers(app, "/a", V1, V2, V3)
    assert ((V3, "GET /a"),) == app.unserved()


def test_endpoint_that_is_gone_is_logged_at_the_start_unless_a_revision_states_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths = {"one": "/a", "two": "/b", "three": "/c"}
    stated = 'revision.moved("GET /a", to="GET /d")\nrevision.impossible("GET /b", "request", reason="gone")\n'
    steps = [
        Step(V1, app_of(paths)),
        Step(V2, app_of({"one": "/d", "stay": "/e"}), stated),
        Step(V3, app_of({"stay": "/e"}), 'revision.impossible("GET /d", "request", reason="gone, too")'),
    ]
    app = app_of({"stay": "/e"}, record(tmp_path / "r", steps))
    assert {(V1, "GET /a"), (V1, "GET /b"), (V1, "GET /c"), (V2, "GET /d")} == set(app.unserved())
    assert [f"GET /c exists in version {V1}, but no handler serves it any more"] == caplog.messages


def test_handler_of_a_version_between_serves_those_who_know_its_endpoint_by_an_older_name(tmp_path: Path) -> None:
    steps = [Step(V1, app_of({"one": "/a"})), Step(V2, app_of({"one": "/b"}), A_TO_B)]
    steps.append(Step(V3, app_of({"one": "/c", "other": "/a"}), 'revision.moved("GET /b", to="GET /c")'))
    app = App("t", revisions=record(tmp_path / "r", steps))
    add(app, "between", "/b", version=V2)
    add(app, "other", "/a")
    assert ["between", 404, "other"] == answers(app, "/a", V1, V2, V3)
    assert ((V3, "GET /c"),) == app.unserved()


class FirstSum(Struct):
    id: int
    total: int | UnsetType = UNSET


class SecondSum(Struct):
    id: int
    net: int | UnsetType = UNSET


class ThirdSum(Struct):
    id: int
    net: int | UnsetType = UNSET
    total: int = 42


RENAME = """
@revision.request("Sum")
def forward(value):
    if "total" in value:
        value["net"] = value.pop("total")
    return value


@revision.response("Sum")
def back(value):
    if "net" in value:
        value["total"] = value.pop("net")
    return value
"""


def sums(model: Any, folder: Path | None = None) -> App:
    """Return an app with GET, which answers two sums, and POST, which answers what it was sent."""
    model.__name__ = "Sum"
    app = App("t", revisions=folder)

    async def read() -> Any:
        return [model(1), model(2, 7)]

    async def write(req: Any) -> Any:
        return msgspec.to_builtins(req.body)

    read.__annotations__["return"] = list[model]
    write.__annotations__ |= {"req": Request[model], "return": Any}
    app.get("/sums")(read)
    app.post("/sums")(write)
    return app


@pytest.mark.parametrize(("source", "answered", "seen"), [(RENAME, {"total": 7}, {"net": 5}), ("", {"net": 7}, {})])
def test_member_name_when_a_newer_member_takes_it_is_neither_told_to_nor_taken_from_old_clients(
    tmp_path: Path, source: str, answered: dict[str, int], seen: dict[str, int]
) -> None:
    steps = [Step(V1, sums(FirstSum)), Step(V2, sums(SecondSum), source), Step(V3, sums(ThirdSum))]
    app = sums(ThirdSum, record(tmp_path / "r", steps))
    old, new = {"api-version": V1}, {"api-version": V3}
    assert [{"id": 1}, {"id": 2, **answered}] == call(app, "GET", "/sums", headers=old).json()
    assert [{"id": 1, "total": 42}, {"id": 2, "net": 7, "total": 42}] == call(app, "GET", "/sums", headers=new).json()
    sent = {"id": 3, "total": 5}
    assert {"id": 3, "total": 42, **seen} == call(app, "POST", "/sums", json=sent, headers=old).json()
    assert sent == call(app, "POST", "/sums", json=sent, headers=new).json()
