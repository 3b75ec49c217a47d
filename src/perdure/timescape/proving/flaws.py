"""What one value shows about one way between versions."""

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from perdure.errors import Fault
from perdure.gtype.nodes import GType
from perdure.timescape.proving.report import Kind
from perdure.timescape.revision import Direction

__all__ = ["Declined", "Flaw", "Guilty", "Judge", "Losses", "Trial", "Watch", "Watcher"]


class Guilty(NamedTuple):
    """Who is to blame."""

    revision: str
    place: str
    direction: Direction
    target: str
    is_missing: bool = False
    """It is a transformer that is not there; *place* is the revision's."""


class Flaw(NamedTuple):
    """What is wrong with what became of a value."""

    kind: Kind
    guilty: Guilty
    message: str
    cure: str
    came: object = None
    faults: tuple[Fault, ...] = ()
    about: str = ""
    """What tells it from others of its kind that are the fault of the same function."""

    @property
    def key(self) -> tuple[object, ...]:
        """The same for flaws that are one mistake."""
        return self.kind, *self.guilty, self.about


class Declined(Exception):
    """A revision refuses the value on purpose: by a `Problem`, or by saying that nothing can carry it over."""


Judge = Callable[[object], Flaw | None]
"""Says what is wrong with what becomes of a value; raises `Declined`."""


class Watcher(Protocol):
    """Has watched many values."""

    def conclude(self) -> Iterable[tuple[object, Flaw]]:
        """Return what got lost, each with a value that shows it."""


class Losses(Watcher, Protocol):
    """Watches values go in and come out."""

    def observe(self, given: object, went_in: object, came: object) -> None:
        """Take note of what became of *given*, which *went_in* to the chain, and *came* out of it."""


class Watch(NamedTuple):
    """What is watched on a way."""

    losses: Losses
    older: int
    """The version before the function that is watched, by its index."""
    newer: int
    """The version after it."""


class Trial(NamedTuple):
    """One way between versions, to be tried on many values."""

    subject: str
    gtype: GType
    """What goes in."""
    judge: Judge
    revisions: frozenset[str] = frozenset()
    """Those on the way."""
    names: frozenset[str] = frozenset()
    """The type or endpoint it is about."""
    losses: tuple[Watcher, ...] = ()
    """What was watched meanwhile."""
