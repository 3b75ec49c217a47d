"""Objects that fit some types and none of some others.

An object is a choice for each name: absent, or present with a value. To fit none of the unwanted types it has to break
each of them somewhere: lack what it requires, hold a wrong value, have a member too many, be too large or too small.
All ways of breaking one after the other are tried.

An open object ignores members it does not name; but a client that keeps to it does not send what it has never heard of.
So of the names a wanted open object does not list, those that only unwanted types list are never present; names that
nobody lists are, wherever the object is open.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, final

from perdure.diff.outcomes import EMPTY, UNKNOWN, Found, Outcome, Solve, constant, first
from perdure.gtype.nodes import Literal, Node, Object, Record, String

__all__ = ["find_object"]

_MOST_MEMBERS = 64
_UNLIMITED = 10**9

_Nodes = tuple[Node, ...]


class _Member(NamedTuple):
    """What is known of the member of one name."""

    present: bool | None
    """None: it may be there or not."""
    wanted: _Nodes
    unwanted: _Nodes = ()


class _Extra(NamedTuple):
    """A member whose name nobody lists."""

    key: tuple[_Nodes, _Nodes]
    value: tuple[_Nodes, _Nodes]


class _State(NamedTuple):
    """All that has been chosen so far."""

    members: Mapping[str, _Member]
    extras: tuple[_Extra, ...]
    least: int
    most: int

    def having(self, name: str, unwanted: _Nodes = ()) -> "_State":
        """Return this state with the member *name* present, and none of *unwanted*."""
        member = self.members[name]
        changed = _Member(True, member.wanted, (*member.unwanted, *unwanted))
        return self._replace(members={**self.members, name: changed})

    def lacking(self, name: str) -> "_State":
        """Return this state with the member *name* absent."""
        return self._replace(members={**self.members, name: self.members[name]._replace(present=False)})


def find_object(wanted: list[Object | Record], unwanted: list[Object | Record], solve: Solve) -> Outcome:
    """Find an object that all of *wanted* allow and none of *unwanted*; *solve* finds its members."""
    search = _Search(wanted, unwanted, solve)
    if search.start is None:
        return EMPTY
    return search.find(search.start, 0)


@final
class _Search:
    """Looks for one object."""

    def __init__(self, wanted: list[Object | Record], unwanted: list[Object | Record], solve: Solve) -> None:
        self._solve = solve
        objects = [node for node in wanted if isinstance(node, Object)]
        maps = [node for node in wanted if isinstance(node, Record)]
        self._keys = tuple(node.keys for node in maps if node.keys is not None)
        self._values = tuple(node.values for node in maps)
        self._open = not any(node.closed for node in objects)
        listed = {field.name for node in unwanted if isinstance(node, Object) for field in node.fields}
        named = {field.name for node in objects for field in node.fields}
        self.start = self._start(objects, maps, sorted(named | listed), named if objects else named | listed)
        self._unwanted = [node for node in unwanted if self.start is not None and self._may_fit(node, self.start)]

    def _start(self, objects: list[Object], maps: list[Record], names: list[str], known: set[str]) -> _State | None:
        """Return what the wanted types say of each name; None where they contradict each other."""
        members: dict[str, _Member] = {}
        by_name = [{field.name: field for field in node.fields} for node in objects]
        for name in names:
            fields = [fields[name] for fields in by_name if name in fields]
            refused = any(node.closed and name not in fields for node, fields in zip(objects, by_name, strict=True))
            required = any(field.required for field in fields)
            if refused or name not in known or not self._is_key(name):
                if required:
                    return None
                members[name] = _Member(False, ())
                continue
            members[name] = _Member(True if required else None, (*(field.node for field in fields), *self._values))
        least = max((node.min_size or 0 for node in maps), default=0)
        most = min((node.max_size for node in maps if node.max_size is not None), default=_UNLIMITED)
        return _State(members, (), least, most)

    def _is_key(self, name: str) -> bool:
        return not self._keys or self._solve((constant((name,)), *self._keys), ()) is not EMPTY

    def _may_fit(self, node: Object | Record, state: _State) -> bool:
        """Tell whether it takes more than a look to see that nothing wanted fits *node*."""
        if isinstance(node, Record):
            return True
        fields = {field.name: field for field in node.fields}
        for name, member in state.members.items():
            field = fields.get(name)
            if field is None:
                if node.closed and member.present:
                    return False
            elif member.present is False:
                if field.required:
                    return False
            elif member.present and self._are_disjoint((*member.wanted, field.node)):
                return False
        return True

    def _are_disjoint(self, nodes: _Nodes) -> bool:
        """Tell whether the listed values among *nodes* have none in common.

        Only of these is "nothing" final: of a reference, something may still be found.
        """
        listed = tuple(node for node in nodes if isinstance(node, Literal))
        return len(listed) > 1 and self._solve(listed, ()) is EMPTY

    def find(self, state: _State, index: int) -> Outcome:
        """Find an object of *state* that breaks the unwanted types from *index* on."""
        if index == len(self._unwanted):
            return self._build(state)
        return first(self.find(option, index + 1) for option in self._breaches(state, self._unwanted[index]))

    def _breaches(self, state: _State, node: Object | Record) -> Iterator[_State]:
        """Yield *state* with each choice that keeps an object from fitting *node*."""
        if isinstance(node, Object):
            yield from self._breaches_of_object(state, node)
        else:
            yield from self._breaches_of_map(state, node)

    def _breaches_of_object(self, state: _State, node: Object) -> Iterator[_State]:
        for field in node.fields:
            if field.required and state.members[field.name].present is not True:
                yield state.lacking(field.name)
        for field in node.fields:
            yield from self._wrong_values(state, field.name, field.node)
        if not node.closed:
            return
        known = {field.name for field in node.fields}
        for name, member in state.members.items():
            if name not in known and member.present is not False:
                yield state.having(name)
        yield from self._extra(state, (), ())

    def _breaches_of_map(self, state: _State, node: Record) -> Iterator[_State]:
        if node.min_size:
            yield state._replace(most=min(state.most, node.min_size - 1))
        if node.max_size is not None:
            yield state._replace(least=max(state.least, node.max_size + 1))
        for name, member in state.members.items():
            if member.present is False:
                continue
            if node.keys is not None and self._solve((constant((name,)),), (node.keys,)) is not EMPTY:
                yield state.having(name)
            yield from self._wrong_values(state, name, node.values)
        if node.keys is not None:
            yield from self._extra(state, (node.keys,), ())
        yield from self._extra(state, (), (node.values,))

    def _wrong_values(self, state: _State, name: str, node: Node) -> Iterator[_State]:
        member = state.members[name]
        if member.present is not False and self._solve(member.wanted, (*member.unwanted, node)) is not EMPTY:
            yield state.having(name, (node,))

    def _extra(self, state: _State, keys: _Nodes, values: _Nodes) -> Iterator[_State]:
        """Yield *state* with a member nobody lists, of a name that is none of *keys* and a value none of *values*."""
        if not self._open:
            return
        for index, extra in enumerate(state.extras):
            changed = _Extra((extra.key[0], (*extra.key[1], *keys)), (extra.value[0], (*extra.value[1], *values)))
            yield state._replace(extras=(*state.extras[:index], changed, *state.extras[index + 1 :]))
        fresh = _Extra((self._keys, keys), (self._values, values))
        if self._solve(*fresh.value) is not EMPTY:
            yield state._replace(extras=(*state.extras, fresh))

    def _build(self, state: _State) -> Outcome:
        """Find an object of *state*."""
        found: dict[str, object] = {}
        certain = True
        for name, member in state.members.items():
            if member.present:
                outcome = self._solve(member.wanted, member.unwanted)
                if outcome is EMPTY:
                    return EMPTY
                certain = certain and isinstance(outcome, Found)
                found[name] = outcome.value if isinstance(outcome, Found) else None
        for extra in state.extras:
            outcome = self._with_extra(found, state, extra)
            if outcome is EMPTY:
                return EMPTY
            certain = certain and isinstance(outcome, Found)
        outcome = self._fill(found, state)
        if outcome is EMPTY or len(found) > state.most:
            return EMPTY
        return Found(found) if certain and isinstance(outcome, Found) else UNKNOWN

    def _with_extra(self, found: dict[str, object], state: _State, extra: _Extra) -> Outcome:
        """Add a member nobody lists to *found*."""
        taken = constant((*state.members, *found))
        key = self._solve((String(), *extra.key[0]), (*extra.key[1], taken))
        value = self._solve(*extra.value)
        if key is EMPTY or value is EMPTY:
            return EMPTY
        if not isinstance(key, Found) or not isinstance(value, Found):
            return UNKNOWN
        found[str(key.value)] = value.value
        return value

    def _fill(self, found: dict[str, object], state: _State) -> Outcome:
        """Add members to *found* until there are enough."""
        if state.least > _MOST_MEMBERS:
            return UNKNOWN
        unsure = False
        for name, member in state.members.items():
            if len(found) >= state.least:
                break
            if member.present is None:
                outcome = self._solve(member.wanted, member.unwanted)
                unsure = unsure or outcome is UNKNOWN
                if isinstance(outcome, Found):
                    found[name] = outcome.value
        while len(found) < state.least:
            outcome = (
                self._with_extra(found, state, _Extra((self._keys, ()), (self._values, ()))) if self._open else EMPTY
            )
            if not isinstance(outcome, Found):
                return UNKNOWN if unsure else outcome
        return Found(found)
