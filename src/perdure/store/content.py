"""What is published, cut into parts that are kept once each, and put together again.

An API of a thousand endpoints changes in a few places from version to version. So each type and endpoint is a part of
its own, named by its SHA-256; the names of the parts lie on 32 shelves, by the name of the type or endpoint; a
shelf is a part too, and an API is the list of its shelves. A version costs the parts and the shelves it changes.

Alternatives: each API in full (a hundred times as much for a hundred versions); the changes from version to version
(reading one version would read them all, and two builds that publish at once would have to agree on what came before).
"""

import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal, TypeVar, final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from perdure.errors import StoreError
from perdure.gtype.nodes import GType, Node
from perdure.manifest.records import Api, Endpoint, HandlerManifest
from perdure.store.gtypes import gtypes_of

__all__ = ["Kind", "Packer", "Part", "Unpacker"]

Kind = Literal["type", "endpoint", "shelf", "api", "manifest", "gtype"]
"""What a part is."""

_SHELVES: Final = 32
_CACHE_LIMIT: Final = 200_000
_T = TypeVar("_T")
_Shelf = tuple[tuple[str, str], ...]
"""Names and fingerprints; no object, so that it reads like no other part."""


@final
class Part(Struct, frozen=True):
    """One piece of content: what it is, and its text."""

    kind: Kind
    body: bytes


class _ApiPart(Struct, frozen=True, omit_defaults=True):
    """An API: the fingerprints of its shelves, by number."""

    types: dict[str, str] = {}
    endpoints: dict[str, str] = {}


class _ManifestPart(Struct, frozen=True):
    """A manifest: without its types, and their fingerprints."""

    manifest: HandlerManifest
    types: dict[str, str]


class _GTypePart(Struct, frozen=True):
    """A type: its root, and the fingerprints of its definitions."""

    root: Node
    definitions: dict[str, str]


@final
class Packer:
    """Cuts content into parts; what is the same object is looked at once.

    What it was given must live and stay as it is while it is used.
    """

    def __init__(self) -> None:
        self.parts: dict[str, Part] = {}
        """By fingerprint."""
        self._seen: dict[int, tuple[object, str]] = {}

    def api(self, api: Api) -> str:
        """Pack *api* and return its fingerprint, which is the same for equal ones."""
        shelves = _ApiPart(types=self._shelves("type", api.types), endpoints=self._shelves("endpoint", api.endpoints))
        return self._add("api", shelves)

    def manifest(self, manifest: HandlerManifest) -> str:
        """Pack *manifest* with its types and return its fingerprint."""
        for gtype in gtypes_of(manifest):
            definitions = {name: self._part("type", node) for name, node in gtype.definitions.items()}
            self._add("gtype", _GTypePart(gtype.root, definitions), gtype.fingerprint)
        types = {name: self._part("type", node) for name, node in manifest.types.items()}
        return self._add("manifest", _ManifestPart(replace(manifest, types={}), types), manifest.fingerprint)

    def _shelves(self, kind: Kind, entries: Mapping[str, Node | Endpoint]) -> dict[str, str]:
        shelves: dict[int, dict[str, str]] = {}
        for name, entry in entries.items():
            shelves.setdefault(zlib.crc32(name.encode()) % _SHELVES, {})[name] = self._part(kind, entry)
        return {str(number): self._add("shelf", sorted(shelf.items())) for number, shelf in shelves.items()}

    def _part(self, kind: Kind, entry: Node | Endpoint) -> str:
        seen = self._seen.get(id(entry))
        if seen is None:
            seen = self._seen[id(entry)] = entry, self._add(kind, entry)
        return seen[1]

    def _add(self, kind: Kind, value: object, fingerprint: str | None = None) -> str:
        body = msgspec.json.encode(value, order="sorted")
        fingerprint = fingerprint or hashlib.sha256(body).hexdigest()
        self.parts[fingerprint] = Part(kind, body)
        return fingerprint


@final
class Unpacker:
    """Puts parts together again, and keeps what it has put together: it never changes.

    Args:
        fetch: Returns the parts of some fingerprints, those there are.
        where: The store, for people.
    """

    def __init__(self, fetch: Callable[[Iterable[str]], Mapping[str, Part]], where: str) -> None:
        self._fetch = fetch
        self._where = where
        self._decoded: dict[str, object] = {}
        self._manifests: dict[str, HandlerManifest] = {}
        self._gtypes: dict[str, GType] = {}
        self.manifest_there = self._manifests.get
        """Return the manifest with a fingerprint if it was read before, else None."""
        self.gtype_there = self._gtypes.get
        """Return the type with a fingerprint if it was read before, else None."""

    def apis(self, fingerprints: Iterable[str]) -> dict[str, Api]:
        """Return the APIs with these fingerprints; types and endpoints are sorted by name.

        Raises:
            StoreError: One of them, or a part of one, is missing or damaged.
        """
        shelved = self._all(fingerprints, "api", _ApiPart)
        numbers = {each for part in shelved.values() for each in (*part.types.values(), *part.endpoints.values())}
        shelves = self._all(numbers, "shelf", _Shelf)
        types = {each for part in shelved.values() for number in part.types.values() for _, each in shelves[number]}
        endpoints = {
            each for part in shelved.values() for number in part.endpoints.values() for _, each in shelves[number]
        }
        nodes: dict[str, Node] = self._all(types, "type", Node)  # type: ignore[arg-type]
        known = self._all(endpoints, "endpoint", Endpoint)
        return {
            fingerprint: Api(
                types=_shelved(part.types.values(), shelves, nodes),
                endpoints=_shelved(part.endpoints.values(), shelves, known),
            )
            for fingerprint, part in shelved.items()
        }

    def manifests(self, fingerprints: Iterable[str]) -> dict[str, HandlerManifest]:
        """Return the manifests with these fingerprints, those there are.

        Raises:
            StoreError: One of them, or a part of one, is damaged.
        """
        wanted = set(fingerprints)
        missing = [each for each in wanted if each not in self._manifests]
        if missing:
            found = {key: part for key, part in self._fetch(missing).items() if part.kind == "manifest"}
            parts = {key: self._decode(key, part, _ManifestPart) for key, part in found.items()}
            nodes = self._nodes(each for part in parts.values() for each in part.types.values())
            for key, part in parts.items():
                manifest = replace(part.manifest, types={name: nodes[each] for name, each in part.types.items()})
                self._check(key, manifest.fingerprint)
                _keep(self._manifests, key, manifest)
        return {each: self._manifests[each] for each in wanted if each in self._manifests}

    def gtype(self, fingerprint: str) -> GType | None:
        """Return the type with this fingerprint, if there is one; raises as `manifests`."""
        found = self._fetch([fingerprint]).get(fingerprint)
        if found is None or found.kind != "gtype":
            return None
        part = self._decode(fingerprint, found, _GTypePart)
        nodes = self._nodes(part.definitions.values())
        gtype = GType(part.root, {name: nodes[each] for name, each in part.definitions.items()})
        self._check(fingerprint, gtype.fingerprint)
        _keep(self._gtypes, fingerprint, gtype)
        return gtype

    def _nodes(self, fingerprints: Iterable[str]) -> dict[str, Node]:
        return self._all(fingerprints, "type", Node)  # type: ignore[arg-type]

    def _all(self, fingerprints: Iterable[str], kind: Kind, type: type[_T]) -> dict[str, _T]:
        """Return the values of parts whose text is what their fingerprints are made of."""
        wanted = dict.fromkeys(fingerprints)
        missing = [each for each in wanted if each not in self._decoded]
        fetched = self._fetch(missing) if missing else {}
        values: dict[str, _T] = {}
        for each in wanted:
            if each in self._decoded:
                values[each] = self._decoded[each]  # type: ignore[assignment]
                continue
            part = fetched.get(each)
            if part is None or part.kind != kind:
                raise StoreError(f"{self._where} is damaged: a part of what was published is missing ({kind} {each})")
            self._check(each, hashlib.sha256(part.body).hexdigest())
            values[each] = self._decode(each, part, type)
            _keep(self._decoded, each, values[each])
        return values

    def _decode(self, fingerprint: str, part: Part, type: type[_T]) -> _T:
        try:
            return msgspec.json.decode(part.body, type=type)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise StoreError(f"{self._where} is damaged: {part.kind} {fingerprint} cannot be read: {error}") from error

    def _check(self, wanted: str, actual: str) -> None:
        if wanted != actual:
            raise StoreError(f"{self._where} is damaged: what was published as {wanted} reads as {actual}")


def _shelved(numbers: Iterable[str], shelves: Mapping[str, _Shelf], parts: Mapping[str, _T]) -> dict[str, _T]:
    names = {name: each for number in numbers for name, each in shelves[number]}
    return {name: parts[names[name]] for name in sorted(names)}


def _keep(cache: dict[str, _T], key: str, value: _T) -> None:
    if len(cache) >= _CACHE_LIMIT:
        cache.pop(next(iter(cache)), None)
    cache[key] = value
