"""What is decided at the command line, in the audit log of the app it is decided for."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import final

from perdure.audit.opening import open_signer
from perdure.audit.records import Operation, body_of
from perdure.audit.stream import Stream
from perdure.cli.console import complain
from perdure.cli.operator import operator
from perdure.clock import SystemClock
from perdure.config import AuditSettings, Config, environment
from perdure.context.secret import Secret
from perdure.errors import AuditError, PerdureError

__all__ = ["Operations", "recorded_operations"]


@final
class Operations:
    """Records operations; see `recorded_operations`."""

    def __init__(self, config: Config, app: str, command: str) -> None:
        self._config = config
        self._app = app
        self._command = command
        self._stream: Stream | None = None
        self._is_given_up = config.audit.dir is None

    @contextmanager
    def of(self, action: str) -> Iterator[None]:
        """Record that *action* was done, or what kept it from being done.

        Raises:
            AuditError: It cannot be recorded, and so must not be done: `AuditSettings.when_full` is ``refuse``.
        """
        self._open()
        try:
            yield
        except BaseException as error:
            self._record(action, type(error).__name__)
            raise
        self._record(action, "")

    def close(self) -> None:
        """Sign what was recorded, and let go of the log."""
        stream, self._stream = self._stream, None
        if stream is not None:
            try:
                stream.close()
            except OSError as error:
                complain(f"the audit log cannot be signed: {error.strerror or error}")

    def _open(self) -> None:
        """Open the log before anything is done: what cannot be recorded may have to be left undone."""
        if self._is_given_up or self._stream is not None:
            return
        settings = self._config.audit
        try:
            self._stream = self._opened(settings)
        except PerdureError as error:
            if settings.when_full == "refuse":
                raise AuditError(f"{error}; nothing is decided that is not recorded") from error
            complain(f"{error}; what is decided now is not recorded")
            self._is_given_up = True

    def _opened(self, settings: AuditSettings) -> Stream:
        signer = asyncio.run(open_signer(settings, self._read_secret))
        try:
            stream = Stream(Path(settings.dir or ""), signer, settings, self._app, SystemClock())
            stream.flush()
        except OSError as error:
            raise AuditError(f"the audit log in {settings.dir} cannot be written: {error.strerror or error}") from error
        return stream

    async def _read_secret(self, name: str) -> Secret:
        from perdure.secrets.opening import open_secrets

        async with open_secrets(self._config.secrets, environment(), SystemClock()) as secrets:
            return await secrets.read(name, "audit")

    def _record(self, action: str, error: str) -> None:
        if self._stream is None:
            return
        record = Operation(
            at=SystemClock().time(), by=operator(), command=self._command, action=action, app=self._app, error=error
        )
        try:
            self._stream.write([body_of(record)])
        except OSError as failure:
            self._stream, self._is_given_up = None, True
            complain(f"{action}: the audit log has no record of it: {failure.strerror or failure}")


@contextmanager
def recorded_operations(config: Config, app: str, command: str) -> Iterator[Operations]:
    """Record what is decided meanwhile, where the app has an audit log; nothing is written if nothing is decided.

    Args:
        config: Of the app.
        app: Its name.
        command: What decides: ``keys``, ``versions``, …
    """
    operations = Operations(config, app, command)
    try:
        yield operations
    finally:
        operations.close()
