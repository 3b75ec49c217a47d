"""Whatever somebody logs, as plain data of bounded size, without credentials and without secrets."""

import dataclasses
import logging
from collections.abc import Callable, Mapping
from enum import Enum
from math import isfinite
from typing import Any, Final, final

from msgspec import Struct

from perdure.logs.redaction import MASK, Credentials

__all__ = ["SEALED", "Plain", "masking"]

SEALED: Final = "_raised"
"""Attribute of a record whose exception must not be shown as it is: a function that returns it."""

_DEPTH: Final = 6
_ITEMS: Final = 100
_NODES: Final = 1000
_CHARACTERS: Final = 16_384
_INT_BITS: Final = 63
_ATOMS: Final = (type(None), bool)


def masking() -> Callable[[str], str]:
    """Return what keeps values of secrets out of texts in this process, now.

    While an app has secrets, the factory of log records has a method for it: ``mask``.
    """
    mask: Callable[[str], str] | None = getattr(logging.getLogRecordFactory(), "mask", None)
    return str if mask is None else mask


@final
class Plain:
    """Turns values into what JSON can say.

    Args:
        credentials: What must not be shown.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def text(self, value: object, mask: Callable[[str], str] = str) -> str:
        """Return *value*, or what it says of itself, as text that can be written; longer ones are cut.

        Args:
            mask: See `masking`.
        """
        told = mask(_told(value))
        if len(told) > _CHARACTERS:
            told = f"{told[:_CHARACTERS]}… ({len(told) - _CHARACTERS} characters more)"
        told = self._credentials.cleaned(told)
        if not told.isascii():
            told = told.encode("utf-8", "backslashreplace").decode()
        return told

    def fields(self, given: Mapping[str, Any], mask: Callable[[str], str], *, shown: str = "") -> dict[str, object]:
        """Return the fields of a record.

        Args:
            given: By name.
            mask: See `masking`.
            shown: A field that is shown whatever it is called.
        """
        walk = _Walk(self, self._credentials, mask)
        return {
            walk.text(name): walk.plain(value, 0) if name == shown else walk.member(name, value, 0)
            for name, value in given.items()
        }


@final
class _Walk:
    """One walk through a value; what it may look at is counted."""

    def __init__(self, plain: Plain, credentials: Credentials, mask: Callable[[str], str]) -> None:
        self._plain = plain
        self._credentials = credentials
        self._mask = mask
        self._left = _NODES

    def text(self, value: object) -> str:
        return self._plain.text(value, self._mask)

    def member(self, name: object, value: object, depth: int) -> object:
        if isinstance(name, str) and self._credentials.is_hidden(name, value):
            return MASK
        return self.plain(value, depth)

    def plain(self, value: object, depth: int) -> object:
        self._left -= 1
        if isinstance(value, str):
            return self.text(value)
        if type(value) in _ATOMS:
            return value
        if type(value) is int:
            return value if value.bit_length() <= _INT_BITS else self.text(value)
        if type(value) is float:
            return value if isfinite(value) else str(value)
        members = _members(value)
        if members is not None:
            return self._mapping(members, depth)
        if isinstance(value, list | tuple | set | frozenset):
            return self._items(list(value), depth)
        return self.text(value)

    def _mapping(self, members: Mapping[Any, Any], depth: int) -> object:
        if depth >= _DEPTH:
            return "…"
        told: dict[str, object] = {}
        for name, value in members.items():
            if len(told) >= _ITEMS or self._left <= 0:
                told["…"] = f"{len(members) - len(told)} more"
                break
            told[self.text(name)] = self.member(name, value, depth + 1)
        return told

    def _items(self, items: list[Any], depth: int) -> object:
        if depth >= _DEPTH:
            return "…"
        if len(items) == 2 and isinstance(items[0], str | bytes):  # a header, as frameworks have it
            name = items[0] if isinstance(items[0], str) else items[0].decode("latin-1")
            return [self.text(name), self.member(name, items[1], depth + 1)]
        told: list[object] = []
        for item in items:
            if len(told) >= _ITEMS or self._left <= 0:
                told.append(f"… {len(items) - len(told)} more")
                break
            told.append(self.plain(item, depth + 1))
        return told


def _members(value: object) -> Mapping[Any, Any] | None:
    """Return the parts of *value* that have names; None if it has none."""
    if isinstance(value, Mapping):
        return dict(value)  # it may change while it is walked through
    if isinstance(value, Struct):
        return {name: getattr(value, name, None) for name in value.__struct_fields__}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
    return None


def _told(value: object) -> str:
    """Return what *value* says of itself; nothing that is logged may fail for that."""
    try:
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, bytes | bytearray):
            return value.decode("utf-8", "backslashreplace")
        if isinstance(value, BaseException):
            return f"{type(value).__name__}: {value}"
        if isinstance(value, Enum):
            return str(value.value)
        return str(value)
    except Exception as error:  # noqa: BLE001 - whatever an object's __str__ raises
        return f"(a {type(value).__name__} that cannot be told: {type(error).__name__})"
