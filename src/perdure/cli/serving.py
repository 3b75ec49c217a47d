"""`perdure dev` and `perdure serve`."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from perdure.cli.console import complain
from perdure.cli.options import NOTHING, AppArgument, ExistingFile, NamedApp, SettingsOptions, Switch
from perdure.cli.plan import EXIT_USAGE, ServerSettings
from perdure.cli.target import find_target, one_app

__all__ = ["dev", "serve"]

_Port = Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65535))]
_Count = Annotated[int, Parameter(validator=validators.Number(gte=1))]
# Kept connections get the old code's answers for as long.
_RELOAD_LINGER_S = 0.15


def dev(
    app: AppArgument = None, /, *, host: str = "127.0.0.1", port: _Port = 8000, store: str | None = None,
    named: NamedApp = None, given: SettingsOptions = NOTHING,
) -> int:  # fmt: skip
    """Serve with one worker and reload when the app's files change; errors are told with file and line.

    Variables of .env in the project's folder count where they are not set.

    Parameters
    ----------
    host
        Address to listen on.
    port
        Port to listen on; 0 takes a free one.
    store
        URL of the store; as for serve.
    """
    from perdure.cli.listener import listen_on
    from perdure.cli.process import Worker
    from perdure.cli.reload import serve_reloading
    from perdure.cli.store import project_folder
    from perdure.cli.supervisor import run_until_signalled, stop_workers

    target = find_target(one_app(app, named), Path.cwd())
    invocation = given.invocation(store=store, env_file=project_folder(target) / ".env")
    listener = listen_on(host, port)
    workers: list[Worker] = []
    with _run_folder() as folder:
        settings = ServerSettings(
            target=target, invocation=invocation, reloads=True, linger_s=_RELOAD_LINGER_S, run_folder=folder
        )
        return run_until_signalled(
            lambda: serve_reloading(settings, listener, workers), lambda: stop_workers(listener, workers)
        )


def serve(
    app: AppArgument = None, /, *, host: str = "127.0.0.1", port: _Port = 8000, workers: _Count = 1,
    tls_cert: ExistingFile | None = None, tls_key: ExistingFile | None = None, uds: Path | None = None,
    http1: Switch = False, store: str | None = None, named: NamedApp = None, given: SettingsOptions = NOTHING,
) -> int:  # fmt: skip
    """Serve in production: worker processes on one socket; SIGTERM or Ctrl-C answers every request, then ends.

    SIGHUP reads code, settings and certificates anew: new workers take over once they can answer.

    Parameters
    ----------
    host
        Address to listen on; 0.0.0.0 for all of IPv4.
    port
        Port to listen on; 0 takes a free one.
    workers
        Number of processes.
    tls_cert
        File with the certificate chain, PEM; needs the key too.
    tls_key
        File with the certificate's private key, PEM.
    uds
        Path of a Unix socket to listen on instead of host and port.
    http1
        Speak HTTP/1 only. Over HTTP/2, what a slow client has not read of a stream may wait in memory.
    store
        URL of the store that keeps versions and what is decided about them: sqlite:///PATH, postgresql://…, memory:;
        by default what the configuration says, else .perdure/store.db in the project's folder.
    """
    from perdure.cli.listener import listen_on, listen_on_path
    from perdure.cli.process import Worker
    from perdure.cli.supervisor import Supervisor, run_until_signalled, stop_workers
    from perdure.cli.tls import check_certificate

    if (tls_cert is None) != (tls_key is None):
        complain("--tls-cert and --tls-key only make sense together")
        return EXIT_USAGE
    if tls_cert is not None and tls_key is not None:
        check_certificate(tls_cert, tls_key)
    target = find_target(one_app(app, named), Path.cwd())
    invocation = given.invocation(store=store)
    listener = listen_on_path(uds) if uds is not None else listen_on(host, port)
    running: list[Worker] = []
    with _run_folder() as folder:
        settings = ServerSettings(
            target=target, workers=workers, tls_cert=tls_cert, tls_key=tls_key, invocation=invocation,
            turns_fd=_turns(), run_folder=folder, http1_only=http1,
        )  # fmt: skip
        supervisor = Supervisor(settings, listener, running)
        return run_until_signalled(supervisor.serve, lambda: stop_workers(listener, running), supervisor.reload)


@contextmanager
def _run_folder() -> Iterator[Path | None]:
    """Yield a folder for workers to count in, until the server has ended; None where there cannot be one."""
    from perdure.telemetry.run_folder import RunFolder

    try:
        folder = RunFolder()
    except OSError as error:
        complain(f"metrics are of each worker by itself: {error}")
        yield None
        return
    try:
        yield folder.path
    finally:
        folder.remove()


def _turns() -> int:
    """Return an open file that is nowhere; workers take turns by locking it."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("perdure-turns")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
