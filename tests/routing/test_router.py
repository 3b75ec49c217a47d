"""Routers, and what they refuse."""

from typing import Any

import pytest

from perdure import App, Converter, LocalContext, Request, Router
from perdure.errors import ConfigError, DefinitionError, DuplicateRouteError, RouteDefinitionError
from tests.calls import call


def test_routers_nest_and_their_prefixes_add_up() -> None:
    inner, outer, app = Router("/lines"), Router("/orders/{order_id:int}"), App("t")

    @inner.get("/{number:int}")
    async def line(req: Request) -> list[int]:
        return [req.params["order_id"], req.params["number"]]

    @outer.get("/")
    async def order(req: Request) -> int:
        number: int = req.params["order_id"]
        return number

    outer.mount(inner)
    app.mount(outer, "/v")
    assert [7, 3] == call(app, "GET", "/v/orders/7/lines/3").json()
    assert 7 == call(app, "GET", "/v/orders/7").json()
    assert 404 == call(app, "GET", "/orders/7").status_code


def test_routes_added_after_mounting_are_served() -> None:
    router, app = Router("/late"), App("t")
    app.mount(router)
    router.get("/here")(lambda: "here")
    assert "here" == call(app, "GET", "/late/here").text


def test_one_router_may_be_mounted_twice() -> None:
    router, app = Router(), App("t")
    router.get("/here")(lambda: "here")
    app.mount(router, "/one")
    app.mount(router, "/two")
    assert ["here", "here"] == [call(app, "GET", f"{prefix}/here").text for prefix in ("/one", "/two")]


def test_a_routers_converters_are_known_to_its_routes() -> None:
    router = Router("/years/{year:century}", converters=[Converter(name="century", pattern="[12][0-9]00")])
    router.get("/")(lambda req: req.params["year"])
    app = App("t")
    app.mount(router)
    assert "1900" == call(app, "GET", "/years/1900").text
    assert 404 == call(app, "GET", "/years/1901").status_code


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "head", "options"])
def test_each_method_has_a_decorator_of_its_own(method: str) -> None:
    app = App("t")
    seen: list[str] = []

    async def handle(req: Request) -> None:
        seen.append(req.method)

    assert handle is getattr(app, method)("/here")(handle)
    assert 204 == call(app, method.upper(), "/here").status_code
    assert [method.upper()] == seen


def test_a_route_serves_several_methods_in_any_case() -> None:
    app = App("t")

    @app.route("/", ["get", "POST"])
    async def handle(req: Request) -> str:
        return req.method

    assert ["GET", "POST"] == [call(app, method, "/").text for method in ("GET", "POST")]


@pytest.mark.parametrize("methods", [[], ["BREW"], ["GET", "CONNECT"], ["TRACE"]])
def test_unknown_methods_are_refused(methods: list[str]) -> None:
    with pytest.raises(RouteDefinitionError, match=r"test_router\.py"):
        App("t").route("/", methods)(lambda: None)


@pytest.mark.parametrize("prefix", ["orders", "/orders/", "/"])
def test_a_prefix_that_is_none_is_refused(prefix: str) -> None:
    with pytest.raises(RouteDefinitionError, match="prefix"):
        Router(prefix)
    with pytest.raises(RouteDefinitionError, match="prefix"):
        App("t").mount(Router(), prefix)


def test_two_handlers_for_one_endpoint_are_refused_naming_both() -> None:
    def first() -> None: ...

    def second() -> None: ...

    app = App("t")
    app.get("/orders/{order_id}")(first)
    with pytest.raises(DuplicateRouteError) as refused:
        app.route("/orders/{order_id}", ["POST", "GET"])(second)
    message = str(refused.value)
    assert "GET /orders/{order_id}" in message
    assert "first (" in message
    assert "second (" in message


def test_two_handlers_for_one_endpoint_under_other_parameter_names_are_refused() -> None:
    app = App("t")
    router = Router("/orders")
    router.get("/{order_id}")(lambda: "a")
    app.mount(router)
    app.get("/orders/{number}")(lambda: "b")
    with pytest.raises(DefinitionError):
        app.compile()


def test_two_handlers_for_one_version_are_refused() -> None:
    app = App("t")
    app.get("/", version="2026-02-10")(lambda: "a")
    app.get("/", version="2026-02-10T00:00:00Z")(lambda: "b")
    with pytest.raises(DuplicateRouteError, match="2026-02-10"):
        app.compile()


def test_two_websocket_handlers_at_one_path_are_refused() -> None:
    async def first() -> None: ...

    async def second() -> None: ...

    app = App("t")
    router = Router()
    router.websocket("/ws")(first)
    app.mount(router)
    app.websocket("/ws")(second)
    with pytest.raises(DuplicateRouteError, match="WebSockets at /ws"):
        app.compile()
    with pytest.raises(DuplicateRouteError, match="/ws is served twice"):
        app.websocket("/ws")(second)


@pytest.mark.parametrize(
    "options", [{"timeout_s": 0}, {"body_limit_bytes": -1}, {"status": 404}, {"status": 100}, {"timeout_s": -1}]
)
def test_an_option_that_cannot_be_used_is_refused(options: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        App("t").get("/", **options)(lambda: None)  # type: ignore[arg-type]


def test_hooks_of_a_router_stand_around_those_of_its_routes() -> None:
    ran: list[str] = []
    inner = Router("/inner", before=[lambda: ran.append("inner")])
    outer = Router("/outer", before=[lambda: ran.append("outer")])
    outer.mount(inner)
    app = App("t")
    app.mount(outer)

    @inner.get("/", before=[lambda: ran.append("route")])
    async def handle(lctx: LocalContext) -> None: ...

    assert 204 == call(app, "GET", "/outer/inner").status_code
    assert ["outer", "inner", "route"] == ran


def test_a_decorator_without_its_path_is_refused() -> None:
    router: Any = Router()

    def handle() -> None: ...

    with pytest.raises(RouteDefinitionError, match=r"handle \(.*test_router.py:\d+\): a route needs a path"):
        router.get(handle)
    with pytest.raises(RouteDefinitionError, match="None: a route needs a path"):
        router.post(None)
    with pytest.raises(RouteDefinitionError, match=r"methods of /x must be a list, not 'GET'"):
        router.route("/x", "GET")


@pytest.mark.parametrize("name", ["before", "after", "catch"])
def test_one_hook_in_the_place_of_a_list_is_refused(name: str) -> None:
    router: Any = Router()
    make: Any = Router

    def hook() -> None: ...

    for given in (hook, "hook", None, {"a": hook}):
        with pytest.raises(ConfigError, match=f"{name} must be a list of hooks"):
            router.get("/x", **{name: given})(lambda: None)
        with pytest.raises(ConfigError, match=f"{name} must be a list of hooks"):
            make(**{name: given})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"status": "201"}, "status must be int or None, not '201'"), ({"status": True}, "status must be int or None"),
        ({"timeout_s": "1"}, "timeout_s must be float or None"), ({"id": 1}, "id must be str or None"),
        ({"deprecated": "no"}, "deprecated must be bool"),
    ],
)  # fmt: skip
def test_an_option_of_another_type_is_refused(options: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Router().get("/x", **options)
