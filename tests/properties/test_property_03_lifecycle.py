"""Property 3: request ids are unique and every request completes the lifecycle.

All drawn requests are in flight at once. The oracle is the drawn behaviour of each: its status, and that its events
begin with the start of the request, end with its one end, and open no stage they do not close. Once in this process,
and once over several worker processes that share a socket, which leave a line for each request they have completed.
"""

import asyncio
import json
import textwrap
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from perdure import App, Empty, Execution, LocalContext, Problem, Request
from tests.calls import executions_of, run, serving
from tests.servers import Server, serve

STATUS = {
    "answers": 200, "answers nothing": 204, "raises": 500, "refuses": 409, "sends garbage": 400, "answers wrongly": 500,
    "runs in a thread": 200, "spawns": 200, "is not there": 404, "has no such method": 405,
}  # fmt: skip
ROUTED = STATUS.keys() - {"is not there", "has no such method"}


class Order(Struct):
    quantity: int


def build(gate: asyncio.Event) -> App:
    app = App("drawn")

    @app.post("/async")
    async def asynchronous(req: Request[Order], lctx: LocalContext) -> Order | Empty:
        behaviour = req.header("behaviour")
        await gate.wait()
        if behaviour == "raises":
            raise ValueError("no business of the client's")
        if behaviour == "refuses":
            raise Problem(409)
        if behaviour == "spawns":
            lctx.spawn("beside", asyncio.sleep(0))
        if behaviour == "answers nothing":
            return Empty()
        return Order("many") if behaviour == "answers wrongly" else req.body  # type: ignore[arg-type]

    @app.post("/thread")
    def synchronous(req: Request[Order]) -> Order:
        return req.body

    return app


async def send(client: httpx.AsyncClient, behaviour: str, number: int) -> httpx.Response:
    path = {"runs in a thread": "/thread", "is not there": "/nowhere"}.get(behaviour, "/async")
    method = "PUT" if behaviour == "has no such method" else "POST"
    body = b'{"quantity": ' if behaviour == "sends garbage" else b'{"quantity": %d}' % number
    headers = {"behaviour": behaviour, "content-type": "application/json"}
    return await client.request(method, path, content=body, headers=headers)


async def send_all(behaviours: list[str]) -> tuple[list[httpx.Response], list[Execution]]:
    gate = asyncio.Event()
    app = build(gate)
    executions = executions_of(app)
    async with serving(app) as client, asyncio.TaskGroup() as group:
        sent = [group.create_task(send(client, each, number)) for number, each in enumerate(behaviours)]
        group.create_task(asyncio.sleep(0)).add_done_callback(lambda _: gate.set())
    return [each.result() for each in sent], executions


def check_complete(execution: Execution) -> None:
    events = execution.events
    assert ("request", "start") == (events[0].stage, events[0].kind)
    assert "request" == events[-1].stage
    assert events[-1].kind in {"end", "error"}
    ends = Counter[tuple[str, str, str]]()
    for event in events:
        ends[event.stage, event.name, event.level] += 1 if event.kind == "start" else -1
    assert set(ends.values()) == {0}
    assert 1 == sum(event.stage == "request" and event.kind == "start" for event in events)


@settings(max_examples=120, deadline=None)
@given(behaviours=st.lists(st.sampled_from(sorted(STATUS)), min_size=1, max_size=40))
def test_ids_are_unique_and_every_request_completes_its_lifecycle(behaviours: list[str]) -> None:
    responses, executions = run(send_all(behaviours))
    assert [STATUS[each] for each in behaviours] == [response.status_code for response in responses]

    ids = [response.headers["x-request-id"] for response in responses]
    assert len(behaviours) == len(set(ids))
    problems = [(each, response) for each, response in zip(ids, responses, strict=True) if response.status_code >= 400]
    assert all(request_id == response.json()["instance"] for request_id, response in problems)

    routed = {ids[number]: STATUS[each] for number, each in enumerate(behaviours) if each in ROUTED}
    assert routed == {execution.meta.request_id: execution.status for execution in executions}
    assert len(routed) == len(executions)
    for execution in executions:
        check_complete(execution)


APP = """
    import json, os
    from msgspec import Struct
    from perdure import App, Empty, LocalContext, Problem, Request

    class Order(Struct):
        quantity: int

    app = App("drawn")
    completed = os.open(os.environ["COMPLETED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    @app.observe
    def note(execution):
        stages = [(event.stage, event.kind) for event in execution.events]
        told = [execution.meta.request_id, execution.status, os.getpid(), stages[0], stages[-1]]
        os.write(completed, (json.dumps(told) + "\\n").encode())

    @app.post("/async")
    async def asynchronous(req: Request[Order], lctx: LocalContext) -> Order | Empty:
        behaviour = req.header("behaviour")
        if behaviour == "raises":
            raise ValueError("no business of the client's")
        if behaviour == "refuses":
            raise Problem(409)
        if behaviour == "answers nothing":
            return Empty()
        return Order("many") if behaviour == "answers wrongly" else req.body

    @app.post("/thread")
    def synchronous(req: Request[Order]) -> Order:
        return req.body
"""


class Processes(NamedTuple):
    """Several workers on one socket."""

    server: Server
    completed: Path
    seen: dict[str, int]
    """The status of every request so far that had a handler, by its id."""

    def wait_completed(self) -> dict[str, list[object]]:
        """Return what the workers said of the requests they have completed, once they did of all that were answered."""
        give_up = time.monotonic() + 10
        while True:
            lines = [json.loads(line) for line in self.completed.read_text().splitlines()]
            if len(lines) >= len(self.seen) or time.monotonic() > give_up:
                assert len(lines) == len({line[0] for line in lines})
                return {line[0]: line[1:] for line in lines}


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    folder = tmp_path_factory.mktemp("drawn")
    (folder / "app.py").write_text(textwrap.dedent(APP))
    completed = folder / "completed"
    options = ("--workers", "3", "--store", "memory:")
    with serve(folder / "app.py", *options, log=folder / "log", env={"COMPLETED": str(completed)}) as server:
        yield Processes(server, completed, {})


async def ask_all(url: str, behaviours: list[str]) -> list[httpx.Response]:
    # A connection each: whichever worker is free takes it.
    async with httpx.AsyncClient(base_url=url, limits=httpx.Limits(max_keepalive_connections=0)) as client:
        return await asyncio.gather(*(send(client, each, number) for number, each in enumerate(behaviours)))


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(behaviours=st.lists(st.sampled_from(sorted(STATUS)), min_size=1, max_size=12))
def test_ids_are_unique_over_processes_and_every_request_completes(processes: Processes, behaviours: list[str]) -> None:
    responses = run(ask_all(processes.server.url, behaviours))
    assert [STATUS[each] for each in behaviours] == [response.status_code for response in responses]
    ids = [response.headers["x-request-id"] for response in responses]
    assert len(ids) == len({*ids})
    assert processes.seen.keys().isdisjoint(ids)
    processes.seen.update({name: STATUS[each] for name, each in zip(ids, behaviours, strict=True) if each in ROUTED})
    completed = processes.wait_completed()
    assert processes.seen == {name: told[0] for name, told in completed.items()}
    assert all(told[2] == ["request", "start"] and told[3][0] == "request" for told in completed.values())  # type: ignore[index]


@pytest.mark.slow
def test_processes_shared_the_requests(processes: Processes) -> None:
    assert len({told[1] for told in processes.wait_completed().values()}) > 1
