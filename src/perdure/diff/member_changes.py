"""What changed about the members of an object, apart from their types.

An open object ignores members it does not name, and nobody sends what neither he nor the other side has named. So a
member that is added to an open object refuses nobody who left it out, and one that is removed is ignored.
"""

from collections.abc import Iterator

from msgspec import UNSET
from msgspec.structs import replace

from perdure.diff.changes import Change, change, shown
from perdure.gtype.nodes import Field, Object

__all__ = ["added_field", "closedness", "field_changes", "removed_field"]


def added_field(field: Field, old: Object, new: Object, at: str, *, strict: bool) -> Change:
    """Return the change that *field* was added; *strict* clients refuse members of answers they do not know."""
    del new
    keeps = (not field.required, not (old.closed or strict))
    which = "required" if field.required else "optional"
    return change(f"{which}-property-added", at, f"the {which} property {shown(field.name)} was added", keeps)


def removed_field(field: Field, old: Object, new: Object, at: str) -> Change:
    """Return the change that *field* was removed."""
    del old
    keeps = (not new.closed, not field.required)
    which = "required" if field.required else "optional"
    return change(f"{which}-property-removed", at, f"the {which} property {shown(field.name)} was removed", keeps)


def closedness(old: Object, new: Object, at: str, *, strict: bool) -> Iterator[Change]:
    """Yield whether unknown members became refused or let in; *strict* clients rely on there being none."""
    if new.closed and not old.closed:
        yield change("object-closed", at, "unknown properties were ignored and are now refused")
    elif old.closed and not new.closed:
        opened = change("object-opened", at, "unknown properties were refused and are now let in")
        yield replace(opened, settled=strict)


def field_changes(old: Field, new: Field, at: str) -> Iterator[Change]:
    """Yield what changed about a member that is on both sides: whether it has to be there, and what absence means."""
    name = shown(new.name)
    if new.required and not old.required:
        yield change("property-became-required", at, f"the property {name} could be left out and is now required")
    elif old.required and not new.required:
        default = "" if new.default is UNSET else f"; then it stands for {shown(new.default)}"
        yield change("property-became-optional", at, f"the property {name} was required and may be left out{default}")
    elif not new.required and (old.default is UNSET or new.default is UNSET or old.default != new.default):
        yield from _default(old.default, new.default, at)


def _default(old: object, new: object, at: str) -> Iterator[Change]:
    if old is UNSET and new is UNSET:
        return
    if old is UNSET:
        yield change("default-set", at, f"left out, it had no value of its own and now stands for {shown(new)}")
    elif new is UNSET:
        yield change("default-dropped", at, f"left out, it stood for {shown(old)} and now has no value of its own")
    else:
        yield change("default-changed", at, f"left out, it stood for {shown(old)} and now stands for {shown(new)}")
