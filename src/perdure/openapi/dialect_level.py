"""One schema while it is rewritten, without what lies in it."""

from collections.abc import Callable, Mapping
from typing import Final, Literal, Protocol, final

from perdure.gtype.json_schema_pointers import append

__all__ = ["Clean", "CleanMember", "Direction", "Level", "Warn"]

Clean = dict[str, object]
"""A schema that a GType can be read from."""

Direction = Literal["request", "response"]
"""Which way values go: what is ``readOnly`` is not sent in requests, what is ``writeOnly`` not in answers."""

Warn = Callable[[str, str], None]
"""Takes a pointer and what is not read there."""

_MOST: Final = 2**53


class CleanMember(Protocol):
    """Rewrites a schema inside another."""

    def __call__(self, schema: object, *steps: str | int) -> Clean:
        """Return *schema*, which lies *steps* below the other, as JSON Schema."""


@final
class Level:
    """A schema as the document has it, and what is made of it.

    Args:
        raw: The schema of the document, at *pointer*.
        clean: Rewrites those inside it.
        warn: See `Warn`.
    """

    __slots__ = ("clean", "direction", "out", "pointer", "raw", "warn")

    def __init__(
        self, raw: Mapping[str, object], pointer: str, direction: Direction, *, clean: CleanMember, warn: Warn
    ) -> None:
        self.raw = raw
        self.pointer = pointer
        self.direction: Direction = direction
        self.clean = clean
        self.warn = warn
        self.out: Clean = {}

    def drop(self, keyword: str, why: str) -> None:
        """Say that *keyword* is not read."""
        self.warn(append(self.pointer, keyword), f"left out: {why}")

    def count(self, keyword: str) -> int | None:
        """Return the length or number that *keyword* holds, and keep it; None, with a warning if need be, for none."""
        value = self.raw.get(keyword)
        if keyword not in self.raw:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not _is_count(value):
            self.drop(keyword, f"{value!r:.40} is no count")
            return None
        self.out[keyword] = int(value)
        return int(value)


def _is_count(value: float) -> bool:
    return 0 <= value <= _MOST and value % 1 == 0
