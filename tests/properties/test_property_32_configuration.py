"""Property 32: configuration cannot be changed, at any depth.

A handler tries every way Python has to change each part of the drawn settings. The oracle is a deep copy made before,
and a rule that needs no knowledge of the code: whatever was tried, the next request reads what was configured.
"""

import contextlib
import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure import App, Config, GlobalContext
from perdure.errors import ConfigError
from tests.calls import run, serving


@dataclasses.dataclass(frozen=True)
class Point:
    x: object


class Pair(msgspec.Struct, frozen=True):
    left: object


@dataclasses.dataclass(frozen=True)
class FurtherPoint(Point):
    y: int = 0


keys = st.text("abc", min_size=1, max_size=3)
atoms = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4) | st.binary(max_size=3)
)
frozen_values = st.recursive(
    atoms,
    lambda inner: (
        st.tuples(inner, inner) | st.builds(Point, inner) | st.builds(Pair, inner) | st.builds(FurtherPoint, inner)
    ),
    max_leaves=3,
)
values = st.recursive(
    atoms | frozen_values,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(keys, inner, max_size=3)
        | st.tuples(inner, inner)
        | st.sets(st.integers(), max_size=3)
        | st.builds(bytearray, st.binary(max_size=3))
    ),
    max_leaves=8,
)
settings_values = st.dictionaries(keys, values, max_size=4)


def plain(value: object) -> object:
    """Return *value* with containers of one sort alike, however they are frozen."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return frozenset(plain(item) for item in value)
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    if isinstance(value, Point):
        return type(value).__name__, plain(value.x)
    if isinstance(value, Pair):
        return "Pair", plain(value.left)
    return value


def parts(value: Any) -> Iterator[Any]:
    """Yield *value* and everything in it."""
    yield value
    inside: list[Any] = []
    if isinstance(value, Mapping):
        inside = list(value.values())
    elif isinstance(value, list | tuple | set | frozenset):
        inside = list(value)
    elif isinstance(value, Point | Pair):
        inside = [value.x if isinstance(value, Point) else value.left]
    for item in inside:
        yield from parts(item)


def attempts(part: Any) -> Iterator[Callable[[], object]]:
    """Yield all ways to change *part*; most are errors."""
    for key in ["a", 0, *(part if isinstance(part, Mapping) else [])]:
        yield lambda key=key: part.__setitem__(key, "changed")  # type: ignore[misc]
        yield lambda key=key: part.__delitem__(key)  # type: ignore[misc]
    for method, arguments in {
        "append": ["changed"], "extend": [["changed"]], "add": ["changed"], "update": [{"a": "changed"}], "clear": [],
        "pop": [], "popitem": [], "insert": [0, "changed"], "sort": [], "discard": [1], "remove": [1],
        "setdefault": ["zz", "changed"], "__ior__": [{"a": "changed"}], "__iadd__": [["changed"]],
    }.items():  # fmt: skip
        yield lambda method=method, arguments=arguments: getattr(part, method)(*arguments)  # type: ignore[misc]
    for name in (
        ["x", "y", "left", "changed", *msgspec.structs.asdict(part)] if isinstance(part, Config) else ["x", "left"]
    ):
        yield lambda name=name: setattr(part, name, "changed")  # type: ignore[misc]
        yield lambda name=name: delattr(part, name)  # type: ignore[misc]


@settings(max_examples=150, deadline=None)
@given(given_settings=settings_values, tags=st.booleans(), data=st.data())
def test_configuration_cannot_be_changed_at_any_depth(
    given_settings: dict[str, object], tags: bool, data: st.DataObject
) -> None:
    given_tags = {"partners": "latest"} if tags else {}
    expected = plain(copy.deepcopy(given_settings))
    app = App("drawn", config=Config(settings=given_settings, tags=given_tags, worker_threads=3))
    read: list[object] = []

    @app.get("/here")
    async def handle(gctx: GlobalContext) -> None:
        config = gctx.config
        read.append((plain(config.settings), dict(config.tags), config.worker_threads, config.version_header))
        for part in [*parts(config.settings), config.tags, config]:
            for attempt in attempts(part):
                with contextlib.suppress(Exception):
                    attempt()
        with contextlib.suppress(Exception):
            gctx.config = Config()

    async def send_twice() -> None:
        async with serving(app) as client:
            await client.get("/here")
            for part in [*parts(given_settings), given_tags]:  # what the program kept is no way in either
                for attempt in attempts(part):
                    with contextlib.suppress(Exception):
                        attempt()
            await client.get("/here")

    run(send_twice())
    tags_read = {"partners": "latest"} if tags else {}
    assert [(expected, tags_read, 3, "API-Version")] * 2 == read


mutable = st.one_of(
    st.lists(atoms, max_size=2), st.dictionaries(keys, atoms, max_size=2), st.sets(st.integers(), max_size=2),
    st.builds(bytearray),
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(inside=mutable, wrap=st.sampled_from([Point, Pair, FurtherPoint, lambda inside: Point(Pair(inside))]))
def test_a_frozen_record_that_holds_what_can_change_is_refused(
    inside: object, wrap: Callable[[object], object]
) -> None:
    with pytest.raises(ConfigError, match=r"settings\.deep"):
        Config(settings={"deep": [wrap(inside)]})
