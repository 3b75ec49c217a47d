"""What the process itself uses. Asked for only when somebody reads; some of it is known on Linux alone."""

import gc
import os
import resource
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from perdure.telemetry.registry import Readings, Registry
from perdure.telemetry.table import COLLECTED, COLLECTIONS, CPU, FILES, MEMORY, STARTED, THREADS, UNCOLLECTABLE, WORKERS

__all__ = ["watch_process"]

_STATM: Final = Path("/proc/self/statm")
_STAT: Final = Path("/proc/self/stat")
_FILES: Final = Path("/proc/self/fd")
_AFTER_NAME: Final = b") "
_START_PLACE: Final = 19
"""Of the time the process was started, in ``/proc/self/stat``, after its name."""


def watch_process(registry: Registry) -> None:
    """Let *registry* tell what this process uses."""
    registry.observe(CPU, _cpu)
    registry.observe(MEMORY, _memory)
    registry.observe(FILES, _files)
    registry.observe(THREADS, _threads)
    started_s = _started_s()
    registry.observe(STARTED, lambda: [((), started_s)])
    registry.observe(WORKERS, lambda: [((), 1.0)])
    registry.observe(COLLECTIONS, lambda: _collector("collections"))
    registry.observe(COLLECTED, lambda: _collector("collected"))
    registry.observe(UNCOLLECTABLE, lambda: _collector("uncollectable"))


def _cpu() -> Readings:
    times = os.times()
    return [(("user",), times.user), (("system",), times.system)]


def _memory() -> Readings:
    if _STATM.exists():
        return [((), float(int(_STATM.read_bytes().split()[1]) * resource.getpagesize()))]
    # Elsewhere only the most it ever was is known without a library: in bytes on macOS, in KiB on the BSDs.
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return [((), float(most if sys.platform == "darwin" else most * 1024))]


def _files() -> Readings:
    folder = _FILES if _FILES.exists() else Path("/dev/fd")
    return [((), float(sum(1 for _ in folder.iterdir()) - 1))]  # but for the one it is listed with


def _threads() -> Readings:
    tasks = Path("/proc/self/task")
    return [((), float(sum(1 for _ in tasks.iterdir()) if tasks.exists() else threading.active_count()))]


def _collector(what: str) -> Iterator[tuple[tuple[str, ...], float]]:
    for generation, stats in enumerate(gc.get_stats()):
        yield (str(generation),), float(stats[what])


def _started_s() -> float:
    """Return when the process was started, Unix time; where that is not to be had, now."""
    if not _STAT.exists():
        return time.time()
    ticks = int(_STAT.read_bytes().rpartition(_AFTER_NAME)[2].split()[_START_PLACE])
    up_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.time() - up_s + ticks / os.sysconf("SC_CLK_TCK")
