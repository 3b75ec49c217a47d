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
from time import perf_counter
from typing import Any, final

from perdure.context.events import Moments, Stage
from perdure.context.exchange import Exchange
from perdure.context.global_ import GlobalContext
from perdure.context.local import LocalContext, enter_context
from perdure.context.request import Request
from perdure.context.response import Response
from perdure.context.socket import SocketTransport
from perdure.context.trace import TraceContext
from perdure.context.uploads import FormData
from perdure.errors import UntranslatableRequestError
from perdure.lifecycle.cleanup import Cleanup
from perdure.lifecycle.deadlines import Deadlines
from perdure.lifecycle.execution import Execution, Observer
from perdure.lifecycle.hooks import PlannedHook, plan_local_hook
from perdure.lifecycle.plan import Plan
from perdure.lifecycle.reply import Reply, refuse_status
from perdure.lifecycle.socket_run import SocketPlan, run_socket

__all__ = ["Controller"]

CANCELLED = 499
"""Status of a request the server cancelled: nobody reads its answer."""

_log = logging.getLogger("perdure.lifecycle")
_REQUEST = Stage("request", "request")
_VALIDATION = Stage("validation", "request")
_RESPONSE = Stage("response", "response")
_HANDLER = Stage("handler", "handler")


@final
class Controller:
    """Runs requests. One per `App`.

    Args:
        gctx: Given to every handler and hook.
        cleanup: What follows a failure.
        threads: Runs sync handlers.
        observers: Told of every finished request; the list may grow later.
    """

    def __init__(
        self, gctx: GlobalContext[Any], cleanup: Cleanup, threads: ThreadPoolExecutor, observers: list[Observer]
    ) -> None:
        self._gctx = gctx
        self._cleanup = cleanup
        self._threads = threads
        self._observers = observers
        self.deadlines = Deadlines()

    async def run(  # noqa: C901 - see below
        self,
        plan: Plan,
        exchange: Exchange,
        params: Mapping[str, str],
        version: str,
        request_id: str,
        trace: TraceContext,
    ) -> Reply:
        """Serve one request and return its answer; errors become problems.

        Flat on purpose: each function this was split into would cost every request 0.1 µs.

        Args:
            version: Name of the version the client speaks.
        Raises:
            asyncio.CancelledError: The server itself cancelled the request; it has been cleaned up.
        """
        started = now = perf_counter()
        facts, gctx = plan.facts, self._gctx
        lctx = LocalContext(facts, version, exchange, request_id, trace, started)
        enter_context(lctx)
        moments = lctx._moments
        request: Request[Any, Any, Any, Any] = Request(exchange)
        response: Response[Any] = Response(plan.status)
        deadlines, timeout_s = self.deadlines, facts.timeout_s
        deadlines.enter(lctx, timeout_s)
        moments += (_REQUEST.started, now, _VALIDATION.started, now)
        stage: Stage | None = _VALIDATION
        raw: Any = None
        try:
            if plan.reads_body:
                lctx._reads_body = True
                raw = await exchange.read(plan.body_limit_bytes)
                lctx._reads_body = False
            elif plan.open_body is not None:
                lctx._reads_body = True
                raw = await plan.open_body(exchange)
                lctx._reads_body = False
            try:
                plan.reader.load(request, exchange, params, raw)
            except UntranslatableRequestError:
                if plan.fallback is None:
                    raise
                plan = plan.fallback
                plan.reader.load(request, exchange, params, raw)
            now = perf_counter()

            value: Any = None
            for following, call, is_async in plan.before_calls:
                moments += (following.started, now) if stage is None else (stage.ended, now, following.started, now)
                stage = following
                value = call(request, response, lctx, gctx)
                if is_async:
                    value = await value
                now = perf_counter()
                if value is not None:
                    break
            else:
                if lctx._before is not None:
                    _end(stage, moments, now)
                    stage = None
                    value = await self._local_before(request, response, lctx)
                    now = perf_counter()
            lctx._before_over = True
            if lctx._interruption is not None:  # a hook swallowed the cancellation; the time is over all the same
                _end(stage, moments, now)
                stage = None
                raise asyncio.CancelledError

            if value is None:
                moments += (_HANDLER.started, now) if stage is None else (stage.ended, now, _HANDLER.started, now)
                stage = _HANDLER
                callback = plan.callback
                if callback.is_async:
                    value = callback.call(request, response, lctx, gctx)
                    if not callback.streams:
                        value = await value
                else:
                    value = await self._in_thread(callback.call, request, response, lctx, gctx)
                now = perf_counter()
            if lctx._interruption is not None:
                _end(stage, moments, now)
                stage = None
                raise asyncio.CancelledError
            if lctx._work is not None:
                _end(stage, moments, now)
                stage = None
                await _settle_work(lctx)
                now = perf_counter()

            if lctx._after is not None:
                _end(stage, moments, now)
                stage = None
                await self._run_hooks(_local_hooks(lctx), request, response, lctx)
                now = perf_counter()
            for following, call, is_async in plan.after_calls:
                moments += (following.started, now) if stage is None else (stage.ended, now, following.started, now)
                stage = following
                pending = call(request, response, lctx, gctx)
                if is_async:
                    await pending
                now = perf_counter()

            moments += (_RESPONSE.started, now) if stage is None else (stage.ended, now, _RESPONSE.started, now)
            stage = _RESPONSE
            if lctx._interruption is not None:
                raise asyncio.CancelledError  # an after hook did
            reply = plan.writer.write(value, response, exchange)
            if type(reply.status) is not int or not 200 <= reply.status <= 599:
                raise refuse_status(facts.handler, reply.status)
            now = perf_counter()
            moments += (_RESPONSE.ended, now, _REQUEST.ended, now)
            deadlines.leave(lctx, timeout_s)
        except BaseException as error:  # noqa: BLE001 - a cancelled request is cleaned up too; cleanup raises it again
            if stage is not None:
                lctx.record(stage, "error", error)
            deadlines.leave(lctx, timeout_s)
            try:
                reply = await self._cleanup.run(error, plan, request, response, lctx, gctx)
            except BaseException:
                lctx.record(_REQUEST, "error", error)
                self._observe(lctx, CANCELLED)
                raise
            lctx.record(_REQUEST, "error", error)
        if plan.open_body is not None and isinstance(raw, FormData):
            await raw.close()
        if self._observers:
            self._observe(lctx, reply.status)
        return reply

    async def run_socket(
        self, plan: SocketPlan, transport: SocketTransport, exchange: Exchange, params: dict[str, str], version: str,
        request_id: str, trace: TraceContext,
    ) -> None:  # fmt: skip
        """Serve one WebSocket to its end; see `perdure.lifecycle.socket_run`."""
        await run_socket(plan, transport, exchange, params, version, request_id, trace, self._gctx, self._cleanup)

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

    def _observe(self, lctx: LocalContext, status: int) -> None:
        execution = Execution.of(lctx, status)
        for observer in self._observers:
            try:
                observer(execution)
            except Exception as error:  # noqa: BLE001 - whoever looks on must not disturb whom it looks at
                _log.error("an observer failed: %s", error, exc_info=error, extra={"request_id": lctx.request_id})


def _local_hooks(lctx: LocalContext) -> tuple[PlannedHook, ...]:
    """Return the request's own after hooks, last registered first."""
    return tuple(plan_local_hook(local, "after") for local in reversed(lctx._after or ()))


def _end(stage: Stage | None, moments: Moments, now: float) -> None:
    """Note that *stage*, if one is under way, ended."""
    if stage is not None:
        moments += (stage.ended, now)


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
