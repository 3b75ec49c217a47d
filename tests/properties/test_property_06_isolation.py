"""Property 6: an exception runs catch hooks and touches no other request.

All requests wait at one barrier, then some fail. The oracle is the drawn set of failures: exactly those run the catch
hooks, each once, innermost first, and the others answer as if they were alone.
"""

import asyncio
from dataclasses import dataclass
from functools import partial

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure import App, Hook, LocalContext, Problem, Request
from tests.calls import run, serving


class OwnError(Exception):
    """An error of the program's."""


FAILURES: dict[str, tuple[type[Exception], int]] = {
    "value": (ValueError, 500), "own": (OwnError, 500), "system": (OSError, 500), "memory": (MemoryError, 500),
    "timeout": (TimeoutError, 500), "group": (ExceptionGroup, 500), "problem": (Problem, 418),
    "stop": (StopAsyncIteration, 500),
}  # fmt: skip


def make(kind: str) -> Exception:
    if kind == "problem":
        return Problem(418, "secret-of-nobody")
    if kind == "group":
        return ExceptionGroup("secret-of-ours", [ValueError("secret-of-ours")])
    return FAILURES[kind][0]("secret-of-ours")


@dataclass(frozen=True)
class Plan:
    failure: str | None
    place: str  # "before", "handler", "after", "spawn"
    local_hooks: int


plans = st.builds(
    Plan, st.none() | st.sampled_from(sorted(FAILURES)), st.sampled_from(["before", "handler", "after", "spawn"]),
    st.integers(0, 2),
)  # fmt: skip


async def send_all(requests: list[Plan]) -> tuple[list[httpx.Response], list[list[tuple[str, str]]]]:
    app = App("drawn")
    caught: list[list[tuple[str, str]]] = [[] for _ in requests]
    barrier = asyncio.Barrier(len(requests))

    def number_of(req: Request) -> int:
        return int(req.header("number") or 0)

    def fail_at(place: str, req: Request) -> None:
        plan = requests[number_of(req)]
        if plan.place == place and plan.failure is not None:
            raise make(plan.failure)

    async def fail_beside(req: Request) -> None:
        fail_at("spawn", req)

    def note(name: str, error: Exception, req: Request) -> None:
        caught[number_of(req)].append((name, type(error).__name__))

    @app.before
    async def meet(req: Request, lctx: LocalContext) -> None:
        await barrier.wait()
        for number in range(requests[number_of(req)].local_hooks):
            lctx.catch(partial(note, f"local {number}"))
        fail_at("before", req)

    @app.after
    def after(req: Request) -> None:
        fail_at("after", req)

    @app.catch
    def first_global(error: Exception, req: Request) -> None:
        note("global 0", error, req)

    @app.catch
    async def second_global(error: Exception, req: Request) -> None:
        note("global 1", error, req)

    def on_route(error: Exception, req: Request) -> None:
        note("route", error, req)

    @app.get("/numbers", catch=[Hook(on_route)])
    async def handle(req: Request, lctx: LocalContext) -> str:
        lctx.set("number", number_of(req))
        lctx.spawn("beside", fail_beside(req))
        await asyncio.sleep(0)
        fail_at("handler", req)
        return f"{lctx.get('number')} of {req.header('number')}"

    async with serving(app) as client:
        sent = [client.get("/numbers", headers={"number": str(number)}) for number in range(len(requests))]
        return await asyncio.gather(*sent), caught


@settings(max_examples=150, deadline=None)
@given(requests=st.lists(plans, min_size=1, max_size=20))
def test_an_exception_runs_catch_hooks_and_touches_no_other_request(requests: list[Plan]) -> None:
    responses, caught = run(send_all(requests))
    for number, (plan, response) in enumerate(zip(requests, responses, strict=True)):
        if plan.failure is None:
            assert (200, f"{number} of {number}") == (response.status_code, response.text)
            assert [] == caught[number]
            continue
        expected_error, status = FAILURES[plan.failure]
        names = [*(f"local {each}" for each in reversed(range(plan.local_hooks))), "route", "global 1", "global 0"]
        # A generator or coroutine may not let StopAsyncIteration out by itself: Python makes it a RuntimeError.
        shown = {"StopAsyncIteration", "RuntimeError"} if plan.failure == "stop" else {expected_error.__name__}
        assert names == [name for name, _ in caught[number]]
        assert {error for _, error in caught[number]} <= shown
        assert status == response.status_code
        assert "application/problem+json" == response.headers["content-type"]
        assert "secret-of-ours" not in response.text
