"""Metrics as they are read: what the Prometheus page and OTLP are both written from."""

from typing import Literal, final

from msgspec import Struct

__all__ = ["Buckets", "Family", "Labels", "Sample"]

Labels = tuple[tuple[str, str], ...]
"""Names and values, in the order in which the metric declares them."""


@final
class Buckets(Struct, frozen=True, kw_only=True):
    """One histogram."""

    bounds: tuple[float, ...]
    """Upper bounds, ascending, each included in its bucket; a last bucket takes what is above."""
    counts: tuple[int, ...]
    """Observations per bucket, one more than there are bounds; not cumulative."""
    total: float
    """Sum of all observations."""
    exemplars: tuple[tuple[float, str, float] | None, ...] = ()
    """Per bucket, lately: the value, the trace id, and the Unix time in seconds."""

    @property
    def has_negative(self) -> bool:
        """Whether it is for negative values too: their sum may fall, which looks like a restart to who reads it."""
        return bool(self.bounds) and self.bounds[0] < 0


@final
class Sample(Struct, frozen=True):
    """The value of a metric for one set of labels."""

    labels: Labels
    value: float | Buckets


@final
class Family(Struct, frozen=True, kw_only=True):
    """One metric."""

    name: str
    """As OpenTelemetry has it: ``http.server.request.duration``."""
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    """UCUM: ``s``, ``By``, ``{request}``, ``1``."""
    help: str
    samples: tuple[Sample, ...] = ()
    is_additive: bool = False
    """Of a gauge: its series are parts of a whole, so that their sum means something."""
