"""Which version a client is pinned to, as this process knows it."""

import logging
from collections.abc import Callable, Iterable
from typing import final

from perdure.store.records import Pin, storable_name

__all__ = ["Pins"]

_log = logging.getLogger("perdure.rollout")


@final
class Pins:
    """The pins of an app, and those by first use that the store does not know yet.

    Args:
        limit: Pins by first use that are made at most, so that nobody fills the memory by calling itself many names.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._is_full = False
        self._versions: dict[str, str] = {}
        self._unwritten: dict[str, Pin] = {}
        self.wake: Callable[[], object] | None = None
        """Called when the store does not know all pins any more."""

    def __len__(self) -> int:
        return len(self._versions)

    def get(self, client: str) -> str | None:
        """Return the name of the version *client* is pinned to."""
        return self._versions.get(client)

    def versions(self) -> frozenset[str]:
        """Return the names of all versions clients are pinned to."""
        return frozenset(self._versions.values())

    def use(self, client: str, version: str, now_s: float) -> None:
        """Pin *client*, which has no pin, to the *version* it gets first."""
        if len(self._versions) >= self._limit:
            if not self._is_full:
                self._is_full = True
                _log.warning("%d clients are pinned, all that pin_limit allows; first use pins no more", self._limit)
            return
        if self.wake is not None and not self._unwritten:
            self.wake()
        client = storable_name(client)
        self._versions[client] = version
        self._unwritten[client] = Pin(client=client, version=version, by="first use", since_s=now_s)

    def take(self) -> tuple[Pin, ...]:
        """Return the pins the store does not know, and take them for known; `put_back` what could not be written."""
        unwritten, self._unwritten = self._unwritten, {}
        return tuple(unwritten.values())

    def put_back(self, pins: Iterable[Pin]) -> None:
        """Keep *pins* for the next `take`."""
        self._unwritten = {pin.client: pin for pin in pins} | self._unwritten

    def merge(self, pinned: Iterable[Pin], unpinned: Iterable[str] | None) -> None:
        """Take over what the store says; it counts more than what was pinned here.

        Args:
            unpinned: Clients that have no pin any more; None: all that are not *pinned*, nor unknown to the store.
        """
        if unpinned is None:
            unpinned = self._versions.keys() - self._unwritten.keys()
        for client in unpinned:
            self._versions.pop(client, None)
        for pin in pinned:
            self._versions[pin.client] = pin.version
            self._unwritten.pop(pin.client, None)
        self._is_full = self._is_full and len(self._versions) >= self._limit
