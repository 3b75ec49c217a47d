"""Property 39: whatever the store persists comes back equal, after restart too.

Everything a store takes is drawn and written once, so what was written is the oracle. It is read by the store that
wrote it and by one that was opened afterwards. Canonical JSON must be equal too: ``1``, ``1.0`` and ``True`` compare
equal.
"""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from perdure.store.api_keys import ApiKey
from perdure.store.base import Store
from perdure.store.records import Control, HealthReport, MigrationEntry, Pin, Publication, UsageCount
from tests.store.drawn import (
    CONTROLS,
    REPORTS,
    TEXTS,
    TIMES,
    api_keys,
    gtypes_in,
    migrations,
    pins,
    publications,
    usages,
)
from tests.store.places import KINDS, Place, place_of

apps = (f"app {number}" for number in itertools.count())


@pytest.fixture(scope="module", params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    found = place_of(request.param, Path(tmp_path_factory.mktemp("store")))
    yield found
    found.close()


def _same(written: object, read: object) -> None:
    assert written == read
    assert msgspec.json.encode(written, order="sorted") == msgspec.json.encode(read, order="sorted")


def _check_published(store: Store, app: str, publication: Publication) -> None:
    _same(sorted(publication.versions, key=lambda each: (each.seconds, each.number)), list(store.versions(app)))
    _same(sorted(publication.manifests, key=lambda each: (each.id, each.version)), list(store.manifests(app)))
    for manifest in publication.manifests:
        _same(manifest, store.manifest(manifest.fingerprint))
        for gtype in gtypes_in(manifest):
            _same(gtype, store.gtype(gtype.fingerprint))


def _check_rest(
    store: Store, app: str, control: Control, pinned: Sequence[Pin], counts: Sequence[UsageCount],
    reports: Sequence[HealthReport], steps: Sequence[MigrationEntry],
) -> None:  # fmt: skip
    _same(control, store.control(app))
    _same(sorted(pinned, key=lambda each: each.client), list(store.pins(app)[0]))
    _same(sorted(counts, key=lambda each: (each.version, each.client, each.hour)), list(store.usage(app)))
    _same(sorted(reports, key=lambda each: (each.version, each.process)), list(store.health(app)))
    _same(list(steps), list(store.migrations(app)))


def _enough(place: Place) -> settings:
    return settings(max_examples=40 if place.kind == "postgres" else 120, suppress_health_check=list(HealthCheck))


def test_what_is_published_comes_back_equal(place: Place) -> None:
    @_enough(place)
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        app, store = next(apps), place.writer
        publication = data.draw(publications(app))
        store.publish(publication, at_s=1.0)
        _check_published(store, app, publication)
        _check_published(place.open_again(), app, publication)

    check()


def test_api_keys_come_back_equal(place: Place) -> None:
    @_enough(place)
    @given(keys=api_keys(), revoked_s=TIMES, used_s=TIMES, by=TEXTS)
    def check(keys: list[ApiKey], revoked_s: float, used_s: float, by: str) -> None:
        app, store = next(apps), place.writer
        written = {key.id: key for key in keys}
        for key in keys:
            store.add_api_key(app, key)
        for key in keys[:1]:
            store.touch_api_keys(app, {key.id: used_s})
            written[key.id] = replace(written[key.id], last_used_s=max(used_s, key.last_used_s or used_s))
        for key in keys[:2]:
            if store.revoke_api_key(app, key.id, actor=by, at_s=revoked_s):
                written[key.id] = replace(written[key.id], revoked_s=revoked_s, revoked_by=by)
        for reader in (store, place.open_again()):
            _same(sorted(written.values(), key=lambda each: (each.created_s, each.id)), list(reader.api_keys(app)))

    check()


def test_what_is_decided_and_counted_comes_back_equal(place: Place) -> None:
    @_enough(place)
    @given(
        control=CONTROLS, pinned=pins(), counts=usages(), reports=REPORTS, steps=migrations(), action=TEXTS, at_s=TIMES
    )
    def check(
        control: Control, pinned: list[Pin], counts: list[UsageCount], reports: list[HealthReport],
        steps: list[MigrationEntry], action: str, at_s: float,
    ) -> None:  # fmt: skip
        app, store = next(apps), place.writer
        store.decide(app, lambda _: control, actor="ada", action=action, at_s=at_s)
        store.pin(app, pinned)
        store.add_usage(app, counts)
        store.put_health(app, reports)
        for step in steps:
            store.put_migration(app, step)
        noted = [] if control == Control() else [("ada", action, at_s)]
        for reader in (store, place.open_again()):
            _check_rest(reader, app, control, pinned, counts, reports, steps)
            assert noted == [(each.actor, each.action, each.at_s) for each in reader.journal(app)]

    check()
