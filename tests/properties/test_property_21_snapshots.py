"""Property 21: a snapshot holds state, outstanding work, hook index, version.

A request sets drawn state and spawns drawn work, some of which ends, and takes its snapshot at a drawn step. The oracle
counts steps.
"""

import asyncio
import copy
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perdure import App, LocalContext, Snapshot
from tests.calls import run, serving

VERSIONS = ("2024-01-01", "2025-06-01", "2026-02-10")
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | st.tuples(inner, inner)
        | st.frozensets(st.integers(), max_size=3)
    ),
    max_leaves=6,
)


@dataclass(frozen=True)
class Plan:
    state: dict[str, object]
    before: tuple[int, int, int]  # how many hooks: global, route, local
    after: tuple[int, int, int]
    at: int  # which step takes the snapshot
    ended: int
    outstanding: int
    version: str

    @property
    def steps(self) -> list[str]:
        """The names of what runs, in order."""
        before = [f"before {level} {n}" for level, count in enumerate(self.before) for n in range(count)]
        after = [f"after {level} {n}" for level in (2, 1, 0) for n in reversed(range(self.after[level]))]
        return ["prepare", *before, "handler", *after]


counts = st.tuples(*[st.integers(0, 2)] * 3)
plans = st.builds(
    Plan, st.dictionaries(st.text(max_size=5), values, max_size=5), counts, counts, st.integers(0, 12),
    st.integers(0, 3), st.integers(0, 3), st.sampled_from(VERSIONS),
)  # fmt: skip


async def snapshot_of(plan: Plan) -> tuple[Snapshot, str]:
    app = App("drawn")
    release = asyncio.Event()
    taken: list[Snapshot] = []
    steps = 0

    def step(name: str) -> Callable[[LocalContext], Awaitable[None]]:
        async def come_by(lctx: LocalContext) -> None:
            nonlocal steps
            if steps == plan.at % len(plan.steps):
                for number in range(plan.ended):
                    await lctx.spawn(f"ended {number}", asyncio.sleep(0))
                for number in range(plan.outstanding):
                    lctx.spawn(f"outstanding {number}", release.wait())
                for key, value in plan.state.items():
                    lctx.set(key, value)
                taken.append(lctx.snapshot())
                release.set()
            steps += 1

        come_by.__name__ = name
        return come_by

    @app.before
    async def prepare(lctx: LocalContext) -> None:
        for number in range(plan.before[2]):
            lctx.before(step(f"before 2 {number}"))
        for number in range(plan.after[2]):
            lctx.after(step(f"after 2 {number}"))
        await step("prepare")(lctx)

    for number in range(plan.before[0]):
        app.before(step(f"before 0 {number}"))
    for number in range(plan.after[0]):
        app.after(step(f"after 0 {number}"))
    own = {kind: [step(f"{kind} 1 {n}") for n in range(getattr(plan, kind)[1])] for kind in ("before", "after")}
    for version in VERSIONS:
        app.get("/here", version=version, id="it", before=own["before"], after=own["after"])(step("handler"))

    async with serving(app) as client:
        response = await client.get("/here", headers={"api-version": plan.version})
    assert 204 == response.status_code, response.text
    return taken[0], response.headers["x-request-id"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plan=plans)
def test_a_snapshot_holds_state_outstanding_work_hook_index_and_version(plan: Plan) -> None:
    original = copy.deepcopy(plan.state)
    snapshot, request_id = run(snapshot_of(plan))
    names = plan.steps
    place = plan.at % len(names)
    hooks_so_far = sum(name != "handler" for name in names[: place + 1])

    assert original == snapshot.state.fresh()
    assert sorted(f"outstanding {number}" for number in range(plan.outstanding)) == sorted(snapshot.outstanding)
    assert hooks_so_far == snapshot.hook_index
    assert plan.version == snapshot.version
    assert ("it", request_id) == (snapshot.handler, snapshot.request_id)
    stage = "handler handler" if names[place] == "handler" else f"hook {names[place]}"
    assert stage == snapshot.stage
    started = [event for event in snapshot.events if event.kind == "start" and event.stage in {"hook", "handler"}]
    assert ["handler" if name == "handler" else name for name in names[: place + 1]] == [each.name for each in started]
