"""Property 8: a timeout cancels and runs all cleanup.

A request hangs at a drawn place, after registering drawn compensations, catch hooks and work. Its time is let pass by
sweeping, not by waiting. The oracle: what hangs is cancelled, nothing after it runs, all cleanup runs once and in
reverse order of registration, and a request beside it that has time left is served.
"""

import asyncio
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure import App, Config, LocalContext
from tests.calls import deadlines_of, executions_of, run, serving

PLACES = ["before:global", "before:route", "before:local", "handler", "spawn", "after:local", "after:route",
          "after:global"]  # fmt: skip
"""In the order in which a request comes by them."""


@dataclass(frozen=True)
class Plan:
    place: str
    timeout_s: float
    swallows: bool
    local_catch: int
    compensations: tuple[str, ...]  # "sync", "async" or "fails"
    work: int


plans = st.builds(
    Plan, st.sampled_from(PLACES), st.sampled_from([5.0, 30.0, 600.0]), st.booleans(), st.integers(0, 3),
    st.lists(st.sampled_from(["sync", "async", "fails"]), max_size=4).map(tuple), st.integers(0, 3),
).filter(lambda plan: not (plan.work and plan.place.startswith("after")))  # fmt: skip
# Endless work would keep the request from ever coming by its after hooks.


@dataclass
class Run:
    plan: Plan
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    passed: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    cleanup: list[str] = field(default_factory=list)

    async def come_by(self, place: str) -> None:
        self.passed.append(place)
        if self.plan.place != place:
            return
        self.hanging.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.append(place)
            if not self.plan.swallows:
                raise

    async def work(self, number: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.append(f"work {number}")

    def compensate(self, number: int, kind: str) -> object:
        self.cleanup.append(f"compensation {number}")
        if kind == "fails":
            raise OSError("cannot undo")
        return asyncio.sleep(0) if kind == "async" else None

    def prepare(self, lctx: LocalContext) -> None:
        for number, kind in enumerate(self.plan.compensations):
            lctx.compensate(self.compensate, number, kind)
        for number in range(self.plan.local_catch):
            lctx.catch(partial(self.caught, f"catch local {number}"))
        for number in range(self.plan.work):
            lctx.spawn(f"work {number}", self.work(number))

    def caught(self, name: str, /, error: Exception) -> None:
        self.cleanup.append(f"{name}: {type(error).__name__}")


def build(progress: Run) -> App:
    app = App("drawn", config=Config(request_timeout_s=10_000))

    @app.before
    async def before_global(lctx: LocalContext) -> None:
        if lctx.meta.handler == "handle":
            progress.prepare(lctx)
            lctx.before(partial(progress.come_by, "before:local"))
            lctx.after(partial(progress.come_by, "after:local"))
            await progress.come_by("before:global")

    @app.after
    async def after_global(lctx: LocalContext) -> None:
        if lctx.meta.handler == "handle":
            await progress.come_by("after:global")

    @app.catch
    async def catch_global(error: Exception) -> None:
        progress.caught("catch global", error)

    def catch_route(error: Exception) -> None:
        progress.caught("catch route", error)

    hooks = {kind: [partial(progress.come_by, f"{kind}:route")] for kind in ("before", "after")}

    @app.get(
        "/hangs", timeout_s=progress.plan.timeout_s, catch=[catch_route], before=hooks["before"], after=hooks["after"]
    )
    async def handle(lctx: LocalContext) -> str:
        await progress.come_by("handler")
        if progress.plan.place == "spawn":
            lctx.spawn("hangs", progress.come_by("spawn"))
        return "done"

    @app.get("/has-time")
    async def beside() -> str:
        await progress.release.wait()
        return "done"

    return app


async def hang(progress: Run, app: App) -> tuple[httpx.Response, httpx.Response]:
    async with serving(app) as client:
        beside = asyncio.create_task(client.get("/has-time"))
        sent = perf_counter()
        hanging = asyncio.create_task(client.get("/hangs"))
        await progress.hanging.wait()
        deadlines = deadlines_of(app)
        deadlines.sweep(sent + progress.plan.timeout_s * 0.9)
        for _ in range(5):
            await asyncio.sleep(0)
        assert not hanging.done()
        assert [] == progress.cancelled
        deadlines.sweep(perf_counter() + progress.plan.timeout_s)
        answer = await hanging
        assert 1 == len(deadlines)
        progress.release.set()
        return answer, await beside


@settings(max_examples=150, deadline=None)
@given(plan=plans)
def test_a_timeout_cancels_and_runs_all_cleanup(plan: Plan) -> None:
    async def scenario() -> None:
        progress = Run(plan)
        app = build(progress)
        executions = executions_of(app)
        answer, beside = await hang(progress, app)

        assert (200, "done") == (beside.status_code, beside.text)
        assert 504 == answer.status_code
        assert "application/problem+json" == answer.headers["content-type"]
        last = PLACES.index(plan.place)
        if plan.swallows:  # then the hooks of the same kind go on; what comes after them does not begin
            last = max(index for index, each in enumerate(PLACES) if each.split(":")[0] == plan.place.split(":")[0])
        ways_there = PLACES[: last + 1]
        assert [place for place in ways_there if place != "spawn" or plan.place == "spawn"] == progress.passed
        assert sorted([plan.place, *(f"work {number}" for number in range(plan.work))]) == sorted(progress.cancelled)

        caught = [*(f"catch local {number}" for number in reversed(range(plan.local_catch)))]
        expected = [f"{name}: DeadlineExceededError" for name in (*caught, "catch route", "catch global")]
        expected += [f"compensation {number}" for number in reversed(range(len(plan.compensations)))]
        assert expected == progress.cleanup

        (execution,) = (each for each in executions if each.meta.route == "/hangs")
        assert 504 == execution.status
        ends = [event.kind for event in execution.events if event.stage == "compensation" and event.kind != "start"]
        assert ["error" if kind == "fails" else "end" for kind in reversed(plan.compensations)] == ends

    run(scenario())
