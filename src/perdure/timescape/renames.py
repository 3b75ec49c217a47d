"""What is called otherwise since a revision, as its author said: types, their members and values, parameters.

No transformer and no type says it: a member that is gone and one that is new look the same whether they are one or two.
So what a person said when a revision was recorded is kept with it, for everything that compares versions later.
"""

import difflib
from collections.abc import Mapping
from typing import final

from msgspec import Struct

from perdure.errors import RevisionError
from perdure.gtype.nodes import Boolean, Enum, Literal, Node, Null, Object
from perdure.manifest.records import Api

__all__ = ["Renames", "check_renames", "is_listed", "kept_renames", "names_in", "names_of"]


@final
class Renames(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Names of before, and what they are now."""

    types: Mapping[str, str] = {}
    """For types of before, their names after."""
    members: Mapping[str, Mapping[str, str]] = {}
    """For types and endpoints of before: for members, values or parameters of before, their names after."""

    def __bool__(self) -> bool:
        return bool(self.types or self.members)

    def pairs(self) -> dict[tuple[str, str], str]:
        """Return the members by owner and name of before, as `perdure.diff.apis.diff_apis` takes them."""
        return {(owner, name): now for owner, names in self.members.items() for name, now in names.items()}


def names_of(owner: str, api: Api) -> tuple[str, ...]:
    """Return what of *owner*, a type or an endpoint of *api*, has names: members, listed values, parameters."""
    endpoint = api.endpoints.get(owner)
    if owner in api.types or endpoint is None:
        return names_in(api.types[owner]) if owner in api.types else ()
    parts = [each for each in (endpoint.params, endpoint.query, endpoint.headers, endpoint.cookies) if each is not None]
    return tuple(name for each in parts for name in names_in(each))


def names_in(node: Node) -> tuple[str, ...]:
    """Return the names of the members of *node*, or the values that it lists, as text."""
    match node:
        case Object(fields=fields):
            return tuple(field.name for field in fields)
        case Literal(values=values):
            return tuple(map(str, values))
        case Enum(members=members):
            return tuple(str(value) for _, value in members)
        case Boolean():
            return ("True", "False")
        case Null():
            return ("None",)
        case _:
            return ()


def is_listed(node: Node | None) -> bool:
    """Tell whether *node* lists its values: of these, two may have become one."""
    return isinstance(node, Literal | Enum | Boolean | Null)


def check_renames(renames: Renames, before: Api, after: Api) -> None:
    """Refuse *renames* of what is not in the API *before* a revision, or the one *after* it.

    Raises:
        RevisionError: A name is not known on its side; the message says which, and what was probably meant.
    """
    for old, new in renames.types.items():
        _must_be(old, tuple(before.types), f"it renames the type {old!r}, which was not there before it")
        _must_be(new, tuple(after.types), f"it renames the type {old!r} to {new!r}, which is not there after it")
    owners = (*before.types, *before.endpoints)
    for owner, names in renames.members.items():
        _must_be(owner, owners, f"it renames something of {owner!r}, which was not there before it")
        ours, theirs = names_of(owner, before), _names_after(owner, renames, after)
        for old, new in names.items():
            _must_be(old, ours, f"it renames {old!r} of {owner!r}, which had no such member, value or parameter")
            if theirs is not None:
                _must_be(new, theirs, f"it renames {old!r} of {owner!r} to {new!r}, which is not there after it")


def kept_renames(renames: Renames, before: Api, after: Api) -> Renames:
    """Return those of *renames* that `check_renames` lets through and that change a name."""
    types = {
        old: new
        for old, new in renames.types.items()
        if old != new and old in before.types and new in after.types
    }  # fmt: skip
    members: dict[str, dict[str, str]] = {}
    for owner, names in renames.members.items():
        ours, theirs = names_of(owner, before), _names_after(owner, renames, after)
        found = {
            old: new
            for old, new in names.items()
            if old != new and old in ours and (theirs is None or new in theirs)
        }  # fmt: skip
        if found:
            members[owner] = found
    return Renames(types=types, members=members)


def _names_after(owner: str, renames: Renames, after: Api) -> tuple[str, ...] | None:
    """Return what *owner* of before has after; None where nothing is called that: it was moved, perhaps."""
    successor = renames.types.get(owner, owner)
    return names_of(successor, after) if successor in after.types or successor in after.endpoints else None


def _must_be(name: str, known: tuple[str, ...], complaint: str) -> None:
    if name in known:
        return
    near = difflib.get_close_matches(name, known, n=3) or sorted(known)[:8]
    meant = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    raise RevisionError(complaint + meant)
