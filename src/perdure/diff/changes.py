"""Changes: edits of a type before it is known which way its values travel."""

from typing import final

from msgspec import Struct
from msgspec.structs import replace

from perdure.diff.findings import Finding, Level
from perdure.diff.rules import EDITS, Flow, rule_id
from perdure.gtype.validator_faults import brief

__all__ = ["Change", "change", "finding", "level_of", "shown", "token"]

_KEEPS = {"narrows": (False, True), "widens": (True, False), "replaces": (False, False)}


@final
class Change(Struct, frozen=True, kw_only=True):
    """One edit, at one place of one definition."""

    edit: str
    """Its name among `perdure.diff.rules.EDITS`."""
    pointer: str
    """From the definition to the value it is felt at."""
    message: str
    keeps_old: bool | None = True
    """Each value that was valid still is; None where that cannot be decided."""
    keeps_new: bool | None = True
    """Each value that is valid was so before; None where that cannot be decided."""
    settled: bool = False
    """Sets of values do not overrule it, for they know too little: of an author's hint, or of how clients read."""


def change(edit: str, pointer: str, message: str, keeps: tuple[bool | None, bool | None] | None = None) -> Change:
    """Return the change that *edit* is; *keeps* says what it leaves where the edit alone does not decide."""
    old, new = _KEEPS.get(EDITS[edit].effect, (True, True)) if keeps is None else keeps
    return Change(edit=edit, pointer=pointer, message=message, keeps_old=old, keeps_new=new)


def finding(found: Change, direction: Flow, pointer: str, owner: str, places: int, *, absorbed: bool) -> Finding:
    """Return what *found* is to those whose values travel in *direction*.

    Args:
        found: The change.
        direction: Which way values travel.
        pointer: From the root to the value.
        owner: The definition in which the edit was made, or ``""``.
        places: How many places of the root it is felt at, at least 1.
        absorbed: What surrounds the value makes up for the change.
    """
    message = found.message
    if absorbed and level_of(found, direction) != level_of(_harmless(found), direction):
        message += ", but what it is part of leaves nobody out"
        found = _harmless(found)
    if places > 1:
        message += f" (and at {places - 1} other {'place' if places == 2 else 'places'})"
    return Finding(
        rule=rule_id(direction, found.edit), level=level_of(found, direction), pointer=pointer, message=message,
        direction=direction, type=owner,
    )  # fmt: skip


def level_of(found: Change, direction: Flow) -> Level:
    """Return how grave *found* is to those whose values travel in *direction*, if nothing makes up for it."""
    keeps = found.keeps_old if direction == "request" else found.keeps_new
    if keeps is False:
        return "breaking"
    edit = EDITS[found.edit]
    least = edit.request if direction == "request" else edit.response
    return least if keeps else "risky"


def _harmless(found: Change) -> Change:
    return found if found.settled else replace(found, keeps_old=True, keeps_new=True)


def shown(value: object) -> str:
    """Return *value* as it is written in JSON, shortened."""
    return brief(value)


def token(name: object) -> str:
    """Return *name* as one step of a JSON Pointer."""
    return "/" + str(name).replace("~", "~0").replace("/", "~1")
