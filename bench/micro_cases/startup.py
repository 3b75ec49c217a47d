"""What it costs to import Perdure: measured in fresh interpreters, with bytecode already written."""

import subprocess
import sys
from statistics import median

from micro_cases.timing import Timing

_PROGRAM = "from time import perf_counter_ns as now; start = now(); import perdure; print(now() - start)"
_RUNS = 5


def import_time() -> Timing:
    """Return the nanoseconds ``import perdure`` takes."""
    _import_once()
    taken = [_import_once() for _ in range(_RUNS)]
    return Timing(least_ns=min(taken), median_ns=median(taken))


def _import_once() -> int:
    ran = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    return int(ran.stdout)
