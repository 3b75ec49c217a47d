"""What many versions of many handlers take up."""

import gc
import tracemalloc
from collections.abc import Callable, Coroutine
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from msgspec import Struct, defstruct

from perdure import App
from perdure.gtype.nodes import Field, Integer, Node, Object
from perdure.manifest.records import Api
from perdure.timescape.delta import delta, write_delta
from tests.calls import call

VERSIONS = 100
HANDLERS = 200
FIRST = date(2020, 1, 1)


def handler(kind: type[Struct]) -> Callable[[], Coroutine[Any, Any, Any]]:
    async def handle() -> Any:
        return kind(1, "a thing")

    handle.__annotations__["return"] = kind
    return handle


def app_of(folder: Path) -> App:
    app = App("many", revisions=folder)
    for number in range(HANDLERS):
        kind = defstruct(f"Thing{number:03}", [("id", int), ("name", str)])
        app.get(f"/things-{number}", id=f"thing_{number}")(handler(kind))
    return app


def write_history(folder: Path, head: Api) -> None:
    """Before revision n, thing n had one member more; so half of the things change, once each."""
    before, stem = Api(), None
    for number in range(VERSIONS):
        day = FIRST + timedelta(days=number)
        types: dict[str, Node] = {
            name: extended(node, place) if place > number else node
            for place, (name, node) in enumerate(sorted(head.types.items()))
            if isinstance(node, Object)
        }
        after = Api(types=types | dict(sorted(head.types.items())[VERSIONS:]), endpoints=head.endpoints)
        previous, stem = stem, f"{day}_change"
        (folder / f"{stem}.py").write_text(source(str(day), previous, after, before))
        write_delta(folder, stem, delta(before, after))
        before = after


def extended(node: Object, place: int) -> Object:
    return Object(fields=(*node.fields, Field(name=f"was_{place}", node=Integer())))


def source(day: str, previous: str | None, after: Api, before: Api) -> str:
    lines = ["from perdure import Revision", f"revision = Revision({day!r}, after={previous!r})"]
    changed = [name for name, node in after.types.items() if previous and node != before.types[name]]
    for name in changed:
        lost = before.types[name]
        assert isinstance(lost, Object)
        lines += [f"@revision.response({name!r})", "def old(thing):"]
        lines += [f"    return {{**thing, {lost.fields[-1].name!r}: 7}}"]
    return "\n".join(lines) + "\n"


def test_a_handler_with_100_versions_takes_less_than_100_kib(tmp_path: Path) -> None:
    write_history(tmp_path, app_of(tmp_path).api())
    app = app_of(tmp_path)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        app.compile()
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert taken / HANDLERS < 100 * 1024
    newest = call(app, "GET", "/things-42")
    oldest = call(app, "GET", "/things-42", headers={"api-version": str(FIRST)})
    assert {"id": 1, "name": "a thing"} == newest.json()
    assert {"id": 1, "name": "a thing", "was_42": 7} == oldest.json()
