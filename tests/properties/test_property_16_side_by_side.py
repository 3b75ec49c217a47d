"""Property 16: breaking versions without transformers run side by side.

Versions of one endpoint are drawn that have nothing in common but the path: each has a handler, a body and an answer of
its own, and no transformer leads from one to another. Whatever the strategy, and in whatever order they are published
and activated, each client goes on getting what its version promised. The oracle is the drawn list itself.
"""

from typing import Any, Literal

import httpx
import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure import App, Config, Request, RolloutSettings
from perdure.store.base import Store
from perdure.store.memory import MemoryStore
from tests.calls import run

TYPES: dict[str, type] = {"text": str, "number": int, "flag": bool, "list": list[int]}
VALUES: dict[str, object] = {"text": "x", "number": 7, "flag": True, "list": [1, 2]}
members = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.sampled_from(sorted(TYPES)), min_size=1)
"""The members of a body, and the type of each."""
apis = st.lists(st.tuples(members, members), min_size=2, max_size=3, unique_by=repr)


def build(
    shapes: list[tuple[dict[str, str], dict[str, str]]], strategy: Literal["automatic", "compatible", "manual"]
) -> App:
    app = App("pets", config=Config(rollout=RolloutSettings(activation=strategy)))
    for number, (sent, read) in enumerate(shapes, 1):
        body = msgspec.defstruct(f"In{number}", [(n, TYPES[t]) for n, t in sent.items()], forbid_unknown_fields=True)
        answer = msgspec.defstruct(f"Out{number}", [(n, TYPES[t]) for n, t in read.items()])
        app.post("/pets", version=f"v{number}.0.0")(handler(body, answer, read))
    return app


def handler(body: type, answer: type, read: dict[str, str]) -> Any:
    async def pets(req: Request[Any]) -> Any:
        assert isinstance(req.body, body)
        return answer(**{name: VALUES[kind] for name, kind in read.items()})

    pets.__annotations__.update({"req": Request[body], "return": answer})  # type: ignore[valid-type]
    return pets


async def answers(
    app: App, store: Store, shapes: list[tuple[dict[str, str], dict[str, str]]]
) -> list[list[tuple[int, Any]]]:
    """Return what each version answers to the body of each version."""
    await app.start()
    app.rollout_in(store).register()  # after its own, in memory: what is decided there is obeyed last
    found = []
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
        for number in range(1, len(shapes) + 1):
            row = []
            for sent, _ in shapes:
                body = {name: VALUES[kind] for name, kind in sent.items()}
                answer = await client.post("/pets", json=body, headers={"API-Version": f"v{number}.0.0"})
                row.append((answer.status_code, answer.json() if answer.status_code == 200 else None))
            found.append(row)
    await app.stop()
    return found


@settings(max_examples=100, deadline=None)
@given(apis, st.sampled_from(["automatic", "compatible", "manual"]), st.data())
def test_versions_that_break_each_other_serve_their_own_clients(
    shapes: list[tuple[dict[str, str], dict[str, str]]], strategy: Literal["automatic", "compatible", "manual"],
    data: st.DataObject,
) -> None:  # fmt: skip
    first = data.draw(st.integers(1, len(shapes)))
    store = MemoryStore()
    build(shapes[:first], strategy).rollout_in(store).register()
    waiting = [n for n, each in store.control("pets").versions.items() if each.status != "active"]
    assert [] == waiting, "nothing served before"
    app = build(shapes, strategy)
    rollout = app.rollout_in(store)
    rollout.register()
    idle = [name for name, each in store.control("pets").versions.items() if each.status != "active"]
    if strategy == "manual":
        assert [f"v{number}.0.0" for number in range(first + 1, len(shapes) + 1)] == idle
    for name in data.draw(st.permutations(idle)):
        activate(store, name)

    found = run(answers(app, store, shapes))
    for number, (_, read) in enumerate(shapes):
        promised = {name: VALUES[kind] for name, kind in read.items()}
        for other, (sent, _) in enumerate(shapes):
            is_understood = sent == shapes[number][0]
            assert ((200, promised) if is_understood else (400, None)) == found[number][other]


def activate(store: Store, name: str) -> None:
    from perdure.rollout import decisions

    store.decide(
        "pets",
        lambda control: decisions.activate(control, [name], 1.0),
        actor="test",
        action=f"activate {name}",
        at_s=1.0,
    )
