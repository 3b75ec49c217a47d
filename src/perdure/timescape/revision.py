"""What a revision file says: when the API changed, and how requests and answers are carried over the change."""

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Literal, NamedTuple, TypeVar, final

from perdure.errors import ConversionImpossibleError, RevisionError, TransformerMissingError
from perdure.timescape.instants import is_in_calendar, parse_date, parse_instant
from perdure.timescape.parts import ResponseParts
from perdure.timescape.semver import parse_semver

__all__ = [
    "DatabaseSteps", "Direction", "Impossibility", "Lossless", "Move", "Revision", "Transformer", "is_endpoint_key",
]  # fmt: skip

Direction = Literal["request", "response", "problem"]
"""What a transformer changes: requests from old to new, answers or problems from new to old."""

_STEP = re.compile(r"[A-Za-z0-9_.]+")
_A = TypeVar("_A")
_R = TypeVar("_R")
_ANYTHING = TypeVar("_ANYTHING")
_PROBLEM = TypeVar("_PROBLEM", bound=Callable[[ResponseParts], None])


class Transformer(NamedTuple):
    """One function of a revision, and where it stands in its file."""

    direction: Direction
    target: str
    """A type's name, an endpoint's key, or ``""`` for the problems of every endpoint."""
    function: Callable[..., object]
    place: str
    """``file:line``."""


class Move(NamedTuple):
    """An endpoint that answers under another key since a revision."""

    old: str
    new: str
    place: str


class Impossibility(NamedTuple):
    """A change that nothing can be carried over."""

    direction: Direction
    target: str
    """A type's name or an endpoint's key, as the revision before knows it."""
    reason: str
    place: str


class Lossless(NamedTuple):
    """A promise that nothing of a type gets lost on the way over a revision and back."""

    target: str
    """A type's name, as the revision before knows it."""
    keeps: Literal["both", "old", "new", "nothing"]
    place: str


class DatabaseSteps(NamedTuple):
    """What a revision does to the app's own database: ids of Alembic revisions."""

    expand: str | None
    """Adds what this version needs, and leaves what older ones need."""
    contract: str | None
    """Removes what only older versions need."""
    needed_by: Literal["versions", "code"]
    """Who needs the old shape; see `Revision.database`."""
    place: str


def is_endpoint_key(target: str) -> bool:
    """Tell an endpoint (``POST /orders``) from a type (``Money``)."""
    return " /" in target


@final
class Revision:
    """One change of the API at one instant; a revision file exports it as ``revision``.

    Several functions may be declared for one target: requests pass them in order of declaration, answers in reverse.

    Args:
        instant: RFC 3339, in whole seconds (``2026-02-10T00:00:00Z``), or a date, which is its start in UTC.
        label: Semantic version that clients may ask for: ``v3.0.0``.
        after: Name, without ``.py``, of the revision file before this one; None for the first.
    Raises:
        RevisionError: An argument is malformed; the message has file and line.
    Source: SPEC 3.5.
    """

    def __init__(self, instant: str, *, label: str | None = None, after: str | None = None) -> None:
        self.place = _calling_place()
        seconds = _seconds(instant)
        if seconds is None:
            raise RevisionError(f"{self.place}: {instant!r} is no RFC 3339 instant in whole seconds, nor a date")
        if label is not None and parse_semver(label) is None:
            raise RevisionError(f"{self.place}: the label {label!r} is no semantic version such as 'v1.2.0'")
        if after is not None and (not after or after.endswith((".py", ".json")) or "/" in after):
            raise RevisionError(f"{self.place}: after={after!r} is the previous file's name without folder and '.py'")
        self.seconds = seconds
        self.label = label
        self.after = after
        self.transformers: list[Transformer] = []
        """In order of declaration."""
        self.moves: list[Move] = []
        self.impossibilities: list[Impossibility] = []
        self.promises: list[Lossless] = []
        self.steps: DatabaseSteps | None = None
        """What `database` said."""

    def request(self, target: str) -> Callable[[Callable[[_A], _R]], Callable[[_A], _R]]:
        """Declare how what an older client sends becomes what this revision expects.

        For a type, the function takes and returns its JSON-compatible value. It runs wherever the type occurs in a
        request, once the types within it have been carried over. For an endpoint (its old key), it takes
        `RequestParts`, changes them in place and returns None; it runs last.

        Args:
            target: Name of a type, or key of an endpoint, as the previous revision knows it. ``Page`` is every
                ``Page[…]`` too.
        Raises:
            RevisionError: The function is async or does not take exactly one argument.
        """
        return self._declare("request", target)

    def response(self, target: str) -> Callable[[Callable[[_A], _R]], Callable[[_A], _R]]:
        """Declare how what this revision answers becomes what an older client expects: the inverse of `request`.

        For a type, the function runs before the types within it are carried back. For an endpoint (its old key), it
        takes `ResponseParts`, changes them in place and returns None; it runs first.

        Args:
            target: As for `request`.
        Raises:
            RevisionError: As for `request`.
        """
        return self._declare("response", target)

    def problem(self, target: str | None = None) -> Callable[[_PROBLEM], _PROBLEM]:
        """Declare how a problem (an error answer) of this revision becomes what an older client expects.

        Without one, problems pass untouched. The function takes `ResponseParts`, changes them in place and returns
        None.

        Args:
            target: Key of an endpoint as the previous revision knows it; None for all of them.
        Raises:
            RevisionError: As for `request`.
        """

        def decorate(function: _PROBLEM) -> _PROBLEM:
            self._add("problem", target or "", function)
            return function

        return decorate

    def moved(self, old: str, *, to: str) -> None:
        """Say that the endpoint *old* answers at *to* since this revision.

        Path parameters keep their names; a handler-level ``request`` function fills those that are new.

        Args:
            old: Key of the endpoint as the previous revision knows it: ``DELETE /orders/{order_id}``.
            to: Its key now: ``POST /orders/{order_id}/cancel``.
        Raises:
            RevisionError: One of them is no endpoint, or *old* was moved already.
        """
        place = _calling_place()
        for key in (old, to):
            if not is_endpoint_key(key):
                raise RevisionError(f"{place}: {key!r} is no endpoint; write it as 'POST /orders'")
        if any(move.old == old for move in self.moves):
            raise RevisionError(f"{place}: {old!r} was moved already; an endpoint has one successor")
        self.moves.append(Move(old, to, place))

    def impossible(self, target: str, direction: Literal["request", "response"], *, reason: str) -> None:
        """Say that no conversion can exist: requests or answers with *target* in them cannot be carried over.

        An older request falls back to an older handler, if there is one, else it is answered 400; an older answer is
        502. An endpoint that is gone runs nothing: there the statement is for readers and for `perdure check`.

        Args:
            target: As for `request`.
            direction: Which way there is no conversion.
            reason: Why, in a sentence for whoever reads the log.
        """
        place = _calling_place()
        self.impossibilities.append(Impossibility(direction, target, reason, place))

        def refuse(_: object) -> None:
            raise ConversionImpossibleError(target, reason)

        self.transformers.append(Transformer(direction, target, refuse, place))

    def lossless(self, target: str, *, keeps: Literal["both", "old", "new", "nothing"] = "both") -> None:
        """Promise that `request` and `response` of a type are inverses; `perdure check` tries to break the promise.

        Args:
            target: Name of a type, as the previous revision knows it; or key of an endpoint, with ``nothing``.
            keeps: ``old``: an older value comes back as it was after a way forward and back; ``new``: a newer one does
                after a way back and forward; ``both``; ``nothing``: members may get lost, and what an older client is
                told and sends again may become something else, which otherwise `perdure check` does not let pass.
        Raises:
            RevisionError: *target* is an endpoint of which more is promised, or *keeps* none of the above.
        """
        place = _calling_place()
        if is_endpoint_key(target) and keeps != "nothing":
            raise RevisionError(
                f"{place}: lossless() is for types; of the endpoint {target!r} it can only say keeps='nothing'"
            )
        if keeps not in {"both", "old", "new", "nothing"}:
            raise RevisionError(f"{place}: keeps={keeps!r} is none of 'both', 'old', 'new', 'nothing'")
        self.promises.append(Lossless(target, keeps, place))

    def database(
        self, *, expand: str | None = None, contract: str | None = None,
        needed_by: Literal["versions", "code"] = "versions",
    ) -> None:  # fmt: skip
        """Name the Alembic revisions that the app's own database needs for this version.

        Args:
            expand: Adds what this version needs; runs once, before the version activates. What older versions read and
                write must go on working. Several versions may name the same one.
            contract: Removes what only older versions need; runs on command, once none of them is live.
            needed_by: Who needs what *contract* removes: every older version (``versions``), or only those that a
                handler declared for an older version serves (``code``): the others are carried to newer code.
        Raises:
            RevisionError: It names neither, something that is no id, or was said already.
        """
        place = _calling_place()
        named = [step for step in (expand, contract) if step is not None]
        if self.steps is not None:
            raise RevisionError(f"{place}: database() was said already at {self.steps.place}; say it once")
        if not named or len(set(named)) < len(named):
            raise RevisionError(f"{place}: database() names an expand step, a contract step, or two different ones")
        if any(_STEP.fullmatch(step) is None or step in {"base", "head", "heads"} for step in named):
            raise RevisionError(f"{place}: name an Alembic revision by its whole id, as in expand='1975ea83b712'")
        if needed_by not in {"versions", "code"}:
            raise RevisionError(f"{place}: needed_by={needed_by!r} is neither 'versions' nor 'code'")
        self.steps = DatabaseSteps(expand, contract, needed_by, place)

    def todo(self, what: str, *made_of: object) -> _ANYTHING:  # type: ignore[type-var]  # noqa: ARG002 - for readers
        """Stand where a value goes that only a person can say how to make; `perdure check` fails until it is replaced.

        Args:
            what: What has to be decided.
            made_of: What there is to make the value of.
        Raises:
            TransformerMissingError: Always: the request is answered 400, the answer 502.
        """
        raise TransformerMissingError(what)

    def _declare(self, direction: Direction, target: str) -> Callable[[Callable[[_A], _R]], Callable[[_A], _R]]:
        def decorate(function: Callable[[_A], _R]) -> Callable[[_A], _R]:
            self._add(direction, target, function)
            return function

        return decorate

    def _add(self, direction: Direction, target: str, function: Callable[..., object]) -> None:
        place = _place_of(function) or self.place
        if not callable(function):
            raise RevisionError(f"{place}: @revision.{direction} stands before a function")
        if (
            inspect.iscoroutinefunction(function)
            or inspect.isasyncgenfunction(function)
            or inspect.isgeneratorfunction(function)
        ):
            raise RevisionError(
                f"{place}: {_name(function)} is async or a generator; a transformer computes, it does not wait"
            )
        try:
            inspect.signature(function).bind(None)
        except TypeError:
            raise RevisionError(f"{place}: {_name(function)} must take exactly one argument, by position") from None
        except ValueError:
            pass  # a builtin such as `str` has no signature to read
        self.transformers.append(Transformer(direction, target, function, place))


def _seconds(instant: str) -> int | None:
    midnight = parse_date(instant)
    if midnight is not None:
        return midnight
    moment = parse_instant(instant)
    is_usable = moment is not None and moment.is_whole and is_in_calendar(moment.seconds)
    return moment.seconds if moment is not None and is_usable else None


def _calling_place() -> str:
    """Return ``file:line`` of the nearest caller outside this module."""
    frame: FrameType | None = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return f"{_shown(frame.f_code.co_filename)}:{frame.f_lineno}" if frame is not None else "<unknown>"


def _place_of(function: object) -> str | None:
    code = getattr(inspect.unwrap(function), "__code__", None) if callable(function) else None
    return f"{_shown(code.co_filename)}:{code.co_firstlineno}" if code is not None else None


def _shown(filename: str) -> str:
    """Shorten *filename* to what is under the working directory."""
    path = Path(filename)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else filename


def _name(function: object) -> str:
    return getattr(function, "__qualname__", repr(function))
