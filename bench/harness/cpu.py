"""Who uses the processor meanwhile: read from ``/proc``.

Requests per second on a shared machine say as much about the neighbours as about the server. Requests per second *of
the server's own processor time* say less about them, so both are kept, and what others took is reported.
"""

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_SESSION, _USER, _SYSTEM = 3, 11, 12  # fields of /proc/PID/stat, counted behind the command's name


@dataclass(frozen=True)
class CpuReading:
    """Processor time used so far, in seconds."""

    machine_s: float
    """By everything, over all cores."""
    session_s: float
    """By the processes of one session."""


def read_cpu(session: int) -> CpuReading:
    """Return what the machine and the session *session* have used so far."""
    return CpuReading(_machine_s(), sum(_process_s(stat, session) for stat in Path("/proc").glob("[0-9]*/stat")))


def _machine_s() -> float:
    with Path("/proc/stat").open() as stat:
        user, nice, system, _idle, _iowait, irq, softirq = map(int, stat.readline().split()[1:8])
    return (user + nice + system + irq + softirq) / _TICKS_PER_S


def _process_s(stat: Path, session: int) -> float:
    try:
        fields = stat.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):  # it ended while we looked
        return 0.0
    if int(fields[_SESSION]) != session:
        return 0.0
    return (int(fields[_USER]) + int(fields[_SYSTEM])) / _TICKS_PER_S
