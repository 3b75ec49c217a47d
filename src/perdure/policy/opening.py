"""Makes the counters that the configuration asks for."""

from collections.abc import Awaitable, Callable
from functools import partial

from perdure.clock import Clock
from perdure.config import RateSettings
from perdure.context.secret import Secret
from perdure.errors import ConfigError
from perdure.policy.counters import Counters
from perdure.policy.memory import MemoryCounters

__all__ = ["open_counters"]


def open_counters(
    settings: RateSettings, app: str, clock: Clock, read_secret: Callable[[str], Awaitable[Secret]]
) -> Counters:
    """Return what requests are counted in; to be started.

    Args:
        app: Its name: apps that share a store count for themselves.
        read_secret: Returns the secret of a name.
    Raises:
        ConfigError: What is needed for the store is not installed.
    """
    if settings.store_url is None:
        return MemoryCounters(settings, clock)
    try:
        from perdure.policy.redis import RedisCounters
    except ModuleNotFoundError as error:
        raise ConfigError("rates.store_url needs the Redis client: pip install 'perdure[redis]'") from error
    password = None if settings.secret is None else partial(read_secret, settings.secret)
    return RedisCounters(settings, settings.store_url, app, clock, password)
