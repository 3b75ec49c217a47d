"""Who a request comes from: several schemes, memory, requests that wait for one answer."""

import asyncio
from collections.abc import Awaitable
from math import inf
from pathlib import Path

import pytest

from perdure.clock import FakeClock
from perdure.config import AuthSettings
from perdure.context.exchange import Exchange
from perdure.context.principal import Principal
from perdure.errors import ConfigError, IdentityUnavailableError, RequestError, UnauthenticatedError
from perdure.identity.authenticator import Authenticator
from perdure.identity.opening import open_authenticator
from tests.identity.asking import BAD, Secrets, asked, exchange, for_key, identified, jwt, opened, principal_of
from tests.identity.tokens import NOW_S, private_key, token


class Passwords:
    """A scheme of the program's own: ``X-Password``, known to somebody who is asked."""

    challenge = 'Password realm="pets"'

    def __init__(self, remembered_s: float = 10.0, expires_at_s: float = inf, header: str = "x-password") -> None:
        self.answers: list[asyncio.Future[Principal]] = []
        self.verified: list[str] = []
        self.error: RequestError | None = None
        self.is_quick = True
        self.states: list[str] = []
        self.start_error: Exception | None = None
        self._remembered_s = remembered_s
        self._expires_at_s = expires_at_s
        self._header = header

    def credential(self, exchange: Exchange) -> str | None:
        return exchange.header(self._header)

    def verify(self, credential: str) -> Principal | Awaitable[Principal]:
        self.verified.append(credential)
        if self.error is not None:
            raise self.error
        if self.is_quick:
            return self.principal(credential)
        self.answers.append(asyncio.get_running_loop().create_future())
        return self.answers[-1]

    def principal(self, name: str) -> Principal:
        return Principal(subject=name, scheme="password", expires_at_s=self._expires_at_s)

    def remembered_s(self, principal: Principal) -> float:
        return self._remembered_s

    async def start(self) -> None:
        self.states.append("started")
        if self.start_error is not None:
            raise self.start_error

    async def stop(self) -> None:
        self.states.append("stopped")


def authenticator_of(*schemes: Passwords, clock: FakeClock | None = None, entries: int = 100) -> Authenticator:
    return Authenticator(schemes, clock=clock or FakeClock(), cache_entries=entries)


def password(name: str) -> Exchange:
    return exchange(headers=[("x-password", name)])


def test_authenticator_is_none_where_nobody_can_show_who_they_are() -> None:
    assert open_authenticator(AuthSettings(), "pets", FakeClock(), Secrets().read) is None


async def test_request_without_credentials_is_nobodys(tmp_path: Path) -> None:
    async with opened(for_key(tmp_path, private_key("ES256"), "ES256")) as authenticator:
        assert await identified(authenticator) is None
        assert ('Bearer realm="pets"',) == authenticator.challenges


@pytest.mark.parametrize("value", ["Basic YTpi", "Digest x", "Bearertoken", "", "Token Bearer x", "Bear er"])
async def test_other_authorization_is_not_looked_at(value: str, tmp_path: Path) -> None:
    async with opened(for_key(tmp_path, private_key("ES256"), "ES256")) as authenticator:
        assert await identified(authenticator, value) is None


async def test_scheme_word_is_read_in_any_case(tmp_path: Path) -> None:
    async with opened(for_key(tmp_path, private_key("ES256"), "ES256")) as authenticator:
        for word in ("Bearer ", "bearer ", "BEARER ", "bEaReR   "):
            assert isinstance(await identified(authenticator, word + token()), Principal)


async def test_header_that_is_not_one_token_is_refused(tmp_path: Path) -> None:
    good = token()
    bad = ["", " ", f"{good} {good}", f"{good},", f"{good} ", f" {good}, Basic x", f'"{good}"', f"{good}\x00",
    f"token={good}",
           f"={good}", "=", "\x00", f"{good}\t", "a b", "a,b"]  # fmt: skip
    async with opened(for_key(tmp_path, private_key("ES256"), "ES256")) as authenticator:
        await principal_of(authenticator, good)
        for value in ("Bearer", *(f"Bearer {rest}" for rest in bad)):
            answer = await identified(authenticator, value)
            assert isinstance(answer, UnauthenticatedError), value
            assert (BAD,) == answer.challenges


async def test_several_credentials_are_refused_even_if_all_are_good(tmp_path: Path) -> None:
    good = f"Bearer {token()}"
    async with opened(for_key(tmp_path, private_key("ES256"), "ES256"), extra=[Passwords()]) as authenticator:
        assert isinstance(await identified(authenticator, good), Principal)
        twice = await identified(authenticator, good, good)
        assert isinstance(twice, UnauthenticatedError)
        assert (BAD, 'Password realm="pets"') == twice.challenges
        assert isinstance(await identified(authenticator, good, "Basic x"), UnauthenticatedError)
        both = await identified(authenticator, good, headers=[("x-password", "ada")])
        assert isinstance(both, UnauthenticatedError)
        assert ('Bearer realm="pets"', 'Password realm="pets"') == both.challenges


async def test_credentials_that_are_no_ascii_are_not_none(tmp_path: Path) -> None:
    async with opened(for_key(tmp_path, private_key("ES256"), "ES256")) as authenticator:
        answer = await identified(authenticator, "Bearer \xe9")
        assert isinstance(answer, UnauthenticatedError)
        assert (BAD,) == answer.challenges


async def test_scheme_of_the_program_stands_beside_the_others(tmp_path: Path) -> None:
    own = Passwords()
    settings = for_key(tmp_path, private_key("ES256"), "ES256")
    async with opened(settings, extra=[own], realm='a "shop" ö') as authenticator:
        answer = await identified(authenticator, headers=[("x-password", "ada")])
        assert isinstance(answer, Principal)
        assert "password:ada" == answer.key
        own.error = UnauthenticatedError("wrong")
        refusal = await identified(authenticator, headers=[("x-password", "eve")])
        assert isinstance(refusal, UnauthenticatedError)
        assert ('Bearer realm="a \\"shop\\" ?"', 'Password realm="pets"') == refusal.challenges
    assert ["started", "stopped"] == own.states


async def test_schemes_that_started_are_stopped_if_another_cannot() -> None:
    good, bad = Passwords(), Passwords()
    bad.start_error = ConfigError("no key")
    with pytest.raises(ConfigError, match="no key"):
        await authenticator_of(good, bad).start()
    assert "stopped" == good.states[-1] == bad.states[-1]


def test_credentials_are_verified_once_while_they_are_remembered() -> None:
    clock, own = FakeClock(), Passwords(remembered_s=10)
    authenticator = authenticator_of(own, clock=clock)
    for _ in range(3):
        authenticator.identify(password("ada"))
    clock.advance(9.9)
    authenticator.identify(password("ada"))
    assert ["ada"] == own.verified
    clock.set_time(0)  # an operator sets the clock back: nobody is believed for longer
    clock.advance(0.1)
    authenticator.identify(password("ada"))
    assert ["ada", "ada"] == own.verified


def test_credentials_are_believed_until_they_expire_and_no_longer() -> None:
    clock = FakeClock()
    own = Passwords(remembered_s=1000, expires_at_s=NOW_S + 5.0)
    authenticator = authenticator_of(own, clock=clock)
    clock.advance(4.9)
    assert isinstance(authenticator.identify(password("ada")), Principal)
    clock.advance(0.1)
    assert isinstance(authenticator.identify(password("ada")), UnauthenticatedError)
    clock.set_time(NOW_S)
    assert isinstance(authenticator.identify(password("ada")), Principal)


def test_scheme_that_forgets_is_asked_each_time() -> None:
    own = Passwords(remembered_s=0)
    authenticator = authenticator_of(own)
    for _ in range(3):
        authenticator.identify(password("ada"))
    assert 3 == len(own.verified)


def test_refusal_is_not_remembered() -> None:
    own = Passwords()
    own.error = UnauthenticatedError("not yet")
    authenticator = authenticator_of(own)
    assert isinstance(authenticator.identify(password("ada")), UnauthenticatedError)
    own.error = None
    assert isinstance(authenticator.identify(password("ada")), Principal)


def test_least_recently_used_credentials_are_forgotten_first() -> None:
    own = Passwords()
    authenticator = authenticator_of(own, entries=3)
    for name in ("a", "b", "c", "a", "d"):
        authenticator.identify(password(name))
    own.verified.clear()
    for name in ("a", "c", "d"):
        authenticator.identify(password(name))
    assert [] == own.verified
    authenticator.identify(password("b"))
    assert ["b"] == own.verified


def test_credentials_of_two_schemes_are_not_mixed_up() -> None:
    first, second = Passwords(), Passwords(header="x-second")
    authenticator = authenticator_of(first, second)
    authenticator.identify(exchange(headers=[("x-password", "ada")]))
    authenticator.identify(exchange(headers=[("x-second", "ada")]))
    assert (["ada"], ["ada"]) == (first.verified, second.verified)


async def asking(authenticator: Authenticator, name: str) -> Principal | RequestError | None:
    answer = authenticator.identify(password(name))
    assert isinstance(answer, Awaitable)
    return await answer


async def test_requests_with_the_same_credentials_wait_for_one_answer() -> None:
    own = Passwords()
    own.is_quick = False
    authenticator = authenticator_of(own)
    waiting = [asyncio.create_task(asking(authenticator, "ada")) for _ in range(5)]
    other = asyncio.create_task(asking(authenticator, "bob"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert ["ada", "bob"] == own.verified
    waiting[0].cancel()
    waiting[3].cancel()
    await asyncio.sleep(0)
    own.answers[0].set_result(own.principal("ada"))
    own.answers[1].set_exception(IdentityUnavailableError("asked in vain"))
    outcomes = await asyncio.gather(*waiting, other, return_exceptions=True)
    assert isinstance(outcomes[0], asyncio.CancelledError)
    assert isinstance(outcomes[3], asyncio.CancelledError)
    assert {"password:ada"} == {outcomes[index].key for index in (1, 2, 4)}  # type: ignore[union-attr]
    assert isinstance(outcomes[5], IdentityUnavailableError)
    assert isinstance(authenticator.identify(password("ada")), Principal)  # remembered


async def test_answer_is_kept_even_if_nobody_waits_for_it_any_more() -> None:
    own = Passwords()
    own.is_quick = False
    authenticator = authenticator_of(own)
    only = asyncio.create_task(asking(authenticator, "ada"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    only.cancel()
    await asyncio.wait([only])
    own.answers[0].set_result(own.principal("ada"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert isinstance(authenticator.identify(password("ada")), Principal)


async def test_stop_ends_what_still_waits() -> None:
    own = Passwords()
    own.is_quick = False
    authenticator = authenticator_of(own)
    waiting = asyncio.create_task(asking(authenticator, "ada"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await authenticator.stop()
    await asyncio.wait([waiting], timeout=5)
    assert waiting.cancelled()


async def test_awaited_refusal_has_the_challenges_of_all(tmp_path: Path) -> None:
    own = Passwords()
    own.is_quick = False
    settings = jwt(secret="jwt_key", algorithms=("HS256",))
    async with opened(settings, extra=[own]) as authenticator:
        waiting = asyncio.create_task(asking(authenticator, "ada"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        own.answers[0].set_exception(UnauthenticatedError("wrong"))
        refusal = await waiting
        assert isinstance(refusal, UnauthenticatedError)
        assert ('Bearer realm="pets"', own.challenge) == refusal.challenges


async def test_token_that_is_remembered_is_verified_again_after_a_while(tmp_path: Path) -> None:
    clock = FakeClock()
    path = tmp_path / "key.pem"
    settings = for_key(tmp_path, private_key("ES256"), "ES256", cache_s=30)
    async with opened(settings, clock=clock) as authenticator:
        good = token()
        await principal_of(authenticator, good)
        path.write_bytes((tmp_path / "key.pem").read_bytes())
        for_key(tmp_path, private_key("ES256", 1), "ES256")  # the key is taken back
        clock.advance(29)
        assert isinstance(await asked(authenticator, good), Principal)
        clock.advance(1)
        assert isinstance(await asked(authenticator, good), UnauthenticatedError)
