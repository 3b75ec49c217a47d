"""Carrying one value over, twice, and saying what is wrong with that alone: whether it is valid is judged elsewhere."""

from collections.abc import Callable, Iterable
from typing import NamedTuple, final

import msgspec

from perdure.errors import (
    ConversionImpossibleError,
    Fault,
    Problem,
    TransformerMissingError,
    UntranslatableRequestError,
    UntranslatableResponseError,
)
from perdure.timescape.proving.blame import blame_hang, blame_raise
from perdure.timescape.proving.flaws import Declined, Flaw, Guilty
from perdure.timescape.proving.plain import brief, containers, difference, fresh, pointer_to
from perdure.timescape.proving.stopwatch import Stopwatch, TimeUp
from perdure.timescape.recorded import RecordedRevision
from perdure.timescape.revision import Direction

__all__ = ["Carry", "Ran", "Runner"]

Carry = Callable[[object], object]
"""Return a value, which is the callee's own, carried over."""


class Ran(NamedTuple):
    """What came of a value: either a result or a flaw."""

    result: object
    flaw: Flaw | None = None


@final
class Runner:
    """Runs what carries values over, guarded against everything it may do.

    Args:
        stopwatch: Cuts off what does not end.
        limit_s: After how long, for the message.
        revisions: Of all that may run.
    """

    def __init__(self, stopwatch: Stopwatch, limit_s: float, revisions: Iterable[RecordedRevision]) -> None:
        self._stopwatch = stopwatch
        self._limit_s = limit_s
        self._revisions = {revision.name: revision for revision in revisions}

    def once(self, carry: Carry, value: object, direction: Direction) -> Ran:
        """Return what *carry* makes of *value*.

        Raises:
            Declined: A revision refuses the value on purpose.
        """
        try:
            return Ran(self._stopwatch.run(carry, value))
        except TimeUp as error:
            return Ran(None, self._hang(error, direction))
        except Problem as error:
            raise Declined(f"answers {error.status}: {error}") from error
        except (UntranslatableRequestError, UntranslatableResponseError) as error:
            return Ran(None, self._raised(error, direction))

    def settles(self, carry: Carry, value: object, first: object, direction: Direction) -> Flaw | None:
        """Carry *value* over once more, and return what is wrong if the result is not *first* again.

        Args:
            first: What *carry* made of an equal value before; JSON.
        """
        before, guilty = _text(first), Guilty("", "", direction, "")
        again = self.once(carry, value, direction)
        if again.flaw is not None:
            cure = "let a transformer depend on its argument alone, and change nothing but that"
            message = f"the second time an equal value came, it failed: {again.flaw.message}"
            return Flaw("unstable", again.flaw.guilty, message, cure, first)
        if _text(again.result) != before or _text(first) != before:
            message = f"the second time an equal value came, it came out as {brief(again.result)}"
            cure = "let a transformer depend on its argument alone: no clock, no chance, no state that it changes"
            place = _fault(difference(msgspec.json.decode(before), again.result), message)
            return Flaw("unstable", guilty, message, cure, msgspec.json.decode(before), (place,))
        held = {id(each) for each, _ in containers(first)}
        shared = next(((each, path) for each, path in containers(again.result) if id(each) in held), None)
        if shared is not None:
            message = f"two requests got the same object {brief(shared[0])}, not equal ones"
            cure = "put a new list or dict into each result: what is in it may be changed in place further on"
            return Flaw("shared", guilty, message, cure, fresh(first), (_fault(shared[1], message),))
        return None

    def _raised(self, error: UntranslatableRequestError | UntranslatableResponseError, direction: Direction) -> Flaw:
        revision, cause = self._revisions[error.revision], error.__cause__ or error
        if isinstance(cause, ConversionImpossibleError):
            raise Declined(str(cause)) from error
        guilty = blame_raise(revision, direction, error.target, cause)
        if isinstance(cause, TransformerMissingError):
            return Flaw("todo", guilty, f"left open: {cause.what}", "decide, and write it in place of revision.todo(…)")
        said = str(cause)[:200]
        message = f"raised {type(cause).__name__}{f': {said}' if said else ''}"
        return Flaw("crash", guilty, message, "the value is valid on its side of the revision: carry it over, too")

    def _hang(self, error: TimeUp, direction: Direction) -> Flaw:
        guilty = blame_hang(self._revisions.values(), error) or Guilty("", "", direction, "")
        message = f"was cut off after {self._limit_s:g} s"
        return Flaw("hang", guilty, message, "let it end: look for a loop, a wait or a pattern that backtracks")


def _fault(path: tuple[str | int, ...], message: str) -> Fault:
    return Fault(pointer=pointer_to(path), code="unstable", expected="the same", actual="another", message=message)


def _text(value: object) -> bytes:
    return msgspec.json.encode(value, order="deterministic")
