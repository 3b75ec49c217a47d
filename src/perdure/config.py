"""What can be set about an `App`; frozen, checked when built.

Source: SPEC 3.5, 3.6.
"""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from types import MappingProxyType, NoneType
from typing import final, get_args, get_origin
from uuid import UUID

from msgspec import Struct
from msgspec.structs import fields, force_setattr

from perdure.errors import ConfigError

__all__ = ["Config", "check_types", "freeze"]


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
    if type(value) in {list, tuple}:
        return tuple(freeze(item, f"{where}[{index}]") for index, item in enumerate(value))  # type: ignore[arg-type, var-annotated]
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
    names = record.__struct_fields__ if isinstance(record, Struct) else record.__dataclass_fields__  # type: ignore[attr-defined]
    for name in names:
        _check_frozen(getattr(record, name), f"{where}.{name}")


def _check_frozen(value: object, where: str) -> None:
    if isinstance(value, _ATOMS):
        return
    if type(value) in {tuple, frozenset}:
        for item in value:  # type: ignore[attr-defined]
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
        accepted = tuple(get_origin(each) or each for each in get_args(option.type) or (option.type,))
        if get_origin(option.type) is Mapping:
            accepted = (Mapping,)
        if isinstance(value, accepted) and (bool in accepted or not isinstance(value, bool)):
            continue
        if float in accepted and isinstance(value, int) and not isinstance(value, bool):
            continue
        names = " or ".join("None" if each is NoneType else each.__name__ for each in accepted)
        raise ConfigError(f"{option.name} must be {names}, not {value!r}")


@final
class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of an `App`.

    Raises:
        ConfigError: A value cannot be used; the message names the setting.
    """

    version_header: str = "API-Version"
    """Request header by which a client names its version; the same header tells it what it got."""
    version_query: str | None = "version"
    """Query parameter that does the same where the header is absent; None turns it off."""
    default_version: str = "stable"
    """What a client that names no version gets: any version text, usually a tag."""
    tags: Mapping[str, str] = MappingProxyType({})
    """Names for versions: ``{"partners": "v2.0.0"}``."""
    request_timeout_s: float = 30.0
    """Time a request may take, from its last body byte to its answer; a route can set its own."""
    cleanup_timeout_s: float = 5.0
    """Time each catch hook and each compensation may take after a failure."""
    drain_timeout_s: float = 30.0
    """Time requests in flight have to finish when the server stops."""
    body_limit_bytes: int = 2 * 1024 * 1024
    """Largest request body held in memory; a route can set its own."""
    upload_limit_bytes: int = 256 * 1024 * 1024
    """Largest multipart or streamed body."""
    header_limit_count: int = 100
    header_limit_bytes: int = 32 * 1024
    """All header values together, in characters."""
    trust_request_id: bool = False
    """Take over a well-formed ``X-Request-ID`` from the client."""
    check_responses: bool = True
    """Validate what handlers answer before it leaves."""
    worker_threads: int = 16
    """Threads that run sync handlers."""
    settings: Mapping[str, object] = MappingProxyType({})
    """The application's own settings: ``gctx.config.settings["currency"]``."""

    def __post_init__(self) -> None:
        check_types(self)
        positive = (
            "request_timeout_s", "cleanup_timeout_s", "drain_timeout_s", "body_limit_bytes", "upload_limit_bytes",
            "header_limit_count", "header_limit_bytes", "worker_threads",
        )  # fmt: skip
        for name in positive:
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name} must be greater than 0, not {getattr(self, name)!r}")
        if not self.version_header or not self.version_header.replace("-", "").isalnum():
            raise ConfigError(f"version_header must be a header name, not {self.version_header!r}")
        force_setattr(self, "tags", freeze(self.tags, "tags"))
        force_setattr(self, "settings", freeze(self.settings))
