"""What every place that secrets come from is.

Source: SPEC 3.10.
"""

import re
from collections.abc import Callable, Hashable, Mapping
from typing import Final, Protocol

from perdure.errors import SecretMissingError

__all__ = ["SIZE_LIMIT_BYTES", "Provider", "check_name", "reading"]

SIZE_LIMIT_BYTES: Final = 1024 * 1024
"""No secret is larger: as in Kubernetes."""

_name: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}").fullmatch


def check_name(name: str) -> None:
    """Refuse what is no name of a secret; a name is also a plain file name and a segment of a path.

    Raises:
        SecretMissingError: It is none: no provider could have it.
    """
    if not isinstance(name, str) or not _name(name):
        raise SecretMissingError(
            f"{name!r:.80} is no name of a secret: up to 128 of A-Z a-z 0-9 . _ - and no . or - first"
        )


def reading(environ: Mapping[str, str]) -> Callable[[str], str | None]:
    """Return what reads a variable of *environ*, and shows none.

    The mapping's own repr, and that of its methods, is all that is in it: reporters of crashes would write that.
    """

    def read(name: str) -> str | None:
        return environ.get(name)

    return read


class Provider(Protocol):
    """A place that secrets come from.

    Errors say what happened and where, never a value, and have no cause or context: the exceptions of libraries hold
    requests, answers and tokens.
    """

    @property
    def name(self) -> str:
        """What it is called in logs: ``vault``."""

    async def start(self) -> None:
        """Get ready; called again after `stop`.

        Raises:
            ConfigError: It can never work as configured: the extra it needs is not installed.
        """

    async def fetch(self, name: str) -> str | bytes | None:
        """Return the value of the secret *name*, which `check_name` lets pass; None: it has none. Cancel-safe.

        Raises:
            SecretUnavailableError: That cannot be found out now.
        """

    async def stamp(self, name: str) -> Hashable:
        """Return something that changes when the secret does, where that is cheap to tell; else always None.

        Never fails. Cancel-safe.
        """

    async def stop(self) -> None:
        """Let go of connections."""
