"""The types of one API, each under its name."""

import itertools
from collections.abc import Mapping
from typing import final

from perdure.errors import TypeDefinitionError
from perdure.gtype.annotations import place_of
from perdure.gtype.discriminators import discriminate
from perdure.gtype.extract import Definition, Reader, node_of
from perdure.gtype.naming import base_names, label, rename
from perdure.gtype.nodes import GType, Node, Ref
from perdure.gtype.traversal import endless, reachable

__all__ = ["TypeRegistry", "gtype_of"]


def gtype_of(tp: object, *, localns: Mapping[str, object] | None = None) -> GType:
    """Return the GType of one Python type.

    Args:
        tp: Any type SPEC 3.2 lists, ``Annotated`` or not.
        localns: Names that annotations may use besides those of their modules.
    Raises:
        TypeDefinitionError: *tp*, or a type in it, has no GType; the error says where it is and what to use.
    """
    return TypeRegistry().gtype(tp, localns=localns)


@final
class TypeRegistry:
    """The types of one API: reads each once, and gives each named one a name of its own.

    Names do not depend on the order of `collect`. What `node`, `gtype` or `definitions` has shown keeps its name, so
    call `collect` with all types first where two of them may have the same name.
    """

    def __init__(self) -> None:
        self._reader = Reader()
        self._bases: dict[int, str] = {}
        self._names: dict[str, str] = {}
        self._nodes: dict[str, Node] = {}

    def collect(self, *types: object, localns: Mapping[str, object] | None = None) -> None:
        """Read *types* and all they reach, without naming them yet.

        Raises:
            TypeDefinitionError: As `gtype_of`. The registry is left as it was.
        """
        for tp in types:
            self._read(tp, localns)

    def node(self, tp: object, *, localns: Mapping[str, object] | None = None) -> Node:
        """Return the node of *tp*: for a named type, a reference into `definitions`.

        Raises:
            TypeDefinitionError: As `gtype_of`, or a type cannot be named. The registry is left as it was.
        """
        known = len(self._reader.definitions)
        read = self._read(tp, localns)
        try:
            self._publish()
        except TypeDefinitionError:
            self._reader.forget(known)
            raise
        return discriminate(rename(read, self._names.__getitem__), self._resolve)

    @property
    def definitions(self) -> dict[str, Node]:
        """All named types read so far, by name, sorted.

        Raises:
            TypeDefinitionError: Two of them cannot be told apart by name.
        """
        self._publish()
        return dict(sorted(self._nodes.items()))

    def gtype(self, tp: object, *, localns: Mapping[str, object] | None = None) -> GType:
        """Return *tp* with the definitions it reaches, and no others.

        Raises:
            TypeDefinitionError: As `node`.
        """
        root = self.node(tp, localns=localns)
        return GType(root=root, definitions=reachable(root, self._nodes))

    def _read(self, tp: object, localns: Mapping[str, object] | None) -> Node:
        """Return *tp* with references by number; nothing of it is kept if it cannot be read."""
        known = len(self._reader.definitions)
        self._reader.localns = localns
        try:
            node = self._reader.node(tp, getattr(tp, "__name__", None) or repr(tp))
            self._refuse_endless(known)
        except BaseException:
            self._reader.forget(known)
            raise
        finally:
            self._reader.localns = None
        return node

    def _refuse_endless(self, known: int) -> None:
        """Refuse types that are defined by themselves, among those after the first *known*."""
        fresh = itertools.islice(self._reader.definitions.values(), known, None)
        entries = {entry.number: entry for entry in fresh}
        number = endless({number: node_of(entry) for number, entry in entries.items()})
        if number is not None:
            raise TypeDefinitionError(
                f"{place_of(entries[number].subject)} is defined by itself: put a list, a map or a class between"
            )

    def _publish(self) -> None:
        """Name what has been read since the last time; nothing changes if that fails."""
        if len(self._reader.definitions) == len(self._names):
            return
        entries = {entry.number: entry for entry in self._reader.definitions.values()}
        bases = base_names((entry.subject for entry in entries.values()), self._bases)
        names = dict(self._names)
        used = set(names.values())
        for entry in entries.values():  # arguments are read before what they are arguments of
            if entry.number in names:
                continue
            name = _full_name(bases[id(entry.subject)], entry, names)
            if name in used:
                raise TypeDefinitionError(f"two types are called {name!r}: give one of them a __perdure_name__")
            names[entry.number] = name
            used.add(name)
        fresh = {
            names[number]: rename(node_of(entry), names.__getitem__)
            for number, entry in entries.items()
            if number not in self._names
        }
        self._bases, self._names, self._nodes = bases, names, self._nodes | fresh
        self._nodes |= {name: discriminate(node, self._resolve) for name, node in fresh.items()}

    def _resolve(self, node: Node) -> Node:
        while isinstance(node, Ref):
            node = self._nodes[node.name]
        return node


def _full_name(base: str, entry: Definition, names: Mapping[str, str]) -> str:
    if not entry.arguments:
        return base
    arguments = (label(rename(argument, names.__getitem__)) for argument in entry.arguments)
    return f"{base}[{', '.join(arguments)}]"
