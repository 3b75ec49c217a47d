"""Secrets from environment variables."""

from collections.abc import Mapping
from typing import final

from perdure.secrets.base import reading

__all__ = ["EnvironmentProvider"]


@final
class EnvironmentProvider:
    """The secret ``db_password`` is ``<PREFIX>DB_PASSWORD``; ``-`` and ``.`` become ``_``. An empty variable is none.

    Args:
        environ: Read at every `fetch`, so what changes there is noticed.
        prefix: Begins every variable's name: ``SHOP_``.
    """

    name = "environment"

    def __init__(self, environ: Mapping[str, str], prefix: str = "") -> None:
        self._variable = reading(environ)
        self._prefix = prefix

    async def start(self) -> None:
        """See `Provider.start`."""

    async def fetch(self, name: str) -> str | None:
        """See `Provider.fetch`; never fails."""
        variable = self._prefix + name.upper().replace("-", "_").replace(".", "_")
        return self._variable(variable) or None

    async def stamp(self, name: str) -> None:
        """Return None: the value itself is all there is."""

    async def stop(self) -> None:
        """See `Provider.stop`."""
