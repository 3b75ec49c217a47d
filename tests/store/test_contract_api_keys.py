"""What every store does with API keys, in memory, SQLite and PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace

from perdure.errors import StoreError
from perdure.store.api_keys import ApiKey
from perdure.store.base import Store
from tests.store.places import Place
from tests.store.samples import publication


def key(id: str = "one", *, created_s: float = 10.0) -> ApiKey:
    return ApiKey(
        id=id, digest="ab" * 32, subject="till-3", roles=("clerk", "admin"), scopes=("orders:read",),
        created_s=created_s, created_by="ada@office", expires_s=99.5,
    )  # fmt: skip


def test_api_key_when_added_comes_back_equal(store: Store) -> None:
    assert store.add_api_key("shop", key())
    assert (key(),) == store.api_keys("shop")
    assert () == store.api_keys("other")


def test_api_keys_come_back_oldest_first(store: Store) -> None:
    added = [key("b", created_s=2.0), key("c", created_s=1.0), key("a", created_s=2.0)]
    for each in added:
        store.add_api_key("shop", each)
    assert ["c", "a", "b"] == [each.id for each in store.api_keys("shop")]


def test_api_key_when_its_id_is_taken_is_refused_and_nothing_changes(store: Store) -> None:
    store.add_api_key("shop", key())
    before = store.change("shop"), store.api_keys("shop"), store.journal("shop")
    assert not store.add_api_key("shop", replace(key(), subject="thief", digest="cd" * 32))
    assert before == (store.change("shop"), store.api_keys("shop"), store.journal("shop"))
    assert store.add_api_key("other", key()), "ids are taken within an app"


def test_api_key_when_revoked_says_by_whom_and_when_and_stays_so(store: Store) -> None:
    store.add_api_key("shop", key())
    assert store.revoke_api_key("shop", "one", actor="bob@office", at_s=20.5)
    expected = replace(key(), revoked_s=20.5, revoked_by="bob@office")
    assert (expected,) == store.api_keys("shop")
    before = store.change("shop")
    assert not store.revoke_api_key("shop", "one", actor="eve@home", at_s=30.0)
    assert ((expected,), before) == (store.api_keys("shop"), store.change("shop"))


def test_revoke_when_the_id_is_unknown_or_of_another_app_changes_nothing(store: Store) -> None:
    store.add_api_key("shop", key())
    before = store.change("shop")
    assert not store.revoke_api_key("shop", "two", actor="bob", at_s=20.0)
    assert not store.revoke_api_key("other", "one", actor="bob", at_s=20.0)
    assert ((key(),), before) == (store.api_keys("shop"), store.change("shop"))


def test_decisions_about_api_keys_are_noted_without_their_digests(store: Store) -> None:
    store.publish(publication(), at_s=1.0)
    store.add_api_key("shop", key())
    store.revoke_api_key("shop", "one", actor="bob@office", at_s=20.0)
    revoked, created = store.journal("shop")
    assert ("ada@office", "create API key one for till-3", 10.0) == (created.actor, created.action, created.at_s)
    assert ("bob@office", "revoke API key one of till-3", 20.0) == (revoked.actor, revoked.action, revoked.at_s)
    assert revoked.number == store.change("shop") > created.number


def test_api_keys_since_a_change_are_those_added_or_revoked_after(store: Store) -> None:
    for name in ("one", "two", "three"):
        store.add_api_key("shop", key(name))
    before = store.change("shop")
    store.revoke_api_key("shop", "two", actor="bob", at_s=20.0)
    store.add_api_key("shop", key("four"))
    assert ["four", "two"] == [each.id for each in store.api_keys("shop", before)]
    assert () == store.api_keys("shop", store.change("shop"))


def test_touch_keeps_the_latest_use_of_each_key_and_is_no_change(store: Store) -> None:
    for name in ("one", "two", "three"):
        store.add_api_key("shop", key(name))
    store.add_api_key("other", key("one"))
    before = store.change("shop")
    store.touch_api_keys("shop", {"one": 50.25, "two": 60.0, "unknown": 70.0})
    store.touch_api_keys("shop", {"one": 40.0, "two": 61.0})
    store.touch_api_keys("shop", {})
    assert {"one": 50.25, "two": 61.0, "three": None} == {k.id: k.last_used_s for k in store.api_keys("shop")}
    assert [None] == [each.last_used_s for each in store.api_keys("other")]
    assert before == store.change("shop")


def test_last_use_survives_revocation(store: Store) -> None:
    store.add_api_key("shop", key())
    store.touch_api_keys("shop", {"one": 50.0})
    store.revoke_api_key("shop", "one", actor="bob", at_s=60.0)
    assert [(50.0, 60.0)] == [(each.last_used_s, each.revoked_s) for each in store.api_keys("shop")]


@pytest.mark.parametrize("text", ["nul\0", "lone \ud800", "x" * 201])
def test_add_when_a_name_cannot_be_kept_refuses_and_keeps_nothing(store: Store, text: str) -> None:
    for broken in (
        replace(key(), subject=text), replace(key(), id=text), replace(key(), roles=(text,)),
        replace(key(), scopes=("fine", text)),
    ):  # fmt: skip
        with pytest.raises(StoreError, match="the store takes no name such as"):
            store.add_api_key("shop", broken)
    assert ((), ()) == (store.api_keys("shop"), store.journal("shop"))


def test_add_when_many_draw_the_same_id_keeps_one(place: Place) -> None:
    stores = [place.open() for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(lambda n: stores[n % 4].add_api_key("shop", key(f"id{n % 6}")), range(24)))
    assert (6, 6, 6) == (sum(kept), len(stores[0].api_keys("shop")), len(stores[0].journal("shop")))


def test_touch_when_many_processes_write_at_once_keeps_the_latest(place: Place) -> None:
    stores = [place.open() for _ in range(4)]
    ids = [f"id{number}" for number in range(5)]
    for name in ids:
        stores[0].add_api_key("shop", key(name))

    def touch(number: int) -> None:
        order = ids if number % 2 else ids[::-1]
        stores[number % 4].touch_api_keys("shop", {name: float(number) for name in order})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(touch, range(24)))
    assert {(name, 23.0) for name in ids} == {(each.id, each.last_used_s) for each in stores[0].api_keys("shop")}


def test_api_keys_that_ended_long_ago_are_pruned_and_no_others(store: Store) -> None:
    kept = [
        replace(key("lasting"), expires_s=None),
        replace(key("expires-later"), expires_s=50.0),
        replace(key("revoked-later"), expires_s=20.0, revoked_s=60.0, revoked_by="bob"),
    ]
    ended = [
        replace(key("expired", created_s=2.0), expires_s=49.9),
        replace(key("revoked", created_s=3.0), expires_s=None, revoked_s=30.0, revoked_by="bob"),
        *(key(f"old-{number:04}", created_s=4.0 + number) for number in range(1200)),
    ]
    ended = [replace(each, expires_s=40.0) if each.id.startswith("old") else each for each in ended]
    for each in (*kept, *ended):
        store.add_api_key("shop", each)
    store.add_api_key("other", ended[0])
    before = store.change("shop")

    assert tuple(ended) == store.prune_api_keys("shop", 50.0, actor="bob@office", at_s=70.0)
    assert {each.id for each in kept} == {each.id for each in store.api_keys("shop")}
    assert (ended[0],) == store.api_keys("other")
    noted = store.journal("shop")[0]
    assert ("bob@office", "forget 1202 API keys that ended", 70.0) == (noted.actor, noted.action, noted.at_s)
    assert before < store.change("shop") == noted.number


def test_prune_when_no_api_key_ended_changes_nothing(store: Store) -> None:
    store.add_api_key("shop", key())
    before = store.change("shop"), store.journal("shop")
    assert () == store.prune_api_keys("shop", 99.5, actor="bob", at_s=200.0)
    assert ((key(),), *before) == (store.api_keys("shop"), store.change("shop"), store.journal("shop"))
    assert (key(),) == store.prune_api_keys("shop", 99.6, actor="bob", at_s=200.0)
    assert "forget 1 API key that ended" == store.journal("shop")[0].action
    assert store.add_api_key("shop", key()), "its id is free again"


@pytest.mark.parametrize("place", ["sqlite", "postgres"], indirect=True)
def test_api_keys_are_there_when_the_store_is_opened_again(place: Place) -> None:
    place.writer.add_api_key("shop", key())
    place.writer.touch_api_keys("shop", {"one": 50.0})
    assert (replace(key(), last_used_s=50.0),) == place.open_again().api_keys("shop")


@pytest.mark.parametrize(
    ("now_s", "expires_s", "revoked_s", "state"),
    [
        (5.0, None, None, "active"), (5.0, 5.5, None, "active"), (5.5, 5.5, None, "expired"),
        (9.0, 5.5, 7.0, "revoked"), (5.0, None, 4.0, "revoked"),
    ],
)  # fmt: skip
def test_state_of_a_key(now_s: float, expires_s: float | None, revoked_s: float | None, state: str) -> None:
    assert state == replace(key(), expires_s=expires_s, revoked_s=revoked_s).state(now_s)
