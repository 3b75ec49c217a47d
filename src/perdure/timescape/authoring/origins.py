"""What of an API is called what some revisions later: their renames and moves, one after the other."""

from collections.abc import Iterable, Mapping
from typing import final

from perdure.manifest.records import Api
from perdure.timescape.authoring.hints import Hints
from perdure.timescape.authoring.sides import Sides
from perdure.timescape.recorded import RecordedRevision, targeted_types
from perdure.timescape.renames import Renames, kept_renames, names_of
from perdure.timescape.revision import is_endpoint_key

__all__ = ["Origins", "follow_all"]


@final
class Origins:
    """What types, endpoints and their members of *before* are called now, and the other way round."""

    def __init__(self, before: Api) -> None:
        self._before = before
        self._types: dict[str, str] = {name: name for name in before.types}
        self._endpoints: dict[str, str] = {key: key for key in before.endpoints}
        self._members: dict[str, dict[str, str]] = {}
        """For types and endpoints of before, by name of before, what was renamed at least once."""

    def follow(self, revision: RecordedRevision) -> None:
        """Go on to what *revision*, which must come next, calls them."""
        moves = {move.old: move.new for move in revision.moves}
        self._rename(revision.renames.members)
        self._types = _followed(self._types, _successors(revision, moves))
        gone = {
            key: moves.get(key, key if key in revision.after.endpoints else None)
            for key in revision.before.endpoints
        }  # fmt: skip
        self._endpoints = _followed(self._endpoints, gone)

    def of(self, target: str) -> str | None:
        """Return what *target* of now was called; None if it was not there."""
        if is_endpoint_key(target):
            return next((old for old, new in self._endpoints.items() if new == target), None)
        found = [old for old, new in self._types.items() if new == target]
        if found:
            return found[-1]
        is_family = any(each.startswith(f"{target}[") for each in self._types.values())
        return target if is_family and targeted_types(target, self._before) else None

    def moves(self) -> list[tuple[str, str]]:
        """Return the endpoints that are called otherwise now: what they were, and what they are."""
        return [(old, new) for old, new in self._endpoints.items() if old != new]

    def renames(self, after: Api) -> Renames:
        """Return what is called otherwise now, in *after*; what was renamed and back again is not."""
        types = {old: new for old, new in self._types.items() if old != new}
        return kept_renames(Renames(types=types, members=self._members), self._before, after)

    def _rename(self, members: Mapping[str, Mapping[str, str]]) -> None:
        for owner, names in members.items():
            now = self._endpoints if is_endpoint_key(owner) else self._types
            for origin in [old for old, new in now.items() if new == owner]:
                table = self._members.setdefault(origin, {})
                known = names_of(origin, self._before)
                table |= {name: new for old, new in names.items() for name in _named(old, table, known)}


def follow_all(before: Api, revisions: Iterable[RecordedRevision]) -> Origins:
    """Return what *before*, the API before the first of *revisions*, is called after all of them."""
    origins = Origins(before)
    for revision in revisions:
        origins.follow(revision)
    return origins


def _named(now: str, table: Mapping[str, str], known: Iterable[str]) -> list[str]:
    """Return what is called *now* after the renames in *table*."""
    found = [old for old, new in table.items() if new == now]
    return found or [name for name in known if name == now and name not in table]


def _successors(revision: RecordedRevision, moves: Mapping[str, str]) -> Mapping[str, str | None]:
    """Return, for the types before *revision*, what they are called after it."""
    if not revision.renames.types and revision.before.types.keys() <= revision.after.types.keys():
        return {name: name for name in revision.before.types}
    hints = Hints(revision.renames.types, revision.renames.members, moves)
    return Sides(revision.before, revision.after, hints).types


def _followed(now: Mapping[str, str], successors: Mapping[str, str | None]) -> dict[str, str]:
    return {old: successor for old, new in now.items() if (successor := successors.get(new)) is not None}
