"""Anything a store may be given, drawn."""

import msgspec
from hypothesis import strategies as st

from perdure.gtype import nodes as n
from perdure.gtype.nodes import GType, Node
from perdure.gtype.traversal import reachable
from perdure.manifest.records import Api, Endpoint, HandlerManifest, HookRecord
from perdure.store.api_keys import ApiKey
from perdure.store.records import (
    Control,
    HealthReport,
    MigrationEntry,
    Pin,
    Publication,
    PublishedVersion,
    UsageCount,
    VersionControl,
)
from tests.gtype.strategies import NAMED, SMALL_NODES, formatted

__all__ = [
    "CONTROLS", "REPORTS", "TEXTS", "TIMES", "api_keys", "gtypes_in", "migrations", "pins", "publications", "usages",
]  # fmt: skip

TIMES = st.floats(0, 4e9) | st.integers(0, 4 * 10**9).map(float)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
JSON = st.recursive(
    st.sampled_from((None, True, 1, 1.0, -(2**63), 0.1, 1e300, "", "é")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=6,
)  # fmt: skip
DIGESTS = st.sampled_from(["", "a" * 64, "b" * 64])


_NODES = st.one_of(formatted(), *SMALL_NODES.values(), st.sampled_from(NAMED).map(lambda name: n.Ref(name=name)))


@st.composite
def _gtypes(draw: st.DrawFn) -> GType:
    """Return any node over three definitions that refer to each other, and one that holds any other node."""
    first, second = (n.Field(name=name, node=n.Ref(name=name), required=False) for name in "AB")
    odd = draw(_NODES)
    definitions: dict[str, Node] = {
        "A": n.Object(fields=(first, second)),
        "B": n.Object(fields=(n.Field(name="odd", node=odd),)),
        "C": n.Array(items=odd),
    }
    return GType(root=draw(_NODES), definitions=definitions)


_HOOKS = st.builds(
    HookRecord, name=TEXTS, kind=st.sampled_from(["before", "after", "catch"]), order=st.integers(0, 9),
    level=st.sampled_from(["global", "route"]), is_async=st.booleans(), timeout_s=st.none() | TIMES,
    retries=st.integers(0, 3),
)  # fmt: skip


@st.composite
def endpoints(draw: st.DrawFn, root: Node) -> Endpoint:
    """Return an endpoint of types whose definitions are A, B and C."""
    nodes = st.sampled_from([None, root, n.Ref(name="A"), n.Array(items=n.Ref(name="B"))])
    objects = st.sampled_from([None, n.Object(fields=(n.Field(name="id", node=root),))])
    return Endpoint(
        handler=draw(TEXTS), params=draw(objects), query=draw(objects), headers=draw(objects), body=draw(nodes),
        response=draw(nodes), status=draw(st.integers(100, 599)), response_media=draw(TEXTS),
    )  # fmt: skip


@st.composite
def manifests(draw: st.DrawFn, gtype: GType) -> HandlerManifest:
    """Return the manifest of one handler, with exactly the types of *gtype* it reaches."""
    endpoint = draw(endpoints(gtype.root))
    nodes = (endpoint.body, endpoint.response, endpoint.params, endpoint.query, endpoint.headers)
    types: dict[str, Node] = {}
    for node in nodes:
        types |= {} if node is None else reachable(node, gtype.definitions)
    return HandlerManifest(
        id=draw(NAMES), version=draw(NAMES), name=draw(TEXTS), path=draw(TEXTS), methods=("GET", draw(TEXTS)),
        endpoint=endpoint, types=types, hooks=tuple(draw(st.lists(_HOOKS, max_size=1))),
        policies=draw(st.dictionaries(TEXTS, JSON, max_size=2)), modules=tuple(draw(st.lists(TEXTS, max_size=1))),
        is_async=draw(st.booleans()), timeout_s=draw(st.none() | TIMES), deprecated=draw(st.booleans()),
    )  # fmt: skip


@st.composite
def publications(draw: st.DrawFn, app: str) -> Publication:
    """Return what a build publishes: versions in order, each name once; manifests, each id and version once."""
    gtype = draw(_gtypes())
    keys, names = st.lists(TEXTS, max_size=2, unique=True), st.lists(NAMES, min_size=1, max_size=3, unique=True)
    types = st.dictionaries(TEXTS, st.sampled_from(list(gtype.definitions.values())), max_size=3)
    versions = [
        PublishedVersion(
            name=name, seconds=place * 100, number=draw(st.integers(0, 9)), label=draw(st.none() | TEXTS),
            revision=draw(st.none() | TEXTS), digest=draw(DIGESTS),
            transformers=tuple(draw(st.lists(TEXTS, max_size=2))),
            api=Api(
                types={**draw(types), **gtype.definitions},
                endpoints={key: draw(endpoints(gtype.root)) for key in draw(keys)},
            ),
        )
        for place, name in enumerate(draw(names))
    ]  # fmt: skip
    drawn = draw(st.lists(manifests(gtype), max_size=2, unique_by=lambda each: (each.id, each.version)))
    return Publication(app=app, versions=tuple(versions), manifests=tuple(drawn))


VERSION_CONTROLS = st.builds(
    VersionControl, status=st.sampled_from(["registered", "active", "retired"]), registered_s=TIMES,
    activated_s=st.none() | TIMES, retired_s=st.none() | TIMES, retained=st.booleans(),
    deprecated_s=st.none() | TIMES, sunset_s=st.none() | TIMES, link=st.none() | TEXTS,
    brownouts=st.lists(st.tuples(TIMES, TIMES), max_size=2).map(tuple),
)  # fmt: skip
_PLAIN = st.builds(
    Control, versions=st.dictionaries(TEXTS, VERSION_CONTROLS, max_size=2),
    tags=st.dictionaries(TEXTS, TEXTS, max_size=2),
    weights=st.dictionaries(TEXTS, st.dictionaries(TEXTS, st.integers(0, 100), max_size=2), max_size=2),
)  # fmt: skip
CONTROLS = st.builds(
    lambda control, undo: msgspec.structs.replace(control, undo=tuple(undo)), _PLAIN, st.lists(_PLAIN, max_size=1)
)


def pins() -> st.SearchStrategy[list[Pin]]:
    """Return pins of different clients."""
    pin = st.builds(Pin, client=NAMES, version=NAMES, by=st.sampled_from(["operator", "first use"]), since_s=TIMES)
    return st.lists(pin, max_size=3, unique_by=lambda each: each.client)


def usages() -> st.SearchStrategy[list[UsageCount]]:
    """Return counts, each of another version, client or hour."""
    count = st.builds(
        UsageCount,
        version=NAMES,
        client=NAMES,
        hour=st.integers(0, 10**6),
        requests=st.integers(0, 2**62),
        last_s=TIMES,
    )
    return st.lists(count, max_size=3, unique_by=lambda each: (each.version, each.client, each.hour))


REPORTS = st.lists(
    st.builds(
        HealthReport, version=NAMES, process=NAMES, at_s=st.floats(1000, 2000), requests=st.integers(0, 2**62),
        errors=st.integers(0, 9), slow=st.integers(0, 9), healthy=st.booleans(),
    ),
    max_size=3, unique_by=lambda each: (each.version, each.process),
)  # fmt: skip


def migrations() -> st.SearchStrategy[list[MigrationEntry]]:
    """Return entries of different steps."""
    entry = st.builds(
        MigrationEntry, step=NAMES, phase=st.sampled_from(["expand", "contract"]), version=NAMES, checksum=TEXTS,
        state=st.sampled_from(["begun", "done"]), begun_s=TIMES, done_s=st.none() | TIMES,
    )  # fmt: skip
    return st.lists(entry, max_size=3, unique_by=lambda each: (each.step, each.phase))


def api_keys() -> st.SearchStrategy[list[ApiKey]]:
    """Return keys of different ids."""
    key = st.builds(
        ApiKey, id=NAMES, digest=DIGESTS, subject=NAMES, roles=st.lists(NAMES, max_size=2).map(tuple),
        scopes=st.lists(NAMES, max_size=2).map(tuple), created_s=TIMES, created_by=TEXTS, expires_s=st.none() | TIMES,
        revoked_s=st.none() | TIMES, revoked_by=st.none() | TEXTS, last_used_s=st.none() | TIMES,
    )  # fmt: skip
    return st.lists(key, max_size=3, unique_by=lambda each: each.id)


def gtypes_in(manifest: HandlerManifest) -> list[GType]:
    """Return the types of *manifest* that stand by themselves, as a reader of the documentation would make them."""
    endpoint = manifest.endpoint
    nodes = (endpoint.body, endpoint.response, endpoint.params, endpoint.query, endpoint.headers)
    return [GType(node, reachable(node, manifest.types)) for node in nodes if node is not None]
