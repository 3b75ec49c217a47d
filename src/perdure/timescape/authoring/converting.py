"""What the parts of a conversion have in common: where in the code they are, and who converts what lies within."""

from typing import NamedTuple, Protocol, Self

from perdure.gtype.nodes import Node
from perdure.timescape.authoring.fitting import Fitting
from perdure.timescape.authoring.layout import Code, literal
from perdure.timescape.authoring.notes import Notes

__all__ = ["Converting", "Spot"]

_ITEMS = ("item", "inner", "innermost")


class Spot(NamedTuple):
    """A value in the code that is written."""

    value: str
    """Any expression for it, without side effects."""
    what: str
    """What it is called, for the person who fills a hole."""
    depth: int = 0
    """How many comprehensions stand around it."""

    def at(self, key: str | int) -> "Spot":
        """Return the member or item *key* of the value, which is called the same."""
        return self._replace(value=f"{self.value}[{literal(key)}]")

    def called(self, what: str) -> "Spot":
        """Return the same value as *what*."""
        return self._replace(what=what)

    def each(self) -> "Spot":
        """Return what a comprehension over the value has at a time."""
        return Spot(_ITEMS[min(self.depth, len(_ITEMS) - 1)], self.what, self.depth + 1)


class Converting(Protocol):
    """Who writes conversions, as the parts of one see it."""

    fitting: Fitting
    notes: Notes

    def convert(self, source: Node, target: Node, spot: Spot) -> Code | None:
        """Return code that makes a *target* of a *source*; None where it is one already."""

    def converted(self, source: Node, target: Node, spot: Spot) -> Code:
        """Return code for a *target*: what `convert` returns, or the value as it is."""

    def hole(self, source: Node, target: Node, spot: Spot) -> Code:
        """Return code that asks a person for all of it."""

    def trial(self) -> Self:
        """Return another that writes nothing down, to see what would come of a conversion."""
