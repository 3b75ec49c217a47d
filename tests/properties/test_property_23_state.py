"""Property 23: get/set/delete/clean are isolated per request.

Requests run drawn programs at the same time, one operation at a turn, over the same few keys. The oracle is a
dictionary for each.
"""

import asyncio
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from perdure import App, LocalContext, Request
from tests.calls import run, serving


@dataclass(frozen=True)
class Operation:
    name: str  # "get", "get or", "set", "delete" or "clean"
    key: str
    value: int

    def expect(self, model: dict[str, int]) -> object:
        match self.name:
            case "get":
                return model.get(self.key)
            case "get or":
                return model.get(self.key, self.value)
            case "set":
                model[self.key] = self.value
            case "delete":
                there = self.key in model
                model.pop(self.key, None)
                return there
            case _:
                model.clear()
        return None

    def perform(self, lctx: LocalContext) -> object:
        match self.name:
            case "get":
                return lctx.get(self.key)
            case "get or":
                return lctx.get(self.key, self.value)
            case "set":
                lctx.set(self.key, self.value)
            case "delete":
                return lctx.delete(self.key)
            case _:
                lctx.clean()
        return None


names = st.sampled_from(["get", "get", "get or", "set", "set", "set", "delete", "clean"])
operations = st.builds(Operation, names, st.sampled_from(["a", "b", "c"]), st.integers())


@settings(max_examples=150, deadline=None)
@given(programs=st.lists(st.lists(operations, max_size=12), min_size=2, max_size=8))
def test_state_is_isolated_per_request(programs: list[list[Operation]]) -> None:
    app = App("drawn")
    results: list[list[object]] = [[] for _ in programs]
    barrier = asyncio.Barrier(len(programs))

    @app.before
    async def first_half(req: Request, lctx: LocalContext) -> None:
        await barrier.wait()
        number = int(req.header("number") or 0)
        for operation in programs[number][::2]:
            results[number].append(operation.perform(lctx))
            await asyncio.sleep(0)

    @app.get("/here")
    async def second_half(req: Request, lctx: LocalContext) -> None:
        number = int(req.header("number") or 0)
        for operation in programs[number][1::2]:
            results[number].append(operation.perform(lctx))
            await asyncio.sleep(0)

    async def send_all() -> None:
        async with serving(app) as client:
            sent = [client.get("/here", headers={"number": str(number)}) for number in range(len(programs))]
            assert {204} == {response.status_code for response in await asyncio.gather(*sent)}

    run(send_all())
    for program, result in zip(programs, results, strict=True):
        model: dict[str, int] = {}
        assert [operation.expect(model) for operation in [*program[::2], *program[1::2]]] == result
