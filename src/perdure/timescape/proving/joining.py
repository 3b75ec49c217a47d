"""Lists that are joined to one text by one sign, and split again at another.

All of the text comes back, and what is sent again is the same, so nothing else complains. But if no list of several
items ever comes back as one, the two functions do not mean the same sign.
"""

from collections.abc import Collection, Iterator
from typing import final

from perdure.gtype.nodes import Array, GType
from perdure.timescape.proving.cutting import fold
from perdure.timescape.proving.flaws import Flaw, Guilty
from perdure.timescape.proving.places import at_path, places
from perdure.timescape.proving.plain import brief, fresh, size

__all__ = ["Joints"]

_ENOUGH_WITNESSES = 3


@final
class Joints:
    """Watches lists go forward and come back; a `Losses`.

    Args:
        gtype: The type they are in.
        opaque: Types that have functions of their own.
        guilty: The function for the way back.
        forward: Where the function for the way forward stands.
    """

    def __init__(self, gtype: GType, opaque: Collection[str], guilty: Guilty, forward: str) -> None:
        self._paths = [each.path for each in places(gtype, opaque) if isinstance(each.gtype.root, Array)]
        self._guilty = guilty
        self._forward = forward
        self._witnesses: dict[tuple[str, ...], list[tuple[object, object, object]]] = {}

    def observe(self, given: object, went_in: object, came: object) -> None:
        """Take note that *went_in* came back as *came*, made from *given*."""
        for path in list(self._paths):
            sent, told = at_path(went_in, path), at_path(came, path)
            if not isinstance(sent, list) or not isinstance(told, list) or len(sent) < 2:
                continue
            if len(told) == len(sent):
                self._paths.remove(path)
            elif len(told) < len(sent) and _all_of(sent) and _all_of(sent) == _all_of(told):
                self._witnesses.setdefault(path, []).append((fresh(given), fresh(sent), fresh(told)))

    def conclude(self) -> Iterator[tuple[object, Flaw]]:
        """Yield the lists that never came back whole, each with a value that shows it."""
        for path in self._paths:
            witnesses = self._witnesses.get(path, [])
            if len(witnesses) < _ENOUGH_WITNESSES:
                continue
            given, sent, told = min(witnesses, key=lambda each: size(each[0]))
            name = ".".join(path) or "the value"
            message = (
                f"never gives {name!r} back with as many items as were sent: {brief(sent, 80)} is told as "
                f"{brief(told, 80)}, though the function at {self._forward} kept all of it"
            )
            cure = (
                "split at the sign by which that one joins; if it is meant, say "
                f"revision.lossless({self._guilty.target!r}, keeps='nothing')"
            )
            yield given, Flaw("cut", self._guilty, message, cure, told, about=name)


def _all_of(items: list[object]) -> str:
    """Return all texts of *items*, folded; "" where one of them is no text or says nothing."""
    texts = [fold(each) if isinstance(each, str) else "" for each in items]
    return "".join(texts) if all(texts) else ""
