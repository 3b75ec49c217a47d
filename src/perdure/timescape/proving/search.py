"""Looking for a value that shows a flaw: first at the corners of its type, then by chance.

Everything follows from the seed: the same code and the same seed find the same values.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple, final

import msgspec
from hypothesis import Phase
from hypothesis.errors import Flaky, NoSuchExample, Unsatisfiable
from hypothesis.strategies import SearchStrategy

from perdure.errors import TypeDefinitionError
from perdure.gtype.generate import values
from perdure.gtype.nodes import GType
from perdure.gtype.validator import Validator, compile_validator
from perdure.timescape.proving.chance import Chance
from perdure.timescape.proving.corners import corners
from perdure.timescape.proving.flaws import Declined, Flaw, Trial
from perdure.timescape.proving.plain import fresh, size
from perdure.timescape.proving.shrinking import shrink

__all__ = ["Found", "Search", "Tally"]

_MOST_FLAWS = 5
_SAMPLES = 40
_SHRINK_TRIES = 1000


class Found(NamedTuple):
    """A flaw and the smallest value that shows it."""

    value: object
    flaw: Flaw


@final
class Tally:
    """What happened to the values of one trial."""

    def __init__(self) -> None:
        self.values = 0
        self.declined = 0
        self.reason = ""
        """Why the first of those was declined."""
        self.seen: set[tuple[object, ...]] = set()
        """Flaws that were met but known already, by their keys."""
        self.unmade = ""
        """Why no values could be made; "" where they could."""


@final
class Search:
    """Tries ways between versions on generated values.

    Args:
        examples: How many values drawn by chance each trial gets, beside those at the corners.
        seed: What chance follows from.
    """

    def __init__(self, examples: int, seed: int) -> None:
        self._examples = examples
        self._chance = Chance(seed)
        self._strategies: dict[bytes, SearchStrategy[object]] = {}
        self._corners: dict[bytes, Sequence[object]] = {}
        self._pools: dict[bytes, Sequence[object]] = {}
        """Values drawn by chance: many ways begin with the same type."""

    def run(self, trial: Trial, known: set[tuple[object, ...]]) -> tuple[list[Found], Tally]:
        """Return the flaws of *trial* that are not *known*, each by the smallest value found, and a tally."""
        tally = Tally()
        attempt = _Attempt(trial, set(known), tally)
        edges, pool = self._values(trial.gtype, tally)
        found: list[Found] = []
        for value in (*edges, *pool):
            flaw = attempt.judge(value)
            if flaw is None:
                continue
            one = Found(value, flaw)
            if flaw.kind != "hang":  # each further try would cost as much time
                one = attempt.smallest(self._shrunk(attempt, one))
            found.append(one)
            attempt.known.add(flaw.key)
            if flaw.kind == "hang" or len(found) == _MOST_FLAWS:
                break
        for losses in trial.losses:
            found.extend(Found(value, flaw) for value, flaw in losses.conclude() if flaw.key not in attempt.known)
        return found, tally

    def _values(self, gtype: GType, tally: Tally) -> tuple[Sequence[object], Sequence[object]]:
        """Return the values at the corners of *gtype* and those drawn by chance; *tally* says if there are none."""
        key = gtype.canonical()
        try:
            if key not in self._corners:
                self._corners[key] = tuple(corners(gtype, self._matching))
            if key not in self._pools:
                self._pools[key] = tuple(self._draw(gtype, self._examples))
        except (TypeDefinitionError, RecursionError) as error:
            tally.unmade = str(error) or "it is nested too deeply"
            return (), ()
        edges, pool = self._corners[key], self._pools[key]
        if not edges and not pool:
            tally.unmade = "its patterns or conditions leave too little to be found by trying"
        return edges, pool

    def _draw(self, gtype: GType, examples: int) -> Sequence[object]:
        """Return different values of *gtype*, at most *examples* of them."""
        drawn: dict[bytes, object] = {}

        def collect(value: object) -> bool:
            drawn[msgspec.json.encode(value, order="deterministic")] = fresh(value)
            return False

        # That nothing is found, or nothing could be drawn, is how it has to end.
        with suppress(NoSuchExample, Unsatisfiable):
            self._find(gtype, collect, examples, [Phase.generate])
        return [*drawn.values()]

    def _shrunk(self, attempt: "_Attempt", one: Found) -> Found:
        """Return what Hypothesis makes of *one*, if it meets the same flaw among the same values again."""
        smaller: list[Found] = [one]

        def fails(value: object) -> bool:
            flaw = attempt.again(value, one.flaw)
            if flaw is not None:
                smaller.append(Found(fresh(value), flaw))
            return flaw is not None

        # Flaky: what is unstable may be stable when it is looked at again; what was seen counts.
        with suppress(NoSuchExample, Unsatisfiable, Flaky):
            self._find(attempt.trial.gtype, fails, min(self._examples, _SHRINK_TRIES), [Phase.generate, Phase.shrink])
        return min(smaller, key=lambda each: size(each.value))

    def _find(self, gtype: GType, condition: Callable[[object], bool], examples: int, phases: list[Phase]) -> None:
        self._chance.find(self._strategy(gtype), gtype.fingerprint, condition, examples=examples, phases=phases)

    def _strategy(self, gtype: GType) -> SearchStrategy[object]:
        key = gtype.canonical()
        if key not in self._strategies:
            self._strategies[key] = values(gtype)
        return self._strategies[key]

    def _matching(self, gtype: GType) -> Iterator[object]:
        """Yield a few values of a type that has to be searched for: the first, the longest and some between."""
        ordered = sorted(self._draw(gtype, _SAMPLES), key=size)
        step = max(1, len(ordered) // 6)
        yield from (*ordered[:1], *ordered[1:-1:step], *ordered[1:][-1:])


@final
class _Attempt:
    """One trial, with what is known about it so far."""

    def __init__(self, trial: Trial, known: set[tuple[object, ...]], tally: Tally) -> None:
        self.trial = trial
        self.known = known
        self.tally = tally
        self._validator: Validator = compile_validator(trial.gtype)

    def judge(self, value: object) -> Flaw | None:
        """Return the flaw that *value* shows, if it is a new one."""
        try:
            flaw = self.trial.judge(fresh(value))
        except Declined as declined:
            self.tally.declined += 1
            self.tally.reason = self.tally.reason or str(declined)
            return None
        self.tally.values += 1
        if flaw is None or flaw.key not in self.known:
            return flaw
        self.tally.seen.add(flaw.key)
        return None

    def again(self, value: object, flaw: Flaw) -> Flaw | None:
        """Return the flaw that *value* shows, if it is valid and the flaw is the same as *flaw*."""
        if not self._validator.is_valid(value):
            return None
        try:
            shown = self.trial.judge(fresh(value))
        except Declined:
            return None
        return shown if shown is not None and shown.key == flaw.key else None

    def smallest(self, one: Found) -> Found:
        """Cut the value of *one* down to what still shows its flaw."""
        smaller = [one]

        def still_fails(value: object) -> bool:
            flaw = self.again(value, one.flaw)
            if flaw is not None:
                smaller.append(Found(fresh(value), flaw))
            return flaw is not None

        shrink(one.value, still_fails)
        return min(smaller, key=lambda each: size(each.value))
