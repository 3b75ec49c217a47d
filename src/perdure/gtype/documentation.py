"""What a class says about itself, enumerations, and what to use in place of types without a GType."""

import enum
import inspect
import types
import typing
from typing import cast

from msgspec.structs import replace

from perdure.errors import TypeDefinitionError
from perdure.gtype.annotations import place_of
from perdure.gtype.generics import class_of
from perdure.gtype.nodes import Enum, Node, Scalar

__all__ = ["describe", "enum_node", "suggest"]

_SUGGESTIONS: typing.Final = types.MappingProxyType({
    "collections.deque": "use list",
    "collections.OrderedDict": "use dict, which keeps the order too",
    "collections.defaultdict": "use dict",
    "collections.Counter": "use dict[str, int]",
    "builtins.complex": "use two floats",
    "builtins.range": "use two ints",
    "builtins.type": "use a str that names it",
    "fractions.Fraction": "use decimal.Decimal or str",
    "pathlib.Path": "use str",
    "re.Pattern": "use str",
    "perdure.context.uploads.UploadFile": "declare Request[FormData], whose files() are the files of a form",
})  # fmt: skip


def describe(node: Node, subject: object) -> Node:
    """Return *node* with the first paragraph of *subject*'s docstring and its deprecation, unless it has its own."""
    if isinstance(subject, typing.NewType) or not hasattr(subject, "__dict__"):
        return node
    if getattr(subject, "__module__", "").partition(".")[0] == "pydantic":  # RootModel's own text is for programmers
        return node
    own = vars(subject)
    text = own.get("__doc__")
    if not isinstance(text, str) or _is_generated(text, subject):
        text = None
    else:
        text = " ".join(inspect.cleandoc(text).split("\n\n")[0].split()) or None
    deprecated = node.deprecated or isinstance(own.get("__deprecated__"), str)
    return replace(node, description=node.description or text, deprecated=deprecated)


def _is_generated(text: str, subject: object) -> bool:
    """Tell whether *text* is the signature that dataclasses and NamedTuples get for a docstring."""
    return text.startswith(f"{getattr(subject, '__name__', '')}(")


def enum_node(cls: type) -> Enum:
    """Return the node of an enumeration, aliases left out.

    Raises:
        TypeDefinitionError: It is a flag, is empty, or has members that JSON cannot write.
    """
    if issubclass(cls, enum.Flag):
        raise TypeDefinitionError(f"{place_of(cls)}: flags have no GType: use a list of the members of an Enum")
    members = tuple((member.name, member.value) for member in cast("type[enum.Enum]", cls))
    for name, value in members:
        if value is not None and type(value) not in {str, int, float, bool}:
            raise TypeDefinitionError(
                f"{place_of(cls)}: {name} = {value!r} cannot be written as JSON: use text or numbers"
            )
    if not members:
        raise TypeDefinitionError(f"{place_of(cls)}: an enumeration without members allows no value")
    return Enum(members=cast("tuple[tuple[str, Scalar], ...]", members))


def suggest(tp: object) -> str:
    """Return what to use instead of *tp*, a type that has no GType."""
    cls = class_of(tp)
    if cls is None:
        if isinstance(tp, str | typing.ForwardRef):
            return "write the type itself, not its name"
        if isinstance(tp, typing.ParamSpec | typing.TypeVarTuple):
            return "use one type variable for each type"
        return "use one of the types listed in the reference under GType"
    known = _SUGGESTIONS.get(f"{cls.__module__}.{cls.__qualname__}")
    if known is not None:
        return known
    if hasattr(cls, "__anext__") or hasattr(cls, "__aiter__") or hasattr(cls, "__next__"):
        return "use list, or let the handler return the stream itself"
    if cls.__module__ == "ipaddress" or cls.__module__.startswith("pathlib"):
        return "use str"
    if callable(cls) and cls.__name__ == "Callable":
        return "functions cannot be sent"
    for base in (str, int, float, bytes, list, dict, set, tuple):
        if issubclass(cls, base):
            return f"use {base.__name__}, or typing.NewType({cls.__name__!r}, {base.__name__})"
    return "make it a msgspec.Struct, a dataclass, a TypedDict, an attrs class or a Pydantic model"
