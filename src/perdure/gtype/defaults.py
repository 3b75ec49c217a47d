"""Defaults of dataclasses that msgspec leaves out of the instances it decodes.

msgspec sets a default only where the attribute is missing. A dataclass without slots keeps plain defaults on the class,
so the attribute is never missing, and stays out of ``__dict__``: reading it works, but encoding, ``vars`` and
whatever else goes by ``__dict__`` do not see it. Instances are therefore completed once they are decoded.

Rejected: leaving these types to the slow road (it ends in the same decoder), and filling the defaults into the data
(not every default has a JSON form, or is of the member's type).
"""

import dataclasses
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from inspect import getattr_static
from typing import Any, Final, cast, final

import msgspec
from msgspec import Struct, inspect

from perdure.gtype.unsafe_types import safe_parts

__all__ = ["completion", "custom_types"]

_NO_INFORMATION: Final = (TypeError, ValueError, NotImplementedError, NameError, AttributeError, RuntimeError)
_Step = Callable[[Any, set[int]], None]


def completion(tp: object) -> Callable[[object], object] | None:
    """Return what completes decoded values of *tp* and returns them; None where they are complete."""
    try:
        described = list(_descriptions(tp))
    except _NO_INFORMATION:  # msgspec describes less than it decodes; to look for nothing does no harm
        return _Completion().complete
    classes = (part.cls for part in described if isinstance(part, inspect.DataclassType))
    return _Completion().complete if any(_kept_on_class(getattr(cls, "__origin__", cls)) for cls in classes) else None


def custom_types(tp: object) -> list[type]:
    """Return the classes in *tp* that msgspec cannot decode by itself; none where it cannot decode *tp* at all."""
    try:
        found = [part for safe in safe_parts(tp) for part in _descriptions(safe)]
    except _NO_INFORMATION:
        return []
    return [part.cls for part in found if isinstance(part, inspect.CustomType)]


def _descriptions(tp: object) -> Iterator[object]:
    """Yield what msgspec makes of *tp* and of every type in it."""
    waiting: list[object] = [inspect.type_info(cast("type", tp))]
    met: set[int] = set()
    while waiting:
        part = waiting.pop()
        if isinstance(part, tuple):
            waiting.extend(part)
        elif isinstance(part, inspect.Type | inspect.Field) and id(part) not in met:
            met.add(id(part))
            waiting.extend(getattr(part, name) for name in part.__struct_fields__)
            yield part


def _kept_on_class(cls: type) -> tuple["dataclasses.Field[Any]", ...]:
    """Return the members of *cls* with defaults that msgspec takes for present."""
    fields: Mapping[str, dataclasses.Field[Any]] = getattr(cls, "__dataclass_fields__", {})
    return tuple(field for field in fields.values() if _is_kept_on_class(cls, field))


def _is_kept_on_class(cls: type, field: "dataclasses.Field[Any]") -> bool:
    if field not in dataclasses.fields(cast("Any", cls)):
        return False  # a ClassVar or an InitVar
    if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
        return False
    found = getattr_static(cls, field.name, dataclasses.MISSING)
    return found is not dataclasses.MISSING and not isinstance(found, types.MemberDescriptorType)


@final
class _Completion:
    """Walks decoded values; knows what to do for each class it has met."""

    def __init__(self) -> None:
        self._steps: dict[type, _Step | None] = dict.fromkeys((str, int, float, bool, types.NoneType))
        self._steps |= {list: self._items, dict: self._values}

    def complete(self, value: object) -> object:
        """Set the missing defaults in *value* and all it holds; return it."""
        self._visit(value, set())
        return value

    def _visit(self, value: object, met: set[int]) -> None:
        kind = type(value)
        try:
            step = self._steps[kind]
        except KeyError:
            step = self._steps[kind] = self._step(kind)
        if step is not None:
            step(value, met)

    def _step(self, kind: type) -> _Step | None:
        """Return what completes instances of *kind*, or None where there is nothing to complete."""
        if issubclass(kind, tuple | set | frozenset):
            return self._items
        if issubclass(kind, dict):
            return self._values
        if issubclass(kind, Struct):
            return self._record(kind.__struct_fields__, ())
        if dataclasses.is_dataclass(kind):
            return self._record([field.name for field in dataclasses.fields(kind)], _kept_on_class(kind))
        attributes: Iterable[Any] = getattr(kind, "__attrs_attrs__", ())
        names = [attribute.name for attribute in attributes]
        return self._record(names, ()) if names else None

    def _items(self, value: Iterable[object], met: set[int]) -> None:
        for item in value:
            self._visit(item, met)

    def _values(self, value: Mapping[object, object], met: set[int]) -> None:
        for item in value.values():
            self._visit(item, met)

    def _record(self, names: Iterable[str], kept: tuple["dataclasses.Field[Any]", ...]) -> _Step:
        names = tuple(names)
        made = tuple((field.name, field.default_factory) for field in kept if field.default is dataclasses.MISSING)
        plain = tuple((field.name, field.default) for field in kept if field.default is not dataclasses.MISSING)

        def step(value: object, met: set[int]) -> None:
            if id(value) in met:
                return  # its __post_init__ made a circle
            met.add(id(value))
            if kept:
                members = vars(value)
                for name, default in plain:
                    members.setdefault(name, default)
                for name, factory in made:
                    if name not in members:
                        members[name] = cast("Callable[[], object]", factory)()
            for name in names:
                self._visit(getattr(value, name, msgspec.UNSET), met)

        return step
