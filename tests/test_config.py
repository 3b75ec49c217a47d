"""Settings: what they may be, and that they stay what they are."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest
from msgspec import Struct
from msgspec.structs import replace

from perdure import Config, RolloutSettings
from perdure.config import freeze
from perdure.errors import ConfigError


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class Address:
    host: str
    ports: tuple[int, ...] = ()


@dataclass
class Changeable:
    host: str = "a"


class FrozenPair(Struct, frozen=True):
    left: object
    right: object = None


class OpenPair(Struct):
    left: object = None


@pytest.mark.parametrize(
    "name",
    [
        "request_timeout_s", "cleanup_timeout_s", "drain_timeout_s", "body_limit_bytes", "upload_limit_bytes",
        "header_limit_count", "header_limit_bytes", "worker_threads",
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", [0, -1])
def test_a_limit_that_would_let_nothing_pass_is_refused(name: str, value: int) -> None:
    with pytest.raises(ConfigError, match=f"{name} must be greater than 0, not {value}"):
        Config(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "API Version", "a:b", "a\nb"])
def test_a_version_header_that_is_no_header_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="version_header"):
        Config(version_header=name)


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(TypeError, match="request_timeout"):
        Config(request_timeout=3)  # type: ignore[call-arg]


def test_settings_are_frozen_copies() -> None:
    given: dict[str, Any] = {"list": [1, {"deep": [2]}], "set": {3}, "bytes": bytearray(b"4")}
    config = Config(settings=given, tags={"a": "v1"})
    given["list"].append(5)
    given["list"][1]["deep"].append(6)
    expected = {"list": (1, {"deep": (2,)}), "set": frozenset({3}), "bytes": b"4"}
    assert MappingProxyType(expected)["set"] == config.settings["set"]
    assert (1, (2,)) == (config.settings["list"][0], config.settings["list"][1]["deep"])  # type: ignore[index]
    assert b"4" == config.settings["bytes"]
    with pytest.raises(TypeError):
        config.settings["list"] = 1  # type: ignore[index]
    with pytest.raises(TypeError):
        config.tags["a"] = "v2"  # type: ignore[index]
    with pytest.raises(AttributeError):
        config.worker_threads = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    "value",
    [
        None, True, 1, 1.5, "a", b"a", Decimal("1.5"), UUID(int=1), Path("/a"), datetime(2026, 1, 1, tzinfo=UTC),
        Colour.RED, Address("a", (1,)), FrozenPair(Address("b"), (1, frozenset({2}))), (), frozenset(),
    ],
)  # fmt: skip
def test_what_cannot_change_stays_what_it_is(value: object) -> None:
    assert freeze(value) == value
    assert type(value) is type(freeze(value))


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (Changeable(), "settings.a"), ([Changeable()], r"settings.a\[0\]"),
        ({"b": [1, object()]}, r"settings.a.b\[1\]"),
        (OpenPair(), "settings.a"), (FrozenPair(OpenPair()), "settings.a.left"), (FrozenPair([1]), "settings.a.left"),
        (FrozenPair(1, FrozenPair({})), "settings.a.right.left"), (lambda: None, "settings.a"),
        (FrozenPair((1, [2])), "settings.a.left"),
    ],
)  # fmt: skip
def test_what_can_change_is_refused_with_its_place(value: object, place: str) -> None:
    with pytest.raises(ConfigError, match=f"^{place} holds a "):
        Config(settings={"a": value})


def test_inherited_fields_of_a_frozen_record_are_looked_at_too() -> None:
    @dataclass(frozen=True)
    class Base:
        items: list[int] = field(default_factory=list)

    @dataclass(frozen=True)
    class Derived(Base):
        name: str = "a"

    with pytest.raises(ConfigError, match=r"settings\.a\.items holds a list"):
        Config(settings={"a": Derived()})


def test_a_changed_copy_is_checked_like_a_new_one() -> None:
    assert 3 == replace(Config(), worker_threads=3).worker_threads
    with pytest.raises(ConfigError):
        replace(Config(), worker_threads=0)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("body_limit_bytes", "10", "int"), ("body_limit_bytes", 1.5, "int"), ("worker_threads", True, "int"),
        ("request_timeout_s", "1", "float"), ("version_header", None, "str"), ("version_query", 1, "str or None"),
        ("trust_request_id", 1, "bool"), ("tags", ["v1"], "a mapping of str to str"),
        ("tags", {"a": 1}, "a mapping of str to str"), ("settings", 1, "a mapping of str to anything"),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_refused(name: str, value: object, expected: str) -> None:
    options: dict[str, Any] = {name: value}
    with pytest.raises(ConfigError) as refused:
        Config(**options)
    assert f"{name} must be {expected}, not {value!r}" == str(refused.value)


def test_whole_numbers_do_for_others() -> None:
    assert 3 == Config(request_timeout_s=3).request_timeout_s
    assert Config(version_query=None).version_query is None


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"activation": "perhaps"}, "activation must be 'automatic' or 'compatible' or 'manual'"),
        ({"client_header": "x client"}, "client_header must be a header name"),
        ({"client_header": ""}, "client_header must be a header name"),
        ({"poll_interval_s": 0}, "poll_interval_s must be greater than 0"),
        ({"health_window_s": float("inf")}, "health_window_s must be greater than 0"),
        ({"flush_interval_s": float("nan")}, "flush_interval_s must be greater than 0"),
        ({"unhealthy_percent": 101}, "unhealthy_percent must be at most 100"),
        ({"grace_days": -1}, "grace_days must be 0 or more"),
        ({"retire_after_days": -1}, "retire_after_days must be 0 or more"),
        ({"pin_on_first_use": 1}, "pin_on_first_use must be bool"),
        ({"usage_client_limit": 0.5}, "usage_client_limit must be int"),
    ],
)
def test_rollout_setting_that_makes_no_sense_is_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(told)):
        RolloutSettings(**options)


@pytest.mark.parametrize("url", ["store.db", "/var/lib/store.db", "memory", ""])
def test_store_that_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="store_url must be a URL"):
        Config(store_url=url)
