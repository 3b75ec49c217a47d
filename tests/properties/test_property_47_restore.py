"""Property 47: restoring a snapshot recreates the exact state.

State is drawn with aliases and nesting, then changed in drawn ways after the snapshot; restoring, in the same request
or in another, gives back what was there: values, classes, and which of them are one object. The oracle is a deep copy
made by the test.
"""

import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perdure import App, LocalContext, Snapshot
from tests.calls import run, serving


@dataclass
class Basket:
    lines: list[object] = field(default_factory=list)


def local_class() -> type:
    """Return a class pickle cannot find again by its name."""

    class Note:
        def __init__(self, text: object) -> None:
            self.text = text

        def __eq__(self, other: object) -> bool:
            return type(other) is type(self) and other.text == self.text

        def __hash__(self) -> int:
            return 0

    return Note


NOTE: Any = local_class()
atoms = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=4), st.binary(max_size=4),
    st.decimals(allow_nan=False), st.uuids(), st.just(datetime(2026, 2, 10, tzinfo=UTC)),
)  # fmt: skip
values = st.recursive(
    atoms,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("abc", max_size=2), inner, max_size=3)
        | st.tuples(inner, inner)
        | st.frozensets(st.integers(), max_size=3)
        | st.builds(Basket, st.lists(inner, max_size=2))
        | st.builds(NOTE, inner)
    ),
    max_leaves=6,
)


def containers(value: object) -> list[Any]:
    """Return everything in *value* that can be changed, in a fixed order; one object once for each place."""
    found: list[Any] = [value] if isinstance(value, list | dict | Basket | NOTE) else []
    inside: list[object] = []
    if isinstance(value, dict):
        inside = list(value.values())
    elif isinstance(value, list | tuple):
        inside = list(value)
    elif isinstance(value, Basket):
        inside = [value.lines]
    elif isinstance(value, NOTE):
        inside = [value.text]
    return [*found, *(each for item in inside for each in containers(item))]


def spoil(container: Any) -> None:
    match container:
        case list():
            container.append("changed")
        case dict():
            container["changed"] = "changed"
        case Basket():
            container.lines = ["changed"]
        case _:
            container.text = "changed"


def sharing(state: dict[str, object]) -> list[int]:
    """Return, for each place of a container, the first place of the same one."""
    places = containers(list(state.values()))[1:]
    return [next(first for first, other in enumerate(places) if other is each) for each in places]


def state_of(lctx: LocalContext, keys: set[str]) -> dict[str, object]:
    missing = object()
    return {key: value for key in sorted(keys) if (value := lctx.get(key, missing)) is not missing}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    state=st.dictionaries(st.text("xyz", min_size=1, max_size=2), values, max_size=4), alias=st.booleans(),
    changes=st.lists(st.tuples(st.sampled_from(["inside", "set", "delete", "clean"]), st.integers(0, 9)), max_size=6),
    elsewhere=st.booleans(),
)  # fmt: skip
def test_restoring_recreates_the_exact_state(
    state: dict[str, Any], alias: bool, changes: list[tuple[str, int]], elsewhere: bool
) -> None:
    if alias:
        shared: list[object] = []
        state |= {"one": shared, "other": [shared]}
    expected = copy.deepcopy(state)
    keys = {*state, "new"}
    app = App("drawn")
    kept: list[Snapshot] = []
    checked = 0

    def change(lctx: LocalContext) -> None:
        for how, number in changes:
            inside = containers(list(state_of(lctx, keys).values()))[1:]
            name = sorted(keys)[number % len(keys)]
            if how == "inside" and inside:
                spoil(inside[number % len(inside)])
            elif how == "set":
                lctx.set(name, "changed")
            elif how == "delete":
                lctx.delete(name)
            elif how == "clean":
                lctx.clean()

    def check(lctx: LocalContext) -> None:
        nonlocal checked
        restored = state_of(lctx, keys)
        assert sorted(expected) == sorted(restored)
        for key, value in expected.items():
            assert (type(value), value) == (type(restored[key]), restored[key])
        assert sharing(dict(sorted(expected.items()))) == sharing(restored)
        checked += 1

    @app.get("/take")
    async def take(lctx: LocalContext) -> None:
        for key, value in state.items():
            lctx.set(key, value)
        kept.append(lctx.snapshot())
        change(lctx)
        if not elsewhere:
            lctx.restore(kept[0])
            check(lctx)
            change(lctx)  # what was restored is no part of the snapshot

    @app.get("/restore")
    async def restore(lctx: LocalContext) -> None:
        lctx.set("new", "of this request")
        lctx.restore(kept[0])
        check(lctx)

    async def send() -> None:
        async with serving(app) as client:
            for path in ("/take", "/restore"):
                response = await client.get(path)
                assert 204 == response.status_code, response.text

    run(send())
    assert (1 if elsewhere else 2) == checked
