"""The `perdure versions` commands that look."""

import math
from typing import Annotated

from cyclopts import Parameter, validators

from perdure.cli.options import HERE, Switch, Where
from perdure.cli.plan import EXIT_OK
from perdure.cli.versions_desk import Desk, open_desk
from perdure.cli.versions_tables import print_journal, print_pins, print_usage, print_version, print_versions
from perdure.errors import DecisionError
from perdure.store.records import UsageCount

__all__ = ["journal", "list_versions", "pins", "register", "show", "usage"]


def list_versions(*, json: Switch = False, where: Where = HERE) -> int:
    """List the versions: whether they serve, what leads to them, how much they are used.

    Parameters
    ----------
    json
        Print JSON instead of a table.
    """
    with open_desk(where, is_looking=True) as desk:
        print_versions(desk.lines(), as_json=json)
    return EXIT_OK


def show(version: str, /, *, json: Switch = False, where: Where = HERE) -> int:
    """Show all there is to say about one version, and which clients used it within 30 days.

    Parameters
    ----------
    version
        The version.
    json
        Print JSON instead of text.
    """
    with open_desk(where, is_looking=True) as desk:
        name = desk.roster().find(version)
        line = next(each for each in desk.lines() if each.version == name)
        print_version(line, _by_client(desk, name, 30), as_json=json)
    return EXIT_OK


def usage(version: str | None = None, /, *, days: float = 30, json: Switch = False, where: Where = HERE) -> int:
    """List who used which version, most requests first.

    Parameters
    ----------
    version
        Only this version.
    days
        How far to look back.
    json
        Print JSON instead of a table.
    """
    with open_desk(where, is_looking=True) as desk:
        name = desk.roster().find(version) if version is not None else None
        print_usage(_by_client(desk, name, days), as_json=json)
    return EXIT_OK


def journal(*, limit: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 50, json: Switch = False,
            where: Where = HERE) -> int:  # fmt: skip
    """List what was decided, newest first, and by whom.

    Parameters
    ----------
    limit
        How many decisions.
    json
        Print JSON instead of a table.
    """
    with open_desk(where, is_looking=True) as desk:
        print_journal(desk.store.journal(desk.app, limit), as_json=json)
    return EXIT_OK


def pins(*, json: Switch = False, where: Where = HERE) -> int:
    """List the clients that are pinned, and to what.

    Parameters
    ----------
    json
        Print JSON instead of a table.
    """
    with open_desk(where, is_looking=True) as desk:
        print_pins(desk.store.pins(desk.app)[0], as_json=json)
    return EXIT_OK


def register(*, where: Where = HERE) -> int:
    """Tell the store the versions of this code, without serving it; servers do so when they start."""
    with open_desk(where) as desk:
        with desk.operations.of("register"):
            desk.rollout.register(has_drafts=desk.has_drafts)
        print_versions(desk.lines(), as_json=False)
    return EXIT_OK


def _by_client(desk: Desk, version: str | None, days: float) -> tuple[UsageCount, ...]:
    """Return usage summed over hours, most requests first."""
    if not 0 < days < math.inf:
        raise DecisionError(f"--days must be more than 0, not {days:g}")
    counts = desk.store.usage_by_client(desk.app, max(0, int((desk.now_s - days * 86_400) // 3600)))
    wanted = [each for each in counts if version in {None, each.version}]
    return tuple(sorted(wanted, key=lambda each: (-each.requests, each.version, each.client)))
