"""Publications in a SQL store: written whole or not at all, and kept in memory once they were read."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final, final

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, select

from perdure.gtype.nodes import GType
from perdure.manifest.records import Api, HandlerManifest
from perdure.store.content import Packer, Part, Unpacker
from perdure.store.database import Database
from perdure.store.merging import check_names, document, fresh_versions, registered, version_order
from perdure.store.records import Control, Position, Publication, PublishedVersion
from perdure.store.schema import CONTENT, MANIFESTS, VERSIONS
from perdure.store.sql_apps import AppRow, in_portions, locked_app, read_app, write_app

__all__ = ["Publications"]

_NO_API: Final = Api()


@final
class Publications:
    """What was published, in one database.

    Args:
        database: Where.
        where: The same for people.
    """

    def __init__(self, database: Database, where: str) -> None:
        self._database = database
        self._unpacker = Unpacker(self._fetch, where)
        self.manifest_there = self._unpacker.manifest_there
        self.gtype_there = self._unpacker.gtype_there
        self._versions: dict[str, tuple[Position, tuple[PublishedVersion, ...]]] = {}
        """By app, with the number of the publication they were read at."""
        self._manifests: dict[str, tuple[Position, tuple[HandlerManifest, ...]]] = {}

    def publish(self, publication: Publication, at_s: float) -> bool:
        """See `perdure.store.base.Store.publish`."""
        app, packer = publication.app, Packer()
        check_names(app, *(version.name for version in publication.versions))
        check_names(*(name for each in publication.manifests for name in (each.id, each.version)))
        fingerprint = _fingerprint(publication, packer)
        with self._database.reading() as connection:
            if read_app(connection, app).publication == fingerprint:
                return False
        manifests = {(each.id, each.version): packer.manifest(each) for each in publication.manifests}
        apis = {version.name: packer.api(version.api) for version in self._unknown(publication)}
        with self._database.writing() as connection:
            row = locked_app(self._database, connection, app)
            fresh = fresh_versions(publication, _digests(connection, app))
            # A version that was unknown a moment ago can only have become known since; none is missing here.
            self._write_content(connection, packer.parts)
            is_news = self._write_versions(connection, app, {each.name: (each, apis[each.name]) for each in fresh})
            is_news |= self._write_manifests(connection, app, manifests)
            before = msgspec.json.decode(row.control, type=Control)
            control = registered(before, publication, at_s)
            is_news |= control is not before
            write_app(connection, app, _published(row, fingerprint, None if control is before else control, is_news))
        return is_news

    def versions(self, app: str) -> tuple[PublishedVersion, ...]:
        """See `perdure.store.base.Store.versions`."""
        with self._database.reading() as connection:
            position = _published_at(read_app(connection, app))
            known = self._versions.get(app)
            if known is not None and known[0] == position:
                return known[1]
            rows = connection.execute(select(VERSIONS.c.api, VERSIONS.c.body).where(VERSIONS.c.app == app)).all()
        apis = self._unpacker.apis({api for api, _ in rows})
        read = (replace(msgspec.json.decode(body, type=PublishedVersion), api=apis[api]) for api, body in rows)
        versions = tuple(sorted(read, key=version_order))
        self._versions[app] = position, versions
        return versions

    def manifests(self, app: str) -> tuple[HandlerManifest, ...]:
        """See `perdure.store.base.Store.manifests`."""
        with self._database.reading() as connection:
            position = _published_at(read_app(connection, app))
            known = self._manifests.get(app)
            if known is not None and known[0] == position:
                return known[1]
            current = _current(connection, app)
        found = self._unpacker.manifests(current.values())
        manifests = tuple(found[current[key]] for key in sorted(current))
        self._manifests[app] = position, manifests
        return manifests

    def manifest(self, fingerprint: str) -> HandlerManifest | None:
        """Return the manifest from the database; raises as `perdure.store.base.Store.manifest`."""
        return self._unpacker.manifests([fingerprint]).get(fingerprint)

    def gtype(self, fingerprint: str) -> GType | None:
        """Return the type from the database; raises as `perdure.store.base.Store.gtype`."""
        return self._unpacker.gtype(fingerprint)

    def _fetch(self, fingerprints: Iterable[str]) -> dict[str, Part]:
        found: dict[str, Part] = {}
        with self._database.reading() as connection:
            for portion in in_portions(fingerprints):
                chosen = select(CONTENT).where(CONTENT.c.fingerprint.in_(portion))
                found |= {fingerprint: Part(kind, body) for fingerprint, kind, body in connection.execute(chosen)}
        return found

    def _unknown(self, publication: Publication) -> tuple[PublishedVersion, ...]:
        """Return those versions that are not there for ever; raises as `fresh_versions`."""
        with self._database.reading() as connection:
            return fresh_versions(publication, _digests(connection, publication.app))

    def _write_content(self, connection: Connection, parts: Mapping[str, Part]) -> None:
        missing = set(parts)
        for names in in_portions(parts):
            missing.difference_update(
                connection.scalars(select(CONTENT.c.fingerprint).where(CONTENT.c.fingerprint.in_(names)))
            )
        # Sorted: two that write the same at once wait for each other in one order, and never in a ring.
        rows = [{"fingerprint": each, "kind": parts[each].kind, "body": parts[each].body} for each in sorted(missing)]
        for portion in in_portions(rows):
            insertion = self._database.upsert(CONTENT).on_conflict_do_nothing(index_elements=["fingerprint"])
            connection.execute(insertion, portion)

    def _write_versions(
        self, connection: Connection, app: str, fresh: Mapping[str, tuple[PublishedVersion, str]]
    ) -> bool:
        """Write those versions that differ from what is there; tell whether one did."""
        chosen = select(VERSIONS.c.name, VERSIONS.c.api, VERSIONS.c.body).where(VERSIONS.c.app == app)
        known = {name: (api, body) for name, api, body in connection.execute(chosen)}
        rows = [
            {"app": app, "name": name, "digest": version.digest, "api": api, "body": _without_api(version)}
            for name, (version, api) in fresh.items()
            if known.get(name) != (api, _without_api(version))
        ]
        for portion in in_portions(rows):
            insertion = self._database.upsert(VERSIONS)
            replaced = {name: insertion.excluded[name] for name in ("digest", "api", "body")}
            connection.execute(insertion.on_conflict_do_update(index_elements=["app", "name"], set_=replaced), portion)
        return bool(rows)

    def _write_manifests(self, connection: Connection, app: str, manifests: Mapping[tuple[str, str], str]) -> bool:
        known = _current(connection, app)
        rows = [
            {"app": app, "id": key[0], "version": key[1], "fingerprint": fingerprint}
            for key, fingerprint in manifests.items()
            if known.get(key) != fingerprint
        ]
        for portion in in_portions(rows):
            insertion = self._database.upsert(MANIFESTS)
            replaced = {"fingerprint": insertion.excluded.fingerprint}
            connection.execute(
                insertion.on_conflict_do_update(index_elements=["app", "id", "version"], set_=replaced), portion
            )
        return bool(rows)


def _fingerprint(publication: Publication, packer: Packer) -> str:
    """Return what two publications share exactly when the second says nothing the first did not.

    A version with a digest is known by it; of the others everything counts.
    """
    versions = [
        [version.name, version.digest] if version.digest else [replace(version, api=_NO_API), packer.api(version.api)]
        for version in publication.versions
    ]
    said = [versions, sorted({manifest.fingerprint for manifest in publication.manifests})]
    return hashlib.sha256(document(said)).hexdigest()


def _published_at(row: AppRow) -> Position:
    return Position(row.origin, row.published)


def _published(row: AppRow, fingerprint: str, control: Control | None, is_news: bool) -> AppRow:
    if not is_news:
        return row._replace(publication=fingerprint)
    change = row.change + 1
    row = row._replace(publication=fingerprint, change=change, published=change)
    return row if control is None else row._replace(decided=change, control=document(control))


def _without_api(version: PublishedVersion) -> bytes:
    return document(replace(version, api=_NO_API))


def _digests(connection: Connection, app: str) -> dict[str, str]:
    chosen = select(VERSIONS.c.name, VERSIONS.c.digest).where(VERSIONS.c.app == app)
    return {row.name: row.digest for row in connection.execute(chosen)}


def _current(connection: Connection, app: str) -> dict[tuple[str, str], str]:
    chosen = select(MANIFESTS.c.id, MANIFESTS.c.version, MANIFESTS.c.fingerprint).where(MANIFESTS.c.app == app)
    return {(handler, version): fingerprint for handler, version, fingerprint in connection.execute(chosen)}
