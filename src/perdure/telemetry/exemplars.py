"""Exemplars: for each bucket of a histogram a recent request whose trace was recorded, so that one can be looked at.

In slots, an exemplar is five numbers: when (Unix seconds, 0 for none), the value, and the trace id in three parts of
44, 44 and 40 bits, as a number holds 53.
"""

from typing import Final

from perdure.telemetry.slots import View

__all__ = ["EXEMPLAR_SLOTS", "exemplars_of", "write_exemplar"]

EXEMPLAR_SLOTS: Final = 5

_Exemplar = tuple[float, str, float]


def write_exemplar(view: View, at: int, value: float, trace_id: str, now_s: float) -> None:
    """Keep an exemplar at *at*. While it is written, it is none: its time is what comes last."""
    view[at] = 0.0
    view[at + 1] = value
    view[at + 2] = float(int(trace_id[:11], 16))
    view[at + 3] = float(int(trace_id[11:22], 16))
    view[at + 4] = float(int(trace_id[22:], 16))
    view[at] = now_s


def exemplars_of(slots: tuple[float, ...]) -> tuple[_Exemplar | None, ...]:
    """Return the exemplars in *slots*, one per bucket: value, trace id, Unix time."""
    return tuple(_one(slots[at : at + EXEMPLAR_SLOTS]) for at in range(0, len(slots), EXEMPLAR_SLOTS))


def _one(slots: tuple[float, ...]) -> _Exemplar | None:
    now_s, value, first, second, third = slots
    return (value, f"{int(first):011x}{int(second):011x}{int(third):010x}", now_s) if now_s else None
