"""Clients with IPv6 addresses, behind proxies and without: each is a client of its own."""

import contextlib
from pathlib import Path

import httpx
import pytest

from perdure import App, Config, LocalContext, ProxySettings, RateLimit, Request, RolloutSettings
from perdure.store.opening import open_store
from tests.calls import run

PEER = ("2001:db8:ffff::1", 32772)


def app_at(store: Path, *trusted: str) -> App:
    app = App(
        "pets",
        config=Config(
            proxies=ProxySettings(trusted=trusted),
            rollout=RolloutSettings(pin_on_first_use=True),
            store_url=f"sqlite:///{store}",
        ),
    )

    @app.get("/pets", version="v1.0.0", rate_limit=RateLimit("1/hour", per="address"))
    async def pets(req: Request[None], lctx: LocalContext) -> list[str]:
        return [lctx.meta.client, req.client]

    return app


async def answers(app: App, peer: tuple[str, int], *forwarded: str, path: str = "/pets") -> list[httpx.Response]:
    transport = httpx.ASGITransport(app=app, client=peer)
    await app.start()
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        found = [await client.get(path, headers={"x-forwarded-for": each} if each else {}) for each in forwarded]
    await app.stop()
    return found


def pinned(store: Path) -> list[str]:
    opened = open_store(f"sqlite:///{store}")
    with contextlib.closing(opened):
        return sorted(pin.client for pin in opened.pins("pets")[0])


def test_peer_with_ipv6_address_is_told_in_brackets_and_pinned_without(tmp_path: Path) -> None:
    [answer] = run(answers(app_at(tmp_path / "store.db"), PEER, ""))

    assert ["[2001:db8:ffff::1]:32772"] * 2 == answer.json()
    assert ["2001:db8:ffff::1"] == pinned(tmp_path / "store.db")


@pytest.mark.parametrize(
    ("forwarded", "hosts"),
    [
        (["2001:db8:1::7", "2001:db8:2::7"], ["2001:db8:1::7", "2001:db8:2::7"]),
        (["[2001:db8:1::7]:80", "[2001:db8:2::7]:81"], ["2001:db8:1::7", "2001:db8:2::7"]),
        (["2001:db8:0:1::7", "2001:db8:0:2::7"], ["2001:db8:0:1::7", "2001:db8:0:2::7"]),
        (["192.0.2.1:50", "192.0.2.2"], ["192.0.2.1", "192.0.2.2"]),
    ],
)
def test_clients_behind_a_proxy_are_told_apart(tmp_path: Path, forwarded: list[str], hosts: list[str]) -> None:
    app = app_at(tmp_path / "store.db", "2001:db8:ffff::/48")
    found = run(answers(app, PEER, *forwarded, forwarded[0]))

    assert [200, 200, 429] == [answer.status_code for answer in found], "each has a limit of its own"
    assert hosts == pinned(tmp_path / "store.db")


def test_neighbours_behind_a_proxy_have_one_limit_and_pins_of_their_own(tmp_path: Path) -> None:
    forwarded = ["2001:db8::7", "2001:db8::8"]
    app = app_at(tmp_path / "store.db", "2001:db8:ffff::/48")

    @app.get("/open", version="v1.0.0")
    async def unlimited() -> None:
        return None

    found = run(answers(app, PEER, *forwarded))
    again = run(answers(app, PEER, *forwarded, path="/open"))

    assert [200, 429] == [answer.status_code for answer in found], "a network of 64 bits is one client to a limit"
    assert [204, 204] == [answer.status_code for answer in again]
    assert forwarded == pinned(tmp_path / "store.db")
