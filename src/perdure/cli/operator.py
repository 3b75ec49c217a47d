"""Who gives a command, for the journal."""

import getpass
import socket

__all__ = ["operator"]


def operator() -> str:
    """Return the user and the machine: ``ada@office``."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user may have no name
        user = "somebody"
    return f"{user}@{socket.gethostname()}"
