"""Property 26: an ``lctx`` event reaches only that request's listeners.

Requests subscribe, unsubscribe and publish at the same time, on the same few topics. The oracle keeps a list of
listeners for each request and topic.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from perdure import App, LocalContext, Request
from tests.calls import run, serving


@dataclass(frozen=True)
class Action:
    name: str  # "subscribe", "unsubscribe" or "publish"
    topic: str
    is_async: bool


Delivery = tuple[int, int, str]
"""Number of the request, number of the listener in it, and the payload."""

actions = st.builds(
    Action, st.sampled_from(["subscribe", "subscribe", "publish", "publish", "unsubscribe"]),
    st.sampled_from(["orders", "stock"]), st.booleans(),
)  # fmt: skip


def simulate(number: int, program: list[Action]) -> tuple[list[Delivery], list[int]]:
    """Return what request *number* must hear, and how many listeners each of its publications has."""
    listeners: dict[str, list[int]] = {"orders": [], "stock": []}
    heard: list[Delivery] = []
    counts: list[int] = []
    for step, action in enumerate(program):
        on_topic = listeners[action.topic]
        if action.name == "subscribe":
            on_topic.append(step)
        elif action.name == "unsubscribe":
            on_topic[:] = on_topic[1:]
        else:
            heard += [(number, listener, f"{number} at {step}") for listener in on_topic]
            counts.append(len(on_topic))
    return heard, counts


@settings(max_examples=150, deadline=None)
@given(programs=st.lists(st.lists(actions, max_size=12), min_size=2, max_size=6))
def test_an_event_reaches_only_the_listeners_of_its_request(programs: list[list[Action]]) -> None:
    app = App("drawn")
    heard: list[Delivery] = []
    barrier = asyncio.Barrier(len(programs))

    def listener(number: int, step: int, is_async: bool) -> Callable[[str], object]:
        async def hear_later(payload: str) -> None:
            await asyncio.sleep(0)
            heard.append((number, step, payload))

        return hear_later if is_async else lambda payload: heard.append((number, step, payload))

    @app.get("/here")
    async def handle(req: Request, lctx: LocalContext) -> list[int]:
        number = int(req.header("number") or 0)
        await barrier.wait()
        stops: dict[str, list[Callable[[], None]]] = {"orders": [], "stock": []}
        counts: list[int] = []
        for step, action in enumerate(programs[number]):
            if action.name == "subscribe":
                stops[action.topic].append(lctx.subscribe(action.topic, listener(number, step, action.is_async)))
            elif action.name == "publish":
                counts.append(await lctx.publish(action.topic, f"{number} at {step}"))
            elif stops[action.topic]:
                stops[action.topic].pop(0)()
            await asyncio.sleep(0)
        return counts

    async def send_all() -> list[list[int]]:
        async with serving(app) as client:
            sent = [client.get("/here", headers={"number": str(number)}) for number in range(len(programs))]
            return [response.json() for response in await asyncio.gather(*sent)]

    counts = run(send_all())
    for number, program in enumerate(programs):
        expected, expected_counts = simulate(number, program)
        assert expected == [delivery for delivery in heard if delivery[0] == number]
        assert expected_counts == counts[number]
    assert all(payload.startswith(f"{number} at ") for number, _, payload in heard)
