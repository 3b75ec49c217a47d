"""API keys as a running server takes them."""

import asyncio
import hmac
import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from math import inf
from pathlib import Path

import pytest

from perdure.clock import FakeClock, SystemClock
from perdure.config import ApiKeySettings
from perdure.context.principal import Principal
from perdure.errors import ConfigError, StoreError, UnauthenticatedError
from perdure.identity.api_keys import open_keys
from perdure.identity.api_keys_text import new_key
from perdure.identity.api_keys_uses import KeyUses
from perdure.identity.authenticator import Authenticator
from perdure.identity.base import Scheme
from perdure.store.base import Store
from perdure.store.memory import MemoryStore
from perdure.store.opening import open_store
from perdure.store.records import Position
from tests.identity.api_key_setting import (
    Breakable,
    added,
    asking,
    eventually,
    following,
    is_in,
    revoke,
    why_refused,
)
from tests.store.places import Place, place_of

EVERYTHING = ApiKeySettings(query="api_key")


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    found = place_of(request.param, tmp_path)
    yield found
    found.close()


def copy(source: Path, target: Path) -> None:
    """Do what ``sqlite3 SOURCE ".backup TARGET"`` does."""
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


def last_use(store: Store) -> float | None:
    return store.api_keys("shop")[0].last_used_s


async def test_key_says_whose_it_is_and_what_it_may() -> None:
    store = MemoryStore()
    key, until = added(store), added(store, "till-4", expires_s=2_000_000_000.5)
    async with following(store) as scheme:
        principal = scheme.verify(key)
        assert ("till-3", "api_key", key[4:12]) == (principal.subject, principal.scheme, principal.client_id)
        assert {"clerk", "admin"} == principal.roles
        assert {"orders:read"} == principal.scopes
        assert (inf, 2_000_000_000.5) == (principal.expires_at_s, scheme.verify(until).expires_at_s)
        assert principal is scheme.verify(key)
        assert 0 == scheme.remembered_s(principal)


def test_scheme_is_one() -> None:
    scheme: Scheme = open_keys(MemoryStore, "shop", ApiKeySettings(), FakeClock())
    assert 'ApiKey realm="shop"' == scheme.challenge
    named: Scheme = open_keys(MemoryStore, "shop", ApiKeySettings(), FakeClock(), realm='the "ü" shop')
    assert r'ApiKey realm="the \"?\" shop"' == named.challenge


async def test_keys_of_another_app_are_not_let_in() -> None:
    store = MemoryStore()
    other = added(store, app="other")
    async with following(store) as scheme:
        assert f"the API key {other[4:12]} is unknown, or not this one" == why_refused(scheme, other)


@pytest.mark.parametrize(
    "damage",
    [
        lambda key: "", lambda key: key[:-1], lambda key: key + "0", lambda key: key[:20], lambda key: key.upper(),
        lambda key: f"{key}, {key}", lambda key: f"Bearer {key}", lambda key: key[:12], lambda key: "x" * 100_000,
        lambda key: key[:13] + "\ud800" * 49, lambda key: key[:13] + "é" * 49, lambda key: key[:13] + "\0" * 49,
        lambda key: key[:13] + "0" * 49, lambda key: key[:-1] + ("0" if key[-1] != "0" else "1"),
        lambda key: new_key().text.reveal(), lambda key: key[:13] + new_key().text.reveal()[13:],
    ],
)  # fmt: skip
async def test_what_is_not_exactly_a_key_is_refused_and_the_reason_gives_nothing_away(damage: object) -> None:
    assert callable(damage)
    store = MemoryStore()
    key = added(store)
    async with following(store) as scheme:
        said = why_refused(scheme, damage(key))
        assert said is not None
        assert not any(key[start : start + 6] in said for start in range(13, 57))
        assert is_in(scheme, key)
    assert last_use(store) is not None


async def test_secret_part_is_compared_as_a_digest_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[int, int]] = []
    compare = hmac.compare_digest

    def watched(left: bytes, right: bytes) -> bool:
        compared.append((len(left), len(right)))
        return compare(left, right)

    store = MemoryStore()
    key = added(store)
    async with following(store) as scheme:
        monkeypatch.setattr(hmac, "compare_digest", watched)
        assert is_in(scheme, key)
        assert not is_in(scheme, key[:13] + "0" * 49)
        assert not is_in(scheme, key[:12])
    assert [(32, 32)] * 3 == compared


async def test_key_expires_to_the_moment_and_without_the_store() -> None:
    store, clock = Breakable(), FakeClock()
    key = added(store, expires_s=clock.time() + 60.0)
    async with following(store, clock) as scheme:
        store.is_gone = True
        clock.advance(59.999)
        assert is_in(scheme, key)
        clock.advance(0.001)
        assert f"the API key {key[4:12]} has expired" == why_refused(scheme, key)
        store.is_gone = False


async def test_revoked_and_new_keys_are_obeyed_without_restart() -> None:
    store, clock = MemoryStore(), FakeClock()
    old = added(store)
    async with following(store, clock) as scheme:
        assert is_in(scheme, old)
        new = added(store)
        await eventually(lambda: is_in(scheme, new), clock)
        revoke(store, old)
        await eventually(lambda: not is_in(scheme, old), clock)
        assert f"the API key {old[4:12]} was revoked" == why_refused(scheme, old)
        assert is_in(scheme, new)


async def test_revoked_key_is_refused_after_a_start() -> None:
    store = MemoryStore()
    key = added(store)
    revoke(store, key)
    async with following(store) as scheme:
        assert f"the API key {key[4:12]} was revoked" == why_refused(scheme, key)


@pytest.mark.slow
async def test_two_servers_obey_while_they_run(place: Place) -> None:
    writer, clock = place.open(), SystemClock()
    async with following(place.open(), clock) as one, following(place.open(), clock) as two:
        key, kept = added(writer), added(writer)
        await eventually(lambda: is_in(one, key) and is_in(two, key))
        revoke(writer, key)
        await eventually(lambda: not is_in(one, key) and not is_in(two, key))
        assert is_in(one, kept)
        assert is_in(two, kept)


async def test_keys_are_read_only_where_something_changed_and_now_and_then() -> None:
    store, clock = Breakable(), FakeClock()
    async with following(store, clock):
        asked, read = store.asked, store.read
        await eventually(lambda: store.asked > asked + 100, clock)
        assert store.read <= read + 2
        added(store)
        asked, read = store.asked, store.read
        await eventually(lambda: store.asked > asked + 100, clock)
        assert read < store.read <= read + 2


async def test_keys_known_last_stay_in_force_while_the_store_is_gone(caplog: pytest.LogCaptureFixture) -> None:
    store, clock = Breakable(), FakeClock()
    kept, revoked = added(store), added(store)
    async with following(store, clock) as scheme:
        store.is_gone = True
        asked = store.asked
        await eventually(lambda: store.asked > asked + 5, clock)
        revoke(store, revoked)
        assert is_in(scheme, kept)
        assert is_in(scheme, revoked), "nobody could tell"
        assert 1 == caplog.text.count("no route; those known so far stay in force")
        store.is_gone = False
        await eventually(lambda: not is_in(scheme, revoked), clock)
        assert is_in(scheme, kept)
        assert 1 == caplog.text.count("the store says again which API keys there are")


async def test_key_revoked_and_pruned_while_the_store_was_gone_is_refused_when_it_is_back() -> None:
    store, clock = Breakable(), FakeClock()
    kept, revoked = added(store), added(store)
    async with following(store, clock) as scheme:
        store.is_gone = True
        asked = store.asked
        await eventually(lambda: store.asked > asked + 5, clock)
        revoke(store, revoked)
        assert 1 == len(store.prune_api_keys("shop", clock.time(), actor="bob@office", at_s=clock.time()))
        assert is_in(scheme, revoked), "nobody could tell"
        store.is_gone = False
        began_s = clock.time()
        await eventually(lambda: not is_in(scheme, revoked), clock)
        assert clock.time() < began_s + 60.0
        assert is_in(scheme, kept)


async def test_keys_that_were_pruned_are_no_sign_of_another_store(caplog: pytest.LogCaptureFixture) -> None:
    store, clock = Breakable(), FakeClock()
    kept, revoked, expired = added(store), added(store), added(store, expires_s=clock.time() + 1.0)
    async with following(store, clock) as scheme:
        revoke(store, revoked)
        await eventually(lambda: not is_in(scheme, revoked) and not is_in(scheme, expired), clock)
        assert 2 == len(store.prune_api_keys("shop", clock.time() + 1.0, actor="bob@office", at_s=clock.time()))
        await eventually(lambda: "unknown" in (why_refused(scheme, expired) or ""), clock, 5.0)
        assert is_in(scheme, kept)
        assert "unknown" in (why_refused(scheme, revoked) or "")
    assert "" == caplog.text


async def test_revocation_is_obeyed_though_uses_cannot_be_written() -> None:
    store, clock = Breakable(), FakeClock()
    key = added(store)
    async with following(store, clock) as scheme:
        store.keeps_no_uses = True
        assert is_in(scheme, key)
        revoke(store, key)
        await eventually(lambda: not is_in(scheme, key), clock)
        assert last_use(store) is None
        store.keeps_no_uses = False
        await eventually(lambda: last_use(store) is not None, clock)


async def test_scheme_that_was_stopped_starts_again_with_whatever_store_there_is() -> None:
    stores, clock = [MemoryStore()], FakeClock()
    first = added(stores[0])
    scheme = open_keys(lambda: stores[-1], "shop", ApiKeySettings(), clock)
    await scheme.start()
    await scheme.stop()
    await scheme.stop()
    stores.append(MemoryStore())
    second = added(stores[-1])
    await scheme.start()
    assert not is_in(scheme, first)
    assert is_in(scheme, second)
    revoke(stores[-1], second)
    await eventually(lambda: not is_in(scheme, second), clock)
    await scheme.stop()


@pytest.mark.parametrize("count", [0, 1])
async def test_start_without_any_key_warns(count: int, caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    for _ in range(count):
        added(store)
    async with following(store):
        assert (count == 0) == ("API keys are taken, but the store has none" in caplog.text)


async def test_authenticator_lets_in_and_out_at_once() -> None:
    store, clock = MemoryStore(), FakeClock()
    key = added(store)
    scheme = open_keys(lambda: store, "shop", ApiKeySettings(), clock)
    authenticator = Authenticator([scheme], clock=clock, cache_entries=10)
    await authenticator.start()
    request = asking(("X-API-Key", key))
    assert isinstance(authenticator.identify(request), Principal)
    assert authenticator.identify(asking()) is None
    revoke(store, key)
    await eventually(lambda: isinstance(authenticator.identify(request), UnauthenticatedError), clock)
    refused = authenticator.identify(request)
    assert isinstance(refused, UnauthenticatedError)
    assert ('ApiKey realm="shop"',) == refused.challenges
    await authenticator.stop()


async def test_start_when_the_store_is_gone_fails() -> None:
    store = Breakable()
    store.is_gone = True
    scheme = open_keys(lambda: store, "shop", ApiKeySettings(), FakeClock())
    with pytest.raises(StoreError, match="no route"):
        await scheme.start()
    await scheme.stop()


class Stuck(MemoryStore):  # type: ignore[misc]  # final for users, not for a test that holds it up
    """A store that hangs."""

    def __init__(self) -> None:
        super().__init__()
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.hanging = threading.Event()
        self.asked = 0

    def position(self, app: str) -> Position:
        self.asked += 1
        self.hanging.set()
        assert self.may_go_on.wait(10)
        return super().position(app)


async def test_store_that_hangs_holds_up_no_request() -> None:
    store, clock = Stuck(), FakeClock()
    key = added(store)
    async with following(store, clock) as scheme:
        store.may_go_on.clear()
        store.hanging.clear()
        asked = store.asked
        await eventually(store.hanging.is_set, clock)
        revoke(store, key)
        for _ in range(20):
            clock.advance(1.0)
            await asyncio.sleep(0)
            assert is_in(scheme, key)
        store.may_go_on.set()
        await eventually(lambda: not is_in(scheme, key))
        assert asked + 1 == store.asked, "nobody queued up behind it"


@pytest.mark.parametrize("others", [1, 9])
async def test_store_that_is_replaced_is_followed(
    others: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    with closing(open_store(f"sqlite:///{tmp_path}/other.db")) as other:
        theirs = [added(other) for _ in range(others)]
    with closing(open_store(f"sqlite:///{tmp_path}/store.db")) as store:
        mine = [added(store) for _ in range(3)]
        async with following(store, clock, ApiKeySettings(poll_interval_s=0.01)) as scheme:
            for suffix in ("-wal", "-shm"):
                (tmp_path / f"store.db{suffix}").unlink(missing_ok=True)
            (tmp_path / "other.db").replace(tmp_path / "store.db")
            began_s = clock.time()
            await eventually(lambda: is_in(scheme, theirs[0]), clock, 0.01)
            assert clock.time() < began_s + 50, "at once, and not when all is read anew"
            assert not any(is_in(scheme, key) for key in mine)
            assert all(is_in(scheme, key) for key in theirs)
    assert "it does not know 3 API keys, which are refused" in caplog.text


@pytest.mark.parametrize("is_hidden", [False, True])
async def test_backup_that_was_restored_is_noticed_within_minutes(is_hidden: bool, tmp_path: Path) -> None:
    clock = FakeClock()
    with closing(open_store(f"sqlite:///{tmp_path}/store.db")) as store:
        key = added(store)
        copy(tmp_path / "store.db", tmp_path / "backup.db")
        late = added(store)
        async with following(store, clock, ApiKeySettings(poll_interval_s=0.01)) as scheme:
            assert is_in(scheme, late)
            copy(tmp_path / "backup.db", tmp_path / "store.db")
            if is_hidden:
                added(store)  # the change number is what it was before
            began_s = clock.time()
            await eventually(lambda: not is_in(scheme, late), clock, 5.0 if is_hidden else 0.01)
            assert is_hidden or clock.time() < began_s + 50
            assert is_in(scheme, key)


async def test_last_use_is_written_soon_and_then_once_a_minute() -> None:
    store, clock = MemoryStore(), FakeClock()
    key = added(store)
    async with following(store, clock) as scheme:
        assert last_use(store) is None
        assert is_in(scheme, key)
        await eventually(lambda: last_use(store) is not None, clock)
        first_s = last_use(store)
        assert first_s is not None
        assert clock.time() - 1.0 <= first_s <= clock.time()
        await eventually(lambda: is_in(scheme, key) and (last_use(store) or 0.0) > first_s, clock, 1.0)
        second_s = last_use(store)
        assert second_s is not None
        assert 60 <= second_s - first_s
        clock.advance(10.0)
        assert is_in(scheme, key)
    assert clock.time() == last_use(store), "what was not written yet is at the end"


async def test_refused_key_was_not_used() -> None:
    store, clock = MemoryStore(), FakeClock()
    key = added(store, expires_s=1.0)
    async with following(store, clock) as scheme:
        assert not is_in(scheme, key)
        assert not is_in(scheme, key[:13] + "0" * 49)
    assert last_use(store) is None


async def test_key_is_taken_from_its_header_alone() -> None:
    async with following(MemoryStore()) as scheme:
        assert "k" == scheme.credential(asking(("X-API-Key", "k")))
        assert scheme.credential(asking(("Authorization", "Bearer k"))) is None
        assert scheme.credential(asking(query="api_key=k&X-API-Key=k")) is None
        assert "" == scheme.credential(asking(("X-API-Key", "")))
    async with following(MemoryStore(), settings=ApiKeySettings(header="Shop-Key")) as scheme:
        assert "k" == scheme.credential(asking(("shop-key", "k"), ("X-API-Key", "no")))


async def test_key_that_is_no_ascii_is_not_none() -> None:
    async with following(MemoryStore()) as scheme:
        with pytest.raises(UnauthenticatedError, match="not ASCII"):
            scheme.credential(asking(("X-API-Key", "pdk_\xe9")))


async def test_key_is_taken_from_the_query_where_that_is_configured() -> None:
    async with following(MemoryStore(), settings=EVERYTHING) as scheme:
        assert "k" == scheme.credential(asking(query="limit=2&api_key=k"))
        assert "a b" == scheme.credential(asking(query="api_key=a%20b"))
        assert scheme.credential(asking(query="my_api_key=k&limit=api_key")) is None
        assert "k" == scheme.credential(asking(("X-API-Key", "k"), query="limit=2"))
        assert "" == scheme.credential(asking(query="api_key"))
    async with following(MemoryStore(), settings=ApiKeySettings(header=None, query="key")) as scheme:
        assert scheme.credential(asking(("X-API-Key", "k"))) is None


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ([("X-API-Key", "a"), ("x-api-key", "b")], ""), ([("X-API-Key", "a"), ("X-API-Key", "a")], ""),
        ([("X-API-Key", "a")], "api_key=a"), ([], "api_key=a&api_key=b"), ([("X-API-Key", "")], "api_key="),
    ],
)  # fmt: skip
async def test_several_keys_are_refused(headers: list[tuple[str, str]], query: str) -> None:
    async with following(MemoryStore(), settings=EVERYTHING) as scheme:
        with pytest.raises(UnauthenticatedError, match="several API keys"):
            scheme.credential(asking(*headers, query=query))


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"header": "Authorization"}, "bearer tokens"), ({"header": "X API"}, "must be a header name"),
        ({"header": None}, "needs a header or a query"), ({"query": ""}, "query must be a name"),
        ({"query": "a&b"}, "query must be a name"), ({"poll_interval_s": 0}, "poll_interval_s must be greater than 0"),
        ({"header": 5}, "header must be"), ({"query": "ü"}, "query must be a name"),
    ],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused(settings: dict[str, object], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        ApiKeySettings(**settings)  # type: ignore[arg-type]


async def test_no_key_is_ever_logged_or_kept(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level(logging.DEBUG)
    clock = FakeClock()
    with closing(open_store(f"sqlite:///{tmp_path}/store.db")) as store:
        keys = [added(store) for _ in range(3)]
        async with following(store, clock) as scheme:
            told = [str(why_refused(scheme, key[:-1])) for key in keys]
            revoke(store, keys[0])
            await eventually(lambda: not is_in(scheme, keys[0]), clock)
            told += [str(why_refused(scheme, keys[0])), repr(vars(scheme)), repr(scheme.verify(keys[1]))]
        told += [repr(store.journal("shop")), repr(store.api_keys("shop")), caplog.text]
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for key in keys:
        assert key[:12] in told[-2] or key[4:12] in told[-2], "its id is, so this test looks at the right thing"
        assert not any(key[13:30] in text for text in told)
        assert key[4:12].encode() in kept
        assert key[13:30].encode() not in kept


def test_uses_of_very_many_keys_are_written_in_turns() -> None:
    clock = FakeClock()
    uses = KeyUses(clock)
    for number in range(2500):
        uses.note(f"key{number}")
    written: dict[str, float] = {}
    sizes = []
    for _ in range(4):
        taken = uses.take()
        assert not taken.keys() & written.keys()
        written |= taken
        sizes.append(len(taken))
        assert {} == uses.take()
        clock.advance(2.0)
    assert ([1000, 1000, 500, 0], 2500) == (sizes, len(written))
    assert {1_767_225_600.0} == set(written.values()), "when they were used, not when that was written"
