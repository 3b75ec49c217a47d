"""Tokens that an authorization server vouches for."""

import asyncio
import json
import logging
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from math import inf
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest

from perdure.clock import FakeClock
from perdure.config import IntrospectionSettings
from perdure.context.principal import Principal
from perdure.errors import ConfigError, IdentityUnavailableError, SecretUnavailableError, UnauthenticatedError
from perdure.identity.authenticator import Authenticator
from tests.identity.asking import Secrets, asked, for_key, opened, principal_of, refused
from tests.identity.issuers import Asked, Issuer
from tests.identity.tokens import ISSUER, NOW_S, private_key, token

PASSWORD = "p:ä/ +%word"


def settings(issuer: Issuer, /, **more: Any) -> IntrospectionSettings:
    return IntrospectionSettings(
        **{"url": f"{issuer.url}/introspect", "client_id": "shop:1", "client_secret": "as_key", **more}
    )


@asynccontextmanager
async def asking(
    issuer: Issuer, /, *, clock: FakeClock | None = None, secrets: Secrets | None = None, **more: Any
) -> AsyncIterator[Authenticator]:
    async with opened(
        introspection={"partners": settings(issuer, **more)}, clock=clock or FakeClock(),
        secrets=secrets or Secrets(as_key=PASSWORD),
    ) as authenticator:  # fmt: skip
        yield authenticator


def answer(issuer: Issuer, **claims: object) -> None:
    """Let the server say that every token is active."""
    issuer.body = json.dumps({"active": True, "sub": "ada", **claims}).encode()


async def test_server_says_whose_a_token_is(issuer: Issuer) -> None:
    answer(issuer, client_id="till", scope="orders:read orders:write", roles=["clerk"], exp=NOW_S + 60, more=[1])
    async with asking(issuer) as authenticator:
        principal = await principal_of(authenticator, "opaque-token~+/._==")
    assert ("partners:ada", "till") == (principal.key, principal.client_id)
    assert {"orders:read", "orders:write"} == principal.scopes
    assert {"clerk"} == principal.roles
    assert (1,) == principal.claims["more"]
    assert NOW_S + 65 == principal.expires_at_s
    (request,) = issuer.asked
    assert "/introspect" == request.path
    assert {"token": ["opaque-token~+/._=="], "token_type_hint": ["access_token"]} == request.form
    kind, _, credentials = request.headers["authorization"].partition(" ")
    user, _, password = b64decode(credentials).decode().partition(":")
    assert ("Basic", "shop:1", PASSWORD) == (kind, unquote_plus(user), unquote_plus(password))


async def test_answer_without_an_end_counts_for_the_time_it_is_remembered(issuer: Issuer) -> None:
    clock = FakeClock()
    answer(issuer, sub=None, client_id="till")
    issuer.body = issuer.body.replace(b'"sub": null, ', b"")
    async with asking(issuer, clock=clock, cache_s=30) as authenticator:
        principal = await principal_of(authenticator, "t")
        assert ("till", inf) == (principal.subject, principal.expires_at_s)
        clock.advance(29)
        await principal_of(authenticator, "t")
        assert 1 == issuer.count
        clock.advance(1)
        issuer.body = b'{"active": false}'
        await refused(authenticator, "t")
        assert 2 == issuer.count


async def test_answer_counts_no_longer_than_the_token(issuer: Issuer) -> None:
    clock = FakeClock()
    answer(issuer, exp=NOW_S + 10)
    async with asking(issuer, clock=clock, cache_s=3600, leeway_s=0) as authenticator:
        await principal_of(authenticator, "t")
        clock.advance(9.9)
        await principal_of(authenticator, "t")
        assert 1 == issuer.count
        clock.advance(0.1)
        assert "expired" in await refused(authenticator, "t")


async def test_token_that_is_none_is_remembered_for_a_moment(issuer: Issuer) -> None:
    clock = FakeClock()
    issuer.body = b'{"active": false, "sub": "ada"}'
    async with asking(issuer, clock=clock, inactive_cache_s=5) as authenticator:
        assert "says the token is not active" in await refused(authenticator, "t")
        clock.advance(4.9)
        assert "a moment ago" in await refused(authenticator, "t")
        assert 1 == issuer.count
        assert "says" in await refused(authenticator, "u")
        clock.advance(0.1)
        answer(issuer)
        await principal_of(authenticator, "t")


@pytest.mark.parametrize("active", ['"true"', "1", "null", "[true]", "{}", '"active"', "0", "false"])
async def test_token_is_active_only_if_the_server_says_true(active: str, issuer: Issuer) -> None:
    issuer.body = f'{{"active": {active}, "sub": "ada"}}'.encode()
    async with asking(issuer) as authenticator:
        await refused(authenticator, "t")
        issuer.body = b'{"sub": "ada"}'
        await refused(authenticator, "u")


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": NOW_S - 6}, "expired"), ({"exp": "1"}, "no number"), ({"nbf": NOW_S + 60}, "not valid before"),
        ({"iat": NOW_S + 60}, "future"), ({"iss": "https://evil.example"}, "issuer"), ({"iss": None}, "issuer"),
        ({"aud": "other"}, "aud"), ({"aud": 1}, "aud"), ({"sub": ""}, "sub"), ({"scope": 1}, "scope"),
    ],
)  # fmt: skip
async def test_answer_that_is_for_somebody_else_is_refused(
    claims: dict[str, object], reason: str, issuer: Issuer
) -> None:
    answer(issuer, **{"aud": ["shop"], "iss": ISSUER, **claims})
    async with asking(issuer, issuer=ISSUER, audience=("shop",)) as authenticator:
        assert reason in await refused(authenticator, "t")
        assert "a moment ago" in await refused(authenticator, "t")
        assert 1 == issuer.count


async def test_audience_that_is_asked_for_must_be_told(issuer: Issuer) -> None:
    answer(issuer)
    async with asking(issuer, audience=("shop",)) as authenticator:
        assert "aud" in await refused(authenticator, "t")


async def test_requests_with_one_token_ask_once(issuer: Issuer) -> None:
    answer(issuer)
    issuer.gate.clear()
    async with asking(issuer) as authenticator:
        waiting = [asyncio.create_task(asked(authenticator, "t")) for _ in range(20)]
        async with asyncio.timeout(10):
            while not issuer.count:
                await asyncio.sleep(0.002)
        waiting[0].cancel()
        issuer.gate.set()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(outcomes[0], asyncio.CancelledError)
        assert all(isinstance(outcome, Principal) for outcome in outcomes[1:])
        assert 1 == issuer.count


async def test_token_longer_than_the_limit_is_shown_to_nobody(issuer: Issuer) -> None:
    async with asking(issuer, size_limit_bytes=100) as authenticator:
        assert "longer than 100" in await refused(authenticator, "t" * 101)
        assert 0 == issuer.count
    servers = {"a": settings(issuer, size_limit_bytes=100), "b": settings(issuer, issuer="https://b.example")}
    async with opened(introspection=servers, secrets=Secrets(as_key=PASSWORD)) as authenticator:
        assert "longer than 100" in await refused(authenticator, "t" * 101)
        assert 0 == issuer.count


def unauthorized(issuer: Issuer) -> None:
    issuer.status = 401


def crashed(issuer: Issuer) -> None:
    issuer.status = 500


def redirected(issuer: Issuer) -> None:
    issuer.status, issuer.headers = 307, {"location": f"{issuer.url}/elsewhere"}


def huge(issuer: Issuer) -> None:
    issuer.body += b" " * 70_000


def twice(issuer: Issuer) -> None:
    issuer.body = b'{"active": false, "active": true, "sub": "ada"}'


def no_json(issuer: Issuer) -> None:
    issuer.body = b"active"


def no_object(issuer: Issuer) -> None:
    issuer.body = b"[true]"


def slow(issuer: Issuer) -> None:
    issuer.gate.clear()


@pytest.mark.parametrize("spoil", [unauthorized, crashed, redirected, huge, twice, no_json, no_object, slow])
async def test_without_a_proper_answer_nobody_comes_in(spoil: Callable[[Issuer], None], issuer: Issuer) -> None:
    answer(issuer)
    spoil(issuer)
    async with asking(issuer, timeout_s=1.0 if spoil is slow else 10.0) as authenticator:
        assert isinstance(await asked(authenticator, "t"), IdentityUnavailableError)
        assert ["/introspect"] == [each.path for each in issuer.asked]


async def test_flood_of_tokens_makes_no_queue(issuer: Issuer) -> None:
    answer(issuer)
    issuer.gate.clear()
    async with asking(issuer, timeout_s=10) as authenticator:
        flood = [asyncio.create_task(asked(authenticator, f"t{number}")) for number in range(200)]
        async with asyncio.timeout(10):
            while sum(each.done() for each in flood) < 136 or issuer.count < 64:
                await asyncio.sleep(0.005)
        assert all(isinstance(each.result(), IdentityUnavailableError) for each in flood if each.done())
        issuer.gate.set()
        outcomes = await asyncio.gather(*flood)
        assert 64 == sum(isinstance(outcome, Principal) for outcome in outcomes) == issuer.count
        await principal_of(authenticator, "another")


async def test_server_that_keeps_failing_is_left_alone_for_a_while(
    issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    issuer.status = 500
    async with asking(issuer, clock=clock, breaker_failures=3, breaker_s=10) as authenticator:
        for number in range(10):
            assert isinstance(await asked(authenticator, f"t{number}"), IdentityUnavailableError)
        assert 3 == issuer.count
        assert "left alone for 10 s" in caplog.text
        clock.advance(4)
        refusal = await asked(authenticator, "t")
        assert isinstance(refusal, IdentityUnavailableError)
        assert 6 == refusal.retry_after_s
        clock.advance(6)
        outcomes = await asyncio.gather(*(asked(authenticator, f"u{number}") for number in range(5)))
        assert all(isinstance(outcome, IdentityUnavailableError) for outcome in outcomes)
        assert 4 == issuer.count  # one tries, the others are not let through
        issuer.status = 200
        answer(issuer)
        clock.advance(10)
        await principal_of(authenticator, "t")
        await principal_of(authenticator, "u")
        issuer.status = 500
        await asked(authenticator, "v")
        await asked(authenticator, "w")
        issuer.status = 200
        await principal_of(authenticator, "x")  # two failures in a row are not three
        issuer.status = 500
        for number in range(3):
            await asked(authenticator, f"y{number}")
        seen = issuer.count
        await asked(authenticator, "z")
        assert seen == issuer.count


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_server_that_refuses_a_question_is_asked_others(status: int, issuer: Issuer) -> None:
    answer(issuer)
    async with asking(issuer, breaker_failures=3) as authenticator:
        issuer.status = status
        for number in range(5):
            assert isinstance(await asked(authenticator, f"odd{number}"), IdentityUnavailableError)
        issuer.status = 200
        await principal_of(authenticator, "t")


async def test_tokens_that_are_remembered_are_good_while_the_server_is_gone(issuer: Issuer) -> None:
    answer(issuer)
    async with asking(issuer) as authenticator:
        await principal_of(authenticator, "t")
        issuer.status = 500
        for number in range(10):
            await asked(authenticator, f"t{number}")
        await principal_of(authenticator, "t")


async def test_secret_is_read_anew_for_each_question(issuer: Issuer) -> None:
    answer(issuer)
    secrets = Secrets(as_key=PASSWORD)
    async with asking(issuer, secrets=secrets) as authenticator:
        await principal_of(authenticator, "t")
        secrets.values["as_key"] = "changed"
        await principal_of(authenticator, "u")
        assert b"shop%3A1:changed" == b64decode(issuer.asked[1].headers["authorization"].split()[1])
        secrets.values["as_key"] = SecretUnavailableError("the vault is sealed")
        assert isinstance(await asked(authenticator, "v"), IdentityUnavailableError)
        assert 2 == issuer.count


async def test_secret_that_is_not_there_is_told_at_start(issuer: Issuer) -> None:
    with pytest.raises(ConfigError, match=r"client_secret of auth\.introspection\.partners"):
        async with asking(issuer, secrets=Secrets()):
            pass


async def test_signed_tokens_are_for_their_issuer_and_others_for_the_server(issuer: Issuer, tmp_path: Path) -> None:
    def say(request: Asked) -> bytes:
        return json.dumps({"active": True, "sub": request.form["token"][0][:9]}).encode()

    issuer.say = say
    jwt = for_key(tmp_path, private_key("ES256"), "ES256")
    async with opened(
        jwt, introspection={"partners": settings(issuer)}, secrets=Secrets(as_key=PASSWORD)
    ) as authenticator:
        assert "first:ada" == (await principal_of(authenticator, token())).key
        for bad in (token(key=private_key("ES256", 1)), token(exp=1), token("HS256"), token(header={"crit": []})):
            await refused(authenticator, bad)  # never asked about: it is not the server's
        assert 0 == issuer.count
        for other in ("opaque", "a.b.c", token(iss="https://other.example"), token(iss=None), "a.b.c.d.e"):
            assert f"partners:{other[:9]}" == (await principal_of(authenticator, other)).key
        assert 5 == issuer.count


async def test_each_token_is_shown_to_one_server(issuer: Issuer) -> None:
    def say(request: Asked) -> bytes:
        return json.dumps({"active": True, "sub": request.path[1:]}).encode()

    issuer.say = say
    servers = {
        "a": settings(issuer, url=f"{issuer.url}/a", issuer="https://a.example"),
        "b": settings(issuer, url=f"{issuer.url}/b", issuer="https://b.example"),
        "c": settings(issuer, url=f"{issuer.url}/c"),
    }
    async with opened(introspection=servers, secrets=Secrets(as_key=PASSWORD)) as authenticator:
        for each, key in [
            (token(iss="https://a.example"), "a:a"), (token(iss="https://b.example"), "b:b"), (token(), "c:c"),
            ("opaque", "c:c"),
        ]:  # fmt: skip
            assert key == (await principal_of(authenticator, each)).key
    assert 4 == issuer.count
    del servers["c"]
    async with opened(introspection=servers, secrets=Secrets(as_key=PASSWORD)) as authenticator:
        assert "a:a" == (await principal_of(authenticator, token(iss="https://a.example"))).key
        await refused(authenticator, token())
        await refused(authenticator, "opaque")
    async with opened(introspection={"a": servers["a"]}, secrets=Secrets(as_key=PASSWORD)) as authenticator:
        assert "a:a" == (await principal_of(authenticator, "opaque")).key
        assert "another issuer" in await refused(authenticator, token())
    assert 6 == issuer.count


async def test_nothing_that_is_logged_holds_a_token_or_the_password(
    issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answer(issuer)
    async with asking(issuer) as authenticator:
        await principal_of(authenticator, "token-that-is-good")
        issuer.status = 500
        failure = await asked(authenticator, "token-that-fails")
        issuer.status, issuer.body = 200, b'{"active": false}'
        refusal = await asked(authenticator, "token-that-is-none")
    assert isinstance(refusal, UnauthenticatedError)
    said = f"{caplog.text} {failure} {refusal}"
    assert "token-that" not in said
    assert "word" not in said
    assert issuer.asked[0].headers["authorization"].split()[1] not in said
