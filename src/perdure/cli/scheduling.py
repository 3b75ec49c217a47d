"""How the system shares a core among the threads of a process that serves.

One thread of Granian's reads and writes, another runs Python. By Linux' normal policy whoever is woken may interrupt
whoever runs: the one thread reads a request and is put aside for the other, which answers it and waits for the next.
That is a switch or two per request, which cost more than the request. Under `SCHED_BATCH` a thread that is woken waits
until the core is free: all requests that are there are read, then all are answered. Where a worker has one core and
some connections, that is half as many requests per second again, at not much more than half the latency; with cores to
spare, one connection, or a hundred, it changes little, and beside programs that need the core as well, nothing.

Source: sched(7); measured on Linux 6.18, `docs/performance.md`.
"""

import os
import sys
from contextlib import suppress

__all__ = ["schedule_in_batches"]


def schedule_in_batches() -> None:
    """Let this thread, and threads and processes that it starts from now on, be scheduled in batches; on Linux only.

    Whoever started this process under a policy of their own has decided otherwise. Where it is not allowed, the
    normal policy stays: it only takes longer.
    """
    if sys.platform != "linux":
        return
    with suppress(OSError):
        if os.sched_getscheduler(0) == os.SCHED_OTHER:
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
