"""Generic classes with arguments: which type each member has.

The bindings follow msgspec's own (`msgspec._utils`), since a member must mean to the schema what it means to the
decoder.
"""

import typing
from collections.abc import Mapping

import typing_extensions

from perdure.errors import TypeDefinitionError
from perdure.gtype.annotations import own_hints

__all__ = ["Bindings", "bind_type_variables", "class_hints", "class_of", "substitute"]

Bindings = dict[type, dict[object, object]]
"""For each generic class of a hierarchy, what its type variables stand for."""


def class_of(tp: object) -> type | None:
    """Return the class *tp* is, or is an alias with arguments of; None for anything else."""
    origin = typing.get_origin(tp)
    cls = tp if origin is None else origin
    return cls if isinstance(cls, type) else None


def class_hints(tp: object, *, localns: Mapping[str, object] | None = None) -> dict[str, object]:
    """Return the annotations of a class, or of a generic class with arguments, type variables replaced.

    Members of a base class come before those of the class itself. A variable without an argument stays.

    Raises:
        TypeDefinitionError: A name cannot be resolved, or *tp* is no class.
    """
    cls = class_of(tp)
    if cls is None:
        raise TypeDefinitionError(f"{tp!r} is no class")
    if typing_extensions.is_typeddict(cls):
        return _typed_dict_hints(tp, cls, localns)
    bindings = bind_type_variables(tp)
    hints: dict[str, object] = {}
    for base in reversed(cls.__mro__):
        bound = bindings.get(base, {})
        for name, hint in own_hints(base, localns=localns).items():
            hints[name] = substitute(hint, bound)
    return hints


def bind_type_variables(tp: object) -> Bindings:
    """Return what the type variables of *tp* and of its generic bases stand for, *tp* first."""
    bindings: Bindings = {}

    def visit(alias: object, scope: dict[object, object]) -> None:
        cls = class_of(alias)
        if cls is None or cls in (object, typing.Generic) or cls in bindings:
            return
        bound: dict[object, object] = {}
        if alias is not cls:
            variables = getattr(cls, "__parameters__", ())
            arguments = tuple(substitute(argument, scope) for argument in typing.get_args(alias))
            bound = dict(zip(variables, arguments, strict=False))
            bindings[cls] = bound
        for base in _original_bases(cls):
            visit(base, bound)

    visit(tp, {})
    return bindings


def substitute(hint: object, bound: Mapping[object, object]) -> object:
    """Return *hint* with the type variables in *bound* replaced."""
    if isinstance(hint, typing.TypeVar):
        return bound.get(hint, hint)
    parameters = getattr(hint, "__parameters__", ())
    if not bound or not isinstance(parameters, tuple) or not parameters or isinstance(hint, type):
        return hint
    arguments = tuple(bound.get(parameter, parameter) for parameter in parameters)
    subscriptable = typing.cast("typing.Any", hint)
    return subscriptable[arguments]


def _original_bases(cls: type) -> tuple[object, ...]:
    """Return the bases of *cls* as written, with their arguments."""
    own: tuple[object, ...] | None = cls.__dict__.get("__orig_bases__")
    return cls.__bases__ if own is None else own


def _typed_dict_hints(tp: object, cls: type, localns: Mapping[str, object] | None) -> dict[str, object]:
    """Return the annotations of a TypedDict, which holds copies of its bases' members but does not derive from them."""
    bound = bind_type_variables(tp).get(cls, {})
    hints: dict[str, object] = {}
    inherited: dict[str, object] = {}
    own: dict[str, object] = dict(cls.__annotations__)
    for base in _original_bases(cls):
        base_class = class_of(base)
        if base_class is not None and typing_extensions.is_typeddict(base_class):
            inherited |= base_class.__annotations__
            hints |= class_hints(substitute(base, bound), localns=localns)
    for name, hint in own_hints(cls, localns=localns).items():
        if name not in inherited or inherited[name] is not own[name]:
            hints[name] = substitute(hint, bound)
    return hints
