"""Which path parameters, query parameters and headers of the old endpoint are which of the new one.

What is called otherwise now gets its old name back before the two are compared: clients know that one.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from perdure.diff.changes import shown, token
from perdure.diff.facts import Note
from perdure.diff.pairing import renamed_in_path
from perdure.gtype.nodes import Object
from perdure.manifest.records import Endpoint

__all__ = ["MembersPair", "as_sent", "compare_parameters"]

_NONE = Object()


class MembersPair(NamedTuple):
    """What clients say in one place of a request, before and now, under names that can be compared."""

    pointer: str
    old: Object
    new: Object


def compare_parameters(
    keys: tuple[str, str], endpoints: tuple[Endpoint, Endpoint], renames: Mapping[str, str]
) -> Iterator[Note | MembersPair]:
    """Yield what is called otherwise now, and what has to be compared.

    Args:
        keys: Of the endpoint, old and new.
        endpoints: What is recorded of it, old and new.
        renames: For old names of parameters and headers, the new ones.
    """
    old, new = endpoints
    by_place = {after: before for before, after in renamed_in_path(*keys).items()}
    for after, before in by_place.items():
        message = f"the path parameter {shown(before)} is now called {shown(after)}"
        yield Note("path-parameter-renamed", message, f"/path{token(before)}")
    hinted = {after: before for before, after in renames.items() if after not in by_place}
    for pointer, was, now in (
        ("/path", old.params, new.params), ("/query", old.query, new.query),
        ("/headers", as_sent(old.headers), as_sent(new.headers)), ("/cookies", old.cookies, new.cookies),
    ):  # fmt: skip
        yield from _one_place(MembersPair(pointer, was or _NONE, now or _NONE), by_place, hinted)


def _one_place(
    pair: MembersPair, by_place: Mapping[str, str], hinted: Mapping[str, str]
) -> Iterator[Note | MembersPair]:
    before, after = ({field.name for field in members.fields} for members in (pair.old, pair.new))
    if pair.pointer == "/headers":
        hinted = {_header(new): _header(old) for new, old in hinted.items()}
    names = {new: old for new, old in hinted.items() if new in after and old in before and old not in after}
    for new, old in names.items():
        is_in_path = pair.pointer == "/path"
        rule = "path-parameter-renamed" if is_in_path else "request-parameter-renamed"
        message = f"the {'path ' if is_in_path else ''}parameter {shown(old)} is now called {shown(new)}"
        yield Note(rule, message, pair.pointer + token(old))
    if pair.pointer == "/path":
        names = {**names, **by_place}
    yield MembersPair(pair.pointer, pair.old, _with_names(pair.new, names))


def _with_names(members: Object, names: Mapping[str, str]) -> Object:
    if not names:
        return members
    return replace(
        members, fields=tuple(replace(each, name=names.get(each.name, each.name)) for each in members.fields)
    )


def as_sent(headers: Object | None) -> Object | None:
    """Return *headers* under the names that HTTP compares: it knows no case, and Python no dashes, in names."""
    if headers is None:
        return None
    return replace(headers, fields=tuple(replace(field, name=_header(field.name)) for field in headers.fields))


def _header(name: str) -> str:
    return name.lower().replace("_", "-")
