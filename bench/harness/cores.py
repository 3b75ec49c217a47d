"""One core for the server, one for the load generator."""

import os
from collections.abc import Callable
from dataclasses import dataclass


class TooFewCoresError(Exception):
    """The machine cannot separate the server from the load generator."""


@dataclass(frozen=True)
class Cores:
    """Which core does what."""

    server: int
    load: int


def choose_cores() -> Cores:
    """Return the first and the last core this process may use.

    Raises:
        TooFewCoresError: There is only one, or the system cannot pin processes.
    """
    if not hasattr(os, "sched_setaffinity"):
        raise TooFewCoresError("pinning processes to cores needs Linux")
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise TooFewCoresError("one core for the server and one for the load generator are needed; there is only one")
    return Cores(server=usable[0], load=usable[-1])


def pinned(core: int, *, in_batches: bool = False) -> Callable[[], None]:
    """Return what a child process calls before it starts, to stay on *core*, *in_batches* under ``SCHED_BATCH``."""

    def pin() -> None:
        os.sched_setaffinity(0, {core})
        if in_batches:
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))

    return pin
