"""Types that list their values: which word of one version became which word of the other.

Two words that become one, or trade places in both functions, are valid in every respect and come back the same the
second time. But a client that sends one word is told another, or sees a word that it knows mean something else.
"""

from collections.abc import Iterator, Mapping
from typing import final

from perdure.gtype.nodes import Enum, GType, Literal
from perdure.timescape.proving.blame import declared
from perdure.timescape.proving.flaws import Flaw, Guilty, Trial
from perdure.timescape.proving.plain import brief
from perdure.timescape.proving.probes import Probe
from perdure.timescape.proving.runs import Carry, Runner
from perdure.timescape.revision import Direction

__all__ = ["word_trials"]

_NOTHING = object()


def word_trials(probe: Probe, runner: Runner) -> Iterator[Trial]:
    """Yield the trial of the words of the type of *probe*, if it has any, and they are both sent and told."""
    after = probe.after
    if after is None or not (_words(probe.before) and _words(after)) or not (probe.is_asked and probe.is_told):
        return
    is_carried = probe.declares("request") or probe.declares("response")
    if is_carried and all(each.keeps != "nothing" for each in probe.promises()):
        judge = _Words(probe, _words(after), runner).judge
        subject = f"the words of {probe.name}, over {probe.revision.name}"
        yield Trial(subject, probe.before, judge, frozenset({probe.revision.name}), frozenset({probe.name}))


def _words(gtype: GType) -> tuple[object, ...]:
    match gtype.resolve(gtype.root):
        case Literal(values=values):
            return tuple(values)
        case Enum(members=members):
            return tuple(value for _, value in members)
        case _:
            return ()


@final
class _Words:
    def __init__(self, probe: Probe, newer: tuple[object, ...], runner: Runner) -> None:
        self._probe = probe
        self._newer = newer
        self._runner = runner
        self._renames: Mapping[str, str] = probe.revision.renames.members.get(probe.name, {})

    def judge(self, value: object) -> Flaw | None:
        """Return what is wrong with what becomes of the word *value*."""
        became = self._became(self._probe.forward, value, "request")
        told = self._became(self._probe.back, became, "response")
        if told is _NOTHING:
            return None  # told where the type is tried by itself
        if told != value:
            merged = self._merged(value, became, told)
            # That another word comes of it when it is sent again is told where the type is sent and told in turn.
            is_steady = self._became(self._probe.forward, told, "request") == became
            return merged or (self._misread(value, became) if is_steady else None)
        return self._misread(value, became)

    def _merged(self, value: object, became: object, told: object) -> Flaw | None:
        """Return the flaw of *value*, which is told as another one, if there is a word that would be told as it."""
        meant = [each for each in self._newer if self._became(self._probe.back, each, "response") == value]
        guilty = self._guilty("request")
        if not meant or guilty is None or self._is_recorded(value, became):
            return None
        message = (
            f"makes {brief(became)} of {brief(value)}, which is told as {brief(told)}, though {brief(meant[0])} would "
            f"be told as {brief(value)}"
        )
        cure = f"let {brief(value)} become {brief(meant[0])}; {self._if_meant()}"
        return Flaw("drift", guilty, message, cure, became, about="words")

    def _misread(self, value: object, became: object) -> Flaw | None:
        """Return the flaw of *value*, if both sides have it and it is another one there."""
        if became == value or value not in self._newer or self._is_recorded(value, became):
            return None
        guilty = self._guilty("request") or self._guilty("response")
        if guilty is None:
            return None
        message = f"takes {brief(value)} for {brief(became)} from here on, though both sides have {brief(value)}"
        return Flaw("crossed", guilty, message, f"let it stay what it is; {self._if_meant()}", became, about="words")

    def _is_recorded(self, value: object, became: object) -> bool:
        return self._renames.get(str(value)) == str(became)

    def _if_meant(self) -> str:
        return f"if it is meant, say revision.lossless({self._probe.name!r}, keeps='nothing')"

    def _guilty(self, direction: Direction) -> Guilty | None:
        function = next(declared(self._probe.revision, direction, self._probe.name), None)
        return function and Guilty(self._probe.revision.name, function.place, direction, self._probe.name)

    def _became(self, carry: Carry, value: object, direction: Direction) -> object:
        if value is _NOTHING:
            return _NOTHING
        ran = self._runner.once(carry, value, direction)
        fits = isinstance(ran.result, str | int | float | bool) or ran.result is None
        return ran.result if ran.flaw is None and fits else _NOTHING
