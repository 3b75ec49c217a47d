"""What the rollout decides about versions at one moment; Timescape obeys it and knows no more about it."""

from collections.abc import Callable, Mapping
from typing import Final, final

from msgspec import Struct

from perdure.context.exchange import Exchange

__all__ = ["OPEN", "Closed", "Settle", "Steering"]

Choose = Callable[[Exchange], int]
"""Return the index of the version that serves a request; quick, and the same for every request of one client."""

Settle = Callable[[Exchange, int, int], None]
"""Called with a request that asked for no version and was answered by a handler, the index of the version it got, and
the status of its answer; quick."""


@final
class Closed(Struct, frozen=True, kw_only=True):
    """Why a version answers 410."""

    reason: str
    """A sentence for the client: ``it was retired on 2026-11-01``."""
    successor: str | None
    """Name of the version to move to."""
    retry_after_s: int | None = None
    """For a brown-out: how long it still lasts."""
    headers: tuple[tuple[str, str], ...] = ()


@final
class Steering(Struct, frozen=True, kw_only=True):
    """Decisions about versions, by index. Replaced whole, never changed."""

    tags: Mapping[str, int] = {}
    """Set at run time; over those of the configuration."""
    hidden: frozenset[int] = frozenset()
    """Registered, not active: nobody can ask for them, and ``latest``, ``stable`` and dates pass them by."""
    closed: Mapping[int, Closed] = {}
    """Asking for one of these is answered 410; ranges, ``stable`` and ``latest`` pass them by."""
    headers: Mapping[int, tuple[tuple[str, str], ...]] = {}
    """What answers of a version carry besides its name: ``Deprecation``, ``Sunset``, ``Link``."""
    splits: Mapping[str, Choose] = {}
    """Tags that are shared out over versions."""
    choose: Choose | None = None
    """Serves who asks for nothing, by pin; None where nobody is pinned and the default stands for one version."""
    settle: Settle | None = None
    """Hears what those got who asked for nothing; None where nobody wants to know."""


OPEN: Final = Steering()
"""No decisions: every version is served."""
