"""What can be set about an `App`; frozen, checked when built.

Source: SPEC 3.5, 3.6.
"""

import os
import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from math import inf
from pathlib import PurePath
from types import MappingProxyType, NoneType
from typing import Literal, final, get_args, get_origin
from uuid import UUID

from msgspec import Struct
from msgspec.structs import fields, force_setattr

from perdure.errors import ConfigError

__all__ = ["Config", "RolloutSettings", "check_types", "freeze"]


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
        if get_origin(option.type) is Literal:
            continue
        accepted = tuple(get_origin(each) or each for each in get_args(option.type) or (option.type,))
        if get_origin(option.type) is Mapping:
            accepted = (Mapping,)
        if isinstance(value, accepted) and (bool in accepted or not isinstance(value, bool)):
            continue
        if float in accepted and isinstance(value, int) and not isinstance(value, bool):
            continue
        names = " or ".join("None" if each is NoneType else each.__name__ for each in accepted)
        raise ConfigError(f"{option.name} must be {names}, not {value!r}")


def _check_positive(name: str, value: float) -> None:
    if not 0 < value < inf:
        raise ConfigError(f"{name} must be greater than 0, not {value!r}")


def _check_path(name: str, path: str | None) -> None:
    if path is not None and not _PATH.fullmatch(path):
        raise ConfigError(f"{name} must be a path like /internal/docs, of letters, digits and ._~-, not {path!r}")


def _is_header_name(text: str) -> bool:
    return bool(text) and text.isascii() and text.replace("-", "").isalnum()


@final
class RolloutSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How versions come and go: `Config.rollout`.

    Raises:
        ConfigError: A value cannot be used; the message names the setting.
    """

    activation: Literal["automatic", "compatible", "manual"] = "automatic"
    """What a version that is registered for the first time does: it serves at once (``automatic``); it does if it
    breaks no older live version, or has transformers for what it breaks (``compatible``); it waits for
    `perdure versions activate` (``manual``). The first build an empty store sees serves at once in any case."""
    client_header: str | None = None
    """Header that names the client, for pins, weights and usage; anyone can send it, so only behind a front that sets
    it. None: the peer's address without its port."""
    pin_on_first_use: bool = False
    """Pin a client that asks for no version to the one it gets first. Such a pin is stored within `poll_interval_s`: a
    process that is killed before that forgets it."""
    pin_limit: int = 100_000
    """Pins by first use that are made at most."""
    poll_interval_s: float = 0.25
    """How often a process asks the store for decisions of others."""
    flush_interval_s: float = 2.0
    """How often usage is written to the store: what a killed process loses at most."""
    usage_client_limit: int = 1000
    """Clients told apart per version and hour; the rest are counted together."""
    usage_days: float = 400.0
    """How long usage is kept."""
    hot_requests: int = 100
    """Requests within a day that make a version hot; under half of that it is warm again."""
    cold_after_days: float = 30.0
    """A version nobody has used for as long is cold."""
    grace_days: float = 14.0
    """A version is not cold for as long after it was activated."""
    retire_after_days: float | None = None
    """A version is retired by itself when it has been cold for as long; None: never."""
    fallback: bool = True
    """Take traffic that did not ask for a version by its own name from an unhealthy version to a healthy one."""
    unhealthy_percent: float = 25.0
    """Share of failing (5xx) or slow answers within the window that makes a version unhealthy."""
    slow_after_s: float | None = None
    """An answer that takes longer is slow; None: none is."""
    health_window_s: float = 30.0
    """How long an answer counts, and the shortest time an unhealthy version is left alone before it is tried again."""
    health_min_requests: int = 10
    """Answers within the window without which nothing is said about a version."""
    probe_requests: int = 5
    """Requests an unhealthy version is tried with; all of them failing is what a trial can cost."""

    def __post_init__(self) -> None:
        check_types(self)
        if self.activation not in {"automatic", "compatible", "manual"}:
            raise ConfigError(f"activation must be 'automatic', 'compatible' or 'manual', not {self.activation!r}")
        positive = (
            "pin_limit", "poll_interval_s", "flush_interval_s", "usage_client_limit", "usage_days", "hot_requests",
            "cold_after_days", "unhealthy_percent", "health_window_s", "health_min_requests", "probe_requests",
        )  # fmt: skip
        for name in positive:
            _check_positive(name, getattr(self, name))
        for name in ("grace_days", "retire_after_days", "slow_after_s"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < inf:
                raise ConfigError(f"{name} must be 0 or more, not {value!r}")
        if self.unhealthy_percent > 100:
            raise ConfigError(f"unhealthy_percent must be at most 100, not {self.unhealthy_percent!r}")
        if self.client_header is not None and not _is_header_name(self.client_header):
            raise ConfigError(f"client_header must be a header name, not {self.client_header!r}")


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
    store_url: str | None = None
    """Where the Manifest Store is: ``sqlite:///PATH``, ``postgresql://…`` or ``memory:``; ``PERDURE_STORE_URL`` in the
    environment counts more."""
    rollout: RolloutSettings = RolloutSettings()
    """How versions come and go."""
    openapi_path: str | None = "/openapi.json"
    """Where the OpenAPI document of each version is; None turns it off. A route of the app's own goes first."""
    docs_path: str | None = "/docs"
    """Where people find the documentation of each version, with everything it needs below; as *openapi_path*, without
    which there is none."""
    alembic_ini: str = "alembic.ini"
    """Alembic's configuration of the app's own database, for the steps that revisions name; relative to the folder the
    server runs in."""
    settings: Mapping[str, object] = MappingProxyType({})
    """The application's own settings: ``gctx.config.settings["currency"]``."""

    def __post_init__(self) -> None:
        check_types(self)
        positive = (
            "request_timeout_s", "cleanup_timeout_s", "drain_timeout_s", "body_limit_bytes", "upload_limit_bytes",
            "header_limit_count", "header_limit_bytes", "worker_threads",
        )  # fmt: skip
        for name in positive:
            _check_positive(name, getattr(self, name))
        if self.store_url is not None and "://" not in self.store_url and self.store_url != "memory:":
            raise ConfigError("store_url must be a URL: sqlite:///PATH, postgresql://… or memory:")
        if not _is_header_name(self.version_header):
            raise ConfigError(f"version_header must be a header name, not {self.version_header!r}")
        for name in ("openapi_path", "docs_path"):
            _check_path(name, getattr(self, name))
        force_setattr(self, "tags", freeze(self.tags, "tags"))
        force_setattr(self, "settings", freeze(self.settings))

    def store_place(self) -> str | None:
        """Return the URL of the store: ``PERDURE_STORE_URL`` of the environment, else `store_url`."""
        return os.environ.get("PERDURE_STORE_URL") or self.store_url
