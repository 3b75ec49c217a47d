"""Property 20: lifecycle events are complete and ordered.

The oracle is a small simulation that walks the drawn plan and writes down what SPEC 3.3 says happens, in order; what
the app records must be that, exactly.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from perdure import App, GlobalContext, Hook, LocalContext, Request
from tests.calls import call, executions_of


class Event(NamedTuple):
    stage: str
    name: str
    level: str
    kind: str


class Body(Struct):
    number: int


class Stock:
    def take(self, works: bool) -> None:
        if not works:
            raise LookupError("out of stock")


@dataclass(frozen=True)
class HookSpec:
    outcome: str  # "ok", "fails", "flaky" (only its first attempt fails) or "answers"
    retries: int
    is_async: bool


@dataclass(frozen=True)
class Plan:
    valid_body: bool
    before: tuple[tuple[HookSpec, ...], ...]  # global, route, local
    after: tuple[tuple[HookSpec, ...], ...]
    catch: tuple[tuple[HookSpec, ...], ...]
    actions: tuple[str, ...]
    handler: str  # "ok", "fails" or "answers wrongly"
    compensations: tuple[bool, ...]


def levels(*outcomes: str) -> st.SearchStrategy[tuple[tuple[HookSpec, ...], ...]]:
    hook = st.builds(HookSpec, st.sampled_from(outcomes), st.integers(0, 2), st.booleans())
    return st.tuples(*[st.lists(hook, max_size=2).map(tuple)] * 3)


plans = st.builds(
    Plan, st.sampled_from([True, True, True, False]), levels("ok", "ok", "ok", "flaky", "fails", "answers"),
    levels("ok", "ok", "flaky", "fails"), levels("ok", "flaky", "fails", "answers"),
    st.lists(st.sampled_from(["publish", "publish to no one", "call", "call that fails"]), max_size=3).map(tuple),
    st.sampled_from(["ok", "ok", "fails", "answers wrongly"]), st.lists(st.booleans(), max_size=2).map(tuple),
)  # fmt: skip
LEVELS = ("global", "route", "local")


class Failed(Exception):
    """A stage of the simulation failed."""


def simulate(plan: Plan) -> list[Event]:
    events: list[Event] = []

    def stage(kind: str, name: str, *, fails: bool = False, level: str = "") -> None:
        events.append(Event(kind, name, level, "start"))
        events.append(Event(kind, name, level, "error" if fails else "end"))
        if fails:
            raise Failed

    def hook(kind: str, level: str, number: int, spec: HookSpec) -> bool:
        name, place = f"{kind}_{level}_{number}", f"{kind}:{level}"
        failures = {"fails": spec.retries + 1, "flaky": 1}.get(spec.outcome, 0)
        for _ in range(min(failures, spec.retries)):
            events.extend([Event("hook", name, place, "start"), Event("hook", name, place, "error")])
        stage("hook", name, fails=failures > spec.retries, level=place)
        return spec.outcome == "answers"

    def hooks(kind: str, order: tuple[str, ...], *, reverse: bool) -> bool:
        has_answered = False
        for level in order:
            numbered = list(enumerate(getattr(plan, kind)[LEVELS.index(level)]))
            for number, spec in reversed(numbered) if reverse else numbered:
                try:
                    has_answered |= hook(kind, level, number, spec)
                    if has_answered and kind == "before":
                        return True
                except Failed:
                    if kind != "catch":
                        raise
        return has_answered

    def handler() -> None:
        events.append(Event("handler", "handler", "", "start"))
        for action in plan.actions:
            if action.startswith("publish"):
                stage("publish", action)
            else:
                try:
                    stage("module", "stock.take", fails=action == "call that fails")
                except Failed:
                    events.append(Event("handler", "handler", "", "error"))
                    raise
        events.append(Event("handler", "handler", "", "error" if plan.handler == "fails" else "end"))
        if plan.handler == "fails":
            raise Failed

    events.append(Event("request", "request", "", "start"))
    prepared = answered = False
    try:
        stage("validation", "request", fails=not plan.valid_body)
        stage("hook", "prepare", level="before:global")
        prepared = True
        answered = hooks("before", LEVELS, reverse=False)
        if not answered:
            handler()
        hooks("after", LEVELS[::-1], reverse=True)
        stage("response", "response", fails=not answered and plan.handler == "answers wrongly")
        events.append(Event("request", "request", "", "end"))
    except Failed:
        caught = hooks("catch", LEVELS[::-1] if prepared else ("route", "global"), reverse=True)
        for number, works in reversed(list(enumerate(plan.compensations)) if prepared else []):
            try:
                stage("compensation", f"compensation_{number}", fails=not works)
            except Failed:
                continue
        if caught:
            stage("response", "response")
        events.append(Event("request", "request", "", "error"))
    return events


def make_hook(kind: str, level: str, number: int, spec: HookSpec) -> Hook:
    attempts = 0

    def act() -> Body | None:
        nonlocal attempts
        attempts += 1
        if spec.outcome == "fails" or (spec.outcome == "flaky" and attempts == 1):
            raise OSError(f"attempt {attempts}")
        return Body(number) if spec.outcome == "answers" else None

    async def act_later() -> Body | None:
        return act()

    fn: Callable[..., object] = act_later if spec.is_async else act
    fn.__name__ = f"{kind}_{level}_{number}"
    return Hook(fn, retries=spec.retries)


def build(plan: Plan) -> App:
    app = App("drawn")
    app.module("stock", Stock())
    made = {
        kind: [
            [make_hook(kind, level, number, spec) for number, spec in enumerate(specs)]
            for level, specs in zip(LEVELS, getattr(plan, kind), strict=True)
        ]
        for kind in ("before", "after", "catch")
    }

    @app.before
    def prepare(lctx: LocalContext) -> None:
        for kind, hooks in made.items():
            for hook in hooks[2]:
                getattr(lctx, kind)(hook.fn, retries=hook.retries)
        for number, works in enumerate(plan.compensations):
            lctx.compensate(make_hook("compensation", "", number, HookSpec("ok" if works else "fails", 0, True)).fn)
            lctx._compensations[-1][0].__name__ = f"compensation_{number}"  # type: ignore[index]
        lctx.subscribe("publish", lambda payload: None)

    for kind, hooks in made.items():
        for hook in hooks[0]:
            getattr(app, kind)(hook)

    @app.post("/here", before=made["before"][1], after=made["after"][1], catch=made["catch"][1])
    async def handle(req: Request[Body], lctx: LocalContext, gctx: GlobalContext) -> Body:
        for action in plan.actions:
            if action.startswith("publish"):
                await lctx.publish(action)
            else:
                gctx.modules.stock.take(works=action == "call")
        if plan.handler == "fails":
            raise ValueError("no")
        return Body("many") if plan.handler == "answers wrongly" else req.body  # type: ignore[arg-type]

    return app


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plan=plans)
def test_lifecycle_events_are_complete_and_ordered(plan: Plan) -> None:
    app = build(plan)
    executions = executions_of(app)
    call(app, "POST", "/here", json={"number": 1 if plan.valid_body else "one"})

    (execution,) = executions
    recorded = [Event(each.stage, each.name, each.level, each.kind) for each in execution.events]
    assert simulate(plan) == recorded
    assert all(earlier.at_s <= later.at_s for earlier, later in pairwise(execution.events))
    assert all((event.kind == "error") == bool(event.error) for event in execution.events)
