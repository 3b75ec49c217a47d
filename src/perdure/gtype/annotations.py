"""What a function's or class' annotations mean, as objects.

``typing.get_type_hints`` gives up at the first name it does not find. Handlers are often written with
``from __future__ import annotations`` and import their types only under ``if TYPE_CHECKING:``, or define them inside a
function, so a missing name is looked for there as well before anyone is told off.

Rejected: asking users to import for real (the error is then a bare ``NameError`` without a place), and evaluating in a
copy of the module that runs the guarded imports (executes the module twice).
"""

import functools
import inspect
import sys
import types
import typing
from collections.abc import Callable, Mapping
from typing import final

from perdure.errors import TypeDefinitionError
from perdure.gtype.guarded_imports import import_guarded

__all__ = ["evaluate", "own_hints", "place_of", "resolve_hints"]


def resolve_hints(
    obj: Callable[..., object] | type, *, localns: Mapping[str, object] | None = None
) -> dict[str, object]:
    """Return the annotations of *obj* with every name resolved and ``Annotated`` kept.

    Args:
        obj: A function, method, partial or callable object, whose wrappers are looked through; or a class, whose bases
            are included.
        localns: Names that come before those of the module, such as the locals of the function that defines *obj*.
    Raises:
        TypeDefinitionError: A name cannot be found, or an annotation is no valid expression. It names the file, line,
            function or class, parameter and the missing name.
    Source: SPEC 3.1, 3.2.
    """
    if isinstance(obj, type):
        hints: dict[str, object] = {}
        for base in reversed(obj.__mro__):
            hints |= own_hints(base, localns=localns)
        return hints
    function = _innermost(obj)
    scope = _Scope(function, {**_closure(function), **(localns or {})})
    return {name: scope.evaluate(name, value) for name, value in _annotations(function).items()}


def own_hints(cls: type, *, localns: Mapping[str, object] | None = None) -> dict[str, object]:
    """Return the annotations *cls* itself declares, resolved; those of its bases are left out.

    msgspec evaluates a class' annotations again when it builds a decoder, and knows neither *localns* nor imports under
    ``TYPE_CHECKING``. Where one of them was needed, the resolved annotation is written back into the class
    (``attrs.resolve_types`` does the same), so that decoding finds it too.

    Raises:
        TypeDefinitionError: As `resolve_hints`.
    """
    scope = _Scope(cls, localns or {})
    annotations = _annotations(cls)
    hints = {name: scope.evaluate(name, value) for name, value in annotations.items()}
    if localns or scope.guarded:
        resolved = {name: hint for name, hint in hints.items() if annotations[name] is not hint}
        if resolved:
            cls.__annotations__ = annotations | resolved
    return hints


def evaluate(annotation: object, owner: object, *, localns: Mapping[str, object] | None = None) -> object:
    """Return *annotation* resolved as if it stood in the module of *owner*: the value of an alias, a supertype.

    Raises:
        TypeDefinitionError: As `resolve_hints`.
    """
    return _Scope(owner, localns or {}).evaluate("", annotation)


def place_of(obj: object) -> str:
    """Return where *obj* is defined, for error messages: ``shop/handlers.py:12: create_order()``."""
    name = getattr(obj, "__qualname__", None) or getattr(obj, "__name__", None) or repr(obj)
    code = getattr(obj, "__code__", None)
    if isinstance(code, types.CodeType):
        return f"{code.co_filename}:{code.co_firstlineno}: {name}()"
    module = getattr(obj, "__module__", None)
    try:
        if isinstance(obj, type):
            return f"{inspect.getsourcefile(obj)}:{inspect.getsourcelines(obj)[1]}: class {name}"
    except (OSError, TypeError):
        return f"class {module}.{name}"
    return f"{module}.{name}"


@final
class _Scope:
    """The names an annotation of one function or class can see."""

    def __init__(self, subject: object, localns: Mapping[str, object]) -> None:
        self.subject = subject
        self.module = sys.modules.get(getattr(subject, "__module__", None) or "")
        self.globals: dict[str, object] = getattr(subject, "__globals__", None) or vars(self.module or types)
        parameters = {parameter.__name__: parameter for parameter in getattr(subject, "__type_params__", ())}
        self.locals: dict[str, object] = {**localns, **parameters}
        self.guarded = False

    def evaluate(self, name: str, annotation: object) -> object:
        """Return *annotation*, that of parameter or member *name*, as an object."""
        while True:
            # typing evaluates a class' annotations, with Required, ClassVar and nested strings, but no single one.
            carrier = type("_", (), {"__annotations__": {"it": annotation}})
            try:
                return typing.get_type_hints(carrier, self.globals, self.locals, include_extras=True)["it"]
            except NameError as error:
                missing = error.name or str(error)
                if missing in self.locals:
                    raise self.error(name, annotation, f"needs {missing!r}, which is not defined") from None
                self.locals[missing] = self.find(name, annotation, missing)
            except Exception as error:  # an annotation is an expression of the user's, and may do anything
                raise self.error(name, annotation, f"cannot be evaluated: {error}") from error

    def find(self, name: str, annotation: object, missing: str) -> object:
        """Return what *missing* means: a member of the class, or an import for type checkers."""
        if isinstance(self.subject, type) and missing in vars(self.subject):
            return vars(self.subject)[missing]
        if self.module is not None:
            try:
                found = import_guarded(self.module, missing)
                self.guarded = True
                return found
            except ImportError as error:
                fault = f"needs {missing!r}, whose import under TYPE_CHECKING fails: {error}"
                raise self.error(name, annotation, fault) from error
            except LookupError:
                pass
        module = self.module.__name__ if self.module else "its module"
        fault = f"needs {missing!r}, which is not defined in {module}: add an import of {missing}"
        raise self.error(name, annotation, fault)

    def error(self, name: str, annotation: object, fault: str) -> TypeDefinitionError:
        """Return the error for the annotation of *name*."""
        shown = annotation if isinstance(annotation, str) else repr(annotation)
        of = "return annotation" if name == "return" else f"annotation of {name!r}" if name else "type"
        return TypeDefinitionError(f"{place_of(self.subject)}: the {of}, {shown}, {fault}")


def _annotations(obj: object) -> dict[str, object]:
    """Return the annotations of *obj* itself as written: strings, forward references or objects."""
    if sys.version_info >= (3, 14):  # they are evaluated lazily there, and names may be missing
        import annotationlib

        return dict(annotationlib.get_annotations(obj, format=annotationlib.Format.FORWARDREF))
    if not isinstance(obj, type) and not hasattr(obj, "__annotations__"):
        return {}
    return dict(inspect.get_annotations(typing.cast("type", obj)))


def _innermost(obj: Callable[..., object]) -> Callable[..., object]:
    """Return the function that runs in the end when *obj* is called."""
    while True:
        if isinstance(obj, functools.partial):
            obj = obj.func
        elif isinstance(obj, types.MethodType):
            obj = obj.__func__
        elif not isinstance(obj, types.FunctionType) and not hasattr(obj, "__wrapped__"):
            call = inspect.getattr_static(type(obj), "__call__", None)
            if not isinstance(call, types.FunctionType):
                return obj
            obj = call
        elif hasattr(obj, "__wrapped__"):
            obj = inspect.unwrap(obj)
        else:
            return obj


def _closure(function: object) -> dict[str, object]:
    """Return the variables *function* has captured and that have a value."""
    names = getattr(getattr(function, "__code__", None), "co_freevars", ())
    captured: dict[str, object] = {}
    for name, cell in zip(names, getattr(function, "__closure__", None) or (), strict=False):
        try:
            captured[name] = cell.cell_contents
        except ValueError:  # assigned later, or never
            continue
    return captured
