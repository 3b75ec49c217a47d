"""Which handler serves whom, and by way of which revisions."""

import logging
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from msgspec import Meta, Struct

from perdure import App, LocalContext, Problem, Request, Response
from perdure.errors import DuplicateRouteError
from tests.calls import call, executions_of
from tests.recording import Step, record

V1, V2, V3 = "2024-01-01", "2025-06-01", "2026-02-10"


class Money(Struct):
    amount: Annotated[str, Meta(pattern=r"^\d+\.\d{2}$")]
    currency: str


class NewOrder(Struct):
    sku: str
    price: Money


class Order(Struct):
    id: int
    sku: str
    price: Money
    note: str | None = None


class OldNewOrder(Struct):
    sku: str
    price: float


class OldOrder(Struct):
    id: int
    sku: str
    price: float
    note: str | None = None


OldNewOrder.__name__, OldOrder.__name__ = "NewOrder", "Order"
"""What the types were called when they were recorded."""

TRANSFORMERS = """
@revision.request("POST /orders")
def forward(parts: RequestParts) -> None:
    price = parts.body["price"]
    if price == 13:
        raise ValueError("thirteen is no price")
    if price == 14:
        raise Problem(422, "fourteen is refused")
    amount = "much" if price == 15 else f"{price:.2f}"
    parts.body["price"] = {"amount": amount, "currency": "EUR"}


@revision.response("POST /orders")
def back(parts: ResponseParts) -> None:
    if parts.body["sku"] == "untranslatable":
        raise KeyError("no such sku then")
    if parts.body["sku"] == "refused":
        raise Problem(410, "gone for you")
    price = parts.body["price"]
    parts.body["price"] = "free" if parts.body["sku"] == "free" else float(price["amount"])
"""


def new_app(folder: Path | None = None, **options: Any) -> App:
    app = App("new", revisions=folder)

    @app.post("/orders", status=201, **options)
    async def create(req: Request[NewOrder], lctx: LocalContext) -> Order:
        return Order(1, req.body.sku, req.body.price, f"{lctx.meta.version}")

    @app.get("/same/{number:int}")
    async def same(req: Request) -> list[int]:
        return [req.params["number"]]

    return app


def old_app() -> App:
    app = App("old")

    @app.post("/orders", status=201)
    async def create(req: Request[OldNewOrder]) -> OldOrder: ...  # type: ignore[empty-body]

    @app.get("/same/{number:int}")
    async def same(req: Request) -> list[int]: ...  # type: ignore[empty-body]

    return app


def order(app: App, version: str, price: object = 2.5, sku: str = "A") -> httpx.Response:
    return call(app, "POST", "/orders", json={"sku": sku, "price": price}, headers={"api-version": version})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two revisions: the second gives a price a currency."""
    return record(tmp_path / "revisions", [Step(V1, old_app()), Step(V3, new_app(), TRANSFORMERS)])


def test_an_old_client_is_served_by_the_new_handler_in_its_own_shape(folder: Path) -> None:
    app = new_app(folder)
    old = order(app, V1)
    assert (201, {"id": 1, "sku": "A", "price": 2.5, "note": V1}) == (old.status_code, old.json())
    assert V1 == old.headers["api-version"]
    price = {"amount": "2.50", "currency": "EUR"}
    new = order(app, V3, price)
    assert (201, {"id": 1, "sku": "A", "price": price, "note": V3}) == (new.status_code, new.json())


def test_a_request_is_judged_by_the_version_its_client_speaks(folder: Path) -> None:
    app = new_app(folder)
    for version, price, pointer in ((V1, {"amount": "2.50", "currency": "EUR"}, "/price"), (V3, 2.5, "/price")):
        response = order(app, version, price)
        assert (400, [pointer]) == (response.status_code, [fault["pointer"] for fault in response.json()["errors"]])
    assert "/price/amount" == order(app, V3, {"amount": "x", "currency": "EUR"}).json()["errors"][0]["pointer"]


def test_a_failing_request_transformer_is_a_400_that_names_the_revision(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    response = order(new_app(folder), V1, 13)
    assert (400, "urn:perdure:problem:untranslatable-request") == (response.status_code, response.json()["type"])
    assert "thirteen" not in response.text


def test_a_problem_a_transformer_raises_is_the_answer(folder: Path) -> None:
    request, response = order(new_app(folder), V1, 14), order(new_app(folder), V1, sku="refused")
    assert (422, "fourteen is refused") == (request.status_code, request.json()["detail"])
    assert (410, "gone for you") == (response.status_code, response.json()["detail"])


def test_a_request_a_transformer_makes_invalid_is_the_servers_fault(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        response = order(new_app(folder), V1, 15)
    assert 500 == response.status_code
    assert "errors" not in response.json()
    assert "r1" in caplog.text


def test_a_failing_response_transformer_is_a_502(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    response = order(new_app(folder), V1, sku="untranslatable")
    assert (502, "urn:perdure:problem:untranslatable-response") == (response.status_code, response.json()["type"])
    assert "no such sku" not in response.text
    assert 201 == order(new_app(folder), V3, {"amount": "2.50", "currency": "EUR"}, "untranslatable").status_code


def test_an_answer_a_transformer_makes_invalid_never_leaves(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert 500 == order(new_app(folder), V1, sku="free").status_code
    assert "/price" in caplog.text


def test_a_failing_request_transformer_falls_back_to_the_old_handler_where_it_still_runs(folder: Path) -> None:
    app = new_app(folder)

    @app.post("/orders", status=201, version=V1, id="create")
    async def create_then(req: Request[OldNewOrder]) -> OldOrder:
        return OldOrder(2, req.body.sku, req.body.price, "by the old handler")

    fallen = order(app, V1, 13)
    assert (201, "by the old handler", 13) == (fallen.status_code, fallen.json()["note"], fallen.json()["price"])
    assert V1 == order(app, V1).json()["note"]
    assert V3 == order(app, V3, {"amount": "2.50", "currency": "EUR"}).json()["note"]


VALIDATED, HANDLED, ANSWERED, FORWARD, BACK = (
    (f"start {stage}", f"end {stage}")
    for stage in ("validation", "handler", "response", "transform request", "transform response")
)


@pytest.mark.parametrize(
    ("version", "price", "sku", "told"),
    [
        (V3, {"amount": "2.50", "currency": "EUR"}, "A", [*VALIDATED, *HANDLED, *ANSWERED]),
        (V1, 2.5, "A", [*VALIDATED, *FORWARD, *HANDLED, *BACK, *ANSWERED]),
        (V1, "x", "A", [VALIDATED[0], "error validation"]),
        (V1, 15, "A", [*VALIDATED, FORWARD[0], "error transform request"]),
        (V1, 2.5, "untranslatable", [*VALIDATED, *FORWARD, *HANDLED, BACK[0], "error transform response"]),
        (V1, 2.5, "free", [*VALIDATED, *FORWARD, *HANDLED, *BACK, ANSWERED[0], "error response"]),
        # The old handler is asked when the new one cannot be, so the request begins once more.
        (V1, 13, "A", [*VALIDATED, FORWARD[0], "error transform request", *VALIDATED, *HANDLED, *ANSWERED]),
    ],
)
def test_what_versions_do_to_a_request_is_told_in_its_course(
    folder: Path, version: str, price: object, sku: str, told: list[str]
) -> None:
    app = new_app(folder)
    executions = executions_of(app)
    if price == 13:

        @app.post("/orders", status=201, version=V1, id="create")
        async def create_then(req: Request[OldNewOrder]) -> OldOrder:
            return OldOrder(2, req.body.sku, req.body.price)

    order(app, version, price, sku)
    (execution,) = executions
    events = [f"{each.kind} {each.stage}" + f" {each.name}" * (each.stage == "transform") for each in execution.events]
    assert ["start request", *told, ("error" if told[-1].startswith("error") else "end") + " request"] == events
    times = [event.at_s for event in execution.events]
    assert sorted(times) == times


def test_what_a_catch_hook_answers_is_carried_back_in_the_course_of_the_request(folder: Path) -> None:
    app = new_app(folder)
    executions = executions_of(app)

    @app.catch
    def rescue(error: BaseException) -> Order:
        return Order(3, "B", Money("1.00", "EUR"))

    assert 1.0 == order(app, V1, 15).json()["price"]
    events = [f"{event.kind} {event.stage}" for event in executions[0].events][-7:]
    assert [
        "end hook",
        "start transform",
        "end transform",
        "start response",
        "end response",
        "error request",
    ] == events[1:]


def test_an_endpoint_no_revision_touches_has_one_plan_for_all_versions(folder: Path) -> None:
    app = new_app(folder)
    app.compile()
    timelines = {f"{method} {template.text}": plans for template, method, plans in app._compiled().catalogue._timelines}
    assert 1 == len({id(plan) for plan in timelines["GET /same/{number:int}"]})
    assert 2 == len({id(plan) for plan in timelines["POST /orders"]})
    assert [7] == call(app, "GET", "/same/7", headers={"api-version": V1}).json()


def test_a_compatible_revision_adds_no_hop(tmp_path: Path) -> None:
    class Wider(Struct):
        sku: str
        price: Money
        gift: bool = False

    Wider.__name__ = "NewOrder"

    def app_of(body: Any, folder: Path | None = None) -> App:
        app = App("t", revisions=folder)

        async def create(req: Any, lctx: LocalContext) -> list[str]:
            return [req.body.sku, *sorted(lctx.meta.flags)]

        create.__annotations__["req"] = Request[body]
        app.post("/orders")(create)
        app.get("/untouched")(lambda lctx: sorted(lctx.meta.flags))
        return app

    folder = record(tmp_path / "r", [Step(V1, app_of(NewOrder)), Step(V2, app_of(Wider)), Step(V3, app_of(Wider))])
    app = app_of(Wider, folder)
    body = {"sku": "A", "price": {"amount": "1.00", "currency": "EUR"}}
    app.compile()
    (untouched, touched) = (
        [plans for template, _, plans in app._compiled().catalogue._timelines if template.text == path]
        for path in ("/untouched", "/orders")
    )
    assert 1 == len({id(plan) for plan in untouched[0]})
    assert touched[0][1] is touched[0][2]
    assert touched[0][0] is not None
    assert touched[0][0].chain is None
    for version in (V1, V2, V3):
        response = call(app, "POST", "/orders", json=body, headers={"api-version": version})
        assert (200, "A") == (response.status_code, response.json()[0])


def test_a_moved_endpoint_is_served_where_it_was_to_those_who_know_it_there(tmp_path: Path) -> None:
    def declare(app: App, method: str, path: str) -> App:
        async def cancel(req: Request, res: Response) -> list[str]:
            return [req.params["order_id"]]

        app.route(path, [method], id="orders.cancel")(cancel)
        return app

    old = declare(App("old"), "DELETE", "/orders/{order_id}")
    new = declare(App("new"), "POST", "/orders/{order_id}/cancel")
    source = 'revision.moved("DELETE /orders/{order_id}", to="POST /orders/{order_id}/cancel")\n'
    folder = record(tmp_path / "r", [Step(V1, old), Step(V3, new, source)])
    app = declare(App("t", revisions=folder), "POST", "/orders/{order_id}/cancel")

    assert ["7"] == call(app, "DELETE", "/orders/7", headers={"api-version": V1}).json()
    assert ["7"] == call(app, "POST", "/orders/7/cancel", headers={"api-version": V3}).json()
    assert 404 == call(app, "DELETE", "/orders/7", headers={"api-version": V3}).status_code
    assert 404 == call(app, "POST", "/orders/7/cancel", headers={"api-version": V1}).status_code
    routes = {f"{info.method} {info.path}": info.versions for info in app.routes()}
    assert {"DELETE /orders/{order_id}": (V1,), "POST /orders/{order_id}/cancel": (V3,)} == routes


def test_an_added_endpoint_is_invisible_to_those_who_came_before_it(tmp_path: Path) -> None:
    def declare(app: App, *, with_new: bool) -> App:
        app.get("/old", id="old")(lambda: "old")
        if with_new:
            app.get("/new", id="new")(lambda: "new")
        return app

    steps = [Step(V1, declare(App("a"), with_new=False)), Step(V3, declare(App("b"), with_new=True))]
    app = declare(App("t", revisions=record(tmp_path / "r", steps)), with_new=True)
    assert 404 == call(app, "GET", "/new", headers={"api-version": V1}).status_code
    assert "new" == call(app, "GET", "/new", headers={"api-version": V3}).text
    assert "old" == call(app, "GET", "/old", headers={"api-version": V1}).text


def test_an_endpoint_of_the_code_that_is_not_recorded_yet_belongs_to_the_newest_version(folder: Path) -> None:
    app = new_app(folder)
    app.get("/draft")(lambda: "draft")
    assert "draft" == call(app, "GET", "/draft").text
    assert 404 == call(app, "GET", "/draft", headers={"api-version": V1}).status_code


def test_a_removed_endpoint_is_served_by_a_handler_of_its_version_or_not_at_all(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def declare(app: App, *, with_old: bool) -> App:
        app.get("/kept", id="kept")(lambda: "kept")
        if with_old:
            app.get("/old", id="old")(lambda: "old")
        return app

    steps = [Step(V1, declare(App("a"), with_old=True)), Step(V3, declare(App("b"), with_old=False))]
    folder = record(tmp_path / "r", steps)
    without = declare(App("t", revisions=folder), with_old=False)
    with caplog.at_level(logging.WARNING):
        without.compile()
    assert "GET /old" in caplog.text
    assert 404 == call(without, "GET", "/old", headers={"api-version": V1}).status_code

    app = declare(App("t", revisions=folder), with_old=False)
    app.get("/old", version=V1, id="old")(lambda: "still here")
    assert "still here" == call(app, "GET", "/old", headers={"api-version": V1}).text
    assert 404 == call(app, "GET", "/old", headers={"api-version": V3}).status_code


PROBLEMS = """
@revision.problem("GET /orders")
def older(parts: ResponseParts) -> None:
    if parts.body["detail"] == "hard":
        raise ValueError("cannot")
    if parts.body["detail"] == "refused":
        raise Problem(451, "not for you")
    parts.body = {"error": parts.body["detail"]}
    parts.status = 400
"""


def failing_app(folder: Path | None = None) -> App:
    app = App("t", revisions=folder)

    @app.get("/orders", id="orders")
    async def orders(req: Request) -> str:
        raise Problem(409, req.query["detail"])

    @app.get("/others", id="others")
    async def others() -> str:
        raise Problem(409, "soft")

    return app


def test_problems_pass_untouched_unless_a_revision_says_otherwise(tmp_path: Path) -> None:
    folder = record(tmp_path / "r", [Step(V1, failing_app()), Step(V3, failing_app(), PROBLEMS)])
    app = failing_app(folder)

    def ask(version: str, path: str) -> httpx.Response:
        return call(app, "GET", path, headers={"api-version": version})

    assert (400, {"error": "soft"}) == ((old := ask(V1, "/orders?detail=soft")).status_code, old.json())
    assert (409, "soft") == ((new := ask(V3, "/orders?detail=soft")).status_code, new.json()["detail"])
    assert (409, "soft") == ((other := ask(V1, "/others")).status_code, other.json()["detail"])
    assert 502 == ask(V1, "/orders?detail=hard").status_code
    assert (451, "not for you") == ((no := ask(V1, "/orders?detail=refused")).status_code, no.json()["detail"])


STATUS_AND_HEADERS = """
@revision.request("GET /orders/{order_id}")
def forward(parts: RequestParts) -> None:
    parts.path["order_id"] = int(parts.path["order_id"][1:])
    parts.query["limit"] = parts.query.pop("count", 20)
    parts.headers["x_tenant"] = parts.headers.pop("x_shop", "none")

@revision.response("GET /orders/{order_id}")
def back(parts: ResponseParts) -> None:
    parts.status = 203
    parts.headers["x-old"] = parts.headers.pop("x-new")
"""


def test_path_query_headers_and_status_are_transformed_per_handler(tmp_path: Path) -> None:
    class NewParams(Struct):
        order_id: int

    class OldParams(Struct):
        order_id: str

    class NewQuery(Struct):
        limit: int = 20

    class OldQuery(Struct):
        count: int = 20

    class NewHeaders(Struct):
        x_tenant: str = "none"

    class OldHeaders(Struct):
        x_shop: str = "none"

    def declare(app: App, params: Any, query: Any, headers: Any) -> App:
        async def show(req: Any, res: Response) -> list[Any]:
            res.set_header("x-new", "1")
            return [req.params.order_id, req.query.limit, req.headers.x_tenant]

        show.__annotations__["req"] = Request[None, params, query, headers]
        app.get("/orders/{order_id}", id="show")(show)
        return app

    old = declare(App("old"), OldParams, OldQuery, OldHeaders)
    new = declare(App("new"), NewParams, NewQuery, NewHeaders)
    folder = record(tmp_path / "r", [Step(V1, old), Step(V3, new, STATUS_AND_HEADERS)])
    app = declare(App("t", revisions=folder), NewParams, NewQuery, NewHeaders)

    headers = {"api-version": V1, "x-shop": "berlin"}
    was = call(app, "GET", "/orders/n7?count=5", headers=headers)
    assert (203, [7, 5, "berlin"], "1") == (was.status_code, was.json(), was.headers["x-old"])
    assert "x-new" not in was.headers
    now = call(app, "GET", "/orders/7?limit=5", headers={"api-version": V3, "x-tenant": "berlin"})
    assert (200, [7, 5, "berlin"], "1") == (now.status_code, now.json(), now.headers["x-new"])


TYPES = """
@revision.request("Money")
def upgrade(amount: float) -> dict[str, str]:
    return {"amount": f"{amount:.2f}", "currency": "EUR"}

@revision.response("Money")
def downgrade(money: dict[str, str]) -> float:
    return float(money["amount"])
"""


def test_a_types_transformer_reaches_it_wherever_it_occurs(tmp_path: Path) -> None:
    def declare(app: App, body: Any) -> App:
        async def sell(req: Any) -> Any:
            return req.body

        sell.__annotations__.update({"req": Request[body], "return": body})
        app.post("/carts")(sell)
        return app

    new_money, old_money = Money, _alias("Money")
    new = declare(App("new"), dict[str, list[new_money | None]])  # type: ignore[valid-type]
    old = declare(App("old"), dict[str, list[old_money | None]])  # type: ignore[valid-type]
    folder = record(tmp_path / "r", [Step(V1, old), Step(V3, new, TYPES)])
    app = declare(App("t", revisions=folder), dict[str, list[new_money | None]])  # type: ignore[valid-type]
    cart = {"a": [1.5, None], "b": [], "c": [2.0]}
    assert cart == call(app, "POST", "/carts", json=cart, headers={"api-version": V1}).json()
    bad = call(app, "POST", "/carts", json={"a": ["x"]}, headers={"api-version": V1})
    assert ["/a/0"] == [fault["pointer"] for fault in bad.json()["errors"]]


def _alias(name: str) -> Any:
    """Return a named type that is a plain number."""
    from typing import NewType

    return NewType(name, float)


def test_transformers_are_told_to_handlers(folder: Path) -> None:
    app = new_app(folder)
    seen: list[Any] = []

    @app.get("/ask")
    async def ask(gctx: Any) -> None:
        timescape = gctx.timescape
        seen.append((timescape.versions(), timescape.transformers("create"), timescape.transformers("same")))
        seen.append((timescape.tags(), timescape.resolve_name("2025-01-01")))

    assert 204 == call(app, "GET", "/ask").status_code
    assert ((V1, V3), ("r1",), ()) == seen[0]
    assert ({"latest": V3, "stable": V3}, V1) == seen[1]


class Purchase(Struct):
    sku: str
    price: Money


class Receipt(Struct):
    id: int
    sku: str
    price: Money
    note: str


def with_draft(folder: Path, *, draft_first: bool) -> App:
    """Return an app with a handler for the newest recorded version, and beside it one for what comes next."""
    app = App("shop", revisions=folder)

    async def now(req: Request[OldNewOrder]) -> OldOrder:
        return OldOrder(1, req.body.sku, req.body.price, "now")

    async def draft(req: Request[Purchase]) -> Receipt:
        return Receipt(2, req.body.sku, req.body.price, "draft")

    async def same(req: Request) -> list[int]:
        return [req.params["number"]]

    both: list[tuple[Any, str | None]] = [(now, V1), (draft, None)]
    for handler, version in reversed(both) if draft_first else both:
        app.post("/orders", status=201, version=version, id="create")(handler)
    app.get("/same/{number:int}")(same)
    return app


@pytest.mark.parametrize("draft_first", [False, True])
def test_a_handler_without_a_version_beside_one_for_the_newest_is_a_draft_until_it_is_recorded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, *, draft_first: bool
) -> None:
    folder = record(tmp_path / "revisions", [Step(V1, old_app())])
    app = with_draft(folder, draft_first=draft_first)
    with caplog.at_level(logging.WARNING):
        assert (201, "now") == (order(app, V1).status_code, order(app, V1).json()["note"])
    assert "is a draft" in caplog.text
    assert "now" == call(app, "POST", "/orders", json={"sku": "A", "price": 2.5}).json()["note"]
    assert "Purchase" in app.api().types
    assert "NewOrder" not in app.api().types
    assert 2 == len(app.manifests())
    assert () == app.unserved()

    recorded = record(tmp_path / "after", [Step(V1, old_app()), Step(V3, app, TRANSFORMERS)])
    after = with_draft(recorded, draft_first=draft_first)
    assert "draft" == order(after, V3, {"amount": "2.50", "currency": "EUR"}).json()["note"]
    assert 3 == len(after.manifests())


def test_two_handlers_for_one_version_that_no_revision_records_are_refused() -> None:
    app = App("shop")
    app.get("/a", version=V1, id="a")(lambda: "a")
    app.get("/a", id="a")(lambda: "b")
    with pytest.raises(DuplicateRouteError, match="give each a version of its own"):
        app.compile()
