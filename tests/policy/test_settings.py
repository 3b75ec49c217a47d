"""What can be set about limits and capacity."""

import pytest

from perdure import Config
from perdure.config import CapacitySettings, RateLimit, RateSettings
from perdure.errors import ConfigError


@pytest.mark.parametrize(
    ("rate", "allowed", "window_s"),
    [("100/minute", 100, 60.0), ("10/5 seconds", 10, 5.0), ("1 / 2 days", 1, 172_800.0), ("3/hours", 3, 3600.0)],
)
def test_rate_is_read(rate: str, allowed: int, window_s: float) -> None:
    limit = RateLimit(rate)
    assert (allowed, window_s) == (limit.allowed, limit.window_s)


@pytest.mark.parametrize(
    "rate", ["", "100", "0/minute", "10/0 seconds", "-1/minute", "1/fortnight", "1.5/minute", "٣/minute", "9" * 5000]
)
def test_rate_makes_no_sense_is_refused_with_what_would(rate: str) -> None:
    with pytest.raises(ConfigError, match="a rate is written 100/minute or 10/5 seconds, not"):
        RateLimit(rate)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"store_url": "http://127.0.0.1/"}, "store_url must be a URL of one of redis, rediss"),
        ({"store_url": "127.0.0.1:6379"}, "store_url must be a URL of one of redis, rediss"),
        ({"store_url": "redis://"}, "store_url must be a URL of one of redis, rediss"),
        ({"store_url": "redis://host:port/0"}, "store_url must be a URL of one of redis, rediss"),
        ({"store_url": "redis://[broken/0"}, "store_url must be a URL of one of redis, rediss"),
        ({"store_url": "unix://"}, "store_url must be a URL of one of redis, rediss"),
        ({"secret": "redis_password"}, "secret is the password of store_url, which is not set"),
        ({"store_url": "redis://:one@127.0.0.1", "secret": "two"}, "leave one of the two out"),
        ({"store_timeout_s": 0}, "store_timeout_s must be greater than 0"),
        ({"client_limit": 0}, "client_limit must be greater than 0"),
        ({"strategy": "guess"}, "strategy must be 'exact' or 'approximate'"),
    ],
)
def test_rates_cannot_be_used_are_refused(settings: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        RateSettings(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["max_requests", "fair_lag_s", "lag_limit_s", "retry_after_s"])
def test_capacity_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} must be greater than 0"):
        CapacitySettings(**{name: 0})


def test_lateness_can_be_left_out_of_account() -> None:
    config = Config(capacity=CapacitySettings(fair_lag_s=None, lag_limit_s=None))
    assert config.capacity.lag_limit_s is None
