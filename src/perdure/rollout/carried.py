"""What the transformers of a published version say of names, as lines and read again.

``moved GET /a to GET /b`` is an endpoint. ``renamed ["Order","items","lines"]`` is a member, value or parameter of a
type or an endpoint, ``renamed ["","Order","Purchase"]`` a type: any of these may hold any character.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from perdure.timescape.renames import Renames

__all__ = ["Called", "follow_lines", "renamed_lines"]

_MOVED: Final = "moved "
_RENAMED: Final = "renamed "


class Called(NamedTuple):
    """What of an older version is called otherwise in a newer one."""

    moves: dict[str, str]
    """For keys of endpoints, what they are called now."""
    renames: dict[tuple[str, str], str]
    """As `perdure.diff.apis.diff_apis` takes them: in the words of the older version."""


def renamed_lines(renames: Renames) -> tuple[str, ...]:
    """Return *renames*, each as a line."""
    rows = [("", old, new) for old, new in renames.types.items()]
    rows += [(owner, old, new) for (owner, old), new in renames.pairs().items()]
    return tuple(_RENAMED + msgspec.json.encode(row).decode() for row in rows)


def follow_lines(versions: Iterable[Sequence[str]]) -> Called:
    """Return what is called otherwise after all of *versions*, given the lines of each, oldest first.

    Lines that say something else are passed over.
    """
    moves: dict[str, str] = {}
    types: dict[str, str] = {}
    members: dict[tuple[str, str], str] = {}
    for lines in versions:
        rows = [msgspec.json.decode(each[len(_RENAMED) :], type=_Row) for each in lines if each.startswith(_RENAMED)]
        # The owners of members have the names they had before this version, so these are followed first.
        said = [((_origin(owner, {**types, **moves}), old), new) for owner, old, new in rows if owner]
        members = _followed_members(members, said)
        types = _followed(types, [(old, new) for owner, old, new in rows if not owner])
        pairs = [each.removeprefix(_MOVED).partition(" to ") for each in lines if each.startswith(_MOVED)]
        moves = _followed(moves, [(old, new) for old, is_move, new in pairs if is_move])
    return Called(moves, members)


_Row = tuple[str, str, str]


def _origin(now: str, names: dict[str, str]) -> str:
    return next((old for old, new in names.items() if new == now), now)


def _followed(names: dict[str, str], said: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return *names* after those that are *said* at once to be called otherwise; what nobody knew yet is added."""
    now = dict(said)
    known = {first: now.get(last, last) for first, last in names.items()}
    return known | {old: new for old, new in said if old not in names.values() and old not in known}


def _followed_members(
    members: dict[tuple[str, str], str], said: Sequence[tuple[tuple[str, str], str]]
) -> dict[tuple[str, str], str]:
    owners = dict.fromkeys([owner for owner, _ in members] + [owner for (owner, _), _ in said])
    found: dict[tuple[str, str], str] = {}
    for owner in owners:
        known = {name: now for (whose, name), now in members.items() if whose == owner}
        fresh = [(old, new) for (whose, old), new in said if whose == owner]
        found |= {(owner, name): now for name, now in _followed(known, fresh).items()}
    return found
