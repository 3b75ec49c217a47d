"""Values that come out cut, although there is room for the whole of them.

A list that has lost its third item is valid, and so is an amount without its cents. Which value an older client should
get is nowhere written, but much can be told from many values: if a member is, each time, either what another was or a
part of it, then it was made from that. If the whole would have been allowed there, and the rest is nowhere else in the
result, it was lost. Where name and type are the same on both sides that is a failure. Elsewhere it may be meant, so it
is a warning.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple, final

import msgspec

from perdure.gtype.nodes import GType, Integer, Number, Object
from perdure.gtype.validator import Validator, compile_validator
from perdure.timescape.proving.cutting import Compared, compare, fold
from perdure.timescape.proving.flaws import Flaw, Guilty
from perdure.timescape.proving.places import NOWHERE, Path, Place, at_path, places, put, without
from perdure.timescape.proving.plain import brief, fresh, size

__all__ = ["Cuts"]

_ENOUGH_VALUES = 8
_ENOUGH_WITNESSES = 2
_KEPT_WITNESSES = 40
_LONG = 4
_GAPS = re.compile(r"[\W_]+")


class _Witness(NamedTuple):
    given: object
    whole: object
    """What was there."""
    part: object
    """What is left of it."""
    came: object
    """The whole result."""
    compared: Compared


@final
class _Pair:
    """A place before and one after."""

    def __init__(self, before: Place, after: Place) -> None:
        self.before, self.after = before, after
        self.is_same_place = before.path == after.path and before.gtype.canonical() == after.gtype.canonical()
        self.same = 0
        self.witnesses: dict[str, _Witness] = {}


@final
class Cuts:
    """Watches values go in and come out; a `Losses`.

    Args:
        before: The type of what goes in.
        after: The type of what comes out.
        opaque: Types that have functions of their own in this direction.
        guilty: Who is to blame.
        part: Of requests, which part is watched; "" for the value itself.
    """

    def __init__(
        self, before: GType, after: GType, opaque: Collection[str], guilty: Guilty, part: str = ""
    ) -> None:  # fmt: skip
        self._part = part
        self._types = before, after
        self._opaque = opaque
        self._guilty = guilty
        self._values = 0
        self._pairs: list[_Pair] = []

    def observe(self, given: object, went_in: object, came: object) -> None:
        """Take note of what became of *given*, which *went_in* to the chain, and *came* out of it."""
        if not self._values:  # many are made that never see a value: ways that are the same are tried once
            self._pairs = self._paired()
        self._values += 1
        if self._part:
            went_in, came = at_path(went_in, (self._part,)), at_path(came, (self._part,))
        if went_in is not NOWHERE and came is not NOWHERE:
            self._pairs = [pair for pair in self._pairs if _bears(pair, given, went_in, came)]

    @cached_property
    def _judge(self) -> Validator:
        return compile_validator(self._types[1])

    def _paired(self) -> list[_Pair]:
        before, after = (places(each, self._opaque) for each in self._types)
        return [_Pair(one, other) for one in before for other in after if _may_be(one, other)]

    def conclude(self) -> Iterator[tuple[object, Flaw]]:
        """Yield what came out cut, each with a value that shows it: one for each place it came out at."""
        if self._values < _ENOUGH_VALUES:
            return
        whole = {pair.after.path for pair in self._pairs if pair.same and not pair.witnesses}
        told: set[Path] = set()
        for pair in sorted(self._pairs, key=lambda each: not each.is_same_place):
            if pair.after.path in whole | told or not (pair.same or pair.is_same_place):
                continue
            shown = [each for each in pair.witnesses.values() if self._is_lost(pair, each)]
            if self._is_enough(pair, shown):
                told.add(pair.after.path)
                telling = min(shown, key=lambda each: size(each.given))
                yield telling.given, self._flaw(pair, telling)

    def _is_enough(self, pair: _Pair, shown: Sequence[_Witness]) -> bool:
        """Tell whether *shown* leave no doubt."""
        if len(shown) < _ENOUGH_WITNESSES:
            return bool(shown) and pair.same >= _ENOUGH_VALUES
        # What always comes out the same is told by others.
        return len({brief(each.part) for each in shown}) > 1

    def _is_lost(self, pair: _Pair, witness: _Witness) -> bool:
        """Tell whether there is room for the whole, and the rest is nowhere else."""
        if not any(self._judge.is_valid(put(witness.came, pair.after.path, each)) for each in _wholes(pair, witness)):
            return False
        elsewhere = [*_leaves(without(witness.came, pair.after.path))]
        missing = witness.compared.missing
        return not missing or any(text and not any(_has(each, text) for each in elsewhere) for text in missing)

    def _flaw(self, pair: _Pair, witness: _Witness) -> Flaw:
        before, after = (".".join(each.path) or "the value" for each in (pair.before, pair.after))
        became = f"{brief(witness.whole, 80)} became {brief(witness.part, 80)}"
        is_moved = witness.compared.likeness == "moved"
        what = "changes the order of" if is_moved else "keeps only a part of"
        cure = f"if it is meant, say revision.lossless({self._guilty.target!r}, keeps='nothing')"
        if pair.is_same_place and not is_moved:
            message = f"{what} {after!r}, which is the same on both sides: {became}"
            return Flaw("lost", self._guilty, message, f"carry all of it; {cure}", witness.came, about=after)
        made = f"{before!r}" if before == after else f"{before!r} in {after!r}"
        room = "" if is_moved else ", though there is room for all of it"
        return Flaw("cut", self._guilty, f"{what} {made}{room}: {became}", cure, witness.came, about=after)


def _may_be(before: Place, after: Place) -> bool:
    """Tell whether values of one place can be compared with those of another."""
    if not (before.is_converted or after.is_converted) or before.path == after.path:
        return True
    return type(before.gtype.root) is type(after.gtype.root)


def _bears(pair: _Pair, given: object, went_in: object, came: object) -> bool:
    """Take note of one more value; tell whether what came out can still be a part of what went in."""
    whole, part = at_path(went_in, pair.before.path), at_path(came, pair.after.path)
    if whole is NOWHERE or part is NOWHERE:
        return True
    compared = compare(whole, part, is_converted=pair.before.is_converted or pair.after.is_converted)
    match compared.likeness:
        case "same":
            pair.same += 1
        case "cut" | "moved":
            key = brief(whole)
            if key not in pair.witnesses and len(pair.witnesses) < _KEPT_WITNESSES:
                pair.witnesses[key] = _Witness(fresh(given), fresh(whole), fresh(part), fresh(came), compared)
    return compared.likeness != "other"


def _has(leaf: str, missing: str) -> bool:
    """Tell whether what is missing is in *leaf*: as one of its words, as what is short is found anywhere by chance."""
    whole = fold(leaf)
    return missing == whole or (len(missing) >= _LONG and missing in whole) or missing in map(fold, _GAPS.split(leaf))


def _leaves(value: object) -> Iterator[str]:
    """Yield every text and number in *value*, and every object in it as a whole."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if not isinstance(value, list):
        yield value if isinstance(value, str) else msgspec.json.encode(value).decode()
    for each in inner:
        yield from _leaves(each)


def _wholes(pair: _Pair, witness: _Witness) -> Iterator[object]:
    """Yield what could have come out instead: the whole."""
    whole, part, root = witness.whole, witness.part, pair.after.gtype.root
    if isinstance(part, list) and isinstance(whole, list) and pair.before.is_converted:
        # Items of a type that the other side does not know are left out on purpose.
        if part and (not _is_choice(pair.before) or pair.before.gtype.root == pair.after.gtype.root):
            yield [part[place % len(part)] for place in range(len(whole))]
        return
    yield whole
    if isinstance(root, Number | Integer) and isinstance(whole, str):
        number = float(whole)
        yield int(number) if number.is_integer() else number
    elif isinstance(whole, int | float):
        yield str(whole)


def _is_choice(place: Place) -> bool:
    """Tell whether items are of several types, or of none with members."""
    items = getattr(place.gtype.root, "items", None)
    return not isinstance(place.gtype.resolve(items), Object) if items is not None else True
