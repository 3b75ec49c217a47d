"""Processes that a worker starts: what they must not have of it, and how they end with it."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import get_ident
from time import monotonic
from types import FrameType
from typing import Final

__all__ = ["end_what_was_started", "keep_from_children"]

_DEFAULTS: Final[dict[signal.Signals, signal.Handlers | Callable[[int, FrameType | None], object]]] = {
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGHUP: signal.SIG_DFL,
    signal.SIGINT: signal.default_int_handler,
}
_THREADS_S: Final = 0.5
_TERMINATED_S: Final = 0.5


def keep_from_children(fds: Iterable[int]) -> None:
    """Let processes that are forked from this one, from now on, have neither its handlers of signals nor *fds*.

    Whatever a fork takes along of an event loop's signals is shared with it: a signal to the child would be told to
    the parent, which would stop. And the address would stay taken for as long as the child runs.

    Args:
        fds: Open descriptors; others of the same files are kept back, too.
    """
    kept = tuple(fds)
    for fd in kept:
        os.set_inheritable(fd, False)
    masks: dict[int, set[signal.Signals | int]] = {}

    def before() -> None:  # else a child that gets a signal before it has parted passes it on
        masks[get_ident()] = signal.pthread_sigmask(signal.SIG_BLOCK, _DEFAULTS)

    def after_in_parent() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, masks.pop(get_ident()))

    def after_in_child() -> None:
        try:
            _part(kept)
        finally:
            after_in_parent()

    os.register_at_fork(before=before, after_in_parent=after_in_parent, after_in_child=after_in_child)


def end_what_was_started(until_s: float) -> None:
    """End pools, and processes that were started with multiprocessing, as an interpreter does that ends.

    That waits for ever; this gives a pool's threads half a second, and processes that time or longer. Processes that
    still run then get SIGTERM, and at last SIGKILL.

    Args:
        until_s: Until when processes may take, as `time.monotonic` counts.
    """
    # In a thread, as pools of threads wait for those that hang.
    ending = threading.Thread(target=_end_pools, name="perdure-end", daemon=True)
    ending.start()
    ending.join(_THREADS_S)
    children = multiprocessing.active_children()
    _join([child for child in children if not child.daemon], until_s)
    for child in children:
        child.terminate()
    _join(children, monotonic() + _TERMINATED_S)
    for child in children:
        child.kill()


def _end_pools() -> None:
    # What `threading._shutdown` calls first of all, and whatever is registered with `atexit` relies on.
    for hook in reversed(threading._threading_atexits):  # type: ignore[attr-defined] # noqa: SLF001
        hook()


def _join(children: Iterable[multiprocessing.process.BaseProcess], until_s: float) -> None:
    for child in children:
        child.join(max(0.0, until_s - monotonic()))


def _part(fds: tuple[int, ...]) -> None:
    signal.set_wakeup_fd(-1)
    for number, default in _DEFAULTS.items():
        if callable(signal.getsignal(number)):  # what is ignored stays so
            signal.signal(number, default)
    kept = {_file(fd) for fd in fds} - {None}
    # Replaced rather than closed: their numbers are known to libraries, and would be given to other files.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for entry in Path("/dev/fd").iterdir():
        if _file(int(entry.name)) in kept:
            os.dup2(nowhere, int(entry.name), inheritable=False)
    os.close(nowhere)


def _file(fd: int) -> tuple[int, int] | None:
    try:
        found = os.fstat(fd)
    except OSError:  # closed meanwhile, as that with which the folder was listed
        return None
    return found.st_dev, found.st_ino
