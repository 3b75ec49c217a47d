"""Whose credentials are looked at, and when: nobody's where nobody asks."""

import asyncio
from collections.abc import Awaitable

import httpx
import pytest

from perdure import App, AuthSettings, Config, LocalContext, Principal, RateLimit, RolloutSettings
from perdure.context.exchange import Exchange
from perdure.errors import UnauthenticatedError
from tests.calls import run, serving


class Counting:
    """A scheme that takes ``X-Who: NAME``, asks somebody else about it, and counts how often it was asked."""

    challenge = "Who"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def credential(self, exchange: Exchange) -> str | None:
        return exchange.header("x-who")

    def verify(self, credential: str) -> Awaitable[Principal]:
        self.asked.append(credential)
        return self._verify(credential)

    async def _verify(self, credential: str) -> Principal:
        await asyncio.sleep(0)
        if credential == "broken":
            raise RuntimeError("a fault of the scheme's own")
        if credential == "nobody":
            raise UnauthenticatedError("unknown")
        return Principal(subject=credential, scheme="who", roles=frozenset({"clerk"}))

    def remembered_s(self, principal: Principal) -> float:
        return 0.0

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass


def build(scheme: Counting, **settings: object) -> App:
    app = App("t", auth=[scheme], config=Config(auth=AuthSettings(), **settings))  # type: ignore[arg-type]

    def who(lctx: LocalContext) -> str:
        principal = lctx.meta.principal
        return principal.subject if principal is not None else "-"

    app.get("/public", public=True, id="public")(who)
    app.get("/off", auth="off", id="off")(who)
    app.get("/optional", id="optional")(who)
    app.get("/known", auth="required", id="known")(who)
    app.get("/clerks", roles={"clerk"}, id="clerks", rate_limit=RateLimit("3/minute", per="address"))(who)
    return app


def ask(app: App, *paths: str, who: str) -> list[httpx.Response]:
    async def all_of_them() -> list[httpx.Response]:
        async with serving(app) as client:
            return [await client.get(path, headers={"x-who": who}) for path in paths]

    return run(all_of_them())


@pytest.mark.parametrize("path", ["/public", "/off", "/nowhere", "/healthz", "/docs", "/openapi.json"])
@pytest.mark.parametrize("who", ["ada", "nobody", "broken"])
def test_where_nobody_asks_nobody_looks(path: str, who: str) -> None:
    scheme = Counting()
    (answer,) = ask(build(scheme), path, who=who)
    assert (404 if path == "/nowhere" else 200) == answer.status_code
    assert [] == scheme.asked


@pytest.mark.parametrize("path", ["/optional", "/known", "/clerks"])
def test_where_somebody_asks_credentials_are_looked_at_once(path: str) -> None:
    scheme = Counting()
    good, bad, broken = (ask(build(scheme), path, who=who)[0] for who in ("ada", "nobody", "broken"))
    assert (200, "ada") == (good.status_code, good.text)
    assert [401, 500] == [bad.status_code, broken.status_code]
    assert ["ada", "nobody", "broken"] == scheme.asked


def test_address_that_guessed_too_often_costs_nothing_more() -> None:
    scheme = Counting()
    answers = ask(build(scheme), *["/clerks"] * 8, who="nobody")
    assert [401] * 3 + [429] * 5 == [answer.status_code for answer in answers]
    assert 4 == len(scheme.asked)
    assert all(0 < int(answer.headers["retry-after"]) <= 60 for answer in answers[3:])


@pytest.mark.parametrize(
    ("path", "looks"), [("/public", True), ("/off", False), ("/healthz", False), ("/nowhere", False)]
)
def test_where_versions_are_by_client_they_are_by_who_asks_on_public_routes_too(path: str, looks: bool) -> None:
    scheme = Counting()
    app = build(
        scheme, rollout=RolloutSettings(pin_on_first_use=True), store_url="memory:", tags={"stable": "2020-01-01"}
    )
    app.get("/old", public=True, version="2020-01-01", id="old")(lambda: "old")
    for who in ("ada", "nobody", "broken"):
        assert ask(app, path, who=who)[0].status_code in {200, 404}
    assert (["ada", "nobody", "broken"] if looks else []) == scheme.asked
