"""What every group of settings is checked by when it is built."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from math import inf
from pathlib import PurePath
from types import MappingProxyType, NoneType
from typing import Any, Literal, get_args, get_origin
from uuid import UUID

from msgspec import Struct
from msgspec.structs import fields

from perdure.config.kinds import Kind, kind_of
from perdure.errors import ConfigError

__all__ = ["check_path", "check_positive", "check_types", "freeze", "is_header_name", "sendable_headers"]

_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
_ATOMS = (
    str,
    bytes,
    int,
    float,
    complex,
    bool,
    NoneType,
    Enum,
    datetime,
    date,
    time,
    timedelta,
    Decimal,
    UUID,
    PurePath,
)


def freeze(value: object, where: str = "settings") -> object:
    """Return *value* with every mapping, list and set in it replaced by one that cannot change.

    Mappings become read-only views of copies, lists and tuples become tuples, sets become frozensets. Frozen
    dataclasses and frozen msgspec Structs stay what they are, so what is in them must be frozen already.

    Raises:
        ConfigError: Something in *value* could still be changed; the message names its place.
    """
    if isinstance(value, _ATOMS):
        return value
    if isinstance(value, Mapping):
        return MappingProxyType({str(key): freeze(item, f"{where}.{key}") for key, item in value.items()})
    if isinstance(value, list | tuple) and type(value) in {list, tuple}:
        return tuple(freeze(item, f"{where}[{index}]") for index, item in enumerate(value))
    if isinstance(value, set | frozenset):
        return frozenset(freeze(item, where) for item in value)
    if isinstance(value, bytearray):
        return bytes(value)
    if _is_frozen_record(value):
        _check_record(value, where)
        return value
    raise _changeable(value, where)


def _changeable(value: object, where: str) -> ConfigError:
    kind = type(value).__qualname__
    return ConfigError(f"{where} holds a {kind}, which can change; use plain data or a frozen dataclass")


def _is_frozen_record(value: object) -> bool:
    if isinstance(value, Struct):
        return value.__struct_config__.frozen
    parameters = getattr(type(value), "__dataclass_params__", None)
    return parameters is not None and bool(parameters.frozen)


def _check_record(record: object, where: str) -> None:
    """Refuse a frozen record that holds what can change: it stays as it is, so nothing in it can be replaced."""
    names: Iterable[str] = getattr(
        record, "__struct_fields__" if isinstance(record, Struct) else "__dataclass_fields__"
    )
    for name in names:
        _check_frozen(getattr(record, name), f"{where}.{name}")


def _check_frozen(value: object, where: str) -> None:
    if isinstance(value, _ATOMS):
        return
    if isinstance(value, tuple | frozenset) and type(value) in {tuple, frozenset}:
        for item in value:
            _check_frozen(item, where)
    elif _is_frozen_record(value):
        _check_record(value, where)
    else:
        raise _changeable(value, where)


def check_types(options: Struct) -> None:
    """Refuse values of another type than declared; whole numbers do for others, truth values for no number.

    Raises:
        ConfigError: There is one; the message names the option.
    """
    for option in fields(options):
        value = getattr(options, option.name)
        kind = kind_of(option.type)
        if not _is_one_of(value, kind):
            raise ConfigError(f"{option.name} must be {kind}, not {value!r}")


def _is_one_of(value: object, kind: Kind) -> bool:
    return (value is None and kind.is_optional) or any(_is_of(value, each) for each in kind.alternatives)


def _is_of(value: object, kind: Any) -> bool:
    origin = get_origin(kind)
    if origin is Literal:
        return any(type(value) is type(each) and value == each for each in get_args(kind))
    if origin in (tuple, frozenset):
        items = kind_of(get_args(kind)[0])
        return isinstance(value, origin) and all(_is_one_of(item, items) for item in value)
    if origin is Mapping:
        keys, values = map(kind_of, get_args(kind))
        return isinstance(value, Mapping) and all(
            _is_one_of(key, keys) and _is_one_of(item, values) for key, item in value.items()
        )
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, origin or kind)


def check_positive(options: Struct, names: Iterable[str]) -> None:
    """Refuse values of the options *names* that are not finite and greater than 0; None passes.

    Raises:
        ConfigError: There is one; the message names the option.
    """
    for name in names:
        value = getattr(options, name)
        if value is not None and not 0 < value < inf:
            raise ConfigError(f"{name} must be greater than 0, not {value!r}")


def check_path(name: str, path: str | None) -> None:
    """Refuse what is no path that people type.

    Raises:
        ConfigError: As told.
    """
    if path is not None and not _PATH.fullmatch(path):
        raise ConfigError(f"{name} must be a path like /internal/docs, of letters, digits and ._~-, not {path!r}")


def sendable_headers(field: str, headers: Mapping[str, str], *, hides_values: bool = False) -> Mapping[str, str]:
    """Return *headers*, which the setting *field* holds, by their names in small letters, as what cannot change.

    Raises:
        ConfigError: One cannot be sent; the message has its name, and its value unless *hides_values*.
    """
    for name, value in headers.items():
        if not is_header_name(name) or not value.isascii() or not value.isprintable():
            told = repr(name) if hides_values else f"{name}: {value!r}"
            raise ConfigError(f"{field}: {told} cannot be sent")
    return MappingProxyType({name.lower(): value for name, value in headers.items()})


def is_header_name(text: str) -> bool:
    """Return whether *text* is a header name of letters, digits and hyphens."""
    return bool(text) and text.isascii() and text.replace("-", "").isalnum()
