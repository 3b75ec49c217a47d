"""`perdure migrations`: the steps that versions need on the app's own database."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from threading import Thread
from typing import final

import msgspec
from cyclopts import App as CommandLine
from msgspec import Struct
from msgspec.structs import replace

from perdure.cli.console import say, write
from perdure.cli.operations import Operations, recorded_operations
from perdure.cli.options import HERE, Switch, Where
from perdure.cli.plan import EXIT_OK
from perdure.cli.store import existing_store, store_place
from perdure.cli.tables import print_table
from perdure.cli.target import find_target, load
from perdure.clock import SystemClock
from perdure.errors import StoreError
from perdure.rollout.migrations import Migrations, migrations_of
from perdure.rollout.migrations_run import StepStatus
from perdure.rollout.migrations_steps import live_versions
from perdure.store.opening import open_store
from perdure.timescape.instants import format_instant
from perdure.timescape.timescape import Timescape

__all__ = ["commands"]

_LOCK_WAIT_S = 0.5
_HELP = """Look at the steps that versions need on the app's own database, and make them.

The steps are Alembic revisions, named by revision.database(expand=…, contract=…). A version's expand step is made
before it activates; its contract step by the command below, once no live version needs what it removes. Nothing is
ever downgraded. Exit codes as for perdure itself; 1 too for a step that fails or may not be made.
"""

commands = CommandLine(name="migrations", help=_HELP, help_format="plaintext")


@final
class _Desk(Struct, frozen=True):
    """One app's steps, its versions, and those of them that are live."""

    migrations: Migrations
    timescape: Timescape
    live: frozenset[str]
    lock: Callable[[], AbstractContextManager[None]]
    """Whoever makes steps is in it."""
    operations: Operations
    """Records what is done."""


@commands.command
def status(*, json: Switch = False, where: Where = HERE) -> int:
    """List the steps: which are done, which may be made, and what keeps the others back.

    Parameters
    ----------
    json
        Print JSON instead of a table.
    """
    with _open_desk(where, is_looking=True) as desk:
        found = _status(desk)
    if json:
        write(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    elif not found:
        say("no version names a step on the database")
    else:
        rows = [
            (each.version, each.phase, each.step, each.state, each.file, _time(each.done_s), each.reason)
            for each in found
        ]
        print_table(("VERSION", "PHASE", "STEP", "STATE", "FILE", "DONE", "BECAUSE"), rows)
    return EXIT_OK


@commands.command
def expand(
    version: str | None = None, /, *, dry_run: Switch = False, retry: Switch = False, where: Where = HERE
) -> int:
    """Make the expand steps that a version, and those before it, need; what is there is not made again.

    Servers and `perdure versions activate` do this by themselves; here it can be done before a deployment.

    Parameters
    ----------
    version
        The version: its name, label or a date; the newest of the code by default.
    dry_run
        Say what would be made.
    retry
        Make a step again that was interrupted, once what it left is put right.
    """
    with _open_desk(where, is_looking=dry_run) as desk:
        timescape = desk.timescape
        index = timescape.head if version is None else timescape.resolve(version)
        name = timescape.versions[index].name
        with nullcontext() if dry_run else desk.operations.of(f"expand {name}{' --retry' if retry else ''}"):
            made = desk.migrations.expand([name], retry=retry, dry_run=dry_run)
    _tell(made, dry_run=dry_run)
    return EXIT_OK


@commands.command
def contract(*, dry_run: Switch = False, retry: Switch = False, where: Where = HERE) -> int:
    """Make the contract steps that no live version stands against; `perdure migrations status` says which do.

    Run it when the last process of an older build is gone: this one cannot see them.

    Parameters
    ----------
    dry_run
        Say what would be made.
    retry
        Make a step again that was interrupted, once what it left is put right.
    """
    action = f"contract{' --retry' if retry else ''}"
    with _open_desk(where, is_looking=dry_run) as desk, nullcontext() if dry_run else desk.operations.of(action):
        made = desk.migrations.contract(desk.live, retry=retry, dry_run=dry_run)
    _tell(made, dry_run=dry_run)
    return EXIT_OK


@commands.command
def accept(step: str, /, *, where: Where = HERE) -> int:
    """Take the changed file of a step that was made for what was made: the change means nothing.

    Parameters
    ----------
    step
        Id of the Alembic revision.
    """
    with _open_desk(where) as desk, desk.operations.of(f"accept {step}"):
        desk.migrations.accept(step)
    say(f"accepted {step}")
    return EXIT_OK


@contextmanager
def _open_desk(where: Where, *, is_looking: bool = False) -> Iterator[_Desk]:
    """Open the store of an app, both as the command line names them; raises as `perdure.cli.main.main` expects.

    Args:
        where: The app, and its store.
        is_looking: Nothing is done, so no store is made where there is none.
    """
    target = find_target(where.app, Path.cwd())
    with where.applied(where.app):
        app = load(target)
    place = (existing_store if is_looking else store_place)(target, where.store, app.config)
    store = open_store(place.url)
    try:
        migrations = migrations_of(app.name, app.timescape(), app.manifests(), store, app.config, SystemClock())
        live = live_versions(store.control(app.name), store.pins(app.name)[0])
        with recorded_operations(app.config, app.name, "migrations") as operations:
            yield _Desk(migrations, app.timescape(), live, lambda: store.lock(f"migrations {app.name}"), operations)
    finally:
        store.close()


def _status(desk: _Desk) -> tuple[StepStatus, ...]:
    """Return where the steps stand; what was begun is only called interrupted where nobody is at it."""
    found = desk.migrations.status(desk.live)
    if not any(each.state == "interrupted" for each in found):
        return found
    if _is_held(desk.lock):
        return tuple(replace(each, state="running") if each.state == "interrupted" else each for each in found)
    return desk.migrations.status(desk.live)  # it may have ended meanwhile


def _is_held(lock: Callable[[], AbstractContextManager[None]]) -> bool:
    """Tell whether somebody is in *lock*, which has no way to ask but to wait for it."""

    def enter() -> None:
        # What keeps the lock from being asked for is told by whoever makes a step.
        with suppress(StoreError), lock():
            pass

    waiting = Thread(target=enter, daemon=True)
    waiting.start()
    waiting.join(_LOCK_WAIT_S)
    return waiting.is_alive()


def _tell(made: tuple[str, ...], *, dry_run: bool) -> None:
    if not made:
        say("nothing to do")
    for step in made:
        say(f"would make {step}" if dry_run else f"made {step}")


def _time(moment_s: float | None) -> str:
    return "" if moment_s is None else format_instant(int(moment_s))
