"""Valid data in its normal form: numbers as declared; for recorded types no unknown members, no missing defaults.

The normal form is valid, too. The decoders in C bring data into it by themselves. This is for data they cannot decode,
or have refused for the spelling of a number.
"""

import copy
from collections.abc import Callable
from typing import final

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from perdure.gtype.codec_traits import holds
from perdure.gtype.intersections import combine
from perdure.gtype.nodes import (
    Array,
    Enum,
    GType,
    Integer,
    Intersection,
    Literal,
    Node,
    Object,
    Record,
    Ref,
    Tuple,
    Union,
)
from perdure.gtype.validator import compile_validator
from perdure.gtype.validator_containers import json_kind, json_kinds
from perdure.gtype.validator_scalars import allowed_values, json_key
from perdure.gtype.validator_unions import tags

__all__ = ["Normalise", "compile_normaliser"]

Normalise = Callable[[object], object]
"""Returns valid data in normal form; the argument is not changed, but may be returned."""


def compile_normaliser(gtype: GType, *, prune: bool) -> Normalise:
    """Return what brings valid data of *gtype* into normal form.

    Args:
        gtype: The type. Its validator must have been compiled without an error.
        prune: Drop unknown members of objects and fill in defaults. Where the data becomes a Python type, the type does
            both.
    """
    normalise = _Compiler(gtype, prune=prune).compiled()
    return _unchanged if normalise is None else normalise


def _unchanged(value: object) -> object:
    return value


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) else value


@final
class _Compiler:
    """Compiles the nodes of one GType; None stands for nothing to do."""

    def __init__(self, gtype: GType, *, prune: bool) -> None:
        self._gtype = gtype
        self._prune = prune
        self._named_cells: dict[object, list[Normalise | None]] = {}
        self._unfinished: list[tuple[list[Normalise | None], Node]] = []

    def compiled(self) -> Normalise | None:
        """Return what normalises values of the root."""
        root = self.compile(self._gtype.root)
        while self._unfinished:  # one after the other, for references may lead on without end
            cell, node = self._unfinished.pop()
            cell.append(self.compile(node))
        return root

    def compile(self, node: Node) -> Normalise | None:
        """Return what normalises values of *node*."""
        match node:
            case Ref(name=name):
                return self._named(name, self._gtype.definitions[name])
            case Integer():
                return _whole
            case Literal() | Enum():
                return _declared(node)
            case Object():
                return self._object(node)
            case Record(values=values):
                return _each_member(self.compile(values))
            case Array():
                return self._array(node)
            case Tuple(items=members):
                return _by_position([self.compile(member) for member in members])
            case Union():
                return self._union(node)
            case Intersection():
                return self._intersection(node)
            case _:
                return None

    def _named(self, key: object, node: Node) -> Normalise | None:
        """Return what normalises *node*; before it is compiled, what looks it up when it runs."""
        cell = self._named_cells.get(key)
        if cell is None:
            cell = self._named_cells[key] = []
            self._unfinished.append((cell, node))
        if cell:
            return cell[0]
        pending = cell

        def normalise(value: object) -> object:
            found = pending[0]
            return value if found is None else found(value)

        return normalise

    def _object(self, node: Object) -> Normalise | None:
        members = [(field.name, self.compile(field.node), field.default) for field in node.fields]
        if self._prune:
            return _rebuild(members)
        changing = [(name, normalise) for name, normalise, _ in members if normalise is not None]
        return _change_members(changing) if changing else None

    def _array(self, node: Array) -> Normalise | None:
        each = _each_item(self.compile(node.items))
        items = replace(self._gtype, root=node.items)
        if each is None or not (self._prune and node.unique and holds(items, Object)):
            return each
        as_they_came = _each_item(self._carefully(node.items)) or _unchanged
        return _each_once(each, as_they_came, node.min_items or 0)

    def _union(self, node: Union) -> Normalise | None:
        members = [(member, self.compile(member)) for member in node.members]
        if all(normalise is None for _, normalise in members):
            return None
        tagged = tags(node, self._gtype)
        by_tag = {json_key(tag): self.compile(member) for tag, member in tagged or ()}
        by_kind = {kind: self._choice(kind, members) for kind in json_kinds(node, self._gtype)}
        name = node.discriminator

        def normalise(value: object) -> object:
            if tagged is not None and isinstance(value, dict):
                chosen = by_tag[json_key(value[name])]
            else:
                chosen = by_kind[json_kind(value)]
            return value if chosen is None else chosen(value)

        return normalise

    def _choice(self, kind: str, members: list[tuple[Node, Normalise | None]]) -> Normalise | None:
        """Return what normalises values of *kind* as the first of *members* that accepts them."""
        fitting = [(member, norm) for member, norm in members if kind in json_kinds(member, self._gtype)]
        if len(fitting) == 1 or all(norm is None for _, norm in fitting):
            return fitting[0][1]
        candidates = [
            (compile_validator(GType(root=member, definitions=self._gtype.definitions)).is_valid, norm)
            for member, norm in fitting
        ]

        def normalise(value: object) -> object:
            for accepts, norm in candidates:
                if accepts(value):
                    return value if norm is None else norm(value)
            return value

        return normalise

    def _intersection(self, node: Intersection) -> Normalise | None:
        combined = combine(node, self._gtype)
        if not isinstance(combined, Intersection):
            return self._named(msgspec.json.encode(combined), combined)
        # What one member does not know another may, so nothing can be dropped.
        found = [self._carefully(member) if self._prune else self.compile(member) for member in combined.members]
        return _one_after_another([normalise for normalise in found if normalise is not None])

    def _carefully(self, node: Node) -> Normalise | None:
        return _Compiler(replace(self._gtype, root=node), prune=False).compiled()


def _declared(node: Literal | Enum) -> Normalise | None:
    """Return what replaces a number by the equal one that was declared."""
    numbers = {json_key(value): value for value in allowed_values(node) if isinstance(value, int | float)}
    if not numbers:
        return None
    return lambda value: numbers.get(json_key(value), value) if isinstance(value, int | float) else value


def _rebuild(members: list[tuple[str, Normalise | None, object]]) -> Normalise:
    def normalise(value: object) -> object:
        assert isinstance(value, dict)  # noqa: S101  (it is valid)
        rebuilt: dict[str, object] = {}
        for name, norm, default in members:
            if name in value:
                rebuilt[name] = value[name] if norm is None else norm(value[name])
            elif default is not UNSET:
                rebuilt[name] = copy.deepcopy(default)
        return rebuilt

    return normalise


def _change_members(changing: list[tuple[str, Normalise]]) -> Normalise:
    def normalise(value: object) -> object:
        assert isinstance(value, dict)  # noqa: S101
        changed = dict(value)
        for name, norm in changing:
            if name in changed:
                changed[name] = norm(changed[name])
        return changed

    return normalise


def _each_member(norm: Normalise | None) -> Normalise | None:
    if norm is None:
        return None

    def normalise(value: object) -> object:
        assert isinstance(value, dict)  # noqa: S101
        return {key: norm(member) for key, member in value.items()}

    return normalise


def _each_item(norm: Normalise | None) -> Normalise | None:
    if norm is None:
        return None

    def normalise(value: object) -> object:
        assert isinstance(value, list | tuple)  # noqa: S101
        return [norm(item) for item in value]

    return normalise


def _each_once(norm: Normalise, as_they_came: Normalise, low: int) -> Normalise:
    """Return what keeps one of the items that differed only in what is dropped or filled in, as a Python set would.

    Where that leaves fewer than *low*, they stay as they came.
    """

    def normalise(value: object) -> object:
        items = norm(value)
        assert isinstance(items, list)  # noqa: S101
        different: dict[object, object] = {}
        for item in items:
            different.setdefault(json_key(item), item)
        return [*different.values()] if len(different) >= low else as_they_came(value)

    return normalise


def _by_position(norms: list[Normalise | None]) -> Normalise | None:
    if all(norm is None for norm in norms):
        return None

    def normalise(value: object) -> object:
        assert isinstance(value, list | tuple)  # noqa: S101
        return [item if norm is None else norm(item) for norm, item in zip(norms, value, strict=True)]

    return normalise


def _one_after_another(norms: list[Normalise]) -> Normalise:
    def normalise(value: object) -> object:
        for norm in norms:
            value = norm(value)
        return value

    return normalise
