"""What 100 versions cost an API of 1,000 handlers: when it starts, and each request.

Every revision changes ten of a thousand types, each with a transformer; so a hundred handlers were touched often, and
nine hundred never.
"""

import gc
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from time import perf_counter_ns
from types import SimpleNamespace
from typing import Any

from msgspec import Struct, defstruct

from micro_cases.timing import Call, Timing
from perdure import App
from perdure.gtype.nodes import Field, Integer
from perdure.manifest.records import Api
from perdure.timescape.delta import delta, write_delta

_VERSIONS = 100
_HANDLERS = 1_000
_TOUCHED = 10
_FIRST = date(2020, 1, 1)
_RUNS = 3
_PROGRAM = "from micro_cases.versions import time_start_up; print(time_start_up())"


def start_up() -> Timing:
    """Return the nanoseconds it takes to read the revisions and plan every handler at every version."""
    folder = Path(__file__).resolve().parents[1]
    path = os.pathsep.join([str(folder), str(folder.parent / "src")])
    taken: list[int] = []
    for _ in range(_RUNS):
        ran = subprocess.run(
            [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONPATH": path},
        )  # fmt: skip
        taken.append(int(ran.stdout))
    return Timing(least_ns=min(taken), median_ns=sorted(taken)[_RUNS // 2])


def time_start_up() -> int:
    """Return the nanoseconds this process takes for it."""
    with tempfile.TemporaryDirectory() as folder:
        app = _app(Path(folder))
        gc.collect()
        start = perf_counter_ns()
        app.compile()
        return perf_counter_ns() - start


def newest() -> Call:
    """Serve a handler no revision touched, to a client of the newest version."""
    return _request(str(_FIRST + timedelta(days=_VERSIONS - 1)))


def oldest() -> Call:
    """Serve the same to a client of the oldest of 100 versions."""
    return _request(str(_FIRST))


def _request(version: str) -> Call:
    with tempfile.TemporaryDirectory() as folder:
        app = _app(Path(folder))
        app.compile()
    headers = _Headers(host="127.0.0.1", **{"api-version": version})
    scope = SimpleNamespace(
        proto="http", method="GET", path=f"/things-{_HANDLERS - 1}", query_string="", headers=headers, scheme="http",
        http_version="1.1", client="127.0.0.1:51044", authority=None,
    )  # fmt: skip
    serve, protocol = app.__rsgi__, _Protocol()

    async def ask() -> None:
        await serve(scope, protocol)

    return ask


class _Headers(dict[str, str]):
    def get_all(self, name: str) -> list[str]:
        return [self[name]] if name in self else []


class _Protocol:
    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        if status != 200:
            raise AssertionError(f"answered {status}: {body!r}")


def _app(folder: Path) -> App:
    """Return an API whose revisions are written to *folder*."""
    types = [defstruct(f"Thing{number}", [("id", int), ("name", str)]) for number in range(_HANDLERS)]
    app = App("many", revisions=folder)
    for number, kind in enumerate(types):
        app.get(f"/things-{number}", id=f"thing_{number}")(_handler(kind))
    plain = App("plain", revisions=None)
    for number, kind in enumerate(types):
        plain.get(f"/things-{number}", id=f"thing_{number}")(_handler(kind))
    _write_revisions(folder, plain.api())
    return app


def _handler(kind: type[Struct]) -> Callable[[], Any]:
    answer = kind(1, "a thing")

    async def handle() -> Any:
        return answer

    handle.__annotations__["return"] = kind
    return handle


def _write_revisions(folder: Path, head: Api) -> None:
    """Write a history that ends at *head*: what a revision touches had one member less before it."""
    apis = [head]
    for number in range(_VERSIONS - 1, 0, -1):
        types = dict(apis[-1].types)
        for place in range(_TOUCHED):
            name = f"Thing{(number * _TOUCHED + place) % (_TOUCHED * _TOUCHED)}"
            node: Any = types[name]
            types[name] = type(node)(fields=(*node.fields, _was(number)))
        apis.append(Api(types=types, endpoints=head.endpoints))
    apis.append(Api())
    stem: str | None = None
    for number, (before, after) in enumerate(pairwise(reversed(apis))):
        day = _FIRST + timedelta(days=number)
        change = delta(before, after)
        previous, stem = stem, f"{day}_change"
        touched = sorted(change.types) if number else []
        (folder / f"{stem}.py").write_text(_source(str(day), previous, touched, f"was_{number}"))
        write_delta(folder, stem, change)


def _was(number: int) -> Any:
    return Field(name=f"was_{number}", node=Integer())


def _source(day: str, previous: str | None, touched: list[str], lost: str) -> str:
    lines = ["from perdure import Revision", f"revision = Revision({day!r}, after={previous!r})"]
    for name in touched:
        lines += [f"@revision.response({name!r})", f"def old_{name}(thing):", f"    return {{**thing, {lost!r}: 0}}"]
    return "\n".join(lines) + "\n"
