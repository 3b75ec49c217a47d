"""What the Manifest Store and the diff cost."""

import tempfile
from pathlib import Path
from typing import Any

import perdure_unaudited_app

from micro_cases.timing import Call
from perdure.diff.apis import diff_apis
from perdure.gtype.nodes import Array, Field, Integer, Object, Ref, String
from perdure.manifest.records import Api, Endpoint
from perdure.store.opening import open_store
from perdure.store.records import Publication

_TYPES = 3_000
_ENDPOINTS = 1_000


def read_manifest() -> Call:
    """Read a manifest again."""
    manifests = perdure_unaudited_app.app.manifests()
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'store.db'}")
        store.publish(Publication(app="bench", versions=(), manifests=manifests), at_s=0.0)
        fingerprint = manifests[0].fingerprint
        store.manifest(fingerprint)
        store.close()
    return lambda: store.manifest(fingerprint)


def diff_same() -> Call:
    """Diff two large APIs that are equal, and were read from different files."""
    return _diff(_api(0), _api(0))


def diff_changed() -> Call:
    """Diff two APIs of a third of that size, in which everything leads to everything, and one type in 250 differs."""
    return _diff(_api(0, _TYPES // 3, _ENDPOINTS // 3), _api(250, _TYPES // 3, _ENDPOINTS // 3))


def _diff(old: Api, new: Api) -> Call:
    return lambda: diff_apis(old, new)


def _api(every: int, types_count: int = _TYPES, endpoints_count: int = _ENDPOINTS) -> Api:
    types = {
        f"Type{number}": _type(number, types_count, is_changed=bool(every) and number % every == 0)
        for number in range(types_count)
    }
    endpoints = {
        f"{'POST' if number % 2 else 'GET'} /things-{number}": Endpoint(
            handler=f"handler_{number}",
            body=Ref(name=f"Type{number * 3 % types_count}") if number % 2 else None,
            response=Ref(name=f"Type{(number * 3 + 1) % types_count}"),
        )
        for number in range(endpoints_count)
    }
    return Api(types=types, endpoints=endpoints)


def _type(number: int, count: int, *, is_changed: bool) -> Any:
    others = [Field(name=f"part_{place}", node=Ref(name=f"Type{(number * 7 + place) % count}")) for place in (1, 2)]
    scalars = [Field(name=f"text_{place}", node=String(max_length=100 + place)) for place in range(8)]
    count = Field(name="count", node=Integer(ge=1 if is_changed else 0))
    several = Field(name="several", node=Array(items=Ref(name=f"Type{number // 2}")))
    return Object(fields=(*scalars, *others, count, several))
