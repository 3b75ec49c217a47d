"""What a person says on the command line about what is called otherwise now: ``--rename`` and ``--move``.

================================  ==================================================
``Customer=Client``               a type
``Order.items=lines``             a member of an object; ``Page`` is every ``Page[…]`` too
``OrderStatus.done=completed``    a value of an enumeration
``GET /orders.state=status``      a path or query parameter, or a header, of an endpoint
``GET /a=GET /b``                 an endpoint (``--move``)
================================  ==================================================
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import final

from msgspec import Struct

from perdure.errors import ConfigError
from perdure.manifest.records import Api
from perdure.timescape.recorded import targeted_types
from perdure.timescape.renames import Renames, is_listed, names_in, names_of
from perdure.timescape.revision import is_endpoint_key

__all__ = ["HintError", "Hints", "must_be", "read_hints"]


@final
class HintError(ConfigError):
    """A hint names what is not there, or says two things at once."""


@final
class Hints(Struct, frozen=True):
    """What was said, and found to be possible."""

    types: Mapping[str, str] = {}
    """For types of before, their names after."""
    members: Mapping[str, Mapping[str, str]] = {}
    """For types and endpoints of before, by member or value of before, its name after."""
    moves: Mapping[str, str] = {}
    """For endpoints of before, their keys after."""

    @property
    def renames(self) -> Renames:
        """What is called otherwise, without the endpoints."""
        return Renames(types=self.types, members=self.members)


def read_hints(renames: Sequence[str], moves: Sequence[str], before: Api, after: Api) -> Hints:
    """Return what *renames* and *moves* say of the change from *before* to *after*.

    Raises:
        HintError: One of them is malformed, names what is not there (the error says what was probably meant), or
            contradicts another.
    """
    types: dict[str, str] = {}
    members: dict[str, dict[str, str]] = {}
    moved = _read_moves(moves, before, after)
    split = [_split(text, before) for text in renames]
    for text, owner, old, new in split:
        if not owner:
            must_be(old, before.types, f"--rename {text}: there was no type {old!r}")
            must_be(new, after.types, f"--rename {text}: there is no type {new!r}")
            _put(types, old, new, text, merges=True)
    for text, owner, old, new in split:
        if owner:
            known = {**before.types, **before.endpoints}
            family = targeted_types(owner, before) or (owner,)
            old, new = _recorded_header(owner, old, before), _recorded_header(moved.get(owner, owner), new, after)
            for each in family:
                must_be(each, known, f"--rename {text}: there was no type or endpoint {owner!r}")
                _check_member(text, (each, old, new), before, after, {**types, **moved})
                _put(members.setdefault(each, {}), old, new, text, merges=is_listed(before.types.get(each)))
    _refuse_staying(members, types, before, after)
    return Hints(types, members, moved)


def _refuse_staying(
    members: Mapping[str, Mapping[str, str]], types: Mapping[str, str], before: Api, after: Api
) -> None:
    """Refuse hints on values that are still there, unless they take the place of others."""
    for owner, names in members.items():
        successor = types.get(owner, owner)
        theirs = names_of(successor, after) if is_listed(before.types.get(owner)) else ()
        for old, new in names.items():
            if old in theirs and old not in names.values() and old != new:
                raise HintError(
                    f"--rename {owner}.{old}={new}: {successor} still has {old!r}, so it was not renamed; say which "
                    f"value that is gone became {new!r}"
                )


def _read_moves(moves: Sequence[str], before: Api, after: Api) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in moves:
        old, sign, new = (part.strip() for part in text.partition("="))
        if not sign or not is_endpoint_key(old) or not is_endpoint_key(new):
            raise HintError(f'--move {text}: write it as --move "GET /old=GET /new"')
        must_be(old, before.endpoints, f"--move {text}: there was no endpoint {old!r}")
        must_be(new, after.endpoints, f"--move {text}: there is no endpoint {new!r}")
        _put(found, old, new, text, merges=True)
    return found


def _split(text: str, before: Api) -> tuple[str, str, str, str]:
    """Return *text*, the type or endpoint whose member is renamed or "", the old and the new name."""
    left, sign, new = (part.strip() for part in text.partition("="))
    if not sign or not left or not new:
        raise HintError(f"--rename {text}: write it as Type.old=new, or Old=New for a type")
    owner, dot, old = left.rpartition(".")
    if left in before.types:  # a name with a dot in it, perhaps
        return text, "", left, new
    if dot and not is_endpoint_key(left) and new.startswith(f"{owner}."):
        new = new.removeprefix(f"{owner}.")  # Order.items=Order.lines says the same
    return (text, owner, old, new) if dot and owner and old else (text, "", left, new)


def _recorded_header(endpoint: str, name: str, api: Api) -> str:
    """Return what a header of *endpoint* is recorded as, if *name* is that in other letters: ``X-Tenant``, x_tenant."""
    known = api.endpoints.get(endpoint)
    if known is None or known.headers is None or name in names_of(endpoint, api):
        return name
    alike = [each for each in names_in(known.headers) if _folded(each) == _folded(name)]
    return alike[0] if len(alike) == 1 else name


def _folded(header: str) -> str:
    return header.lower().replace("_", "-")


def _put(found: dict[str, str], old: str, new: str, text: str, *, merges: bool = False) -> None:
    if found.setdefault(old, new) != new:
        raise HintError(f"{text}: {old!r} is said to be {found[old]!r} already")
    if not merges and sum(each == new for each in found.values()) > 1:
        raise HintError(f"{text}: two are said to be {new!r} now")


def _check_member(
    text: str, names: tuple[str, str, str], before: Api, after: Api, successors: Mapping[str, str]
) -> None:
    owner, old, new = names
    ours = names_of(owner, before)
    must_be(old, ours, f"--rename {text}: {owner} had no {old!r}")
    successor = successors.get(owner, owner)
    if successor in after.types or successor in after.endpoints:
        theirs = names_of(successor, after)
        must_be(new, theirs, f"--rename {text}: {successor} has no {new!r}")


def must_be(name: str, known: Iterable[str], complaint: str) -> None:
    """Refuse *name* unless it is *known*.

    Raises:
        HintError: *complaint*, and which of *known* was probably meant.
    """
    import difflib

    names = sorted(known)
    if name in names:
        return
    near = difflib.get_close_matches(name, names, n=3) or names[:8]
    meant = f"; did you mean {' or '.join(repr(each) for each in near)}?" if near else ""
    raise HintError(complaint + meant)
