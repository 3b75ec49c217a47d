"""What the answers to those who are not let in say about rate limits."""

import httpx
import pytest

from perdure import App, RateLimit
from tests.badge import Badge
from tests.calls import run, serving

TOLD = ("ratelimit-policy", "ratelimit")


def answers(limits: list[str | RateLimit], *badges: str) -> list[httpx.Response]:
    app = App("shop", auth=[Badge()])

    @app.get("/orders", roles={"clerk"}, rate_limit=limits)
    async def orders() -> None:
        return None

    async def scenario() -> list[httpx.Response]:
        async with serving(app) as client:
            return [await client.get("/orders", headers={"x-badge": each} if each else {}) for each in badges]

    return run(scenario())


@pytest.mark.parametrize(("badge", "status"), [("", 401), ("false", 401), ("ada", 403)])
def test_refusal_that_counts_for_an_address_tells_how_that_stands(badge: str, status: int) -> None:
    found = answers([RateLimit("2/hour", per="address"), "5/hour"], badge, badge, badge)
    assert [status, status, 429] == [answer.status_code for answer in found]
    assert [
        ('"address";q=2;w=3600', '"address";r=1;t=3600'),
        ('"address";q=2;w=3600', '"address";r=0;t=3600'),
        ('"address";q=2;w=3600', '"address";r=0;t=3600'),
    ] == [tuple(answer.headers[name] for name in TOLD) for answer in found]
    assert ("www-authenticate" in found[0].headers) == (status == 401)


@pytest.mark.parametrize("badge", ["", "false", "ada"])
def test_refusal_that_counts_for_nothing_tells_of_no_limit(badge: str) -> None:
    [answer] = answers(["5/hour"], badge)
    assert answer.status_code in {401, 403}
    assert not {*TOLD} & {*answer.headers}
