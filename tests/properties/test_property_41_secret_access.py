"""Property 41: a secret is reachable only through the manager.

Drawn secrets lie in drawn places; drawn handlers and hooks declare some of them. Each tries every name, those that do
not exist included. It gets what its own route declares and somebody has, and nothing else; each attempt is audited. By
any other way, walking over all attributes of what it is given, and of the manager itself, it meets no value: neither
before it asked, nor after.
"""

import logging
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perdure import App, Config, GlobalContext, LocalContext, Request
from perdure.config import SecretSettings
from perdure.errors import SecretDeniedError, SecretMissingError
from tests.calls import executions_of, run, serving

NAMES = ("db_password", "api-key", "tls.key", "signing", "absent")
MARK = "v4lue-of-"
places = st.dictionaries(st.sampled_from(NAMES[:4]), st.sampled_from(["environment", "files", "both"]))
declared = st.lists(st.frozensets(st.sampled_from(NAMES)), min_size=1, max_size=3)


class Attempts(logging.Handler):
    """What was audited."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "perdure.audit":
            self.seen.append((vars(record)["secret"], vars(record)["outcome"]))


@pytest.fixture
def attempts() -> Iterator[Attempts]:
    logger, handler = logging.getLogger("perdure.audit"), Attempts()
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(level)


def meets_a_value(*roots: object) -> bool:
    """Walk over attributes, slots and items, private ones included, of all objects of Perdure's."""
    seen: set[int] = set()
    waiting: list[Any] = list(roots)
    while waiting:
        each = waiting.pop()
        if isinstance(each, str | bytes):
            if MARK in (each if isinstance(each, str) else each.decode("latin-1")):
                return True
            continue
        if id(each) in seen or isinstance(each, type):
            continue
        seen.add(id(each))
        assert MARK not in repr(each)
        if isinstance(each, dict):
            waiting += [*each, *each.values()]
        elif isinstance(each, list | tuple | set | frozenset):
            waiting += each
        elif type(each).__module__.startswith("perdure"):
            slots = [name for cls in type(each).__mro__ for name in getattr(cls, "__slots__", ())]
            waiting += [getattr(each, name, None) for name in {*getattr(each, "__dict__", ()), *slots}]
    return False


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(placed=places, routes=declared)
def test_a_secret_is_reachable_only_through_the_manager(
    placed: dict[str, str], routes: list[frozenset[str]], attempts: Attempts
) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        for name, where in placed.items():
            if where != "environment":
                (Path(folder) / name).write_text(f"{MARK}{name}-file")
            if where != "files":
                variable = name.upper().replace("-", "_").replace(".", "_")
                patch.setenv(f"T_{variable}", f"{MARK}{name}-environment")
        attempts.seen.clear()
        run(check(placed, routes, folder, attempts))


async def check(placed: dict[str, str], routes: list[frozenset[str]], folder: str, attempts: Attempts) -> None:
    app = App("drawn", config=Config(secrets=SecretSettings(folder=folder, environment_prefix="T_")))
    executions = executions_of(app)
    values = {name: f"{MARK}{name}-{'file' if where == 'files' else 'environment'}" for name, where in placed.items()}
    got: list[tuple[str, str, str]] = []

    async def try_all(who: str, gctx: GlobalContext, lctx: LocalContext, req: Request) -> None:
        assert not meets_a_value(app._compiled().secrets, gctx, lctx, req)
        for name in NAMES:
            try:
                secret = await gctx.secrets.get(name)
                got.append((who, name, secret.reveal()))
            except SecretDeniedError:
                got.append((who, name, "denied"))
            except SecretMissingError:
                got.append((who, name, "missing"))
        assert not meets_a_value(app._compiled().secrets, gctx, lctx, req)

    @app.before
    async def hook(req: Request, lctx: LocalContext, gctx: GlobalContext) -> None:
        await try_all(f"hook of {req.path}", gctx, lctx, req)

    for number, names in enumerate(routes):

        @app.get(f"/{number}", secrets=names)
        async def handle(req: Request, lctx: LocalContext, gctx: GlobalContext) -> None:
            await try_all(f"handler of {req.path}", gctx, lctx, req)

    await app.start()
    async with serving(app) as client:
        for number in range(len(routes)):
            response = await client.get(f"/{number}")
            assert 204 == response.status_code, response.text
    await app.stop()
    expected = [
        (f"{who} of /{number}", name, values.get(name, "missing") if name in names else "denied")
        for number, names in enumerate(routes)
        for who in ("hook", "handler")
        for name in NAMES
    ]
    assert expected == got
    outcomes = [(name, outcome if outcome in ("denied", "missing") else "given") for _, name, outcome in expected]
    assert outcomes == [(name, "given" if how in ("fetched", "cached") else how) for name, how in attempts.seen]
    noted = [
        (event.name, event.kind) for execution in executions for event in execution.events if event.stage == "secret"
    ]
    ends = [(name, "end" if outcome == "given" else "error") for name, outcome in outcomes]
    assert [pair for name, kind in ends for pair in ((name, "start"), (name, kind))] == noted
