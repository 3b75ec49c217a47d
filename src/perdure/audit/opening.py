"""The audit log of one app in one process, as configured."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, final

from perdure.audit.keys import PRIVATE_FILE, Signer, load_signer, make_signer
from perdure.audit.recorder import AuditRecorder, Describe
from perdure.audit.records import HealthRecord, body_of
from perdure.audit.streamed import AuditStreams
from perdure.audit.writer import AuditWriter
from perdure.clock import Clock
from perdure.config.audit import AuditSettings
from perdure.context.secret import Secret
from perdure.errors import AuditError

__all__ = ["Audit", "open_signer"]

_LONG_S: Final = 5.0
"""How long a disk may take before it is told that it is waited for."""
_log = logging.getLogger("perdure.audit")

ReadSecret = Callable[[str], Awaitable[Secret]]


@final
class Audit:
    """Records requests from `start` to `stop`.

    Args:
        settings: Where to, and what.
        app: Name of the app.
        clock: Tells the time.
        describe: Knows the handlers.
        mask: Replaces the values of secrets in a text.
        on_room: See `AuditWriter`.
    Raises:
        AuditError: There is no folder for it.
    """

    def __init__(
        self, settings: AuditSettings, app: str, clock: Clock, describe: Describe, mask: Callable[[str], str],
        on_room: Callable[[bool], None],
    ) -> None:  # fmt: skip
        self._settings = settings
        self._clock = clock
        self.writer: Final = AuditWriter(settings, app, clock, on_room)
        """Writes it."""
        self.recorder: Final = AuditRecorder(self.writer, describe, settings.exclude, settings.unserved, mask)
        """Is told of requests."""
        self.streams: Final = AuditStreams(self.writer, settings.exclude)
        """Is told how streamed answers end."""

    async def start(self, read_secret: ReadSecret) -> None:
        """Begin to write.

        Args:
            read_secret: Returns a secret by its name.
        Raises:
            AuditError: It cannot be written, or not be signed.
            SecretError: Its key cannot be had.
        """
        signer = await open_signer(self._settings, read_secret)
        starting = asyncio.ensure_future(asyncio.to_thread(self.writer.start, signer))
        await asyncio.wait({starting}, timeout=_LONG_S)
        if not starting.done():
            _log.warning("the audit log in %s does not answer yet: its disk is waited for", self.writer.folder)
        await starting

    def version_judged(self, version: str, condition: str, requests: int, errors: int, slow: int) -> None:
        """Record how the health of a version was judged; see `HealthRecord`."""
        record = HealthRecord(
            at=self._clock.time(), version=version, condition=condition, requests=requests, errors=errors, slow=slow
        )
        self.writer.keep(body_of(record))

    async def stop(self) -> None:
        """Write what waits, sign it, and end."""
        await asyncio.to_thread(self.writer.stop)


async def open_signer(settings: AuditSettings, read_secret: ReadSecret) -> Signer:
    """Return who signs, with the key that *settings* name.

    Raises:
        AuditError: It is no key, or cannot be read or made.
        SecretError: It cannot be had.
    """
    if settings.key_secret is not None:
        secret = await read_secret(settings.key_secret)
        return load_signer(secret.reveal().encode(), f"the secret {settings.key_secret}")
    folder = Path(settings.dir or "")
    file = Path(settings.key) if settings.key is not None else folder / PRIVATE_FILE

    def load() -> Signer:
        if settings.key is not None:
            return load_signer(file.read_bytes(), str(file))
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        return make_signer(file)

    try:
        return await asyncio.to_thread(load)
    except OSError as error:
        raise AuditError(f"the key of the audit log, {file}, cannot be had: {error.strerror or error}") from error
