"""There and back: types that were declared lossless, and functions that only ever see what their inverse made.

A type that clients never send, or are never told, may still have a function for that direction, because a person wrote
both. What it would be given is what its inverse makes: on that, and nothing else, it has to work.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, final

from perdure.errors import Fault
from perdure.gtype.nodes import GType
from perdure.timescape.proving.alterations import Alterations, Legs
from perdure.timescape.proving.blame import blame_output, carried_types, declared
from perdure.timescape.proving.drifting import Drifting, came_otherwise
from perdure.timescape.proving.flaws import Flaw, Guilty, Trial, Watcher
from perdure.timescape.proving.floating import held_by_floats
from perdure.timescape.proving.joining import Joints
from perdure.timescape.proving.naming import naming
from perdure.timescape.proving.plain import brief, equal, fresh, is_tidy
from perdure.timescape.proving.probes import Probe
from perdure.timescape.proving.reading import DataReader
from perdure.timescape.proving.runs import Carry, Runner
from perdure.timescape.revision import Direction, Lossless

__all__ = ["Returning"]

_NOTHING = object()
_WAYS: Final[tuple[tuple[Direction, Direction], ...]] = (("response", "request"), ("request", "response"))
_OTHER_WAY: Final = {"request": "answers", "response": "requests"}


@final
class Returning:
    """The ways of one type over one revision and back.

    Args:
        probe: The type.
        runner: What runs the functions.
        drifting: What is known of other types, and learns of this one.
    """

    def __init__(self, probe: Probe, runner: Runner, drifting: Drifting) -> None:
        self._probe = probe
        self._runner = runner
        self._known = drifting

    def trials(self) -> Iterator[Trial]:
        """Yield what there is to try."""
        yield from self._unused()
        promises = self._probe.promises()
        for promise in promises:
            yield from self._promised(promise)
        if not promises:
            yield from self._drifting()

    def _promised(self, promise: Lossless) -> Iterator[Trial]:
        """Yield the trials of *promise*."""
        probe, over, names = self._probe, frozenset({self._probe.revision.name}), frozenset({self._probe.name})
        after = probe.after
        if promise.keeps in {"both", "old"}:
            subject = f"{probe.name} forward and back, over {probe.revision.name}"
            yield Trial(subject, probe.before, lambda value: self._keeps_old(value, promise), over, names)
        if promise.keeps in {"both", "new"} and after is not None:
            subject = f"{probe.name} back and forward, over {probe.revision.name}"
            yield Trial(subject, after, lambda value: self._keeps_new(value, promise), over, names)

    def _unused(self) -> Iterator[Trial]:
        """Yield the trials of functions whose type does not occur in their direction."""
        probe, over, names = self._probe, frozenset({self._probe.revision.name}), frozenset({self._probe.name})
        after = probe.after
        has_both = probe.declares("request") and probe.declares("response")
        if after is None or not has_both:
            return
        if not probe.is_asked:
            subject = f"requests with what answers made of {probe.name}, over {probe.revision.name}"
            yield Trial(subject, after, self._after_inverse(probe.back, probe.forward, after, "request"), over, names)
        if not probe.is_told:
            subject = f"answers with what requests made of {probe.name}, over {probe.revision.name}"
            judge = self._after_inverse(probe.forward, probe.back, probe.before, "response")
            yield Trial(subject, probe.before, judge, over, names)

    def _drifting(self) -> Iterator[Trial]:
        """Yield the trial of sending again what was told: unless a promise says otherwise, it changes nothing."""
        probe, after, guilty = self._probe, self._probe.after, self._at_fault()
        if after is None or guilty is None:
            return
        gtype = probe.before if probe.is_asked else after
        subject = f"{probe.name} told and sent again, over {probe.revision.name}"
        names = frozenset({probe.name})
        judge = partial(self._drifts, guilty=guilty, watching=None)
        watchers: tuple[Watcher, ...] = ()
        forward = next(declared(probe.revision, "request", probe.name), None)
        if forward is not None and guilty.direction == "response":
            there = Guilty(probe.revision.name, forward.place, "request", probe.name)
            watching = self._watching(after, (there, guilty))
            judge, watchers = partial(self._drifts, guilty=guilty, watching=watching), watching
        yield Trial(subject, gtype, judge, frozenset({probe.revision.name}), names, watchers)

    def _watching(self, after: GType, guilty: tuple[Guilty, Guilty]) -> tuple[Joints, Alterations]:
        """Return what watches the type there and back."""
        probe, back = self._probe, carried_types(self._probe.revision, "response")
        return (
            Joints(probe.before, back, guilty[1], guilty[0].place),
            Alterations(
                probe.name, (probe.before, after), naming(probe.revision, probe.name, "request"),
                back | carried_types(probe.revision, "request"), guilty,
            ),
        )  # fmt: skip

    def _at_fault(self) -> Guilty | None:
        """Return which function makes the type drift, if it does: the one for answers, or the only one there is.

        Where there is one only, and the type is both sent and told, the other way leaves the value as it is.
        """
        probe, stated = self._probe, {each.place for each in self._probe.revision.impossibilities}
        for direction, other in _WAYS:
            function = next(declared(probe.revision, direction, probe.name), None)
            if function is None or function.place in stated:
                continue
            if probe.declares(other) or (probe.is_left_alone(other) and probe.is_asked and probe.is_told):
                return Guilty(probe.revision.name, function.place, direction, probe.name)
        return None

    def _drifts(self, value: object, guilty: Guilty, watching: tuple[Joints, Alterations] | None) -> Flaw | None:
        older, newer = (
            self._probe.world.messages.reader(each) for each in (self._probe.before, self._probe.after) if each
        )
        if not self._probe.is_asked:
            value = self._leg(self._probe.back, value, "response", older)
        given = value
        sent = value if value is _NOTHING else held_by_floats(older.read(value), self._probe.before)
        if sent is _NOTHING or not is_tidy(sent):
            return None  # that space is taken away at the ends, at last at the second time, is no mistake
        first = self._leg(self._probe.forward, sent, "request", newer)
        told = self._leg(self._probe.back, first, "response", older)
        second = self._leg(self._probe.forward, told, "request", newer)
        if second is _NOTHING:
            return None
        if equal(first, second):
            if watching is not None:
                joints, alterations = watching
                joints.observe(given, sent, told)
                alterations.observe(given, Legs(sent, first, told))
            return None
        forward = next(declared(self._probe.revision, "request", self._probe.name), None)
        if guilty.direction == "request":
            what = "has no counterpart for answers"
        elif forward is None:
            what = "has no counterpart for requests"
        else:
            what = f"is no inverse of the function at {forward.place}"
        message = f"{what}: {came_otherwise('what was sent', first, told, second)}"
        cure = (
            f"make this function and the one for {_OTHER_WAY[guilty.direction]} inverses; if it is meant, say "
            f"revision.lossless({self._probe.name!r}, keeps='nothing')"
        )
        after = self._probe.after
        inner = after and self._known.within(after.root, first, second, self._probe.name)
        if inner is None:
            self._known.note(self._probe.name, guilty)
        return Flaw("drift", inner or guilty, message, cure, second)

    def _leg(self, carry: Carry, value: object, direction: Direction, reader: DataReader) -> object:
        """Return *value* carried over and read; `_NOTHING` if that is not possible, which is told elsewhere."""
        if value is _NOTHING:
            return _NOTHING
        ran = self._runner.once(carry, fresh(value), direction)
        if ran.flaw is not None or not reader.validator.is_valid(ran.result):
            return _NOTHING
        return reader.read(ran.result)

    def _keeps_old(self, value: object, promise: Lossless) -> Flaw | None:
        reader = self._probe.world.messages.reader(self._probe.before)
        given = held_by_floats(reader.read(value), self._probe.before)
        there = self._runner.once(self._probe.forward, fresh(given), "request")
        if there.flaw is not None:
            return None  # told where the type is tried by itself
        back = self._runner.once(self._probe.back, fresh(there.result), "response")
        if back.flaw is not None or not reader.validator.is_valid(back.result):
            return self._lossy(promise, "response", there.result, back.result, back.flaw)
        returned = reader.read(back.result)
        return None if equal(given, returned) else self._lossy(promise, "response", there.result, returned, None)

    def _keeps_new(self, value: object, promise: Lossless) -> Flaw | None:
        messages, after = self._probe.world.messages, self._probe.after
        if after is not None:
            value = held_by_floats(value, after)
        back = self._runner.once(self._probe.back, fresh(value), "response")
        reader = messages.reader(self._probe.before)
        if after is None or back.flaw is not None or not reader.validator.is_valid(back.result):
            return None  # told where the type is tried by itself
        there = self._runner.once(self._probe.forward, reader.read(fresh(back.result)), "request")
        reader = messages.reader(after)
        if there.flaw is not None or not reader.validator.is_valid(there.result):
            return self._lossy(promise, "request", back.result, there.result, there.flaw)
        given, returned = reader.read(fresh(value)), reader.read(fresh(there.result))
        return None if equal(given, returned) else self._lossy(promise, "request", back.result, returned, None)

    def _lossy(
        self, promise: Lossless, direction: Direction, between: object, returned: object, flaw: Flaw | None
    ) -> Flaw:
        functions = list(declared(self._probe.revision, direction, self._probe.name))
        place = functions[0].place if functions else promise.place
        guilty = Guilty(self._probe.revision.name, place, direction, self._probe.name)
        odd = self._probe.world.messages.oddities(between)
        on_the_way = "" if odd else f", by way of {brief(between)}"
        what = f"came back otherwise{on_the_way}" if flaw is None else f"did not come back: {flaw.message}"
        came = None if self._probe.world.messages.oddities(returned) else returned
        cure = f"make both functions inverses, or take back the promise at {promise.place}"
        return Flaw("lossy", guilty, f"declared lossless, but {what}", cure, came)

    def _after_inverse(
        self, inverse: Callable[[object], object], carry: Callable[[object], object], target: GType,
        direction: Direction,
    ) -> Callable[[object], Flaw | None]:  # fmt: skip
        probe, messages = self._probe, self._probe.world.messages
        other: Direction = "response" if direction == "request" else "request"

        def judge(value: object) -> Flaw | None:
            made = self._runner.once(inverse, fresh(value), other)
            if made.flaw is not None or messages.oddities(made.result):
                return None  # told where the inverse is tried
            ran = self._runner.once(carry, fresh(made.result), direction)
            if ran.flaw is not None:
                return ran.flaw
            odd = messages.oddities(ran.result)
            faults: tuple[Fault, ...] = odd or messages.reader(target).validator.faults(ran.result)
            if not faults:
                return self._runner.settles(carry, fresh(made.result), ran.result, direction)
            around = (target.root, ran.result)
            guilty = blame_output(probe.revision, direction, probe.key, around, faults[0].pointer)
            told = "; ".join(f"{each.pointer or 'the whole'}: {each.message}" for each in faults[:3])
            what = f"of what its inverse made, {brief(made.result)}, it makes what is not allowed: {told}"
            came = None if odd else ran.result
            return Flaw("not-json" if odd else "invalid", guilty, what, "mend the function, or delete it", came, faults)

        return judge
