"""Where the command writes: results to stdout, everything else to stderr; colours only for people."""

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from perdure.errors import UnknownVersionError

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "boxed_errors", "complain", "errors", "open_closed_streams", "output", "say", "tell", "unknown_version",
    "write",
]  # fmt: skip


def _console(*, stderr: bool, wraps: bool = False) -> "Console":
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    # `NO_COLOR` alone would leave rich's bold and underline codes in.
    plain = bool(os.environ.get("NO_COLOR")) or not stream.isatty()
    return Console(
        stderr=stderr,
        color_system=None if plain else "auto",
        highlight=False,
        soft_wrap=not wraps,
        markup=False,
        emoji=False,
    )


def output() -> "Console":
    """Return the console for what the user asked for (stdout)."""
    return _console(stderr=False)


def errors() -> "Console":
    """Return the console for what went wrong (stderr)."""
    return _console(stderr=True)


def boxed_errors() -> "Console":
    """Return the console for what went wrong, in boxes: their lines are broken, or their ends would be cut off."""
    return _console(stderr=True, wraps=True)


def open_closed_streams() -> None:
    """Let standard streams that were closed lead nowhere, before anything else that is opened gets their numbers."""
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None and os.open(os.devnull, os.O_RDWR) == fd:
            os.set_inheritable(fd, True)  # the workers' are to lead nowhere, too
            setattr(sys, name, os.fdopen(fd, "r" if fd == 0 else "w", closefd=False))


def say(text: str) -> None:
    """Write *text* as a line to stdout at once: servers run for long and may be piped."""
    print(text, flush=True)  # noqa: T201


def tell(text: str) -> None:
    """Write *text* as a line to stdout at once, if somebody takes it: for servers, which go on if nobody does."""
    _offer(sys.stdout, f"{text}\n")


def complain(text: str) -> None:
    """Write ``perdure: `` and *text* to stderr, if somebody takes it."""
    console = errors()
    with console.capture() as captured:
        console.print(f"perdure: {text}", style="red")
    _offer(sys.stderr, captured.get())


def _offer(stream: TextIO, text: str) -> None:
    with suppress(OSError):
        stream.flush()
        try:
            fd = stream.fileno()
        except OSError:  # no file: a program that called this keeps what it writes
            stream.write(text)
            return
        # Past the stream's buffer, which keeps what it cannot write, and fails with it once more at the end.
        os.write(fd, text.encode(stream.encoding, "backslashreplace"))


def unknown_version(error: UnknownVersionError) -> str:
    """Return what *error* says, and which versions there are."""
    return f"{error}; there are: {', '.join(error.known)}" if error.known else f"{error}; there are none yet"


def write(text: bytes) -> None:
    """Write *text* and a line end to stdout as they are: what programs read is UTF-8 whatever the locale says."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text + b"\n")
    sys.stdout.buffer.flush()
