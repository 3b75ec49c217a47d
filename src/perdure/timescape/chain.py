"""All steps between two versions of one endpoint, as one object."""

from collections.abc import Callable, Iterator
from typing import NamedTuple, final

from msgspec import Struct

from perdure.timescape.hop import Hop, Part
from perdure.timescape.parts import RequestParts, ResponseParts

__all__ = ["Chain", "Removed"]


@final
class Removed(Struct, frozen=True):
    """The endpoint does not reach the newer version: a revision in between took it away."""

    key: str
    """What the endpoint was called last."""
    revision: str
    """The revision that removed it."""


class _Prepared(NamedTuple):
    """The steps, each in the order in which they run."""

    requests: tuple[Callable[[RequestParts], None], ...]
    responses: tuple[Callable[[ResponseParts], None], ...]
    bare_responses: tuple[Callable[[ResponseParts], None], ...]
    problems: tuple[Callable[[ResponseParts], None], ...]


@final
class Chain:
    """Carry requests forward and answers back over the revisions between two versions of an endpoint.

    Versions that differ in nothing share one chain, and a chain shares its end with those of newer versions.

    Args:
        target_key: What the endpoint is called at the newer version.
        hop: What the oldest of the revisions does; None where it only renames the endpoint.
        rest: What the others do.
    """

    __slots__ = ("_prepared", "hop", "rest", "target_key", "touches")

    def __init__(self, target_key: str, hop: Hop | None, rest: "Chain | None") -> None:
        self.hop = hop
        self.rest = rest
        self._prepared: _Prepared | None = None
        self.target_key = target_key
        self.touches: frozenset[Part] = _together(hop, rest)
        """The parts that change; the others of `RequestParts` and `ResponseParts` need not be given."""

    @property
    def touches_request(self) -> bool:
        """Whether any part of a request changes."""
        return not self.touches <= {"response", "problem"}

    @property
    def revisions(self) -> tuple[str, ...]:
        """Names of the revisions that change something, oldest first."""
        return tuple(hop.revision for hop in self._hops())

    def prepare(self) -> None:
        """Compile what is not compiled yet; otherwise that happens at the first request."""
        if self._prepared is None:
            self._prepare()

    def request(self, parts: RequestParts) -> None:
        """Carry a valid request of the older version forward, in place, oldest revision first.

        Args:
            parts: Fresh builtins: nothing else may hold what is in them.
        Raises:
            UntranslatableRequestError: A transformer failed; the cause is attached.
            Problem: A transformer chose this answer.
        """
        for step in (self._prepared or self._prepare()).requests:
            step(parts)

    def response(self, parts: ResponseParts) -> None:
        """Carry an answer of the newer version back, in place, newest revision first; not for problems.

        Args:
            parts: Fresh builtins: nothing else may hold what is in them.
        Raises:
            UntranslatableResponseError: A transformer failed; the cause is attached.
            Problem: A transformer chose this answer.
        """
        for step in (self._prepared or self._prepare()).responses:
            step(parts)

    def bare_response(self, parts: ResponseParts) -> None:
        """Carry an answer without data back, in place: nothing, a redirect, a file, a stream.

        The transformers of types have no say in it, unless one of the endpoint gives it a body.

        Args:
            parts: As for `response`; the body is None.
        Raises:
            UntranslatableResponseError: As for `response`.
            Problem: As for `response`.
        """
        for step in (self._prepared or self._prepare()).bare_responses:
            step(parts)

    def problem(self, parts: ResponseParts) -> None:
        """Carry a problem of the newer version back, in place: only what `Revision.problem` declares applies.

        Args:
            parts: Fresh builtins: nothing else may hold what is in them.
        Raises:
            UntranslatableResponseError: A transformer failed; the cause is attached.
            Problem: A transformer chose this answer.
        """
        for step in (self._prepared or self._prepare()).problems:
            step(parts)

    def _hops(self) -> Iterator[Hop]:
        chain: Chain | None = self
        while chain is not None:
            if chain.hop is not None:
                yield chain.hop
            chain = chain.rest

    def _prepare(self) -> _Prepared:
        steps = [hop.steps() for hop in self._hops()]
        prepared = _Prepared(
            tuple(each.request for each in steps if each.request is not None),
            tuple(each.response for each in reversed(steps) if each.response is not None),
            tuple(each.bare_response for each in reversed(steps) if each.bare_response is not None),
            tuple(each.problem for each in reversed(steps) if each.problem is not None),
        )
        self._prepared = prepared
        return prepared


def _together(hop: Hop | None, rest: Chain | None) -> frozenset[Part]:
    """Return what either touches; the set of one of them where that says it all, as there may be very many chains."""
    here: frozenset[Part] = frozenset() if hop is None else hop.touches
    later: frozenset[Part] = frozenset() if rest is None else rest.touches
    return later if here <= later else here if later <= here else here | later
