"""What every store does, in memory, SQLite and PostgreSQL."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import msgspec
import pytest
from msgspec.structs import replace

from perdure.clock import SystemClock
from perdure.errors import RevisionConflictError, StoreError
from perdure.gtype.nodes import Boolean, GType
from perdure.store.base import Store
from perdure.store.records import Control, JournalEntry, MigrationEntry, Pin, Position, VersionControl, storable_name
from tests.store.places import Place
from tests.store.samples import DIGEST, api, manifest, publication, report, usage, version


def _tag(tag: str, name: str) -> Callable[[Control], Control]:
    return lambda control: replace(control, tags={**control.tags, tag: name})


def test_versions_when_published_come_back_oldest_first(store: Store) -> None:
    first, second = version(seconds=100), version("2026-02-01", seconds=200, api=api(3))
    store.publish(publication(second), at_s=5.0)
    store.publish(publication(first), at_s=6.0)
    assert (first, second) == store.versions("shop")


def test_versions_of_one_second_come_back_by_number(store: Store) -> None:
    versions = tuple(replace(version(f"v{number}", seconds=0), number=number) for number in (2, 0, 1))
    store.publish(publication(*versions), at_s=5.0)
    assert ["v0", "v1", "v2"] == [each.name for each in store.versions("shop")]


def test_versions_of_an_unknown_app_are_none(store: Store) -> None:
    assert ((), (), 0) == (store.versions("shop"), store.manifests("shop"), store.change("shop"))
    assert Control() == store.control("shop")


def test_apps_do_not_see_each_other(store: Store) -> None:
    store.publish(publication(app="shop"), at_s=5.0)
    store.pin("shop", [Pin(client="ada", version="2026-01-01")])
    store.add_usage("shop", [usage()])
    store.put_health("shop", [report()])
    assert ((), ((), None), (), ()) == (store.versions("a"), store.pins("a"), store.usage("a"), store.health("a"))
    assert 0 == store.change("a")


def test_publish_when_new_registers_versions(store: Store) -> None:
    assert store.publish(publication(), at_s=5.0)
    assert {"2026-01-01": VersionControl(registered_s=5.0)} == store.control("shop").versions


def test_publish_when_known_keeps_what_was_decided(store: Store) -> None:
    store.publish(publication(), at_s=5.0)
    active = VersionControl(status="active", registered_s=5.0, activated_s=7.0)
    store.decide(
        "shop", lambda control: replace(control, versions={"2026-01-01": active}), actor="a", action="b", at_s=7.0
    )
    store.publish(publication(version(), version("2026-02-01", seconds=200)), at_s=9.0)
    expected = {"2026-01-01": active, "2026-02-01": VersionControl(registered_s=9.0)}
    assert expected == store.control("shop").versions


def test_publish_when_nothing_is_new_changes_nothing(store: Store) -> None:
    store.publish(publication(), at_s=5.0)
    before = store.change("shop")
    assert not store.publish(publication(), at_s=6.0)
    assert before == store.change("shop")


def test_publish_when_an_earlier_build_returns_is_news_again(store: Store) -> None:
    old, new = publication(summary="old"), publication(summary="new")
    for each in (old, new, old):
        assert store.publish(each, at_s=5.0)
    assert old.manifests == store.manifests("shop")


def test_publish_when_a_digest_differs_refuses_and_keeps_everything(store: Store) -> None:
    store.publish(publication(version(digest=DIGEST)), at_s=5.0)
    before = store.change("shop"), store.versions("shop"), store.manifests("shop"), store.control("shop")
    other = publication(version(digest="6" * 64, api=api(3)), version("2027-01-01", seconds=300), summary="other")
    with pytest.raises(RevisionConflictError, match=r"version 2026-01-01 of 'shop' .* recorded revision never changes"):
        store.publish(other, at_s=6.0)
    assert before == (store.change("shop"), store.versions("shop"), store.manifests("shop"), store.control("shop"))
    assert store.manifest(other.manifests[0].fingerprint) is None


def test_publish_when_a_protected_version_comes_without_digest_leaves_it(store: Store) -> None:
    protected = version(digest=DIGEST)
    store.publish(publication(protected), at_s=5.0)
    store.publish(publication(version(api=api(3))), at_s=6.0)
    assert (protected,) == store.versions("shop")


def test_publish_when_an_unprotected_version_changed_replaces_it(store: Store) -> None:
    store.publish(publication(), at_s=5.0)
    before = store.change("shop")
    changed = version(api=api(first=Boolean()), digest=DIGEST)
    assert store.publish(publication(changed), at_s=6.0)
    assert (changed,) == store.versions("shop")
    assert store.change("shop") > before


def test_publish_when_versions_are_left_out_keeps_them(store: Store) -> None:
    first, second = version(), version("2026-02-01", seconds=200)
    store.publish(publication(first, second), at_s=5.0)
    store.publish(publication(first), at_s=6.0)
    assert (first, second) == store.versions("shop")


def test_manifests_when_published_again_are_the_last_of_each_id_and_version(store: Store) -> None:
    kept, old, new = manifest("kept"), manifest("seen", summary="old"), manifest("seen", summary="new")
    store.publish(replace(publication(), manifests=(old, kept)), at_s=5.0)
    store.publish(replace(publication(), manifests=(new,)), at_s=6.0)
    assert (kept, new) == store.manifests("shop")
    assert [old, new] == [store.manifest(each.fingerprint) for each in (old, new)]


def test_manifest_when_unknown_is_none_and_found_once_published(store: Store) -> None:
    wanted = manifest()
    assert store.manifest(wanted.fingerprint) is None
    store.publish(publication(), at_s=5.0)
    assert wanted == store.manifest(wanted.fingerprint)


def test_gtype_when_published_is_found_by_fingerprint(store: Store) -> None:
    there = manifest()
    assert there.endpoint.body is not None
    wanted = GType(there.endpoint.body, there.types)
    assert store.gtype(wanted.fingerprint) is None
    store.publish(publication(), at_s=5.0)
    assert wanted == store.gtype(wanted.fingerprint)
    assert store.manifest(wanted.fingerprint) is None
    assert store.gtype(there.fingerprint) is None


def test_publish_when_a_manifest_lacks_a_type_refuses(store: Store) -> None:
    broken = replace(publication(), manifests=(replace(manifest(), types={}),))
    with pytest.raises(StoreError, match="the manifest of things0 refers to 'Type0', which it does not define"):
        store.publish(broken, at_s=5.0)
    assert () == store.versions("shop")


def test_publish_when_two_builds_come_at_once_keeps_both(place: Place) -> None:
    builds = [publication(version(f"v{number}", seconds=number), summary=str(number % 2)) for number in range(8)]
    stores = [place.open() for _ in builds]
    with ThreadPoolExecutor(len(builds)) as pool:
        list(pool.map(lambda pair: pair[0].publish(pair[1], at_s=5.0), zip(stores, builds, strict=True)))
    assert [f"v{number}" for number in range(8)] == [each.name for each in stores[0].versions("shop")]
    assert 8 == len(stores[-1].control("shop").versions)


def test_decide_when_nothing_was_published_begins_with_nothing(store: Store) -> None:
    assert {"beta": "x"} == store.decide("shop", _tag("beta", "x"), actor="ada", action="tag", at_s=5.0).tags
    assert {"beta": "x"} == store.control("shop").tags


def test_decide_keeps_every_part_of_a_control(store: Store) -> None:
    whole = VersionControl(
        status="retired", registered_s=1.0, activated_s=2.5, retired_s=3.0, retained=True, deprecated_s=4.0,
        sunset_s=5.0, link="https://example.com/ü", brownouts=((1.0, 2.0), (3.5, 4.5)),
    )  # fmt: skip
    control = Control(versions={"v": whole}, tags={"t": "v"}, weights={"t": {"v": 3}}, undo=(Control(tags={"t": "u"}),))
    assert control == store.decide("shop", lambda _: control, actor="ada", action="all", at_s=5.0)
    assert control == store.control("shop")


def test_decide_is_noted_newest_first(store: Store) -> None:
    for number in range(3):
        store.decide("shop", _tag("beta", f"v{number}"), actor="ada", action=f"tag beta v{number}", at_s=float(number))
    noted = store.journal("shop", limit=2)
    assert [("ada", "tag beta v2", 2.0), ("ada", "tag beta v1", 1.0)] == [(n.actor, n.action, n.at_s) for n in noted]
    assert noted[0].number > noted[1].number
    assert 3 == len(store.journal("shop"))
    assert () == store.journal("shop", limit=0)


def test_decide_when_nothing_changes_is_not_noted(store: Store) -> None:
    store.decide("shop", _tag("beta", "x"), actor="ada", action="tag", at_s=5.0)
    before = store.change("shop")
    store.decide("shop", _tag("beta", "x"), actor="ada", action="tag again", at_s=6.0)
    assert (before, 1) == (store.change("shop"), len(store.journal("shop")))


def test_decide_when_the_edit_fails_changes_nothing(store: Store) -> None:
    def fail(_: Control) -> Control:
        raise LookupError("no such version")

    store.decide("shop", _tag("beta", "x"), actor="ada", action="tag", at_s=5.0)
    before = store.change("shop")
    with pytest.raises(LookupError, match="no such version"):
        store.decide("shop", fail, actor="ada", action="fail", at_s=6.0)
    assert (before, 1, {"beta": "x"}) == (store.change("shop"), len(store.journal("shop")), store.control("shop").tags)


def test_decide_when_the_edit_changes_in_place_is_seen(store: Store) -> None:
    def add(control: Control) -> Control:
        control.tags["beta"] = "x"
        return control

    store.decide("shop", add, actor="ada", action="tag", at_s=5.0)
    assert {"beta": "x"} == store.control("shop").tags


def test_decide_when_the_edit_reads_the_store_is_no_deadlock(store: Store) -> None:
    store.publish(publication(), at_s=5.0)
    store.decide(
        "shop", lambda control: replace(control, tags={"all": store.versions("shop")[0].name}), actor="a", action="b",
        at_s=6.0,
    )  # fmt: skip
    assert {"all": "2026-01-01"} == store.control("shop").tags


def test_control_when_its_reader_changes_it_stays(store: Store) -> None:
    store.decide("shop", _tag("beta", "x"), actor="ada", action="tag", at_s=5.0)
    store.control("shop").tags["beta"] = "y"
    assert {"beta": "x"} == store.control("shop").tags


def test_decide_when_many_decide_at_once_loses_none(place: Place) -> None:
    stores = [place.open() for _ in range(4)]

    def decide(number: int) -> None:
        stores[number % 4].decide("shop", _tag(f"t{number}", "x"), actor="ada", action=f"tag t{number}", at_s=5.0)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(decide, range(24)))
    assert {f"t{number}" for number in range(24)} == stores[0].control("shop").tags.keys()
    assert 24 == len({entry.number for entry in stores[1].journal("shop")})


def test_change_grows_with_each_change(store: Store) -> None:
    numbers = [store.change("shop")]
    changes: list[Callable[[], object]] = [
        lambda: store.publish(publication(), at_s=5.0),
        lambda: store.decide("shop", _tag("beta", "x"), actor="ada", action="tag", at_s=5.0),
        lambda: store.pin("shop", [Pin(client="ada", version="v1")]),
        lambda: store.unpin("shop", "ada"),
    ]
    for make in changes:
        make()
        numbers.append(store.change("shop"))
    assert sorted(set(numbers)) == numbers


def test_pins_since_a_change_are_only_the_later(store: Store) -> None:
    ada, bob, cid = (Pin(client=name, version="v1", by="operator", since_s=5.0) for name in ("ada", "bob", "cid"))
    store.pin("shop", [bob, ada])
    before = store.change("shop")
    store.pin("shop", [cid])
    store.unpin("shop", "bob")
    assert ((cid,), ("bob",)) == store.pins("shop", before)
    assert ((ada, cid), None) == store.pins("shop")
    assert ((), ()) == store.pins("shop", store.change("shop"))


def test_pin_when_by_first_use_leaves_a_pin_that_is_there(store: Store) -> None:
    first = Pin(client="ada", version="v1", by="first use", since_s=1.0)
    store.pin("shop", [first, replace(first, version="v2")])
    store.pin("shop", [replace(first, version="v3")])
    assert ((first,), None) == store.pins("shop")


def test_pin_when_by_an_operator_replaces(store: Store) -> None:
    store.pin("shop", [Pin(client="ada", version="v1", by="first use")])
    store.pin("shop", [Pin(client="ada", version="v2", by="operator")])
    assert ("v2", "operator") == (store.pins("shop")[0][0].version, store.pins("shop")[0][0].by)


def test_pin_when_equal_changes_nothing(store: Store) -> None:
    store.pin("shop", [Pin(client="ada", version="v1")])
    before = store.change("shop")
    store.pin("shop", [Pin(client="ada", version="v1")])
    store.pin("shop", [])
    assert before == store.change("shop")


def test_unpin_tells_whether_there_was_a_pin(store: Store) -> None:
    store.pin("shop", [Pin(client="ada", version="v1")])
    assert [True, False, False] == [store.unpin("shop", client) for client in ("ada", "ada", "bob")]
    store.pin("shop", [Pin(client="ada", version="v2", by="first use")])
    assert "v2" == store.pins("shop")[0][0].version


def test_usage_when_added_sums_up(store: Store) -> None:
    store.add_usage("shop", [usage(requests=2), usage("bob"), usage(requests=3)])
    store.add_usage("shop", [usage(requests=1), usage(hour=6)])
    total = replace(usage(requests=6), last_s=usage(requests=3).last_s)
    assert (total, usage(hour=6), usage("bob")) == store.usage("shop")
    assert (usage(hour=6),) == store.usage("shop", since_hour=6)


def test_usage_when_many_add_at_once_loses_none(place: Place) -> None:
    stores = [place.open() for _ in range(4)]
    clients = [f"client {number}" for number in range(5)]

    def add(number: int) -> None:
        order = clients if number % 2 else clients[::-1]
        stores[number % 4].add_usage("shop", [usage(client) for client in order])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(24)))
    assert {(client, 24) for client in clients} == {(each.client, each.requests) for each in stores[0].usage("shop")}


def test_usage_when_one_count_cannot_be_kept_adds_none(store: Store) -> None:
    with pytest.raises(StoreError, match="the store takes no name such as"):
        store.add_usage("shop", [usage(), usage("nul\0")])
    assert () == store.usage("shop")


def test_usage_by_version_adds_up_hours_of_late_and_days_before(store: Store) -> None:
    store.add_usage("shop", [usage(hour=hour, requests=hour) for hour in (23, 24, 30, 47, 48, 50)])
    store.add_usage("shop", [usage("bob", hour=30, requests=1), usage("bob", hour=49, requests=0)])
    version = usage().version
    assert [(version, 47, 24 + 30 + 47 + 1), (version, 48, 48), (version, 50, 50)] == [
        (each.version, each.hour, each.requests) for each in store.usage_by_version("shop", 24, 48)
    ]
    assert () == store.usage_by_version("other", 0, 48)


def test_usage_by_version_is_what_all_usage_adds_up_to(store: Store) -> None:
    chance = random.Random(7)
    store.add_usage(
        "shop",
        [usage(chance.choice("abc"), hour=chance.randrange(200), requests=chance.randrange(5)) for _ in range(300)],
    )
    expected: dict[int, tuple[int, int, float]] = {}
    for each in store.usage("shop", 17):
        if each.requests:
            key = each.hour if each.hour >= 96 else -1 - each.hour // 24
            requests, last, last_s = expected.get(key, (0, 0, 0.0))
            expected[key] = requests + each.requests, max(last, each.hour), max(last_s, each.last_s)
    found = store.usage_by_version("shop", 17, 96)
    assert sorted(expected.values()) == sorted((each.requests, each.hour, each.last_s) for each in found)


def test_usage_by_client_adds_up_hours(store: Store) -> None:
    store.add_usage("shop", [usage(hour=1), usage(hour=2, requests=4), usage(hour=3, requests=5), usage("bob", hour=2)])
    assert [("ada", 9, 3, 3 * 3600.0 + 5), ("bob", 1, 2, 2 * 3600.0 + 1)] == [
        (each.client, each.requests, each.hour, each.last_s) for each in store.usage_by_client("shop", 2)
    ]


def test_shorten_keeps_the_last_decisions(store: Store) -> None:
    store.publish(publication(), at_s=5.0)
    for number in range(5):
        store.decide("shop", _tag(f"t{number}", "x"), actor="ada", action=f"tag t{number}", at_s=5.0)
    store.shorten("shop", decisions=2)
    assert ["tag t4", "tag t3"] == [each.action for each in store.journal("shop")]
    store.shorten("shop", decisions=2)
    store.shorten("shop")
    assert 2 == len(store.journal("shop"))


def test_shorten_forgets_the_unpinned_and_says_so_to_who_has_not_heard_of_them(store: Store) -> None:
    pins = [Pin(client=f"c{number}", version="v1") for number in range(6)]
    store.pin("shop", pins)
    before = store.change("shop")
    for number in range(4):
        store.unpin("shop", f"c{number}")
    store.shorten("shop", unpinned=2)
    left = tuple(pins[4:])
    assert (left, None) == store.pins("shop", before), "all there are"
    assert (left, None) == store.pins("shop", before + 1)
    assert ((), ("c2", "c3")) == store.pins("shop", before + 2)
    assert ((), ("c3",)) == store.pins("shop", before + 3)
    store.shorten("shop")
    assert ((), ("c2", "c3")) == store.pins("shop", before + 2)


def test_position_tells_one_store_from_another(place: Place) -> None:
    store = place.writer
    assert Position("", 0) == store.position("shop")
    store.publish(publication(), at_s=5.0)
    position = store.position("shop")
    assert store.change("shop") == position.change == 1
    assert position == place.second.position("shop")
    if place.is_shared:
        assert position.origin


def test_time_is_that_of_the_server_where_there_is_one(place: Place) -> None:
    told = place.writer.time()
    assert (told is not None) is (place.kind == "postgres")
    if told is not None:
        assert abs(told - SystemClock().time()) < 600


def test_forget_usage_forgets_what_is_older(store: Store) -> None:
    store.add_usage("shop", [usage(hour=hour) for hour in range(5)])
    assert 3 == store.forget_usage("shop", 3)
    assert [3, 4] == [each.hour for each in store.usage("shop")]
    assert 0 == store.forget_usage("shop", 3)


def test_health_is_the_last_report_of_each_process(store: Store) -> None:
    store.put_health("shop", [report("two"), report("one"), report(version="v2")])
    last = replace(report("one", at_s=1001.0), healthy=False, errors=9)
    store.put_health("shop", [report("one", at_s=1000.5), last])
    assert (last, report("two"), report(version="v2")) == store.health("shop")


def test_health_of_processes_long_gone_is_forgotten(store: Store) -> None:
    store.put_health("shop", [report("gone", at_s=0.0), report("late", at_s=1.0)])
    store.put_health("shop", [report("here", at_s=86_401.0)])
    assert ["here", "late"] == [each.process for each in store.health("shop")]
    store.put_health("shop", [])
    assert 2 == len(store.health("shop"))


def test_migrations_come_back_in_the_order_they_were_begun(store: Store) -> None:
    steps: tuple[tuple[str, Literal["expand", "contract"]], ...] = (("b", "expand"), ("a", "expand"), ("b", "contract"))
    begun = [
        MigrationEntry(step=step, phase=phase, version="v1", checksum=DIGEST, state="begun", begun_s=1.0)
        for step, phase in steps
    ]
    for entry in begun:
        store.put_migration("shop", entry)
    done = replace(begun[0], state="done", done_s=2.0)
    store.put_migration("shop", done)
    assert (done, *begun[1:]) == store.migrations("shop")
    assert () == store.migrations("other")


@pytest.mark.parametrize("client", ["", "ada lovelace", "ü😀\x01\n'\";--", "x" * 200, "😀" * 200])
def test_names_come_back_as_they_were(store: Store, client: str) -> None:
    store.pin("shop", [Pin(client=client, version=client)])
    store.add_usage("shop", [usage(client, version=client)])
    store.put_health("shop", [report(client, version=client)])
    assert (client, client) == (store.pins("shop")[0][0].client, store.pins("shop")[0][0].version)
    assert (client, client) == (store.usage("shop")[0].client, store.usage("shop")[0].version)
    assert (client, client) == (store.health("shop")[0].process, store.health("shop")[0].version)


@pytest.mark.parametrize("client", ["\0", "a\0b", "\ud800", "x" * 201, "\udcff" * 300])
def test_names_no_database_takes_are_refused_but_have_a_substitute(store: Store, client: str) -> None:
    with pytest.raises(StoreError, match="at most 200 characters"):
        store.pin("shop", [Pin(client=client, version="v1")])
    with pytest.raises(StoreError, match="at most 200 characters"):
        store.decide(client, _tag("a", "b"), actor="ada", action="tag", at_s=5.0)
    store.pin("shop", [Pin(client=storable_name(client), version="v1")])
    assert storable_name(client) == store.pins("shop")[0][0].client


def test_substitutes_of_different_names_differ() -> None:
    clients = ["a\0", "a\ufffd", "a\ud800", "x" * 300, "x" * 299, "x" * 200]
    assert len(clients) == len({storable_name(client) for client in clients})
    assert all(storable_name(storable_name(client)) == storable_name(client) for client in clients)


def test_decide_when_the_action_is_no_text_refuses(store: Store) -> None:
    with pytest.raises(StoreError, match="cannot keep a JournalEntry"):
        store.decide("shop", _tag("a", "b"), actor="ada", action="tag \udcff", at_s=5.0)
    assert ({}, ()) == (store.control("shop").tags, store.journal("shop"))


def test_lock_when_held_makes_others_wait(place: Place) -> None:
    stores = [place.open() for _ in range(4)]
    inside = threading.Semaphore(1)
    order: list[int] = []

    def enter(number: int) -> None:
        with stores[number % 4].lock("work"):
            assert inside.acquire(blocking=False), "two are inside"
            order.append(number)
            inside.release()

    with stores[0].lock("other"), ThreadPoolExecutor(8) as pool:
        list(pool.map(enter, range(16)))
    assert sorted(order) == list(range(16))


def test_lock_when_its_holder_fails_is_free_again(store: Store) -> None:
    with pytest.raises(LookupError), store.lock("work"):
        raise LookupError
    with store.lock("work"):
        store.publish(publication(), at_s=5.0)
    assert 1 == len(store.versions("shop"))


def test_close_when_used_afterwards_says_so(place: Place) -> None:
    store = place.open()
    store.close()
    store.close()
    with pytest.raises(StoreError, match="was closed"):
        store.change("shop")


@pytest.mark.parametrize("place", ["sqlite", "postgres"], indirect=True)
def test_reopening_finds_everything(place: Place) -> None:
    store = place.open()
    store.publish(publication(version(digest=DIGEST)), at_s=5.0)
    store.decide("shop", _tag("beta", "2026-01-01"), actor="ada", action="tag", at_s=6.0)
    store.pin("shop", [Pin(client="ada", version="v1")])
    store.add_usage("shop", [usage()])
    store.put_health("shop", [report()])
    place.close()
    again = place.open()
    assert (version(digest=DIGEST),) == again.versions("shop")
    assert (manifest(),) == again.manifests("shop")
    assert {"beta": "2026-01-01"} == again.control("shop").tags
    assert [JournalEntry(number=2, at_s=6.0, actor="ada", action="tag")] == list(again.journal("shop"))
    assert (Pin(client="ada", version="v1"),) == again.pins("shop")[0]
    assert ((usage(),), (report(),)) == (again.usage("shop"), again.health("shop"))
    assert not again.publish(publication(version(digest=DIGEST)), at_s=9.0)


@pytest.mark.parametrize("place", ["sqlite", "postgres"], indirect=True)
def test_what_others_write_is_seen_at_once(place: Place) -> None:
    mine, other = place.open(), place.open()
    assert ((), Control(), ()) == (mine.versions("shop"), mine.control("shop"), mine.health("shop"))
    other.publish(publication(), at_s=5.0)
    assert (version(),) == mine.versions("shop")
    other.publish(publication(version(api=api(3))), at_s=5.0)
    assert (version(api=api(3)),) == mine.versions("shop")
    other.put_health("shop", [report()])
    assert (report(),) == mine.health("shop")
    other.put_health("shop", [report(at_s=2000.0)])
    assert (report(at_s=2000.0),) == mine.health("shop")


def test_publish_when_large_shares_what_did_not_change(store: Store) -> None:
    base = api(300)
    versions = []
    for number in range(20):
        base = replace(base, types={**base.types, f"Type{number}": Boolean()})
        versions.append(version(f"v{number}", seconds=number, digest=f"{number:064}", api=base))
    store.publish(publication(*versions), at_s=5.0)
    found = store.versions("shop")
    assert tuple(versions) == found
    assert msgspec.json.encode(versions[-1].api, order="sorted") == msgspec.json.encode(found[-1].api, order="sorted")
