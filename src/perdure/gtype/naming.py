"""Which name each definition gets.

A class is called by its ``__name__``, or by its ``__perdure_name__`` where it has one. Two classes of one name are both
called by module and qualified name, whichever was seen first, so that names do not hang on the order of imports.
Arguments of generics are named after their nodes, so ``Page[Optional[Item]]`` and ``Page[Item | None]`` are one.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping

import msgspec
from msgspec.structs import replace

from perdure.errors import TypeDefinitionError
from perdure.gtype.annotations import place_of
from perdure.gtype.nodes import (
    AnyValue,
    Array,
    Boolean,
    Bytes,
    Date,
    DateTime,
    Decimal,
    Duration,
    Integer,
    Literal,
    Node,
    Null,
    Number,
    Record,
    Ref,
    String,
    Time,
    Tuple,
    Union,
    Uuid,
)
from perdure.gtype.traversal import map_children

__all__ = ["base_names", "canonical_node", "label", "rename"]

_PLAIN: tuple[tuple[Node, str], ...] = (
    (String(), "str"), (Integer(), "int"), (Number(), "float"), (Boolean(), "bool"), (Null(), "None"),
    (Bytes(), "bytes"),
    (Date(), "date"), (Time(), "time"), (DateTime(), "datetime"), (Duration(), "timedelta"), (Uuid(), "UUID"),
    (Decimal(), "Decimal"), (AnyValue(), "Any"),
)  # fmt: skip


def base_names(types: Iterable[object], taken: Mapping[int, str]) -> dict[int, str]:
    """Return the name of each of *types*, by its ``id``; names in *taken* have been published and stay.

    Raises:
        TypeDefinitionError: Two types cannot be told apart by name.
    """
    subjects = {id(subject): subject for subject in types}
    wanted: dict[str, list[object]] = {}
    for subject in subjects.values():
        if id(subject) not in taken:
            wanted.setdefault(_explicit(subject) or _short(subject), []).append(subject)
    owners = {name: subjects[key] for key, name in taken.items()}
    for name, claimants in sorted(wanted.items()):
        alone = len(claimants) == 1 and name not in owners
        for subject in claimants:
            unique = name if alone or _explicit(subject) else _qualified(subject)
            if unique in owners:
                raise TypeDefinitionError(
                    f"{place_of(subject)}: a different type is called {unique!r} too ({place_of(owners[unique])}): "
                    "give one of them another name with a class attribute __perdure_name__"
                )
            owners[unique] = subject
    return {id(subject): name for name, subject in owners.items()}


def _explicit(subject: object) -> str | None:
    name = getattr(subject, "__dict__", {}).get("__perdure_name__")
    return name if isinstance(name, str) else None


def _short(subject: object) -> str:
    return str(getattr(subject, "__name__", None) or repr(subject))


def _qualified(subject: object) -> str:
    name = getattr(subject, "__qualname__", None) or _short(subject)
    return f"{getattr(subject, '__module__', None)}.{name}"


def label(node: Node) -> str:
    """Return *node* as a person would write it inside brackets; what that leaves out becomes a short hash."""
    for plain, name in _PLAIN:
        if canonical_node(node) == canonical_node(plain):
            return name
    match node:
        case Ref(name=name) if node == Ref(name=name):
            return name
        case Array(items=items) if canonical_node(node) == canonical_node(Array(items=items)):
            return f"list[{label(items)}]"
        case Array(items=items) if canonical_node(node) == canonical_node(Array(items=items, unique=True)):
            return f"set[{label(items)}]"
        case Record(values=values) if canonical_node(node) == canonical_node(Record(values=values)):
            return f"dict[str, {label(values)}]"
        case Tuple(items=items) if canonical_node(node) == canonical_node(Tuple(items=items)):
            return f"tuple[{', '.join(label(item) for item in items)}]"
        case Union(members=members) if canonical_node(node) == canonical_node(Union(members=members)):
            return " | ".join(label(member) for member in members)
        case Literal(values=values) if canonical_node(node) == canonical_node(Literal(values=values)):
            return f"Literal[{', '.join(msgspec.json.encode(value).decode() for value in values)}]"
        case _:
            digest = hashlib.sha256(canonical_node(node)).hexdigest()
            return f"{node.__struct_config__.tag}~{digest[:8]}"


def canonical_node(node: Node) -> bytes:
    """Return *node* as canonical JSON. Nodes that compare equal may differ here: 1 and True are equal for Python."""
    return msgspec.json.encode(node, order="sorted")


def rename(node: Node, name_of: Callable[[str], str]) -> Node:
    """Return *node* with every reference in it renamed."""
    if isinstance(node, Ref):
        return replace(node, name=name_of(node.name))
    return map_children(node, lambda child: rename(child, name_of))
