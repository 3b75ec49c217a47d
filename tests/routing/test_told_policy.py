"""What manifests, routes and documents say about who may call."""

from typing import Any

import pytest
from msgspec.structs import replace
from openapi_spec_validator import OpenAPIV31SpecValidator

from perdure import ApiKeySettings, App, AuthSettings, Config, Principal
from perdure.context.exchange import Exchange
from perdure.errors import ConfigError

BASIC = {"type": "http", "scheme": "basic"}
REQUIRED = Config(auth=AuthSettings(mode="required"))
CLOSED = Config(auth=AuthSettings(deny_by_default=True))


class Silent:
    """A scheme that does not say what it is."""

    challenge = 'Own realm="t"'

    def credential(self, exchange: Exchange) -> str | None:
        return exchange.header("x-own")

    def verify(self, credential: str) -> Principal:
        return Principal(subject=credential, scheme="own")

    def remembered_s(self, principal: Principal) -> float:
        return 0

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass


class Told(Silent):
    """A scheme that does."""

    def __init__(self, name: Any = "own", security_scheme: Any = BASIC) -> None:
        self.name = name
        self.security_scheme = security_scheme


def shop(config: Config, *schemes: Silent) -> App:
    app = App("shop", config=config, auth=schemes)

    @app.get("/orders")
    async def orders() -> int:
        return 1

    return app


def document(app: App) -> Any:
    written: Any = app.openapi()
    OpenAPIV31SpecValidator(written).validate()
    return written


def told(app: App, path: str = "/orders") -> tuple[object, dict[str, object]]:
    """Return the security of an endpoint, and the schemes there are."""
    found = document(app)
    return found["paths"][path]["get"].get("security"), found["components"].get("securitySchemes", {})


def test_default_mode_counts_where_the_only_scheme_is_the_programs_own() -> None:
    app = shop(REQUIRED, Told())
    assert (("principal",),) == app.manifests()[0].endpoint.security == app.api().endpoints["GET /orders"].security
    assert "who is known" == app.routes()[0].access
    assert ([{"own": []}], {"own": BASIC}) == told(app)


def test_scheme_that_does_not_say_what_it_is_leaves_the_kind_open() -> None:
    assert ([{"principal": []}], {"principal": {"type": "http", "scheme": "bearer"}}) == told(shop(REQUIRED, Silent()))
    assert [{"own": []}] == told(shop(REQUIRED, Silent(), Told()))[0]


def test_route_that_deny_by_default_closes_is_told_as_closed() -> None:
    app = shop(CLOSED)

    @app.get("/open", public=True)
    async def open_() -> int:
        return 1

    @app.websocket("/live")
    async def live() -> None: ...

    open_told, closed = sorted(app.manifests(), key=lambda each: each.path == "/orders")
    assert ((("nobody",),), True) == (closed.endpoint.security, closed.policies["closed"])
    assert ((), False) == (open_told.endpoint.security, "closed" in open_told.policies)
    assert {"/orders": "closed", "/live": "closed", "/open": "everyone"} == {
        each.path: each.access for each in app.routes()
    }
    security, schemes = told(app)
    assert [{"nobody": []}] == security
    assert ["nobody"] == list(schemes)
    assert (None, schemes) == told(app, "/open")


def test_routes_tell_who_may_call() -> None:
    app = shop(REQUIRED, Told())

    @app.get("/clerks", roles={"customer", "clerk"}, scopes={"read"})
    async def clerks() -> int:
        return 1

    @app.websocket("/live", roles={"clerk"})
    async def live() -> None: ...

    found = {each.path: each.access for each in app.routes()}
    assert {"/orders": "who is known", "/clerks": "role clerk or customer, scope read", "/live": "role clerk"} == found


def test_access_is_that_of_the_newest_handler_whatever_the_order() -> None:
    for versions in (("2025-01-01", "2026-01-01"), ("2026-01-01", "2025-01-01")):
        app = App("shop", auth=[Told()])
        for version in versions:

            async def handle() -> None: ...

            app.get("/orders", id="orders", version=version, roles={f"of-{version}"})(handle)
        assert ["role of-2026-01-01"] == [each.access for each in app.routes()]


def test_optional_credentials_of_a_route_are_told() -> None:
    app = App("shop", auth=[Told()])

    @app.get("/orders", auth="optional")
    async def orders() -> int:
        return 1

    assert ((), ("principal",)) == app.manifests()[0].endpoint.security
    assert [{}, {"own": []}] == told(app)[0]


def test_keys_in_a_header_and_in_the_query_are_both_told() -> None:
    keys = ApiKeySettings(query="key")
    config = Config(auth=AuthSettings(mode="required", api_keys=keys))
    header, query = (
        {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        {"type": "apiKey", "in": "query", "name": "key"},
    )
    both = {"api_key": header, "api_key_query": query}
    assert ([{"api_key": []}, {"api_key_query": []}], both) == told(shop(config))
    only = replace(config, auth=replace(config.auth, api_keys=replace(keys, header=None)))
    assert ([{"api_key": []}], {"api_key": query}) == told(shop(only))


@pytest.mark.parametrize(
    ("scheme", "reason"),
    [
        (Told(name="a b"), "Told.name is 'a b'"),
        (Told(name=""), "Told.name is ''"),
        (Told(name=3), "Told.name is 3"),
        (Told(name="nobody"), "and is not nobody"),
        (Told(name="api_key"), "two schemes of authentication have the name 'api_key'"),
        (Told(security_scheme="basic"), "Told.security_scheme must have a 'type'"),
        (Told(security_scheme={"type": "basic"}), "one of apiKey, http, "),
        (Told(security_scheme={"type": "http", "scheme": object()}), "cannot be written as JSON"),
    ],
)
def test_scheme_that_describes_itself_badly_is_refused(scheme: Told, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        shop(Config(auth=AuthSettings(api_keys=ApiKeySettings())), scheme).compile()


@pytest.mark.parametrize("name", ["roles", "all_roles", "scopes"])
@pytest.mark.parametrize("given", [set(), [], frozenset(), {}], ids=repr)
def test_demands_that_are_given_and_empty_are_refused(name: str, given: Any) -> None:
    app = App("shop")
    with pytest.raises(ConfigError, match=f"{name} is empty: .* say public=True"):
        app.get("/orders", **{name: given})


def test_demands_that_are_left_out_are_none() -> None:
    app = App("shop")

    @app.get("/orders", roles=(), all_roles=(), scopes=())
    async def orders() -> int:
        return 1

    assert () == app.manifests()[0].endpoint.security
