"""The Local Context Controller: runs one request from validation to reply.

One flat method on the way of success; failures go through `perdure.lifecycle.cleanup`. Order:
validation, before hooks (global, route, local), handler, spawned work, after hooks (local, route, global), reply.

Source: SPEC 3.3; properties 6, 8, 20, 24, 25.
"""

import asyncio
import contextvars
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from time import perf_counter
from typing import Any, Final, final

from perdure.context.events import REQUEST, begin_again, end_stage
from perdure.context.exchange import Exchange
from perdure.context.global_ import GlobalContext
from perdure.context.local import LocalContext, enter_context
from perdure.context.recording import Recorder
from perdure.context.request import Request
from perdure.context.response import Response
from perdure.context.socket import SocketTransport
from perdure.context.streaming import StreamRecorder
from perdure.context.trace import TraceContext
from perdure.context.uploads import FormData
from perdure.errors import UntranslatableRequestError
from perdure.lifecycle.cleanup import Cleanup
from perdure.lifecycle.deadlines import Deadlines
from perdure.lifecycle.execution import Execution, Observer
from perdure.lifecycle.following import follow, tell_end
from perdure.lifecycle.hooks import PlannedHook, plan_local_hook
from perdure.lifecycle.plan import Plan
from perdure.lifecycle.reply import Reply, refuse_status
from perdure.lifecycle.socket_run import SocketPlan, run_socket

__all__ = ["Controller", "Tally"]

_BODILESS: Final = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})

CANCELLED = 499
"""Status of a request the server cancelled: nobody reads its answer."""

_SAMPLED: Final = "13"
"""The last digit of the ``traceparent`` of a sampled trace."""

_log = logging.getLogger("perdure.lifecycle")
_now: Final = perf_counter  # compiled, a name of our own is found at once, another module's looked up each time
_enter: Final = enter_context

Tally = Callable[[str, Exchange, int, float], None]
"""Counts a finished request: by the name of its version, with its status and duration in seconds."""


@final
class Controller:
    """Runs requests. One per `App`.

    Args:
        gctx: Given to every handler and hook.
        cleanup: What follows a failure.
        threads: Runs sync handlers.
        recorders: Told of every finished request, at once.
        observers: Told as well, of all that is known of it; the list may grow later.
    """

    def __init__(
        self, gctx: GlobalContext[Any], cleanup: Cleanup, threads: ThreadPoolExecutor,
        recorders: tuple[Recorder, ...], observers: list[Observer],
    ) -> None:  # fmt: skip
        self._gctx = gctx
        self._cleanup = cleanup
        self._threads = threads
        self._recorders = recorders
        self._observers = observers
        self.stream_recorders: tuple[StreamRecorder, ...] = ()
        """Told how streamed answers end."""
        self.deadlines = Deadlines()
        self.tally: Tally | None = None
        """Called for every request, so it has a fraction of a microsecond."""
        self.entered: Callable[[LocalContext], None] | None = None
        """Called for requests whose trace is sampled, before anything is done."""

    async def run(  # noqa: C901 - see below
        self,
        plan: Plan,
        exchange: Exchange,
        params: Mapping[str, str],
        version: str,
        request_id: str,
        trace: TraceContext,
        started: float,
    ) -> Reply:
        """Serve one request and return its answer; errors become problems.

        Flat on purpose: each function this was split into would cost every request 0.1 µs.

        Args:
            version: Name of the version the client speaks.
            started: When it came, on the clock of `time.perf_counter`, in seconds.
        Raises:
            asyncio.CancelledError: The server itself cancelled the request; it has been cleaned up.
        """
        facts, gctx = plan.facts, self._gctx
        lctx = LocalContext(facts, version, exchange, request_id, trace, started)
        _enter(lctx)
        if self.entered is not None and trace.traceparent[54] in _SAMPLED:
            self.entered(lctx)
        moments = lctx._moments
        moments.append(started)
        request: Request[Any, Any, Any, Any] = Request(exchange)
        response: Response[Any] = Response(plan.status)
        deadlines, timeout_s = self.deadlines, facts.timeout_s
        if not deadlines.is_ticking:
            deadlines.start()
        young = deadlines.young[timeout_s]
        young[lctx] = deadlines.current_task()
        raw: Any = None
        try:
            if plan.reads_body:
                lctx._reads_body = True
                raw = await exchange.read(plan.body_limit_bytes)
                lctx._reads_body = False
                lctx._received_bytes = len(raw)
            elif plan.open_body is not None and not (plan.may_lack_body and _lacks_body(exchange)):
                lctx._reads_body = True
                raw = await plan.open_body(exchange)
                lctx._reads_body = False
            try:
                plan.reader.load(request, exchange, params, raw, moments)
            except UntranslatableRequestError as error:
                if plan.fallback is None:
                    raise
                begin_again(moments, facts.stages, error)
                plan = plan.fallback
                facts = lctx._facts = replace(plan.facts, timeout_s=timeout_s)
                plan.reader.load(request, exchange, params, raw, moments)

            value: Any = None
            for call, is_async in plan.before_calls:
                moments.append(_now())
                value = call(request, response, lctx, gctx)
                if is_async:
                    value = await value
                if value is not None:
                    break
            else:
                if lctx._before is not None:
                    end_stage(moments, facts.stages)
                    value = await self._local_before(request, response, lctx)
            lctx._before_over = True
            if lctx._interruption is not None:  # a hook swallowed the cancellation; the time is over all the same
                end_stage(moments, facts.stages)
                raise asyncio.CancelledError

            if value is None:
                moments.append(_now())
                if plan.is_async:
                    value = plan.call(request, response, lctx, gctx)
                    if not plan.streams:
                        value = await value
                else:
                    value = await self._in_thread(plan.call, request, response, lctx, gctx)
                if lctx._interruption is not None:
                    end_stage(moments, facts.stages)
                    raise asyncio.CancelledError
            else:
                end_stage(moments, facts.stages)
                moments.append(plan.after_place)
            if lctx._work is not None:
                end_stage(moments, facts.stages)
                await _settle_work(lctx)

            if lctx._after is not None:
                end_stage(moments, facts.stages)
                await self._run_hooks(_local_hooks(lctx), request, response, lctx)
            for call, is_async in plan.after_calls:
                moments.append(_now())
                pending = call(request, response, lctx, gctx)
                if is_async:
                    await pending

            moments.append(_now())
            if lctx._interruption is not None:
                raise asyncio.CancelledError  # an after hook did
            reply = plan.writer.write(value, response, exchange, moments)
            if type(reply.status) is not int or not 200 <= reply.status <= 599:
                raise refuse_status(facts.handler, reply.status)
            ended = _now()
            moments.append(ended)
            if young.pop(lctx, self) is self:
                deadlines.leave_old(lctx, timeout_s)
        except BaseException as error:  # noqa: BLE001 - a cancelled request is cleaned up too; cleanup raises it again
            end_stage(moments, facts.stages, error)
            if young.pop(lctx, self) is self:
                deadlines.leave_old(lctx, timeout_s)
            try:
                reply = await self._cleanup.run(error, plan, request, response, lctx, gctx)
            except BaseException:
                lctx.record(REQUEST, "error", error)
                self._record(lctx, CANCELLED, 0, _now())
                self._observe(lctx, CANCELLED)
                raise
            lctx.record(REQUEST, "error", error)
            ended = _now()
        if self.tally is not None:
            self.tally(version, exchange, reply.status, ended - started)
        if raw is not None and plan.open_body is not None and isinstance(raw, FormData):
            await raw.close()
        if self._recorders:
            body = reply.body
            if type(body) is bytes and exchange.method != "HEAD":
                self._record(lctx, reply.status, len(body), ended)
            else:
                self._record(lctx, reply.status, follow(reply, lctx, self.stream_recorders, ended), ended)
        if self._observers:
            self._observe(lctx, reply.status)
        return reply

    async def run_socket(
        self, plan: SocketPlan, transport: SocketTransport, exchange: Exchange, params: dict[str, str], version: str,
        request_id: str, trace: TraceContext, started: float,
    ) -> None:  # fmt: skip
        """Serve one WebSocket to its end; see `perdure.lifecycle.socket_run`."""
        if self.tally is not None:
            self.tally(version, exchange, 101, 0.0)  # when it begins: who is connected for days uses the version
        lctx = LocalContext(plan.facts, version, exchange, request_id, trace, started)
        _enter(lctx)
        if self.entered is not None and trace.traceparent[54] in _SAMPLED:
            self.entered(lctx)
        lctx.record(REQUEST, "start")
        status, end = CANCELLED, None
        try:
            status, failure, end = await run_socket(plan, transport, lctx, params, self._gctx, self._cleanup)
        except BaseException as error:
            lctx.record(REQUEST, "error", error)
            raise
        else:
            lctx.record(REQUEST, "end" if failure is None else "error", failure)
        finally:
            self._record(lctx, status, -1, _now())
            self._observe(lctx, status)
            if end is not None:
                tell_end(self.stream_recorders, lctx, end)

    async def _local_before(self, request: Request[Any], response: Response[Any], lctx: LocalContext) -> object:
        """Run the request's own before hooks, also those that they add, until one answers."""
        done = 0
        while lctx._before is not None and done < len(lctx._before):
            hook = plan_local_hook(lctx._before[done], "before")
            done += 1
            value = await self._run_hooks((hook,), request, response, lctx)
            if value is not None:
                return value
        return None

    async def _run_hooks(
        self, hooks: tuple[PlannedHook, ...], request: Request[Any], response: Response[Any], lctx: LocalContext
    ) -> object:
        value: Any = None
        for hook in hooks:
            lctx.record(hook.stage, "start")
            try:
                value = hook.call(request, response, lctx, self._gctx)
                if hook.is_async:
                    value = await value
            except BaseException as error:
                lctx.record(hook.stage, "error", error)
                raise
            lctx.record(hook.stage, "end")
        return value

    async def _in_thread(self, call: Callable[..., object], *given: object) -> object:
        run = contextvars.copy_context().run
        return await asyncio.get_running_loop().run_in_executor(self._threads, run, call, *given)

    def _record(self, lctx: LocalContext, status: int, size_bytes: int, ended: float) -> None:
        for recorder in self._recorders:
            try:
                recorder.finished(lctx, status, size_bytes, ended)
            except Exception as error:  # noqa: BLE001 - whoever looks on must not disturb whom it looks at
                _log.error("a recorder failed: %s", error, exc_info=error, extra={"request_id": lctx.request_id})

    def _observe(self, lctx: LocalContext, status: int) -> None:
        execution = Execution.of(lctx, status)
        for observer in self._observers:
            try:
                observer(execution)
            except Exception as error:  # noqa: BLE001 - whoever looks on must not disturb whom it looks at
                _log.error("an observer failed: %s", error, exc_info=error, extra={"request_id": lctx.request_id})


def _lacks_body(exchange: Exchange) -> bool:
    if exchange.method not in _BODILESS:
        return False
    length = exchange.header("content-length")
    return length is None or length == "0"


def _local_hooks(lctx: LocalContext) -> tuple[PlannedHook, ...]:
    """Return the request's own after hooks, last registered first."""
    return tuple(plan_local_hook(local, "after") for local in reversed(lctx._after or ()))


async def _settle_work(lctx: LocalContext) -> None:
    """Wait for all spawned work, also what it spawns; raise the first error nobody asked for."""
    done = 0
    while lctx._work is not None and done < len(lctx._work):
        work = lctx._work[done]
        await work.settle()
        done += 1
    for work in lctx._work or ():
        error = work.error()
        if error is not None and not work.awaited:
            raise error
