"""One or several processes on one store, on a clock that stands still."""

import asyncio
import hashlib
import logging
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from perdure import Config, Revision, RolloutSettings
from perdure.clock import FakeClock
from perdure.errors import DecisionError, RevisionConflictError, StoreError, VersionClosedError
from perdure.gtype.nodes import Integer, String
from perdure.manifest.records import Api
from perdure.rollout import decisions
from perdure.rollout.opening import StorePlace, open_rollout
from perdure.rollout.rollout import Rollout
from perdure.store.memory import MemoryStore
from perdure.store.opening import open_store
from perdure.store.records import Control, HealthReport, Pin, Position
from perdure.timescape.recorded import record
from perdure.timescape.timescape import Timescape
from tests.rollout.builds import Build, asking

DAY_S = 86_400.0


def decide(build: Build, edit: Callable[[Control], Control]) -> None:
    build.store.decide("pets", edit, actor="test", action="test", at_s=build.clock.time())


def tag(build: Build, name: str, version: str) -> None:
    decide(build, lambda control: decisions.set_tag(control, name, version, build.rollout.roster()))


def retire(build: Build, name: str) -> None:
    decide(
        build,
        lambda c: decisions.retire(c, name, replace(build.rollout.roster(), control=c), build.clock.time(), force=True),
    )


def test_first_build_when_it_registers_serves_all_its_versions() -> None:
    build = Build(settings=RolloutSettings(activation="manual"))
    assert ["v1.0.0", "v2.0.0", "v3.0.0", "v3.0.0"] == [
        build.served(each) for each in ("v1.0.0", "2.x", "latest", None)
    ]


def test_newer_build_when_activation_is_manual_waits() -> None:
    store, settings = MemoryStore(), RolloutSettings(activation="manual")
    Build(("v1.0.0",), store=store)
    newer = Build(("v1.0.0", "v2.0.0"), store=store, settings=settings)
    assert ["v1.0.0", "400", "v1.0.0"] == [newer.served(), newer.served("v2.0.0"), newer.served("latest")]
    decide(newer, lambda control: decisions.activate(control, ["v2.0.0"], 5.0))
    newer.rollout.refresh()
    assert ["v2.0.0", "v2.0.0"] == [newer.served(), newer.served("v2.0.0")]


def test_activation_when_rolled_back_survives_a_restart() -> None:
    store = MemoryStore()
    Build(("v1.0.0",), store=store)
    newer = Build(("v1.0.0", "v2.0.0"), store=store)
    assert "v2.0.0" == newer.served()
    decide(newer, decisions.roll_back)
    assert "v1.0.0" == Build(("v1.0.0", "v2.0.0"), store=store).served()


def test_build_whose_versions_all_wait_serves_them_all_the_same() -> None:
    store = MemoryStore()
    Build(("v1.0.0",), store=store)
    other = Build(("v8.0.0", "v9.0.0"), store=store, settings=RolloutSettings(activation="manual"))
    assert ["v9.0.0", "v8.0.0"] == [other.served(), other.served("v8.0.0")]


def test_default_version_that_waits_is_served_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    store, settings = MemoryStore(), RolloutSettings(activation="manual")
    Build(("v1.0.0",), store=store)
    newer = Build(("v1.0.0", "v2.0.0"), store=store, config=Config(default_version="v2.0.0", rollout=settings))
    assert "v2.0.0" == newer.served()
    assert "served all the same" in caplog.text


def test_decision_of_one_process_is_obeyed_by_another_once_it_asks() -> None:
    one = Build()
    other = Build(store=one.store, clock=one.clock)
    tag(one, "beta", "v2.0.0")
    retire(one, "v1.0.0")
    assert ["400", "v1.0.0"] == [other.served("beta"), other.served("v1.0.0")]
    other.rollout.refresh()
    assert ["v2.0.0", "410"] == [other.served("beta"), other.served("v1.0.0")]


def test_tag_that_moved_is_never_answered_from_before() -> None:
    build = Build()
    for version in ("v1.0.0", "v2.0.0", "v1.0.0", "v3.0.0"):
        tag(build, "beta", version)
        build.rollout.refresh()
        assert version == build.served("beta") == build.served(" beta ")


def test_tag_of_the_store_that_a_newer_build_calls_a_version_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    build = Build(("v1.0.0", "v2.0.0"), store=store)
    tag(build, "beta", "v1.0.0")
    decide(build, lambda control: replace(control, tags={**control.tags, "v3.0.0": "v1.0.0"}))
    newer = Build(store=store)
    assert ["v3.0.0", "v1.0.0"] == [newer.served("v3.0.0"), newer.served("beta")]


def test_pin_of_an_operator_serves_who_asks_for_nothing() -> None:
    build = Build()
    build.store.pin("pets", [Pin(client="ada", version="v1.0.0"), Pin(client="10.0.0.1", version="v2.0.0")])
    build.rollout.refresh()
    assert ["v2.0.0", "v3.0.0"] == [build.served(), build.served(client="10.0.0.9")]
    assert "v3.0.0" == build.served("latest"), "who asks is answered"
    build.store.unpin("pets", "10.0.0.1")
    build.rollout.refresh()
    assert "v3.0.0" == build.served()


def test_pin_to_a_retired_version_answers_410_with_the_successor() -> None:
    build = Build()
    build.store.pin("pets", [Pin(client="10.0.0.1", version="v1.0.0")])
    retire(build, "v1.0.0")
    build.rollout.refresh()
    with pytest.raises(VersionClosedError) as refused:
        build.timescape.state.find_default(asking())
    assert "v2.0.0" == refused.value.successor


def test_pin_to_a_version_this_build_does_not_have_counts_as_none() -> None:
    build = Build()
    build.store.pin("pets", [Pin(client="10.0.0.1", version="v9.0.0")])
    build.rollout.refresh()
    assert "v3.0.0" == build.served()


def test_client_when_pinned_on_first_use_stays_where_it_began() -> None:
    store, settings = MemoryStore(), RolloutSettings(pin_on_first_use=True)
    old = Build(("v1.0.0",), store=store, settings=settings)
    assert "v1.0.0" == old.served()
    old.rollout.flush()
    newer = Build(("v1.0.0", "v2.0.0"), store=store, settings=settings)
    assert ["v1.0.0", "v2.0.0"] == [newer.served(), newer.served(client="10.0.0.2")]
    assert "first use" == store.pins("pets")[0][0].by


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_client_that_was_refused_or_failed_is_not_pinned(status: int) -> None:
    build = Build(settings=RolloutSettings(pin_on_first_use=True))
    build.served(status=status)
    build.rollout.flush()
    assert ((), None) == build.store.pins("pets")
    build.served(status=404)
    build.rollout.flush()
    assert ["10.0.0.1"] == [pin.client for pin in build.store.pins("pets")[0]], "a handler said so"


def test_client_while_a_version_is_unwell_is_not_pinned_to_where_it_was_sent() -> None:
    settings = RolloutSettings(pin_on_first_use=True, health_min_requests=1)
    build = Build(config=Config(default_version="v3.0.0", rollout=settings))
    build.answer("v3.0.0", 500)
    build.rollout.tick()
    assert "v2.0.0" == build.served()
    build.rollout.flush()
    assert ((), None) == build.store.pins("pets")


async def test_pin_by_first_use_is_written_before_the_store_is_asked_again() -> None:
    build = Build(settings=RolloutSettings(pin_on_first_use=True))
    running = asyncio.create_task(build.rollout.run())
    await asyncio.sleep(0.05)  # the first letter is on its way; the clock stands still, so no second one follows
    build.served(client="10.0.0.9")
    for _ in range(2000):
        await asyncio.sleep(0.01)
        if build.store.pins("pets")[0]:
            break
    assert ["10.0.0.9"] == [pin.client for pin in build.store.pins("pets")[0]]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_pins_by_first_use_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    build = Build(settings=RolloutSettings(pin_on_first_use=True, pin_limit=10))
    for number in range(50):
        build.served(client=f"10.0.0.{number}")
    build.rollout.flush()
    assert 10 == len(build.store.pins("pets")[0])
    assert 1 == caplog.text.count("pin_limit")


def test_clients_of_a_tag_are_shared_out_and_stay() -> None:
    build = Build()
    decide(build, lambda control: decisions.weigh(control, "stable", {"v2.0.0": 30}, "v3.0.0"))
    build.rollout.refresh()
    clients = [f"10.0.{n}.1" for n in range(200)]
    first = [build.served(client=client) for client in clients]
    assert {"v2.0.0", "v3.0.0"} == set(first)
    assert first == [build.served("stable", client) for client in clients]
    assert first == [Build(store=build.store).served(client=client) for client in clients], "in every process"


def test_deprecated_version_says_so_in_its_answers() -> None:
    build = Build()
    decide(
        build,
        lambda c: decisions.announce_end(
            c, "v1.0.0", deprecated_s=1_767_225_600.0, sunset_s=1_798_761_600.0, link="https://example.com/v1"
        ),
    )
    build.rollout.refresh()
    assert {
        "api-version": "v1.0.0",
        "deprecation": "@1767225600",
        "sunset": "Fri, 01 Jan 2027 00:00:00 GMT",
        "link": '<https://example.com/v1>; rel="deprecation"; type="text/html", '
        '<https://example.com/v1>; rel="sunset"; type="text/html", <?version=v2.0.0>; rel="successor-version"',
    } == dict(build.timescape.state.headers[0])
    assert {"api-version": "v2.0.0"} == dict(build.timescape.state.headers[1])


def test_brownout_begins_and_ends_by_itself() -> None:
    build = Build()
    now_s = build.clock.time()
    decide(build, lambda c: decisions.brown_out(c, "v1.0.0", [(now_s + 10, now_s + 70)]))
    build.rollout.refresh()
    seen = []
    for _ in range(8):
        seen.append(build.served("v1.0.0"))
        build.pass_time(10)
    assert ["v1.0.0", "410", "410", "410", "410", "410", "410", "v1.0.0"] == seen


def test_brownout_says_how_long_it_lasts() -> None:
    build = Build()
    now_s = build.clock.time()
    decide(build, lambda c: decisions.brown_out(c, "v1.0.0", [(now_s, now_s + 60)]))
    build.rollout.refresh()
    build.pass_time(31)
    assert 30 == build.timescape.state.steering.closed[0].retry_after_s


def test_usage_of_several_processes_is_added_up_and_survives() -> None:
    one = Build()
    other = Build(store=one.store, clock=one.clock)
    one.answer("v1.0.0", times=3)
    other.answer("v1.0.0", times=4)
    other.answer("v2.0.0", client="10.0.0.2")
    for each in (one, other):
        each.rollout.flush()
        each.rollout.flush()
    assert [("v1.0.0", "10.0.0.1", 7), ("v2.0.0", "10.0.0.2", 1)] == [
        (each.version, each.client, each.requests) for each in one.store.usage("pets")
    ]


def test_version_that_others_see_fail_is_left_by_a_process_that_saw_little() -> None:
    settings = RolloutSettings(health_window_s=5.0, health_min_requests=10)
    one = Build(settings=settings)
    other = Build(store=one.store, clock=one.clock, settings=settings)
    one.answer("v3.0.0", 500, times=8)
    other.answer("v3.0.0", 500, times=2)
    one.rollout.flush()
    other.rollout.tick()
    assert "v3.0.0" == other.served()
    other.rollout.refresh()
    assert ["v2.0.0", "v3.0.0"] == [other.served(), other.served("v3.0.0")]


def test_what_others_saw_before_a_clock_was_set_back_does_not_count() -> None:
    build = Build()
    ahead = build.clock.time() + 3600
    report = HealthReport(version="v3.0.0", process="gone", at_s=ahead, requests=100, errors=100, slow=0, healthy=False)
    build.store.put_health("pets", [report])
    build.rollout.refresh()
    assert "v3.0.0" == build.served()


def test_fallback_when_switched_off_leaves_everybody_where_they_are() -> None:
    build = Build(settings=RolloutSettings(health_min_requests=1, fallback=False))
    build.answer("v3.0.0", 500, times=50)
    build.rollout.tick()
    assert "v3.0.0" == build.served()


def test_cold_version_is_retired_by_itself_when_configured() -> None:
    settings = RolloutSettings(retire_after_days=10, cold_after_days=30, grace_days=14)
    build = Build(settings=settings)
    build.answer("v2.0.0")
    live_on(build, 39)
    assert ["active", "active", "active"] == statuses(build)
    live_on(build, 3)
    assert ["retired", "retired", "active"] == statuses(build)
    assert "auto-retire" == build.store.journal("pets")[0].actor
    assert "410" == build.served("v1.0.0")


def live_on(build: Build, days: int) -> None:
    """Let days pass on which the newest version is used."""
    for _ in range(days):
        build.answer("v3.0.0")
        build.rollout.flush()
        build.clock.advance(DAY_S)
    build.rollout.flush()


def statuses(build: Build) -> list[str]:
    return [each.status for each in build.store.control("pets").versions.values()]


@pytest.mark.parametrize("days", [50, 365, 10_000])
def test_clock_that_is_far_ahead_retires_nothing(days: int) -> None:
    build = Build(settings=RolloutSettings(retire_after_days=10))
    build.answer("v2.0.0")
    live_on(build, 15)
    build.clock.advance(days * DAY_S)
    live_on(build, 15)
    assert ["active", "active", "active"] == statuses(build)


def test_api_that_nobody_uses_retires_nothing() -> None:
    build = Build(settings=RolloutSettings(retire_after_days=10))
    for _ in range(100):
        build.clock.advance(DAY_S)
        build.rollout.flush()
    assert ["active", "active", "active"] == statuses(build)


class Timed(MemoryStore):  # type: ignore[misc]  # final for users, not for a test that gives it a clock
    """A store with a server that has a clock of its own."""

    now_s = 0.0

    def time(self) -> float | None:
        return self.now_s


def test_time_of_the_store_counts_more_than_a_clock_that_is_ahead() -> None:
    store = Timed()
    build = Build(store=store, settings=RolloutSettings(retire_after_days=10, usage_days=60))
    store.now_s = began_s = build.clock.time()
    live_on(build, 100)
    assert ["active", "active", "active"] == statuses(build)
    assert 100 == len(store.usage("pets")), "nor is anything forgotten"
    store.now_s = began_s + 100 * DAY_S
    live_on(build, 1)
    assert ["retired", "retired", "active"] == statuses(build)
    assert len(store.usage("pets")) < 65


def test_version_that_only_a_tag_of_another_build_leads_to_is_not_retired() -> None:
    settings = RolloutSettings(retire_after_days=10)
    old = Build(settings=settings)
    newer = Build(
        ("v1.0.0", "v2.0.0", "v3.0.0", "v4.0.0"), store=old.store, clock=old.clock,
        config=Config(tags={"partners": "v1.0.0"}, rollout=settings),
    )  # fmt: skip
    for _ in range(120):
        old.answer("v3.0.0")
        newer.rollout.flush()
        old.rollout.flush()
        old.clock.advance(DAY_S / 2)
    assert ["active", "retired", "active", "active"] == statuses(old)


def test_version_that_this_build_does_not_have_is_left_to_those_that_do() -> None:
    settings = RolloutSettings(retire_after_days=10)
    old = Build(settings=settings)
    Build(("v1.0.0", "v2.0.0", "v3.0.0", "v4.0.0"), store=old.store, clock=old.clock)
    live_on(old, 60)
    assert ["retired", "retired", "active", "active"] == statuses(old)


def test_store_that_was_emptied_is_told_again_what_is_served(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    place = tmp_path / "store" / "store.db"
    with closing(open_store(f"sqlite:///{place}")) as store, closing(open_store(f"sqlite:///{place}")) as seen:
        build = Build(store=store, settings=RolloutSettings(pin_on_first_use=True))
        for client in ("ada", "bob"):  # its change number is ahead of that of a new store
            store.pin("pets", [Pin(client=client, version="v1.0.0")])
        tag(build, "beta", "v1.0.0")
        build.rollout.refresh()
        assert ["v1.0.0", "v1.0.0"] == [build.served("beta"), build.served(client="ada")]
        shutil.rmtree(place.parent)
        with pytest.raises(StoreError, match="its file was removed"):
            build.rollout.flush()
        assert "v1.0.0" == build.served("beta"), "what was known last goes on"
        wait_until_made(build, place)
        assert ["v1.0.0", "v2.0.0", "v3.0.0"] == [each.name for each in seen.versions("pets")]
        assert ["400", "v3.0.0", "v3.0.0"] == [build.served("beta"), build.served(), build.served(client="ada")]
        assert caplog.text.count("versions were registered anew") == 1
        build.rollout.flush()
        assert ["10.0.0.1", "ada"] == [pin.client for pin in seen.pins("pets")[0]], "and are pinned anew"


def wait_until_made(build: Build, place: Path) -> None:
    deadline = time.monotonic() + 10
    while not place.exists():
        with suppress(StoreError):
            build.rollout.flush()
        assert time.monotonic() < deadline


@pytest.mark.parametrize("content", [b"", b"no database\n" * 100])
def test_store_whose_file_is_replaced_is_followed_or_done_without(
    content: bytes, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    place, other = tmp_path / "store.db", tmp_path / "other"
    with closing(open_store(f"sqlite:///{place}")) as store:
        build = Build(store=store)
        retire(build, "v1.0.0")
        build.rollout.refresh()
        other.write_bytes(content)
        for each in tmp_path.glob("store.db-*"):
            each.unlink()
        other.rename(place)
        if content:
            for _ in range(3):
                with pytest.raises(StoreError, match="is no SQLite database"):
                    build.rollout.flush()
            assert "410" == build.served("v1.0.0"), "what was known last goes on"
            assert 1 == caplog.text.count("the store is gone")
            place.unlink()
            wait_until_made(build, place)
            assert 1 == caplog.text.count("the store is back")
        build.rollout.flush()
        assert ["active"] * 3 == statuses(build)
        assert "v1.0.0" == build.served("v1.0.0")


def test_store_that_is_restored_while_it_is_used_is_told_what_it_does_not_know(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with closing(open_store(url)) as store:
        old = Build(("v1.0.0", "v2.0.0"), store=store)
        tag(old, "beta", "v1.0.0")
        with closing(sqlite3.connect(tmp_path / "store.db")) as source, closing(sqlite3.connect(tmp_path / "b")) as to:
            source.backup(to)
        with closing(open_store(url)) as other:
            newer = Build(store=other)
            tag(newer, "beta", "v3.0.0")
            newer.rollout.refresh()
            assert "v3.0.0" == newer.served("beta")
            with (
                closing(sqlite3.connect(tmp_path / "store.db")) as to,
                closing(sqlite3.connect(tmp_path / "b")) as back,
            ):
                back.backup(to)  # what `.restore` of sqlite3 does
            newer.rollout.refresh()
            assert ["v1.0.0", "v3.0.0"] == [newer.served("beta"), newer.served("v3.0.0")]
            assert ["v1.0.0", "v2.0.0", "v3.0.0"] == [each.name for each in store.versions("pets")]
            assert ["active"] * 3 == statuses(newer)


def test_two_builds_on_a_store_that_was_emptied_come_to_the_same(tmp_path: Path) -> None:
    """The numbers of the new store are those of the old one: only its origin is another."""
    place = tmp_path / "store.db"
    with closing(open_store(f"sqlite:///{place}")) as store, closing(open_store(f"sqlite:///{place}")) as second:
        one, other, late = Build(store=store), Build(store=second), Build(store=second)
        store.pin("pets", [Pin(client="ada", version="v1.0.0")])
        tag(one, "beta", "v1.0.0")
        for each in (one, other, late):
            each.rollout.refresh()
        before = store.position("pets")
        for path in tmp_path.glob("store.db*"):
            path.unlink()
        place.touch()
        one.rollout.refresh()
        tag(one, "gamma", "v2.0.0")
        tag(one, "gamma", "v1.0.0")
        assert before.change == store.position("pets").change
        for each in (one, other):
            each.rollout.refresh()
            assert ["400", "v1.0.0"] == [each.served("beta"), each.served("gamma")]
            assert "v3.0.0" == each.served(client="ada"), "its pin went with the store"
        tag(one, "delta", "v1.0.0")
        assert before.change < store.position("pets").change
        late.rollout.refresh()
        assert ["400", "v1.0.0"] == [late.served("beta"), late.served("delta")]
        assert "v3.0.0" == late.served(client="ada")


@pytest.mark.parametrize("needing", ["tag", "retain", "pin", "use"])
def test_version_that_is_needed_is_never_retired_by_itself(needing: str) -> None:
    build = Build(("v1.0.0", "v3.0.0"), settings=RolloutSettings(retire_after_days=10))
    if needing == "tag":
        tag(build, "beta", "v1.0.0")
    elif needing == "retain":
        decide(build, lambda control: decisions.retain(control, "v1.0.0", retained=True))
    elif needing == "pin":
        build.store.pin("pets", [Pin(client="ada", version="v1.0.0")])
    build.rollout.refresh()
    live_on(build, 25)
    if needing == "use":
        build.answer("v1.0.0")
    live_on(build, 35)
    assert "v1.0.0" == build.served("v1.0.0")


def test_usage_of_long_ago_is_forgotten() -> None:
    build = Build(settings=RolloutSettings(usage_days=10))
    build.answer("v1.0.0")
    build.rollout.flush()
    build.clock.advance(12 * DAY_S)
    build.rollout.flush()
    assert () == build.store.usage("pets")


class Losable(MemoryStore):  # type: ignore[misc]  # final for users, not for a test that breaks its connection
    """A store whose connection can be lost."""

    is_lost = False

    def position(self, app: str) -> Position:
        self._refuse()
        return super().position(app)

    def add_usage(self, app: str, counts: object) -> None:
        self._refuse()
        super().add_usage(app, counts)  # type: ignore[arg-type]

    def pin(self, app: str, pins: object) -> None:
        self._refuse()
        super().pin(app, pins)  # type: ignore[arg-type]

    def _refuse(self) -> None:
        if self.is_lost:
            raise StoreError("no route to host")


async def test_loop_when_the_store_is_lost_goes_on_says_so_once_and_recovers(caplog: pytest.LogCaptureFixture) -> None:
    store = Losable()
    build = Build(store=store, settings=RolloutSettings(pin_on_first_use=True))
    running = asyncio.create_task(build.rollout.run())
    await passing(build.clock)
    store.is_lost = True
    build.answer("v1.0.0", times=5)
    assert "v3.0.0" == build.served()
    await passing(build.clock, lambda: "the store is gone" in caplog.text)
    assert 1 == caplog.text.count("the store is gone: no route to host")
    assert "v3.0.0" == build.served()
    store.is_lost = False
    tag(build, "beta", "v2.0.0")
    await passing(build.clock, lambda: "v2.0.0" == build.served("beta") and bool(store.usage("pets")))
    assert 1 == caplog.text.count("the store is back")
    assert 5 == sum(each.requests for each in store.usage("pets"))
    assert ["10.0.0.1"] == [each.client for each in store.pins("pets")[0]]
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_loop_when_cancelled_writes_what_was_counted() -> None:
    build = Build(settings=RolloutSettings(flush_interval_s=3600.0))
    running = asyncio.create_task(build.rollout.run())
    await passing(build.clock)
    build.answer("v1.0.0", times=5)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert 5 == sum(each.requests for each in build.store.usage("pets"))


async def test_loop_when_something_breaks_goes_on(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = Build()
    running = asyncio.create_task(build.rollout.run())
    monkeypatch.setattr(build.store, "position", lambda app: 1 / 0)
    await passing(build.clock, lambda: "division by zero" in caplog.text)
    monkeypatch.undo()
    tag(build, "beta", "v2.0.0")
    await passing(build.clock, lambda: "v2.0.0" == build.served("beta"))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def passing(clock: FakeClock, has_happened: Callable[[], bool] = lambda: True) -> None:
    """Let four seconds pass for a loop that waits on *clock*, and more until its thread has done what it is given."""
    passed, give_up = 0, time.monotonic() + 20
    while passed < 16 or not has_happened():
        assert time.monotonic() < give_up, "it never happened"
        passed += 1
        clock.advance(0.25)
        for _ in range(3):
            await asyncio.sleep(0.001)


def test_store_that_is_not_required_and_cannot_be_used_is_done_without(caplog: pytest.LogCaptureFixture) -> None:
    spare = Build(registered=False)

    def make(store: object) -> object:
        return Build(store=store, registered=False).rollout  # type: ignore[arg-type]

    place = StorePlace(url="sqlite:////proc/nothing/store.db", is_required=False)
    rollout = open_rollout(place, make)  # type: ignore[arg-type]
    assert "in memory" in caplog.text
    assert ["active"] * 3 == [each.status for each in rollout.control.versions.values()]
    with pytest.raises(StoreError):
        open_rollout(replace(place, is_required=True), lambda _: spare.rollout)


def test_roster_knows_tags_pins_and_versions() -> None:
    build = Build(config=Config(tags={"partners": "v1.0.0"}))
    build.store.pin("pets", [Pin(client="ada", version="v2.0.0")])
    build.rollout.refresh()
    roster = build.rollout.roster()
    assert ("v1.0.0", "v2.0.0", "v3.0.0") == roster.names
    assert {"partners": "v1.0.0", "latest": "v3.0.0", "stable": "v3.0.0"} == dict(roster.tags)
    with pytest.raises(DecisionError, match="1 client is pinned"):
        decisions.retire(roster.control, "v2.0.0", roster, 1.0)


def test_log_says_when_a_version_becomes_unhealthy_and_healthy(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    build = Build(settings=RolloutSettings(health_window_s=2.0, health_min_requests=5))
    build.answer("v3.0.0", 503, times=5)
    build.pass_time(4)
    build.answer("v3.0.0", times=5)
    build.pass_time(1)
    told = [record.message.partition(" is ")[2].partition(":")[0] for record in caplog.records]
    assert ["unhealthy", "on trial", "healthy again"] == told


def recorded(after: Api) -> Timescape:
    return Timescape([replace(record("r0", Revision("2025-01-01"), before=Api(), after=after), digest=digest(after))])


def digest(api: Api) -> str:
    return hashlib.sha256(msgspec.json.encode(api)).hexdigest()


def test_revision_when_it_changed_since_it_was_registered_is_refused_unless_it_is_a_draft() -> None:
    first, second = Api(types={"A": String()}), Api(types={"A": Integer()})
    for has_drafts in (True, False):
        store = MemoryStore()
        Rollout("pets", recorded(first), store, Config(), FakeClock()).register(has_drafts=has_drafts)
        again = Rollout("pets", recorded(second), store, Config(), FakeClock())
        if has_drafts:
            again.register(has_drafts=True)
            assert second == store.versions("pets")[0].api
        else:
            with pytest.raises(RevisionConflictError):
                again.register()
