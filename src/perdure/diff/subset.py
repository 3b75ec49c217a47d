"""Whether all values of one type are values of another."""

from perdure.diff.outcomes import EMPTY, UNKNOWN, Outcome
from perdure.diff.sides import Sides
from perdure.gtype.nodes import GType

__all__ = ["is_subset", "search_difference"]


def is_subset(a: GType, b: GType) -> bool | None:
    """Tell whether each value of *a* is one of *b*.

    An open object holds members of any name that neither type lists, and none of those that only *b* lists: a client
    that keeps to *a* does not send what it has never heard of.

    Returns:
        None where that cannot be decided: patterns no automaton can run, or types so entangled that it takes too long.
    Raises:
        KeyError: A reference leads nowhere.
    Source: SPEC 3.5, property 14.
    """
    outcome = search_difference(a, b)
    return None if outcome is UNKNOWN else outcome is EMPTY


def search_difference(a: GType, b: GType) -> Outcome:
    """Return a value of *a* that is none of *b*, as `is_subset` understands it; or that there is none, or no telling.

    Raises:
        KeyError: A reference leads nowhere.
    """
    return Sides(a.definitions, b.definitions, strict=False).lost(a.root, b.root)
