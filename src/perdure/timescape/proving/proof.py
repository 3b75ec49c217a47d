"""Proving that the clients of every live version are still served: what `perdure check` does.

Source: SPEC 3.5.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Final, final

from msgspec import Struct, structs

from perdure.errors import ConfigError
from perdure.gtype.generate import values
from perdure.gtype.nodes import GType, Null
from perdure.timescape.proving.choice import Choice
from perdure.timescape.proving.flaws import Flaw, Trial
from perdure.timescape.proving.messages import Messages
from perdure.timescape.proving.parameters import dropped_parameters
from perdure.timescape.proving.report import WARNINGS, Example, Failure, Remark, Report
from perdure.timescape.proving.roads import World
from perdure.timescape.proving.runs import Runner
from perdure.timescape.proving.standing import open_places, unrecorded, unsaid_moves, unserved
from perdure.timescape.proving.stopwatch import Stopwatch
from perdure.timescape.proving.subject import Provable, Subject, subject_of
from perdure.timescape.proving.trials import Trials
from perdure.timescape.recorded import RecordedRevision
from perdure.timescape.timeline import Timeline

if TYPE_CHECKING:  # Hypothesis is loaded when it is needed
    from perdure.timescape.proving.search import Search, Tally

__all__ = ["EXAMPLES", "USUAL", "Effort", "prove"]

EXAMPLES: Final = 60
"""How many values drawn by chance each way gets, unless told."""


@final
class Effort(Struct, frozen=True, kw_only=True):
    """How hard to try.

    Raises:
        ConfigError: A number is out of its range.
    """

    examples: int = EXAMPLES
    """Values drawn by chance for each way, beside those at the corners of its type."""
    seed: int = 0
    """The same seed draws the same values."""
    limit_s: float = 5.0
    """How long one value may take over one way."""

    def __post_init__(self) -> None:
        if self.examples < 1 or self.seed < 0 or self.limit_s <= 0:
            raise ConfigError("examples and limit_s must be positive, seed not negative")


USUAL: Final = Effort()
"""What `perdure check` does unless told otherwise."""


def prove(
    subject: Subject | Provable, effort: Effort = USUAL, *,
    live: Collection[str] | None = None, only: Collection[str] = (), progress: Callable[[str], None] = lambda _: None,
) -> Report:  # fmt: skip
    """Return what would fail for clients of older versions, and what is not recorded.

    Args:
        subject: An `App`, or its versions as data.
        effort: How hard to try.
        live: Names of the versions whose clients count; by default all. HEAD always does.
        only: Names of types, endpoints, revisions or kinds of failures: what bears none of them is left out.
        progress: Called with what is tried next.
    Raises:
        DefinitionError: The app is not well defined.
        UnknownVersionError: One of *live* is no version.
        ConfigError: One of *only* names nothing.
        ImportError: Hypothesis is not installed.
    Source: SPEC 3.5.
    """
    values(GType(Null()))  # says how to install what is missing, before anything else happens
    from perdure.timescape.proving.search import Search

    whole = subject if isinstance(subject, Subject) else subject_of(subject)
    timescape, choice = whole.timescape, Choice(only, whole.timescape)
    indices = _live(whole, live)
    names = [version.name for version in timescape.versions]
    timeline, proof = Timeline(timescape), _Proof(Search(effort.examples, effort.seed))
    proof.note(each for each in _standing(whole, timeline, indices) if choice.has(each))
    with Stopwatch(effort.limit_s) as stopwatch:
        runner = Runner(stopwatch, effort.limit_s, _revisions(whole))
        world = World(timescape, timeline, Messages(timescape), runner, names)
        trials = Trials(world, indices, whole.speaks, choice)
        for trial in trials:
            progress(trial.subject)
            proof.attempt(trial)
        proof.note(trials.remarks)
    return proof.report([names[index] for index in indices], effort.seed)


def _live(subject: Subject, names: Collection[str] | None) -> list[int]:
    timescape = subject.timescape
    if names is None:
        return list(range(len(timescape.versions)))
    return sorted({timescape.resolve(name) for name in names} | {timescape.head})


def _standing(subject: Subject, timeline: Timeline, live: Collection[int]) -> Iterator[Failure | Remark]:
    revisions = _revisions(subject)
    if subject.code is not None:
        yield from unrecorded(subject.code, revisions[-1] if revisions else None)
    yield from open_places(revisions)
    yield from unsaid_moves(revisions)
    for index in range(min(live, default=0) + 1, subject.timescape.head + 1):
        passed = subject.timescape.revision_at(index)
        yield from () if passed is None else dropped_parameters(passed)
    yield from unserved(subject.timescape, timeline, live, subject.unserved)


def _revisions(subject: Subject) -> tuple[RecordedRevision, ...]:
    timescape = subject.timescape
    found = (timescape.revision_at(version.index) for version in timescape.versions)
    return tuple(revision for revision in found if revision is not None)


@final
class _Proof:
    """One run; gathers failures and remarks."""

    def __init__(self, search: "Search") -> None:
        self._search = search
        self._failures: dict[tuple[object, ...], Failure] = {}
        self._remarks: dict[Remark, None] = {}
        self._hung: set[str] = set()
        self._left_out = 0
        self._values = 0
        self._subjects = 0

    def note(self, found: Iterable[Failure | Remark]) -> None:
        """Take note of what was found without trying values."""
        for each in found:
            if isinstance(each, Remark):
                self._remarks[each] = None
            else:
                self._failures[len(self._failures), each.kind, each.message] = each

    def attempt(self, trial: Trial) -> None:
        """Try values on one way; not where something on it is known not to end."""
        if trial.revisions & self._hung:
            self._left_out += 1
            return
        found, tally = self._search.run(trial, set(self._failures))
        self._subjects += 1
        self._values += tally.values
        for one in found:
            known_by = self._open_place(one.flaw)
            if known_by is not None:
                self._failures[known_by] = _also(self._failures[known_by], trial.subject)
                continue
            if one.flaw.kind == "altered" and self._is_told(one.flaw):
                continue
            self._failures[one.flaw.key] = _failure(trial, one.value, one.flaw)
            if one.flaw.kind == "hang":
                self._hung |= {one.flaw.guilty.revision} if one.flaw.guilty.revision else trial.revisions
        for key in tally.seen:
            if key in self._failures:
                self._failures[key] = _also(self._failures[key], trial.subject)
        self.note(_remarks(trial, tally))

    def _open_place(self, flaw: Flaw) -> tuple[object, ...] | None:
        """Return the key of the failure that tells the same open place, found without running it."""
        for key, each in self._failures.items():
            if flaw.kind == each.kind == "todo" and each.place == flaw.guilty.place:
                return key
        return None

    def _is_told(self, flaw: Flaw) -> bool:
        """Tell whether what *flaw* says of a member is known already: it drifts, or gets lost or cut."""
        revision, target = flaw.guilty.revision, flaw.guilty.target
        return any(
            each.revision == revision
            and each.target == target
            and (each.kind == "drift" or (each.kind in {"lost", "cut"} and key[-1] == flaw.about))
            for key, each in self._failures.items()
        )

    def report(self, versions: Iterable[str], seed: int) -> Report:
        """Return everything that was found."""
        if self._left_out:
            message = (
                f"{self._left_out} ways were not tried, as something in {', '.join(sorted(self._hung))} does not end"
            )
            self._remarks[Remark(message=message)] = None
        found = self._failures.values()
        return Report(
            failures=tuple(each for each in found if each.kind not in WARNINGS),
            warnings=tuple(each for each in found if each.kind in WARNINGS), remarks=tuple(self._remarks),
            subjects=self._subjects, values=self._values, seed=seed, versions=tuple(versions),
        )  # fmt: skip


def _remarks(trial: Trial, tally: "Tally") -> Iterator[Remark]:
    if tally.unmade:
        yield Remark(message=f"no values were made for {trial.subject}: {tally.unmade}")
    if tally.declined:
        total = tally.values + tally.declined
        yield Remark(message=f"{tally.declined} of {total} {trial.subject} are refused on purpose: {tally.reason}")


def _also(failure: Failure, subject: str) -> Failure:
    if subject in {failure.subject, *failure.also}:
        return failure
    return structs.replace(failure, also=(*failure.also, subject))


def _failure(trial: Trial, value: object, flaw: Flaw) -> Failure:
    guilty = flaw.guilty
    given = (
        value["body"]
        if isinstance(value, dict) and value.keys() == {"body"} and guilty.direction == "request"
        else value
    )
    return Failure(
        kind=flaw.kind, message=flaw.message, cure=flaw.cure, place=guilty.place, revision=guilty.revision,
        direction=guilty.direction, target=guilty.target, subject=trial.subject,
        example=Example(given=given, came=flaw.came, faults=flaw.faults),
    )  # fmt: skip
