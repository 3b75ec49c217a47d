"""The Local Context: everything that belongs to one request and dies with it.

The first part of `LocalContext` is for handlers and hooks. Its underscored insides are the Local Context
Controller's (`perdure.lifecycle`), which runs the request and is their only other reader.

Source: SPEC 3.1, 3.3; properties 21, 23, 26, 27, 47.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Literal, TypeVar, final

from perdure.context.events import EventKind, LifecycleEvent, Mark, Moments, Stage, events_of, marks_of
from perdure.context.exchange import Exchange
from perdure.context.log import RequestLog
from perdure.context.meta import Meta
from perdure.context.snapshot import Snapshot, StateCopy
from perdure.context.steps import Step, begin_step, end_step, enter_step
from perdure.context.trace import TraceContext
from perdure.context.work import Work
from perdure.errors import ModuleError, PhaseError

__all__ = ["HandlerFacts", "LocalContext", "LocalHook", "Meta", "current_context", "enter_context"]

T = TypeVar("T")

_CURRENT: ContextVar["LocalContext"] = ContextVar("perdure.local_context")


def current_context() -> "LocalContext | None":
    """Return the Local Context of the request this code runs for, also inside tasks and threads it started."""
    return _CURRENT.get(None)


enter_context = _CURRENT.set
"""Make a Local Context the current one, for the rest of the task."""


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class HandlerFacts:
    """What is the same for every request a plan serves."""

    handler: str
    route: str
    """The path's template: ``/orders/{order_id}``."""
    flags: frozenset[str] = frozenset()
    timeout_s: float = 30.0
    cancel_on_disconnect: bool = True
    stages: tuple[Stage, ...] = ()
    """What every request goes through, in order: validation, hooks, handler, response."""
    secrets: frozenset[str] = frozenset()
    """Names of the secrets the handler may read."""


@final
@dataclass(frozen=True, eq=False)
class LocalHook:
    """A hook registered while its request runs."""

    fn: Callable[..., object]
    timeout_s: float | None
    retries: int


@final
class LocalContext:
    """State, hooks, events, compensations and metadata of one request."""

    # Defaults stand on the class: a request pays only for what it uses.
    _before: list[LocalHook] | None = None
    _after: list[LocalHook] | None = None
    _catch: list[LocalHook] | None = None
    _before_over = False
    _compensations: list[tuple[Callable[..., object], tuple[object, ...]]] | None = None
    _subscribers: dict[str, list[Callable[[Any], object]]] | None = None
    _work: list[Work[Any]] | None = None
    _task: asyncio.Task[Any] | None = None
    _watcher: asyncio.Task[None] | None = None
    _interruption: Literal["timeout", "disconnect", "shutdown"] | None = None
    _failed_module: ModuleError | None = None
    _reads_body = False
    _received_bytes = 0
    _routed = 0.0
    _meta: Meta | None = None
    _log: RequestLog | None = None

    def __init__(
        self,
        facts: HandlerFacts,
        version: str,
        exchange: Exchange,
        request_id: str,
        trace: TraceContext,
        started: float,
    ) -> None:
        self.request_id = request_id
        self._facts = facts
        self._version = version
        self._exchange = exchange
        self._trace = trace
        self._started = started
        self._moments: Moments = []
        self._state: dict[str, Any] = {}

    @property
    def meta(self) -> Meta:
        """Who asks for what, under which version, and until when."""
        if self._meta is None:
            facts, exchange, trace = self._facts, self._exchange, self._trace
            self._meta = Meta(
                request_id=self.request_id, method=exchange.method, path=exchange.path, route=facts.route,
                handler=facts.handler, version=self._version, flags=facts.flags, client=exchange.client,
                principal=exchange.principal,
                trace_id=trace.trace_id, span_id=trace.span_id, deadline=self._started + facts.timeout_s,
            )  # fmt: skip
        return self._meta

    def trace_headers(self) -> dict[str, str]:
        """Return headers that continue this request's trace in a call to another server; each call wants its own."""
        span = self._trace.child()
        headers = {"traceparent": span.traceparent}
        if span.state:
            headers["tracestate"] = span.state
        return headers

    @property
    def log(self) -> RequestLog:
        """A logger whose records carry request id, handler, version and trace id."""
        if self._log is None:
            bound = {
                "request_id": self.request_id, "handler": self._facts.handler, "version": self._version,
                "trace_id": self._trace.trace_id,
            }  # fmt: skip
            self._log = RequestLog(logging.getLogger("perdure.handler"), bound)
        return self._log

    @property
    def events(self) -> tuple[LifecycleEvent, ...]:
        """What has happened to this request so far, in order."""
        return events_of(self._moments, self._facts.stages)

    def get(self, key: str, default: Any = None) -> Any:
        """Return what `set` stored under *key*, or *default*."""
        return self._state.get(key, default)

    def set(self, key: str, value: object) -> None:
        """Store *value* for the rest of this request; no other request sees it."""
        self._state[key] = value

    def delete(self, key: str) -> bool:
        """Forget *key*; tell whether it was there."""
        return self._state.pop(key, self) is not self

    def clean(self) -> None:
        """Forget every key."""
        self._state.clear()

    def before(self, fn: Callable[..., object], *, timeout_s: float | None = None, retries: int = 0) -> None:
        """Run *fn* before the handler, after all global and route hooks.

        Raises:
            PhaseError: The before hooks have already run.
        """
        if self._before_over:
            raise PhaseError("lctx.before: the before hooks have already run; register it from a before hook")
        self._before = [*(self._before or ()), LocalHook(fn, timeout_s, retries)]

    def after(self, fn: Callable[..., object], *, timeout_s: float | None = None, retries: int = 0) -> None:
        """Run *fn* after the handler, before all route and global hooks; the last registered runs first."""
        self._after = [*(self._after or ()), LocalHook(fn, timeout_s, retries)]

    def catch(self, fn: Callable[..., object], *, timeout_s: float | None = None, retries: int = 0) -> None:
        """Run *fn* if this request fails, before all route and global catch hooks; the last registered runs first."""
        self._catch = [*(self._catch or ()), LocalHook(fn, timeout_s, retries)]

    def compensate(self, fn: Callable[..., object], *args: object) -> None:
        """Undo something by ``fn(*args)`` if this request fails; the last registered runs first, each runs.

        *fn* may be sync or async, or return an awaitable.
        """
        if self._compensations is None:
            self._compensations = []
        self._compensations.append((fn, args))

    def spawn(self, name: str, work: Coroutine[Any, Any, T]) -> Work[T]:
        """Run *work* beside the handler.

        The request is answered only when all its work has ended. Work that fails, and that nobody awaited, fails the
        request; a failing request cancels its work.
        """
        moments = self._moments
        begun = begin_step(moments, Stage("spawn", name))
        task = asyncio.get_running_loop().create_task(_contained(work, begun), name=name)
        task.add_done_callback(lambda done: end_step(moments, begun, *_end_of(done)))
        task.add_done_callback(lambda _: work.close())  # work that was cancelled before it began was never awaited
        spawned = Work(name, task)
        self._work = [*(self._work or ()), spawned]
        return spawned

    def subscribe(self, topic: str, fn: Callable[[Any], object]) -> Callable[[], None]:
        """Call *fn* (sync or async) with every payload this request publishes on *topic*; return how to stop that."""
        if self._subscribers is None:
            self._subscribers = {}
        listeners = self._subscribers.setdefault(topic, [])
        listeners.append(fn)

        def unsubscribe() -> None:
            if fn in listeners:
                listeners.remove(fn)

        return unsubscribe

    async def publish(self, topic: str, payload: object = None) -> int:
        """Call this request's listeners on *topic*, in order; return how many there were.

        A listener's error is the publisher's: the ones after it are not called. Not cancel-safe.
        """
        listeners = tuple((self._subscribers or {}).get(topic, ()))
        with self.during(Stage("publish", topic)):
            for listener in listeners:
                outcome = listener(payload)
                if isinstance(outcome, Awaitable):
                    await outcome
        return len(listeners)

    def snapshot(self) -> Snapshot:
        """Copy this request's state as it is now.

        Raises:
            SnapshotError: A value in the state cannot be copied; the message names its key.
        """
        return Snapshot(
            request_id=self.request_id, handler=self._facts.handler, version=self._version, stage=self._stage_name(),
            hook_index=self._hooks_started(), outstanding=self._outstanding(), events=self.events,
            state=StateCopy(self._state),
        )  # fmt: skip

    def restore(self, snapshot: Snapshot) -> None:
        """Make this request's state exactly what it was when *snapshot* was taken, here or in another request."""
        self._state = snapshot.state.fresh()

    def record(self, stage: Stage, kind: EventKind, error: BaseException | None = None) -> None:
        """Add a lifecycle event, now. For components that do something on behalf of this request."""
        self._moments += (stage.mark(kind, error), perf_counter())

    def during(self, stage: Stage) -> Step:
        """Return a context manager that adds the two events of something done on behalf of this request.

        Also where several are done at once, in tasks or threads, what is done meanwhile counts as a part of it.
        """
        return Step(self._moments, stage)

    def blame_module(self, module: str, method: str, error: BaseException) -> None:
        """Remember that *error* came out of a module: if the handler lets it through, the client reads 502."""
        self._failed_module = ModuleError(module, method)
        self._failed_module.__cause__ = error

    def _marks(self) -> Iterator[tuple[Mark, float]]:
        return marks_of(self._moments, self._facts.stages)

    def _outstanding(self) -> tuple[str, ...]:
        return tuple(work.name for work in self._work or () if not work.done)

    def _hooks_started(self) -> int:
        # A hook that is tried again starts again, as the same stage.
        return len({id(mark.stage) for mark, _ in self._marks() if mark.stage.kind == "hook"})

    def _stage_name(self) -> str:
        """Return the innermost stage under way; spawned work runs beside it."""
        open_stages: list[Stage] = []
        for mark, _ in self._marks():
            if mark.stage.kind == "spawn":
                continue
            if mark.kind == "start":
                open_stages.append(mark.stage)
            elif mark.stage in open_stages:
                open_stages.remove(mark.stage)
        return f"{open_stages[-1].kind} {open_stages[-1].name}" if open_stages else ""


async def _contained(work: Coroutine[Any, Any, T], begun: Mark) -> T:
    """Run *work*, which *begun* noted; asyncio lets a task's `SystemExit` end the whole event loop."""
    enter_step(begun)
    try:
        return await work
    except SystemExit as error:
        raise RuntimeError(f"spawned work ended with sys.exit({error.code!r})") from error


def _end_of(task: asyncio.Task[Any]) -> tuple[EventKind, BaseException | None]:
    if task.cancelled():
        return "error", asyncio.CancelledError()
    error = task.exception()
    return ("error", error) if error is not None else ("end", None)
