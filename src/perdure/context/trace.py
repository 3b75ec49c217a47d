"""W3C Trace Context, level 2: what comes in with a request, and what goes out with the calls it makes.

Strict: anything the specification calls invalid restarts the trace (``traceparent``) or is dropped (``tracestate``).

Source: https://www.w3.org/TR/trace-context-2/ and its test suite. Keys of ``tracestate`` follow level 2, where ``@``
is a character like any other; level 1 gave it a meaning, and parsers written for it refuse keys that are valid now.
"""

import os
import random
import re
from collections.abc import Callable, Sequence
from typing import Final, final

__all__ = [
    "NEVER", "RANDOM", "SAMPLED", "RandomBits", "TraceContext", "new_trace", "parse_trace", "private_bits", "threshold",
]  # fmt: skip

RandomBits = Callable[[int], int]
"""Returns a number of that many random bits, as `random.Random.getrandbits` does."""

SAMPLED: Final = 0x01
"""Flag: the caller may have recorded this trace."""
RANDOM: Final = 0x02
"""Flag: at least the last seven bytes of the trace id are random."""
NEVER: Final = "g"
"""The threshold that no trace id reaches."""

_KNOWN_FLAGS: Final = SAMPLED | RANDOM
_FIRST_OF_TRACE: Final = 1 << 191
_FIRST_OF_SPAN: Final = 1 << 63
_FIRST_BITS: Final = _FIRST_OF_TRACE | _FIRST_OF_SPAN
_RANDOM_END: Final = f"-0{RANDOM}"
_SAMPLED_END: Final = f"-0{RANDOM | SAMPLED}"
_RANDOM_BITS: Final = 56
_SET: Final = {str(flags): str(flags | SAMPLED) for flags in range(4)}
_CLEARED: Final = {str(flags): str(flags & ~SAMPLED) for flags in range(4)}
_NO_TRACE: Final = "0" * 32
_NO_SPAN: Final = "0" * 16
_STATE_MEMBERS: Final = 32
_STATE_CHARACTERS: Final = 512
_LARGE_MEMBER: Final = 128

_parent: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?").fullmatch
_usual: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[0-3]").fullmatch
"""What nearly every caller sends: this version, nothing after the flags, no flags we do not know."""
_member: Final = re.compile(
    r"([a-z0-9][a-z0-9_\-*/@]{0,255})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
).fullmatch


@final
class TraceContext:
    """The place of one request in a distributed trace. Nothing changes it.

    Attributes:
        traceparent: Names our span as the parent of what is called next: ``00-<trace id>-<span id>-<flags>``.
        parent_id: The caller's span, 16 digits; ``""`` where the trace starts here.
        state: The value of ``tracestate`` to pass on; ``""`` means no header.
    """

    __slots__ = ("parent_id", "state", "traceparent")

    def __init__(self, traceparent: str, parent_id: str = "", state: str = "") -> None:
        self.traceparent = traceparent
        self.parent_id = parent_id
        self.state = state

    @property
    def trace_id(self) -> str:
        """32 lower-case hexadecimal digits."""
        return self.traceparent[3:35]

    @property
    def span_id(self) -> str:
        """Our span, 16 digits."""
        return self.traceparent[36:52]

    @property
    def flags(self) -> int:
        """`SAMPLED` and `RANDOM`; other bits are zero, as the specification wants of those who do not know them."""
        return int(self.traceparent[54])

    @property
    def sampled(self) -> bool:
        """Whether the trace is, or may be, recorded."""
        return bool(self.flags & SAMPLED)

    def child(self, bits: RandomBits = random.getrandbits) -> "TraceContext":
        """Return the context of a span under ours: one per outgoing call."""
        traceparent = f"{self.traceparent[:36]}{_span_id(bits)}{self.traceparent[52:]}"
        return TraceContext(traceparent, self.span_id, self.state)


def private_bits() -> RandomBits:
    """Return a source of randomness that no `random.seed` of the program touches; forked children get another."""
    source = random.Random()  # noqa: S311 - ids of traces are no secrets
    os.register_at_fork(after_in_child=source.seed)
    return source.getrandbits


def threshold(ratio: float) -> str:
    """Return what the random part of a trace id must reach, as text, for a trace to be one of *ratio* that is sampled.

    Who decides so, with whatever ratio, decides alike: what is sampled at 1 % is at 10 %. That is how OpenTelemetry's
    consistent sampling reads the last seven bytes of an id.

    Args:
        ratio: From 0 to 1.
    """
    rejected = round((1 - ratio) * (1 << _RANDOM_BITS))
    return NEVER if rejected >> _RANDOM_BITS else f"{rejected:014x}"


def new_trace(bits: RandomBits = random.getrandbits, least: str = NEVER) -> TraceContext:
    """Return the context of a request that starts a trace: random, without state.

    Args:
        bits: Source of randomness. The default is seeded anew in a forked child by the standard library; pass the
            ``getrandbits`` of a `random.Random` of your own where the program may call `random.seed`.
        least: It is sampled if its id reaches this `threshold`.
    """
    # The first bit of either id is set, so that neither is all zeros, which is invalid; the last seven bytes count.
    ids = (bits(192) | _FIRST_BITS).to_bytes(24).hex("-", -16)
    # Of hexadecimal digits, the greater number is the greater text.
    return TraceContext(f"00-{ids}{_SAMPLED_END if ids[18:32] >= least else _RANDOM_END}")


def parse_trace(
    traceparents: Sequence[str], tracestates: Sequence[str] = (), bits: RandomBits = random.getrandbits,
    least: str | None = None,
) -> TraceContext | None:  # fmt: skip
    """Return the context of a request that continues its caller's trace, with a new span.

    Args:
        traceparents: The values of all ``traceparent`` fields, in order; more than one is invalid.
        tracestates: The values of all ``tracestate`` fields, in order.
        bits: See `new_trace`.
        least: It is sampled if its id reaches this `threshold`, whatever the caller says; None: as the caller says.
    Returns:
        None where there is no valid ``traceparent``: the trace must be restarted, with `new_trace`, and ``tracestate``
        must not be looked at.
    """
    if len(traceparents) != 1:
        return None
    text = traceparents[0]
    if _usual(text) is not None:
        state = _parse_state(tracestates) if tracestates else ""
        span_id = (bits(64) | _FIRST_OF_SPAN).to_bytes(8).hex()  # written out: every request comes this way
        end = text[52:] if least is None else f"-0{_decided(text[21:35], text[54], least)}"
        return TraceContext(f"{text[:36]}{span_id}{end}", text[36:52], state)
    match = _parent(text.strip(" \t"))
    if match is None:
        return None
    version, trace_id, parent_id, flags, rest = match.groups()
    if version == "ff" or (version == "00" and rest is not None) or trace_id == _NO_TRACE or parent_id == _NO_SPAN:
        return None
    state = _parse_state(tracestates) if tracestates else ""
    known = str(int(flags, 16) & _KNOWN_FLAGS)
    if least is not None:
        known = _decided(trace_id[18:], known, least)
    return TraceContext(f"00-{trace_id}-{_span_id(bits)}-0{known}", parent_id, state)


def _decided(random_part: str, flags: str, least: str) -> str:
    """Return *flags* as this server sets them, who goes by the trace id."""
    return (_SET if random_part >= least else _CLEARED)[flags]


def _span_id(bits: RandomBits) -> str:
    return (bits(64) | _FIRST_OF_SPAN).to_bytes(8).hex()


def _parse_state(tracestates: Sequence[str]) -> str:
    """Return the combined members of *tracestates*; nothing if one is invalid, a key repeats, or there are too many."""
    keys: set[str] = set()
    members: list[str] = []
    for text in ",".join(tracestates).split(","):
        member = text.strip(" \t")
        if not member:
            continue
        match = _member(member)
        if match is None or match[1] in keys or len(members) == _STATE_MEMBERS:
            return ""
        keys.add(match[1])
        members.append(member)
    return _shorten_state(members)


def _shorten_state(members: list[str]) -> str:
    """Return *members* within the length to be propagated: the large ones go first, then those from the end."""
    length = sum(map(len, members)) + len(members) - 1
    if length > _STATE_CHARACTERS:
        for large in (True, False):
            for index in range(len(members) - 1, -1, -1):
                if length > _STATE_CHARACTERS and (not large or len(members[index]) > _LARGE_MEMBER):
                    length -= len(members.pop(index)) + 1
    return ",".join(members)
