"""What a server and its worker processes tell each other."""

from pathlib import Path
from typing import Literal, final

from msgspec import Struct

from perdure.cli.target import Target
from perdure.config import Invocation

__all__ = ["EXIT_FAILED", "EXIT_OK", "EXIT_USAGE", "Ready", "ServerSettings", "WorkerPlan"]

EXIT_OK = 0
EXIT_FAILED = 1
"""The app is broken, the address is taken, or requests had to be cut off."""
EXIT_USAGE = 2
"""The command line makes no sense, or names no app."""


@final
class ServerSettings(Struct, frozen=True, kw_only=True):
    """What a server serves, and how."""

    target: Target
    workers: int = 1
    tls_cert: Path | None = None
    tls_key: Path | None = None
    http1_only: bool = False
    """HTTP/2 is not spoken, with TLS or without."""
    invocation: Invocation = Invocation()
    """What the command line says about the app's settings."""
    run_folder: Path | None = None
    """Where workers count, so that each can tell what all have counted."""
    turns_fd: int | None = None
    """A file by which workers take turns to write to the log; see `perdure.logs.lines`."""
    linger_s: float = 1.0
    """Time clients that keep their connections open have to send one more request, when a worker drains."""
    reloads: bool = False
    """Workers are replaced when code changes. They then stay in the terminal's process group, so that a `breakpoint()`
    can read from it; else Ctrl-C reaches only the parent, which drains them."""


@final
class WorkerPlan(Struct, frozen=True, kw_only=True):
    """What a worker is to do; goes to it as JSON on its command line."""

    target: Target
    listening_fd: int
    control_fd: int
    linger_s: float
    reloads: bool
    is_unix: bool = False
    run_folder: str | None = None
    turns_fd: int | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    http1_only: bool = False
    invocation: Invocation = Invocation()


@final
class Ready(Struct, frozen=True, kw_only=True):
    """What a worker tells its parent, as one line of JSON, once it can answer."""

    app: str
    drain_timeout_s: float
    log_format: Literal["json", "logfmt"] | None = None
    """What lines of its log look like, where they are for programs."""
