"""Property 36: manifests, GTypes and health are cached and the cache is coherent.

Two stores on one database, each with its own caches, take turns in an order that is drawn: one writes, either reads.
The documented bound is none: a read that begins after a write was committed sees it. The oracle is a few dictionaries.
That something is cached is seen on the wire: what is published is read again without a word to the database.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from msgspec.structs import replace
from sqlalchemy import Engine, event

from perdure.gtype.nodes import Boolean, GType, Integer, String
from perdure.manifest.records import HandlerManifest
from perdure.store.api_keys import ApiKey
from perdure.store.base import Store
from perdure.store.records import Control, HealthReport, Pin, Publication, PublishedVersion
from tests.store.places import Place, place_of
from tests.store.samples import api, manifest, report, version

APIS = (api(), api(3), api(first=Boolean()), api(first=Integer(ge=1)))
BUILDS = st.builds(
    lambda names, shape, summary: Publication(
        app="",
        versions=tuple(version(name, seconds=int(name), api=APIS[shape]) for name in sorted(names)),
        manifests=(manifest("one", summary=summary), manifest("two", version=f"tsv:{min(names)}-two-000")),
    ),
    st.sets(st.sampled_from(["1", "2", "3"]), min_size=1),
    st.integers(0, 3),
    st.sampled_from(["a", "b"]),
)
SIDES = st.integers(0, 1)


class Caches(RuleBasedStateMachine):
    """One app of its own for each run."""

    place: ClassVar[Place]
    count: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).count += 1
        self.app = f"app {self.count}"
        self.stores: tuple[Store, Store] = (self.place.writer, self.place.second)
        self.versions: dict[str, PublishedVersion] = {}
        self.current: dict[tuple[str, str], HandlerManifest] = {}
        self.control = Control()
        self.pins: dict[str, Pin] = {}
        self.reports: dict[tuple[str, str], HealthReport] = {}
        self.keys: dict[str, bool] = {}
        """By id, whether it is revoked."""
        self.keys_followed: list[dict[str, bool]] = [{}, {}]
        self.numbers = [0, 0]
        self.followed: list[dict[str, Pin]] = [{}, {}]

    @rule(side=SIDES, build=BUILDS)
    def publish(self, side: int, build: Publication) -> None:
        self.stores[side].publish(replace(build, app=self.app), at_s=1.0)
        self.versions |= {each.name: each for each in build.versions}
        self.current |= {(each.id, each.version): each for each in build.manifests}

    @rule(side=SIDES, name=st.sampled_from(["x", "y", "z"]))
    def tag(self, side: int, name: str) -> None:
        def edit(control: Control) -> Control:
            return replace(control, tags={"beta": name})

        self.stores[side].decide(self.app, edit, actor="ada", action="tag", at_s=1.0)
        self.control = replace(self.control, tags={"beta": name})

    @rule(side=SIDES, clients=st.sampled_from(["a", "b", "c", "abc"]), name=st.sampled_from("xy"))
    def pin(self, side: int, clients: str, name: str) -> None:
        pins = [Pin(client=client, version=name) for client in clients]
        self.pins |= {pin.client: pin for pin in pins}
        self.stores[side].pin(self.app, pins)

    @rule(side=SIDES, client=st.sampled_from("abc"))
    def unpin(self, side: int, client: str) -> None:
        assert (self.pins.pop(client, None) is not None) == self.stores[side].unpin(self.app, client)

    @rule(side=SIDES, clients=st.sampled_from(["", "ab", "abc"]))
    def unpin_and_forget(self, side: int, clients: str) -> None:
        for client in clients:
            self.pins.pop(client, None)
            self.stores[side].unpin(self.app, client)
        self.stores[side].shorten(self.app, decisions=1, unpinned=1)

    @rule(side=SIDES, name=st.sampled_from("abc"))
    def add_key(self, side: int, name: str) -> None:
        key = ApiKey(id=name, digest="ab" * 32, subject=name, created_s=1.0, created_by="ada")
        assert (name not in self.keys) == self.stores[side].add_api_key(self.app, key)
        self.keys.setdefault(name, False)

    @rule(side=SIDES, name=st.sampled_from("abc"))
    def revoke_key(self, side: int, name: str) -> None:
        is_there = self.keys.get(name) is False
        assert is_there == self.stores[side].revoke_api_key(self.app, name, actor="ada", at_s=2.0)
        self.keys |= {name: True} if is_there else {}

    @rule(side=SIDES, process=st.sampled_from("pq"), at_s=st.integers(0, 9))
    def report(self, side: int, process: str, at_s: int) -> None:
        said = report(process, at_s=float(at_s))
        self.reports[said.version, process] = said
        self.stores[side].put_health(self.app, [said])

    @invariant()
    def both_read_what_was_written(self) -> None:
        for store in self.stores:
            assert sorted(self.versions.values(), key=lambda each: each.seconds) == list(store.versions(self.app))
            assert [self.current[key] for key in sorted(self.current)] == list(store.manifests(self.app))
            assert [self.reports[key] for key in sorted(self.reports)] == list(store.health(self.app))
            assert self.control.tags == store.control(self.app).tags
            assert self.versions.keys() == store.control(self.app).versions.keys()
            for each in self.current.values():
                assert each == store.manifest(each.fingerprint)

    @invariant()
    def both_follow_the_pins_and_keys(self) -> None:
        """Follow them by change number, as a server does."""
        for side, store in enumerate(self.stores):
            known, change = self.followed[side], store.change(self.app)
            pinned, unpinned = store.pins(self.app, self.numbers[side])
            if unpinned is None:
                known.clear()
            known |= {pin.client: pin for pin in pinned}
            for client in unpinned or ():
                known.pop(client, None)
            self.keys_followed[side] |= {
                key.id: key.revoked_s is not None for key in store.api_keys(self.app, self.numbers[side])
            }
            self.numbers[side] = change
            assert self.pins == known
            assert self.keys == self.keys_followed[side]


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    found = place_of(request.param, tmp_path)
    yield found
    found.close()


def test_two_stores_read_what_either_wrote(place: Place) -> None:
    machine = type("CachesHere", (Caches,), {"place": place})
    examples = 30 if place.kind == "postgres" else 100
    run_state_machine_as_test(machine, settings=settings(max_examples=examples, stateful_step_count=8, deadline=None))


def test_what_is_published_is_read_from_the_database_once(place: Place) -> None:
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    writer, reader = place.writer, place.second
    build = Publication(app="shop", versions=(version(),), manifests=(manifest(),))
    writer.publish(build, at_s=1.0)
    writer.put_health("shop", [report()])
    gtype = GType(String())
    event.listen(Engine, "before_cursor_execute", note)
    try:
        fingerprint = manifest().fingerprint
        assert reader.manifest(fingerprint) is not None
        assert reader.gtype(gtype.fingerprint) is None
        first = (reader.versions("shop"), reader.manifests("shop"), reader.health("shop"))
        said.clear()
        assert reader.manifest(fingerprint) is reader.manifest(fingerprint)
        assert [] == said
        again = (reader.versions("shop"), reader.manifests("shop"), reader.health("shop"))
        assert 3 == len([each for each in said if each.startswith("SELECT")]), "one question each: is there news?"
        assert all(old is new for old, new in zip(first, again, strict=True))
    finally:
        event.remove(Engine, "before_cursor_execute", note)
