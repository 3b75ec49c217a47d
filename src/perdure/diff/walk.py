"""One pair of definitions, walked side by side: what was edited in them, and which definitions they lead to."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final, NamedTuple, final

import msgspec

from perdure.diff.alternatives import alternatives, match
from perdure.diff.changes import Change, change, shown, token
from perdure.diff.member_changes import added_field, closedness, field_changes, removed_field
from perdure.diff.scalar_changes import counts, formats, listed_values, numbers, offsets, texts
from perdure.diff.sides import Side, Sides
from perdure.gtype.intersections import combine
from perdure.gtype.nodes import (
    AnyValue,
    Array,
    Bytes,
    DateTime,
    Enum,
    Field,
    Integer,
    Intersection,
    Literal,
    Node,
    Null,
    Number,
    Object,
    Record,
    Ref,
    String,
    Time,
    Tuple,
    Union,
)
from perdure.gtype.validator_containers import phrase

__all__ = ["Around", "Link", "Step", "walk"]


_RETYPED: Final[Mapping[tuple[bool | None, bool | None], str]] = MappingProxyType(
    {(True, False): "type-widened", (False, True): "type-narrowed"}
)


class Around(NamedTuple):
    """A value and the combination of types it is part of, which may make up for whatever is changed in it."""

    old: Node
    old_whole: Node
    new: Node
    new_whole: Node


class Link(NamedTuple):
    """A place at which one definition refers to another, on both sides."""

    pointer: str
    old: Ref
    new: Ref


class Step(NamedTuple):
    """Something met on the way, in order."""

    met: Change | Link
    around: tuple[Around, ...]
    """What the value is part of, up to the definition."""


def walk(sides: Sides, old: Node, new: Node, owner: str, renames: Mapping[tuple[str, str], str]) -> tuple[Step, ...]:
    """Return what was edited between *old* and *new*, and where they lead to other definitions on both sides.

    Args:
        sides: Where the two come from.
        old: A definition, or the root.
        new: What has become of it.
        owner: The name of the definition; ``""`` for the root.
        renames: As for `perdure.diff.types.diff_types`.
    """
    walker = _Walk(sides, owner, renames)
    walker.pair(old, new, "")
    return tuple(walker.steps)


@final
class _Walk:
    """Walks two nodes and all that lies in them, but for what has a name on both sides."""

    def __init__(self, sides: Sides, owner: str, renames: Mapping[tuple[str, str], str]) -> None:
        self.steps: list[Step] = []
        self._sides = sides
        self._owner = owner
        self._places = _by_place(owner, renames)
        self._around: tuple[Around, ...] = ()
        self._inside: set[tuple[bytes, bytes]] = set()

    def pair(self, old: Node, new: Node, at: str) -> None:
        """Compare two nodes that may be anything."""
        if self._sides.are_same(old, new) and not any(place.startswith(at) for place in self._places):
            return
        if old.deprecated != new.deprecated:
            self._add(
                change("deprecated", at, "it was not deprecated and now is")
                if new.deprecated
                else change("deprecation-withdrawn", at, "it was deprecated and no longer is")
            )
        old, new = _only_member(old), _only_member(new)
        if isinstance(old, Ref) and isinstance(new, Ref):
            if not self._sides.are_same(old, new):
                self.steps.append(Step(Link(at, old, new), self._around))
            return
        targets = self._sides.resolve(old, 0), self._sides.resolve(new, 1)
        if isinstance(old, Ref) or isinstance(new, Ref) or any(isinstance(node, Intersection) for node in targets):
            # Only where both sides have a name does recursion end by itself.
            key = (msgspec.json.encode(old), msgspec.json.encode(new))
            if key not in self._inside:
                self._inside.add(key)
                self._resolved(old, new, targets, at)
                self._inside.remove(key)
            return
        self._resolved(old, new, targets, at)

    def _add(self, *found: Change) -> None:
        self.steps.extend(Step(each, self._around) for each in found)

    @contextmanager
    def _within(self, around: Around) -> Iterator[None]:
        """Note of all that is met meanwhile what it is part of."""
        before = self._around
        self._around = (*before, around)
        yield
        self._around = before

    def _resolved(self, old: Node, new: Node, targets: tuple[Node, Node], at: str) -> None:
        """Compare *targets*, to which *old* and *new* refer, or which they are."""
        before, after = targets
        if not _are_parallel(before, after):
            before, after = self._combined(before, 0), self._combined(after, 1)
        if isinstance(before, Intersection) or isinstance(after, Intersection):
            self._intersections(before, after, at)
        elif isinstance(before, Union | Null) or isinstance(after, Union | Null):
            # What has a name keeps it, to be matched with a member of the same name.
            self._unions(
                old if isinstance(old, Ref) and not isinstance(before, Union | Null) else before,
                new if isinstance(new, Ref) and not isinstance(after, Union | Null) else after,
                at,
            )
        else:
            self._single(before, after, at)

    def _combined(self, node: Node, side: Side) -> Node:
        if isinstance(node, Intersection):
            return combine(node, self._sides.gtype(node, side)) if node.members else AnyValue()
        return node

    def _intersections(self, old: Node, new: Node, at: str) -> None:
        """Compare member by member, so that what is edited in a named one is told with its name."""
        olds = list(old.members) if isinstance(old, Intersection) else [old]
        news = list(new.members) if isinstance(new, Intersection) else [new]
        with self._within(Around(old, old, new, new)):
            matching = match(olds, news, self._sides)
            for before, after in matching.pairs:
                self.pair(before, after, at)
            for node in matching.removed:
                message = f"{self._phrase(node, 0)} had to fit too and no longer has to"
                self._add(change("intersection-member-removed", at, message))
            for node in matching.added:
                message = f"{self._phrase(node, 1)} has to fit too and had not to"
                self._add(change("intersection-member-added", at, message))

    def _phrase(self, node: Node, side: Side) -> str:
        return node.name if isinstance(node, Ref) else phrase(node, self._sides.gtype(node, side))

    def _unions(self, old: Node, new: Node, at: str) -> None:
        (olds, old_null), (news, new_null) = alternatives(old), alternatives(new)
        if not olds or not news:
            self._retyped(old, new, at)
            return
        if old_null and not new_null and self._sides.keeps_old(Null(), new) is not True:
            self._add(change("became-not-nullable", at, "null was allowed and no longer is"))
        if new_null and not old_null and self._sides.keeps_new(old, Null()) is not True:
            self._add(change("became-nullable", at, "null was not allowed and now is"))
        if len(olds) == len(news) == 1:
            with self._within(Around(olds[0], old, news[0], new)):
                self.pair(olds[0], news[0], at)
            return
        self._alternatives(old, new, (olds, news), at)

    def _alternatives(self, old: Node, new: Node, members: tuple[list[Node], list[Node]], at: str) -> None:
        sides = self._sides
        matching = match(*members, sides)
        if not matching.pairs and 1 in map(len, members):
            self._retyped(old, new, at)
            return
        names = [node.discriminator if isinstance(node, Union) else None for node in (old, new)]
        if all(names) and names[0] != names[1]:
            message = f"{names[0]!r} told the alternatives apart, and now {names[1]!r} does"
            self._add(change("discriminator-changed", at, message))
        for before, after in matching.pairs:
            if not sides.are_same(before, after):
                with self._within(Around(before, old, after, new)):
                    self.pair(before, after, at)
        for node in matching.removed:
            message = f"{self._phrase(node, 0)} was one of {len(members[0])} alternatives and no longer is"
            self._add(change("union-member-removed", at, message, (sides.keeps_old(node, new), True)))
        for node in matching.added:
            message = f"{self._phrase(node, 1)} is an alternative now and was none"
            self._add(change("union-member-added", at, message, (True, sides.keeps_new(old, node))))

    def _single(self, old: Node, new: Node, at: str) -> None:
        """Compare two nodes that are neither references nor combinations of others."""
        match old, new:
            case Object(), Object():
                self._objects(old, new, at)
            case Record(), Record():
                self._records(old, new, at)
            case Array(), Array():
                sizes = ((old.min_items, old.max_items), (new.min_items, new.max_items))
                self._add(*counts("items", "number of items", *sizes, at))
                self._unique(old, new, at)
                self.pair(old.items, new.items, at + "/*")
            case Tuple(), Tuple():
                self._tuples(old, new, at)
            case String(), String():
                self._add(*texts(old, new, at))
                self._patterns(old, new, at)
            case Bytes(), Bytes():
                self._add(*texts(old, new, at))
            case ((Integer() | Number()), (Integer() | Number())):
                self._add(*numbers(old, new, at))
            case ((Literal() | Enum()), (Literal() | Enum())):
                self._add(*listed_values(old, new, self._names(at), at))
            case Time(), Time():
                self._add(*offsets(old, new, at))
            case DateTime(), DateTime():
                self._add(*offsets(old, new, at))
            case _ if type(old) is not type(new):
                self._retyped(old, new, at)

    def _retyped(self, old: Node, new: Node, at: str) -> None:
        """Tell that a type became one of another kind, wider or narrower by the values of both."""
        before, after = self._sides.resolve(old, 0), self._sides.resolve(new, 1)
        keeps = self._sides.keeps_old(old, new), self._sides.keeps_new(old, new)
        if keeps == (True, True):
            return
        kinds = self._phrase(old, 0), self._phrase(new, 1)
        if kinds[0] == kinds[1]:
            kinds = _form(before, kinds[0]), _form(after, kinds[1])
        message = f"the type was {kinds[0]} and is now {kinds[1]}"
        if isinstance(after, Literal | Enum) and keeps[1]:
            edit = "enum-set"
        elif isinstance(before, Literal | Enum) and keeps[0]:
            edit = "enum-dropped"
        else:
            edit = _RETYPED.get(keeps, "type-changed")
        self._add(change(edit, at, message, keeps), *formats(before, after, at))

    def _unique(self, old: Array, new: Array, at: str) -> None:
        if new.unique and not old.unique:
            self._add(change("unique-items-set", at, "items could be equal and must differ now"))
        elif old.unique and not new.unique:
            self._add(change("unique-items-dropped", at, "items had to differ and may be equal now"))

    def _patterns(self, old: String, new: String, at: str) -> None:
        before, after = old.pattern, new.pattern
        if before == after:
            return
        if before is None:
            self._add(change("pattern-set", at, f"any text was allowed, and now only what matches {after}"))
        elif after is None:
            self._add(change("pattern-dropped", at, f"only what matches {before} was allowed, and now any text"))
        else:
            one, other = String(pattern=before), String(pattern=after)
            keeps = self._sides.keeps_old(one, other), self._sides.keeps_new(one, other)
            message = f"what matches {before} was allowed, and now what matches {after}"
            self._add(change("pattern-changed", at, message, keeps))

    def _records(self, old: Record, new: Record, at: str) -> None:
        sizes = ((old.min_size, old.max_size), (new.min_size, new.max_size))
        self._add(*counts("properties", "number of members", *sizes, at))
        if old.keys is None and new.keys is not None:
            message = f"any key was allowed, and now only {self._phrase(new.keys, 1)}"
            self._add(change("keys-set", at + "/*", message))
        elif old.keys is not None and new.keys is None:
            message = f"only {self._phrase(old.keys, 0)} was allowed as a key, and now any text"
            self._add(change("keys-dropped", at + "/*", message))
        elif old.keys is not None and new.keys is not None:
            self.pair(old.keys, new.keys, at + "/*")
        self.pair(old.values, new.values, at + "/*")

    def _tuples(self, old: Tuple, new: Tuple, at: str) -> None:
        before, after = len(old.items), len(new.items)
        for index in range(min(before, after), max(before, after)):
            how = "added" if before < after else "removed"
            message = f"there were {before} items and are now {after}; number {index} was {how}"
            self._add(change(f"tuple-item-{how}", at + token(index), message))
        for index, (one, other) in enumerate(zip(old.items, new.items, strict=False)):
            self.pair(one, other, at + token(index))

    def _objects(self, old: Object, new: Object, at: str) -> None:
        self._add(*closedness(old, new, at, strict=self._sides.strict))
        news = {field.name: field for field in new.fields}
        renamed = self._renamed(old, new, at)
        met = set(renamed.values())
        for field in old.fields:
            place = at + token(field.name)
            other = news.get(renamed.get(field.name, field.name))
            if other is None or (other.name in met and field.name not in renamed):
                self._add(removed_field(field, old, new, place))
                continue
            if field.name in renamed:
                message = f"the property {shown(field.name)} is now called {shown(other.name)}"
                self._add(
                    Change(
                        edit="property-renamed", pointer=place, message=message, keeps_old=False, keeps_new=False,
                        settled=True,
                    )
                )  # fmt: skip
            met.add(other.name)
            self._field(field, other, at + token(other.name))
        for field in new.fields:
            if field.name not in met:
                self._add(added_field(field, old, new, at + token(field.name), strict=self._sides.strict))

    def _field(self, old: Field, new: Field, at: str) -> None:
        self._add(*field_changes(old, new, at))
        self.pair(old.node, new.node, at)

    def _renamed(self, old: Object, new: Object, at: str) -> dict[str, str]:
        """Return the new names of the members that an author says were renamed; only where both are there."""
        names, there = self._names(at), {field.name for field in new.fields}
        return {field.name: names[field.name] for field in old.fields if names.get(field.name) in there}

    def _names(self, at: str) -> Mapping[str, str]:
        """Return what an author says that names at the pointer *at* were renamed to."""
        return self._places.get(at, {})


def _by_place(owner: str, renames: Mapping[tuple[str, str], str]) -> dict[str, dict[str, str]]:
    """Return the *renames* in the definition *owner* by the pointer from it."""
    found: dict[str, dict[str, str]] = {}
    for (where, name), now in renames.items():
        start, slash, pointer = where.partition("/")
        if start == owner:
            found.setdefault(slash + pointer, {})[name] = now
    return found


def _are_parallel(old: Node, new: Node) -> bool:
    """Tell whether two intersections have as many members, which then are compared one by one."""
    if not isinstance(old, Intersection) or not isinstance(new, Intersection):
        return False
    return len(old.members) == len(new.members)


def _only_member(node: Node) -> Node:
    """Return *node*, or what it is an intersection of, where that is but one."""
    while isinstance(node, Intersection) and len(node.members) == 1:
        node = node.members[0]
    return node


def _form(node: Node, kind: str) -> str:
    """Return *kind*, or what tells *node* from others of that kind."""
    match node:
        case Tuple(items=items):
            return f"array of exactly {len(items)} items"
        case Record():
            return "map"
        case _:
            return kind
