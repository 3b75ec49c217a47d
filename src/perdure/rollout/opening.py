"""Opening the store an app keeps its versions in, and registering them there."""

import logging
from collections.abc import Callable
from typing import final

from msgspec import Struct

from perdure.errors import RevisionConflictError, StoreError
from perdure.rollout.rollout import Rollout
from perdure.store.base import Store
from perdure.store.memory import MemoryStore
from perdure.store.opening import open_store

__all__ = ["FORGETFUL", "StorePlace", "open_rollout", "unusable"]

_log = logging.getLogger("perdure.rollout")


@final
class StorePlace(Struct, frozen=True, kw_only=True):
    """Where an app's store is."""

    url: str
    """See `perdure.store.opening.open_store`."""
    is_required: bool = True
    """Somebody asked for it; else the app does without where it cannot be used, and says so."""


FORGETFUL = StorePlace(url="memory:")
"""The process' memory."""


def open_rollout(place: StorePlace, make: Callable[[Store], Rollout]) -> Rollout:
    """Open the store at *place*, and return the rollout *make* makes of it, its versions registered. Blocks.

    Raises:
        StoreError: The store is required and cannot be used.
        RevisionConflictError: It is required, and a revision was published there with other content.
    """
    try:
        return _registered(open_store(place.url), make, has_drafts=not place.is_required)
    except StoreError as error:
        if place.is_required:
            raise
        if isinstance(error, RevisionConflictError):
            error = unusable(place, error)
        _log.warning("%s; this process keeps its versions and their usage in memory", error)
    return _registered(MemoryStore(), make, has_drafts=True)


def unusable(place: StorePlace, error: RevisionConflictError) -> StoreError:
    """Return what there is to say of the default store at *place*, which has another history than this build."""
    file = place.url.removeprefix("sqlite:///")
    return StoreError(
        f"the store {file} has another history than this code, so servers keep their versions in memory, where no "
        f"command reaches them: {error}, by removing {file}"
    )


def _registered(store: Store, make: Callable[[Store], Rollout], *, has_drafts: bool) -> Rollout:
    rollout = make(store)
    try:
        rollout.register(has_drafts=has_drafts)
    except BaseException:
        store.close()
        raise
    return rollout
