"""Keys in files, under URLs and in the Secrets Manager: how they are read, and how they change."""

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from perdure.clock import FakeClock
from perdure.context.principal import Principal
from perdure.errors import ConfigError, IdentityUnavailableError, SecretUnavailableError, UnauthenticatedError
from perdure.identity.authenticator import Authenticator
from tests.identity.asking import Secrets, asked, for_key, for_set, identified, jwt, opened, principal_of, refused
from tests.identity.issuers import Issuer
from tests.identity.tokens import NOW_S, SECRET, jwk, key_set, private_key, public_pem, rsa_key, token

FIRST, SECOND = private_key("ES256", 1), private_key("ES256", 2)


def signed(key: Any, key_id: str, **claims: object) -> str:
    return token("ES256", key, header={"kid": key_id}, **{"exp": NOW_S + 10_000, **claims})


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.002)


async def passing(clock: FakeClock, condition: Callable[[], bool]) -> None:
    """Let time pass until *condition* holds."""
    async with asyncio.timeout(10):
        while not condition():
            clock.advance(1)
            await asyncio.sleep(0.002)


@asynccontextmanager
async def fetching(issuer: Issuer, clock: FakeClock, **settings: Any) -> AsyncIterator[Authenticator]:
    """Start an authenticator that fetches its keys; nothing is remembered."""
    async with opened(jwt(jwks_url=f"{issuer.url}/keys", cache_s=1e-9, **settings), clock=clock) as authenticator:
        yield authenticator


# --- files


async def test_key_set_in_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    clock = FakeClock()
    settings = for_set(tmp_path, jwk(FIRST, kid="1"), algorithms=("ES256",), cache_s=1e-9)
    async with opened(settings, clock=clock) as authenticator:
        await principal_of(authenticator, signed(FIRST, "1"))
        for_set(tmp_path, jwk(SECOND, kid="2"), jwk(private_key("ES256"), kid="3"), algorithms=("ES256",))
        assert "kid" in await refused(authenticator, signed(SECOND, "2"))  # looked at a moment ago
        clock.advance(1)
        await principal_of(authenticator, signed(SECOND, "2"))
        assert "kid" in await refused(authenticator, signed(FIRST, "1"))


async def test_key_file_that_is_replaced_is_read_again(tmp_path: Path) -> None:
    clock = FakeClock()
    settings = for_key(tmp_path, FIRST, "ES256", cache_s=1e-9)
    async with opened(settings, clock=clock) as authenticator:
        stat = (tmp_path / "key.pem").stat()
        (tmp_path / "new").write_bytes(public_pem(SECOND))
        os.utime(tmp_path / "new", ns=(stat.st_atime_ns, stat.st_mtime_ns))
        (tmp_path / "new").rename(tmp_path / "key.pem")  # same size, same time: another file all the same
        clock.advance(1)
        await principal_of(authenticator, token(key=SECOND))


@pytest.mark.parametrize("content", [b"", b"{", b'{"keys": []}', key_set(jwk(rsa_key(1024), kid="1")), None])
async def test_changed_file_that_cannot_be_used_changes_nothing(
    content: bytes | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    settings = for_set(tmp_path, jwk(FIRST, kid="1"), algorithms=("ES256", "RS256"), cache_s=1e-9)
    async with opened(settings, clock=clock) as authenticator:
        path = tmp_path / "keys.json"
        path.unlink() if content is None else path.write_bytes(content)
        clock.advance(1)
        await principal_of(authenticator, signed(FIRST, "1"))
        assert "the keys read before stay in use" in caplog.text
        for_set(tmp_path, jwk(SECOND, kid="2"), algorithms=("ES256",))
        clock.advance(1)
        await principal_of(authenticator, signed(SECOND, "2"))


def changed(key: dict[str, object], **members: object) -> dict[str, object]:
    return {name: value for name, value in {**key, **members}.items() if value is not None}


EC = jwk(FIRST, kid="1")
RSA = jwk(private_key("RS256"), kid="1")


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (jwk(rsa_key(1024), kid="1"), "RSA key of 1024 bits"),
        (changed(RSA, n="AQAB"), "RSA key of 17 bits"), (changed(RSA, e="AQ"), "cannot be read"),
        (changed(RSA, n="A"), "cannot be read"), (changed(RSA, n=1), "n, e is a text"),
        (changed(RSA, d="AQAB"), "private"),
        (changed(RSA, p="AQAB"), "private"), (changed(EC, d="AQAB"), "private"),
        (changed(EC, x=None), "crv, x, y is a text"),
        (changed(EC, crv="P-384"), "cannot be read"), (changed(EC, crv="P-1"), "cannot be read"),
        (changed(EC, crv="secp256k1"), "cannot be read"), (changed(EC, y=EC["x"]), "cannot be read"),
        (changed(EC, use="enc"), "use, key_ops"), (changed(EC, use=["sig"]), "use, key_ops"),
        (changed(EC, key_ops=["sign"]), "use, key_ops"), (changed(EC, key_ops="verify"), "use, key_ops"),
        (changed(EC, key_ops=[]), "use, key_ops"),
        (changed(EC, use="sig", key_ops=["verify", "encrypt"]), "cannot be read"),
        (changed(EC, alg="ES384"), "for ES384, which none of"), (changed(EC, alg="RS256"), "for RS256, which none of"),
        (changed(EC, alg=1), "cannot be read"), (changed(EC, kid=""), "kid"), (changed(EC, kid="a\n"), "kid"),
        (changed(EC, kid=1), "kid"), (changed(EC, kty="RSA"), "n, e is a text"), (changed(EC, kty=None), "kty is None"),
        (changed(EC, kty=["EC"]), "kty is"), ({"kty": "oct", "k": "c2VjcmV0", "kid": "1"}, "kty is 'oct'"),
        ({"kty": "AKP", "kid": "1"}, "kty is 'AKP'"), (jwk(private_key("ES384"), kid="1"), "type EC, which none of"),
        (jwk(private_key("EdDSA"), kid="1"), "type OKP, which none of"),
        ({"kty": "OKP", "crv": "X25519", "x": EC["x"]}, "type OKP, which none of"), ([], "no JSON object"),
        ("x", "no JSON object"),
    ],
    ids=lambda value: json.dumps(value)[:40],
)  # fmt: skip
async def test_key_that_cannot_be_used_is_left_out_and_told(
    key: Any, reason: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    algorithms = ("ES256", "RS256")
    async with opened(for_set(tmp_path, key, jwk(SECOND, kid="2"), algorithms=algorithms)) as authenticator:
        await principal_of(authenticator, signed(SECOND, "2"))
        assert "key 0: " in caplog.text
        assert reason in caplog.text
    with pytest.raises(ConfigError, match="has no key that can be used"):
        async with opened(for_set(tmp_path, key, algorithms=algorithms)):
            pass


async def test_curve_that_signs_nothing_is_left_out_for_eddsa(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="type OKP, which none of EdDSA is for"):
        async with opened(for_set(tmp_path, {"kty": "OKP", "crv": "X25519", "x": EC["x"]}, algorithms=("EdDSA",))):
            pass


# --- URLs


async def test_keys_are_fetched_at_start_and_regularly(issuer: Issuer) -> None:
    clock = FakeClock()
    issuer.body = key_set(jwk(FIRST, kid="1"))
    async with fetching(issuer, clock, refresh_s=300) as authenticator:
        await principal_of(authenticator, signed(FIRST, "1"))
        assert ["/keys"] == [each.path for each in issuer.asked]
        assert "identity" == issuer.asked[0].headers["accept-encoding"]
        issuer.body = key_set(jwk(SECOND, kid="1"))
        clock.advance(269)
        await asyncio.sleep(0.02)
        assert 1 == issuer.count
        clock.advance(31)
        await until(lambda: issuer.count == 2)
        async with asyncio.timeout(10):
            while not isinstance(await asked(authenticator, signed(SECOND, "1")), Principal):
                await asyncio.sleep(0.002)
        assert "signature" in await refused(authenticator, signed(FIRST, "1"))


async def test_unknown_key_is_fetched_once_by_all_who_ask(issuer: Issuer) -> None:
    clock = FakeClock()
    issuer.body = key_set(jwk(FIRST, kid="1"))
    async with fetching(issuer, clock) as authenticator:
        clock.advance(11)
        issuer.body = key_set(jwk(FIRST, kid="1"), jwk(SECOND, kid="2"))
        tokens = [signed(SECOND, "2", sub=f"user{number}") for number in range(20)]
        answers = await asyncio.gather(*(principal_of(authenticator, each) for each in tokens))
        assert {f"user{number}" for number in range(20)} == {answer.subject for answer in answers}
        assert 2 == issuer.count


async def test_flood_of_unknown_keys_makes_no_flood_of_fetches(issuer: Issuer) -> None:
    clock = FakeClock()
    issuer.body = key_set(jwk(FIRST, kid="1"))
    async with fetching(issuer, clock, refresh_cooldown_s=10) as authenticator:
        for number in range(300):
            assert "kid" in await refused(authenticator, signed(SECOND, f"evil{number}"))
            clock.advance(0.1)
        assert 1 + 3 >= issuer.count >= 3
        clock.advance(10)
        flood = [refused(authenticator, signed(SECOND, f"evil{number}")) for number in range(200)]
        before = issuer.count
        await asyncio.gather(*flood)
        assert before + 1 == issuer.count
        await principal_of(authenticator, signed(FIRST, "1"))


async def test_token_that_is_bad_anyway_fetches_nothing(issuer: Issuer) -> None:
    clock = FakeClock()
    issuer.body = key_set(jwk(FIRST, kid="1"))
    async with fetching(issuer, clock) as authenticator:
        clock.advance(60)
        for bad in (signed(FIRST, "2", exp=1), signed(FIRST, "2", aud="other"), signed(FIRST, "2", iss="https://x"),
                    token("HS256", header={"kid": "2"})):  # fmt: skip
            await refused(authenticator, bad)
        assert 1 == issuer.count


async def test_client_that_leaves_takes_the_fetch_from_nobody(issuer: Issuer) -> None:
    clock = FakeClock()
    issuer.body = key_set(jwk(FIRST, kid="1"))
    async with fetching(issuer, clock) as authenticator:
        clock.advance(11)
        issuer.body = key_set(jwk(SECOND, kid="2"))
        issuer.gate.clear()
        leaving = asyncio.create_task(asked(authenticator, signed(SECOND, "2", sub="leaves")))
        staying = asyncio.create_task(asked(authenticator, signed(SECOND, "2", sub="stays")))
        await until(lambda: issuer.count == 2)
        leaving.cancel()
        await asyncio.wait([leaving])
        issuer.gate.set()
        answer = await staying
        assert isinstance(answer, Principal)
        assert "stays" == answer.subject


async def test_keys_stay_in_use_while_the_issuer_is_gone(issuer: Issuer, caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    issuer.body = key_set(jwk(FIRST, kid="1"))
    async with fetching(issuer, clock, refresh_s=1000, refresh_cooldown_s=10) as authenticator:
        issuer.status = 503
        clock.advance(1000)
        await until(lambda: "stay in use" in caplog.text)
        await principal_of(authenticator, signed(FIRST, "1"))
        assert "signature" in await refused(authenticator, signed(SECOND, "1"))
        answer = await asked(authenticator, signed(SECOND, "2"))
        assert isinstance(answer, IdentityUnavailableError)  # it may be new: nobody knows
        assert 10 == answer.retry_after_s
        issuer.status, issuer.body = 200, key_set(jwk(SECOND, kid="2"))
        seen, begin_s = issuer.count, clock.monotonic()
        await passing(clock, lambda: issuer.count > seen)
        assert clock.monotonic() - begin_s < 900  # asked again after the cool-down, not after refresh_s
        async with asyncio.timeout(10):
            while not isinstance(await asked(authenticator, signed(SECOND, "2")), Principal):
                await asyncio.sleep(0.002)


async def test_start_goes_on_without_the_issuer_and_requests_wait_for_it(
    issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    issuer.status = 500
    async with fetching(issuer, clock) as authenticator:
        assert "answered with 503" in caplog.text
        assert isinstance(await asked(authenticator, signed(FIRST, "1")), IdentityUnavailableError)
        assert isinstance(await asked(authenticator, token()), IdentityUnavailableError)
        assert "alg" in await refused(authenticator, token("HS256"))
        assert 1 == issuer.count
        issuer.status, issuer.body = 200, key_set(jwk(FIRST, kid="1"))
        clock.advance(10)
        async with asyncio.timeout(10):
            while not isinstance(await asked(authenticator, signed(FIRST, "1")), Principal):
                await asyncio.sleep(0.002)


def redirect(issuer: Issuer) -> None:
    issuer.status, issuer.headers = 302, {"location": f"{issuer.url}/elsewhere"}


def huge(issuer: Issuer) -> None:
    issuer.body = key_set(jwk(FIRST, kid="1")) + b" " * (600 * 1024)


def compressed(issuer: Issuer) -> None:
    issuer.headers = {"content-encoding": "gzip"}


def other_status(issuer: Issuer) -> None:
    issuer.status = 203


def no_set(issuer: Issuer) -> None:
    issuer.body = b'{"keys": {"a": 1}}'


def no_json(issuer: Issuer) -> None:
    issuer.body = b"<html>"


def deep(issuer: Issuer) -> None:
    issuer.body = b'{"keys": ' + b"[" * 100_000


def only_short(issuer: Issuer) -> None:
    issuer.body = key_set(jwk(rsa_key(1024), kid="1"))


@pytest.mark.parametrize("spoil", [redirect, huge, compressed, other_status, no_set, no_json, deep, only_short])
async def test_answer_that_is_no_key_set_is_no_answer(spoil: Callable[[Issuer], None], issuer: Issuer) -> None:
    issuer.body = key_set(jwk(FIRST, kid="1"))
    spoil(issuer)
    async with fetching(issuer, FakeClock(), algorithms=("ES256", "RS256")) as authenticator:
        assert isinstance(await asked(authenticator, signed(FIRST, "1")), IdentityUnavailableError)
        assert ["/keys"] == [each.path for each in issuer.asked]


async def test_issuer_that_is_slow_is_not_waited_for(issuer: Issuer) -> None:
    issuer.body = key_set(jwk(FIRST, kid="1"))
    issuer.gate.clear()
    async with fetching(issuer, FakeClock(), timeout_s=0.1) as authenticator:
        assert isinstance(await asked(authenticator, signed(FIRST, "1")), IdentityUnavailableError)


async def test_issuer_that_does_not_exist_is_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with opened(jwt(jwks_url="http://127.0.0.1:1/keys")) as authenticator:
        assert isinstance(await asked(authenticator, signed(FIRST, "1")), IdentityUnavailableError)
    assert "http://127.0.0.1:1/keys does not answer: ConnectError" in caplog.text


async def test_tokens_that_say_where_their_key_is_fetch_nothing(issuer: Issuer) -> None:
    issuer.body = key_set(jwk(FIRST, kid="1"))
    async with fetching(issuer, FakeClock()) as authenticator:
        for name in ("jku", "x5u"):
            bad = token("ES256", SECOND, header={"kid": "2", name: f"{issuer.url}/evil"})
            await refused(authenticator, bad)
        assert ["/keys"] == [each.path for each in issuer.asked]


# --- the Secrets Manager


async def test_secret_that_changes_counts_beside_the_one_before_for_a_while() -> None:
    clock, secrets = FakeClock(), Secrets(jwt_key=SECRET)
    settings = jwt(secret="jwt_key", algorithms=("HS256",), refresh_s=300, cache_s=1e-9)
    old, new = token("HS256"), token("HS256", b"another one, as long as it needs to be")
    async with opened(settings, clock=clock, secrets=secrets) as authenticator:
        assert "signature" in await refused(authenticator, new)
        secrets.values["jwt_key"] = "another one, as long as it needs to be"
        before = secrets.asked
        await passing(clock, lambda: secrets.asked > before)
        await asyncio.sleep(0.01)
        await principal_of(authenticator, new)
        await principal_of(authenticator, old)
        clock.advance(300)
        assert "signature" in await refused(authenticator, old)
        await principal_of(authenticator, new)


@pytest.mark.parametrize("value", ["too short", SecretUnavailableError("the vault is sealed")])
async def test_secret_that_cannot_be_used_leaves_the_one_before(
    value: str | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    clock, secrets = FakeClock(), Secrets(jwt_key=SECRET)
    settings = jwt(secret="jwt_key", algorithms=("HS256",), cache_s=1e-9)
    async with opened(settings, clock=clock, secrets=secrets) as authenticator:
        secrets.values["jwt_key"] = value
        await passing(clock, lambda: "stays in use" in caplog.text)
        await principal_of(authenticator, token("HS256"))
        assert SECRET not in caplog.text
        assert "too short" not in caplog.text


async def test_secret_that_cannot_be_had_yet_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    clock, secrets = FakeClock(), Secrets(jwt_key=SecretUnavailableError("the vault is sealed"))
    settings = jwt(secret="jwt_key", algorithms=("HS256",))
    async with opened(settings, clock=clock, secrets=secrets) as authenticator:
        assert isinstance(await asked(authenticator, token("HS256")), IdentityUnavailableError)
        assert "answered with 503" in caplog.text
        secrets.values["jwt_key"] = SECRET
        before = secrets.asked
        await passing(clock, lambda: secrets.asked > before)
        await asyncio.sleep(0.01)
        await principal_of(authenticator, token("HS256"))


@pytest.mark.parametrize(
    ("secret", "algorithms", "reason"),
    [
        ("x" * 31, ("HS256",), "31 bytes long; HS256 needs at least 32"),
        ("x" * 47, ("HS256", "HS384"), "47 bytes long; HS256, HS384 needs at least 48"),
        ("x" * 63, ("HS512",), "at least 64"), ("", ("HS256",), "0 bytes"),
        (public_pem(rsa_key()).decode(), ("HS256",), "key of two halves"),
        (f"  {public_pem(FIRST).decode()}", ("HS256",), "key of two halves"),
        ("ssh-ed25519 " + "A" * 60, ("HS256",), "key of two halves"),
    ],
)  # fmt: skip
async def test_secret_that_is_too_easy_is_refused_at_start(
    secret: str, algorithms: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason) as told:
        async with opened(jwt(secret="jwt_key", algorithms=algorithms), secrets=Secrets(jwt_key=secret)):
            pass
    assert not secret or secret not in str(told.value)


async def test_secret_that_is_not_there_is_told_at_start() -> None:
    with pytest.raises(ConfigError, match=r"'jwt_key' of auth\.jwt cannot be used"):
        async with opened(jwt(secret="jwt_key", algorithms=("HS256",)), secrets=Secrets()):
            pass


async def test_nothing_that_is_logged_holds_a_token_or_a_secret(
    issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    issuer.body = key_set(jwk(FIRST, kid="1"))
    second = jwt(issuer="https://other.example", secret="jwt_key", algorithms=("HS256",))
    async with opened(jwt(jwks_url=issuer.url), second) as authenticator:
        good = token("HS256", iss="https://other.example")
        for each in (good, good[:-2], signed(SECOND, "2"), signed(FIRST, "1")):
            answer = await identified(authenticator, f"Bearer {each}")
            assert isinstance(answer, Principal | UnauthenticatedError)
            assert each not in caplog.text
            assert each.split(".")[2] not in f"{caplog.text} {answer}"
        assert SECRET not in caplog.text
