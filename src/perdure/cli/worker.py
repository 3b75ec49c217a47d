"""One process that serves: `python -m perdure.cli.worker PLAN`, started by the supervisor, not by people.

It loads the app, tells its parent, and runs Granian on a socket it inherits until it is told to drain (SIGTERM, or
the parent's end of the control socket closes). Exit codes: 0 drained, 1 the app is broken, 2 there is no such app.
"""

import atexit
import os
import signal
import sys
from asyncio import AbstractEventLoop
from collections.abc import Callable
from pathlib import Path
from socket import socket
from time import time
from typing import NoReturn, final

import msgspec
from granian import _signals as granian_signals
from granian._granian import WorkerSignal
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.net import SocketHolder  # type: ignore[attr-defined]
from granian.server import MPServer

from perdure.app import App
from perdure.cli.children import end_what_was_started, keep_from_children
from perdure.cli.console import complain
from perdure.cli.drain import DrainingTarget
from perdure.cli.idle import raise_descriptor_limit
from perdure.cli.listener import BACKLOG
from perdure.cli.plan import EXIT_FAILED, EXIT_OK, EXIT_USAGE, Ready, WorkerPlan
from perdure.cli.scheduling import schedule_in_batches
from perdure.cli.store import store_place, wishes_file
from perdure.cli.target import BrokenAppError, load
from perdure.cli.unrecorded import warn_of_unrecorded
from perdure.config import invoked
from perdure.errors import AppNotFoundError, AuditError, MigrationError, SettingsError, StoreError
from perdure.logs.levels import Levels
from perdure.logs.setup import early_records, serving_logs

__all__ = ["run"]

_HEADER_TIMEOUT_MS = 30_000
# Incremental: what is set up already would be closed, else. Granian's records go where all others go.
_LOGGING = {"incremental": True, "handlers": {}, "loggers": {"_granian": {"propagate": True}}}
_LEVELS_S = 1.0


@final
class _InPlaceServer(MPServer):
    """Granian's server, running its one worker in this process and on a socket that was inherited."""

    def __init__(self, plan: WorkerPlan, target: DrainingTarget) -> None:
        super().__init__(
            str(plan.target),
            interface=Interfaces.RSGI,
            backlog=BACKLOG,
            http=HTTPModes.http1 if plan.http1_only else HTTPModes.auto,
            http1_settings=HTTP1Settings(header_read_timeout=_HEADER_TIMEOUT_MS),
            log_level=LogLevels.warning,
            log_dictconfig=_LOGGING,
            ssl_cert=Path(plan.tls_cert) if plan.tls_cert else None,
            ssl_key=Path(plan.tls_key) if plan.tls_key else None,
            ssl_protocol_min=SSLProtocols.tls12,
        )
        self._plan = plan
        self._target = target

    def _init_shared_socket(self) -> None:
        # Granian's stubs lack the constructor, which its own unpickling uses.
        shared = SocketHolder(self._plan.listening_fd, self._plan.is_unix, BACKLOG)  # type: ignore[call-arg]
        self._shd = shared  # type: ignore[assignment]
        self._sso = socket(fileno=os.dup(self._plan.listening_fd))

    def _spawn_workers(self, spawn_target: Callable[..., None], target_loader: Callable[..., object]) -> None:
        worker = self._spawn_worker(0, spawn_target, target_loader)
        granian_signals.set_loop_signals = self._set_loop_signals
        worker.inner.run()
        self.signal_handler_interrupt()  # type: ignore[no-untyped-call]

    def _set_loop_signals(self, loop: AbstractEventLoop) -> WorkerSignal:
        # As Granian does it, but what stops it is known here: an app may take the signals for itself.
        stopped = WorkerSignal()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        self._target.stop_serving = stopped.set
        return stopped


def run(plan: WorkerPlan) -> tuple[int, float]:
    """Serve as *plan* says until drained.

    Returns:
        The exit code, and until when processes that the app has started may take, as `time.monotonic` counts.
    """
    # Bytecode is told from stale by seconds and size: a change of one letter, right after a load, would not be seen.
    sys.dont_write_bytecode = plan.reloads or sys.dont_write_bytecode
    raise_descriptor_limit()
    schedule_in_batches()  # before there are threads, which inherit it
    # A handler rather than SIG_IGN, which processes that the app starts would inherit: SIGHUP is for the parent.
    signal.signal(signal.SIGHUP, lambda _number, _frame: None)
    keep_from_children((plan.listening_fd, plan.control_fd))
    try:
        with invoked(plan.invocation), early_records():
            app = load(plan.target)
            logs = serving_logs(
                app.config.logs, is_development=plan.reloads, lock_fd=plan.turns_fd, wishes=wishes_file(plan.target)
            )
    except AppNotFoundError as error:
        complain(str(error))
        return EXIT_USAGE, 0.0
    except SettingsError as error:
        complain(str(error))
        return EXIT_FAILED, 0.0
    except BrokenAppError as error:
        _report(error.__cause__ or error, plan)
        return EXIT_FAILED, 0.0
    # Once per server, and not while somebody works on the app: then drafts are what there is.
    if not plan.reloads and os.environ.get("PERDURE_WORKER", "0") == "0":
        warn_of_unrecorded(app)
    app.keep_versions_in(store_place(plan.target, None, app.config))
    if plan.run_folder is not None:
        _share_metrics(app, plan.run_folder)
    control = socket(fileno=plan.control_fd)
    ready = Ready(app=app.name, drain_timeout_s=app.config.drain_timeout_s, log_format=logs.for_programs)

    def announce(loop: AbstractEventLoop) -> None:
        with socket(fileno=os.dup(plan.listening_fd)) as listening:
            listening.listen(BACKLOG)
        loop.add_reader(control, leave, loop)
        _tend(logs.levels, loop)
        control.sendall(msgspec.json.encode(ready) + b"\n")

    def leave(loop: AbstractEventLoop) -> None:
        loop.remove_reader(control)
        target.drain()

    target = DrainingTarget(app, plan.listening_fd, plan.linger_s, announce)
    try:
        _InPlaceServer(plan, target).serve(target_loader=lambda: target, wrap_loader=False)  # type: ignore[arg-type, return-value]
    except (AuditError, StoreError, MigrationError) as error:  # told by themselves: no line of the app is to blame
        complain(app.masked(str(error)))
        return EXIT_FAILED, 0.0
    except Exception as error:  # noqa: BLE001 - whatever the app's start raised is told like a broken definition
        _report(error, plan, app.masked)
        return EXIT_FAILED, 0.0
    # While somebody works on the app, a worker that leaves is given less time than that.
    return EXIT_FAILED if target.has_interrupted else EXIT_OK, 0.0 if plan.reloads else target.until_s


def _share_metrics(app: App, folder: str) -> None:
    try:
        app.share_metrics(Path(folder), int(os.environ["PERDURE_WORKER"]))
    except OSError as error:
        complain(f"metrics are of each worker by itself: {error}")


def _tend(levels: Levels, loop: AbstractEventLoop) -> None:
    """Let levels follow an operator's wishes, for as long as *loop* runs."""
    levels.refresh(time())
    loop.call_later(_LEVELS_S, _tend, levels, loop)


def _report(error: BaseException, plan: WorkerPlan, mask: Callable[[str], str] = str) -> None:
    from perdure.cli.report import report_failure

    report_failure(error, Path(plan.target.folder), mask)


def _leave(code: int, until_s: float = 0.0) -> NoReturn:
    """End the process without tearing the interpreter down.

    Granian's threads outlive its workers: one that wants the interpreter while that is torn down aborts the
    process. Granian's own worker processes end this way too.
    """
    end_what_was_started(until_s)
    atexit._run_exitfuncs()  # noqa: SLF001 - an ordinary exit would run them too
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    try:
        ended = run(msgspec.json.decode(sys.argv[1], type=WorkerPlan))
    except KeyboardInterrupt:
        ended = 128 + signal.SIGINT, 0.0
    _leave(*ended)
