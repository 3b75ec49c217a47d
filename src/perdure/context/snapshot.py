"""A request's state at one point, enough to recreate it.

State is copied by pickle, which keeps aliases and is several times faster than `copy.deepcopy`; what pickle refuses
(classes made inside functions) is copied deeply instead, and what cannot be copied at all is named.

Source: SPEC 3.1, 3.12, properties 21 and 47.
"""

import copy
import pickle
from typing import Any, final

from msgspec import Struct

from perdure.context.events import LifecycleEvent
from perdure.errors import SnapshotError

__all__ = ["Snapshot", "StateCopy"]

_PICKLE_REFUSES = (pickle.PicklingError, TypeError, AttributeError, ValueError, RecursionError)


@final
class StateCopy:
    """An independent copy of a Local Context's state; `fresh` returns another each time."""

    __slots__ = ("_copied", "_pickled")

    def __init__(self, state: dict[str, Any]) -> None:
        """Copy *state*.

        Raises:
            SnapshotError: A value cannot be copied; the message names its key.
        """
        self._copied: dict[str, Any] | None = None
        try:
            self._pickled = pickle.dumps(state, pickle.HIGHEST_PROTOCOL)
        except _PICKLE_REFUSES:
            self._copied = _deep_copy(state)

    def fresh(self) -> dict[str, Any]:
        """Return the state as it was, sharing nothing with the original or with earlier copies."""
        if self._copied is not None:
            return _deep_copy(self._copied)
        state: dict[str, Any] = pickle.loads(self._pickled)  # noqa: S301 - our own bytes, never stored
        return state


def _deep_copy(state: dict[str, Any]) -> dict[str, Any]:
    try:
        return copy.deepcopy(state)
    except Exception as error:
        raise SnapshotError(f"lctx state cannot be copied: {_culprit(state)}: {error}") from error


def _culprit(state: dict[str, Any]) -> str:
    for key, value in state.items():
        try:
            copy.deepcopy(value)
        except Exception:  # noqa: BLE001 - any failure to copy is what is looked for
            return f"{key!r} holds a {type(value).__qualname__}"
    return "its values"


@final
class Snapshot(Struct, frozen=True, kw_only=True):
    """What `LocalContext.snapshot` returns."""

    request_id: str
    handler: str
    version: str
    stage: str
    """The stage under way: ``hook check_stock``."""
    hook_index: int
    """How many hooks had been started."""
    outstanding: tuple[str, ...]
    """Names of the spawned work that had not ended."""
    events: tuple[LifecycleEvent, ...]
    state: StateCopy
