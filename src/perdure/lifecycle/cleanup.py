"""What follows a failure: spawned work is cancelled, catch hooks and compensations run, and an answer is found.

Every step runs whatever the others do, and each has a time limit of its own, because the request's may be what was
exceeded.

Source: SPEC 3.3; properties 6 and 8.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from time import perf_counter
from typing import Any, TypeVar, final

from perdure.context.events import Stage, end_stage
from perdure.context.global_ import GlobalContext
from perdure.context.local import LocalContext
from perdure.context.request import Request
from perdure.context.response import Response
from perdure.errors import (
    BodyTimeoutError,
    ClientDisconnectedError,
    DeadlineExceededError,
    DefinitionError,
    ExecutionError,
    ModuleError,
    Problem,
    RequestError,
    ShuttingDownError,
)
from perdure.lifecycle.hooks import PlannedHook, plan_local_hook
from perdure.lifecycle.plan import Plan
from perdure.lifecycle.reply import Reply, refuse_status

__all__ = ["ENDINGS", "Cleanup", "Render", "cancel_work"]

ENDINGS = (asyncio.CancelledError, KeyboardInterrupt, GeneratorExit)
"""What ends a request from outside. Anything else, ``SystemExit`` included, is a failure of the code it came from."""

T = TypeVar("T")

_log = logging.getLogger("perdure.lifecycle")

Render = Callable[[BaseException, Plan, str], Reply]
"""Turns an error into the problem its client reads."""


@final
class Cleanup:
    """Ends failed requests.

    Args:
        render: Makes the answer where no catch hook does.
        timeout_s: Time each step may take: the end of spawned work, each catch hook, each compensation.
    """

    def __init__(self, render: Render, timeout_s: float) -> None:
        self._render = render
        self._timeout_s = timeout_s

    async def run(
        self, error: BaseException, plan: Plan, request: Request[Any], response: Response[Any], lctx: LocalContext,
        gctx: GlobalContext[Any],
    ) -> Reply:  # fmt: skip
        """Clean up after *error* and return the answer.

        Raises:
            asyncio.CancelledError: The server itself cancelled the request; cleanup has run.
            KeyboardInterrupt: The server is being stopped; cleanup has run.
        """
        cause = _cause(error, lctx)
        given = (cause, request, response, lctx, gctx)
        answer = await self.undo(plan.catch, given)
        if isinstance(cause, ENDINGS):
            raise cause
        if answer is not None and not isinstance(cause, ClientDisconnectedError):
            try:
                return _write(plan, answer, response, lctx)
            except ENDINGS:
                raise
            except BaseException as failure:  # noqa: BLE001 - the hook's answer is invalid: the client reads a 500
                cause = failure
        self._report(cause, lctx)
        return self._render(cause, plan, lctx.request_id)

    async def undo(self, catch: tuple[PlannedHook, ...], given: tuple[Any, ...]) -> object:
        """Cancel the request's work, run its catch hooks and compensations; return the first answer of a catch hook.

        Args:
            catch: Hooks of route and app.
            given: What catch hooks are called with: error, request, response, Local and Global Context.
        """
        lctx: LocalContext = given[3]
        try:
            await _bounded(cancel_work(lctx), "the end of spawned work", self._timeout_s)
        except ExecutionError as failure:
            _log.error("%s", failure, extra={"request_id": lctx.request_id})
        answer = await _run_catch_hooks(catch, given, self._timeout_s)
        await _compensate(lctx, self._timeout_s)
        return answer

    def _report(self, cause: BaseException, lctx: LocalContext) -> None:
        if isinstance(cause, RequestError | ClientDisconnectedError | Problem):
            return
        facts = {"request_id": lctx.request_id, "handler": lctx._facts.handler, "version": lctx._version}
        _log.error("%s failed: %s", lctx._facts.handler, cause, exc_info=cause, extra=facts)


def _cause(error: BaseException, lctx: LocalContext) -> BaseException:
    """Return what really ended the request: an interruption reads as cancellation, a module's error as its own.

    A cancellation nobody asked this request's task for came out of something it awaited: that is an error like others.
    """
    task = asyncio.current_task()
    if lctx._interruption is not None:
        if task is not None:
            task.uncancel()
        if lctx._interruption == "disconnect":
            return ClientDisconnectedError("the client left before its answer was ready")
        if lctx._interruption == "shutdown":
            return ShuttingDownError("the server ended before the answer was ready")
        if lctx._reads_body:
            return BodyTimeoutError(lctx._facts.timeout_s)
        return DeadlineExceededError("the request", lctx._facts.timeout_s)
    if lctx._reads_body and isinstance(error, lctx._exchange.lost):
        return ClientDisconnectedError("the client left before the end of its body")
    if isinstance(error, asyncio.CancelledError) and task is not None and not task.cancelling():
        return _cancelled("something the request awaited", error)
    blamed: ModuleError | None = lctx._failed_module
    return blamed if blamed is not None and blamed.__cause__ is error else error


def _cancelled(what: str, error: BaseException) -> ExecutionError:
    failure = ExecutionError(f"{what} was cancelled")
    failure.__cause__ = error
    return failure


def _write(plan: Plan, answer: object, response: Response[Any], lctx: LocalContext) -> Reply:
    """Return the reply that a catch hook's *answer* makes; raises as `Writer.write`, or for an impossible status."""
    moments, stages = lctx._moments, lctx._facts.stages
    moments += (plan.writer_place, perf_counter())
    try:
        reply = plan.writer.write(answer, response, lctx._exchange, moments)
        if not 200 <= reply.status <= 599:
            raise refuse_status(lctx._facts.handler, reply.status)
    except BaseException as error:
        end_stage(moments, stages, error)
        raise
    end_stage(moments, stages)
    return reply


async def _bounded(step: Awaitable[T], what: str, timeout_s: float) -> T:
    """Await one step of cleanup, so that it stops no other: not by taking too long, nor by being cancelled.

    Raises:
        DeadlineExceededError: It took longer than *timeout_s*.
        ExecutionError: It was cancelled from within.
        asyncio.CancelledError: The server cancelled the request, now or again.
    """
    task = asyncio.current_task()
    asked = task.cancelling() if task is not None else 0
    try:
        async with asyncio.timeout(timeout_s) as limit:
            return await step
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise DeadlineExceededError(what, timeout_s) from error
    except asyncio.CancelledError as error:
        if task is not None and task.cancelling() > asked:
            raise
        raise _cancelled(what, error) from error


async def cancel_work(lctx: LocalContext) -> None:
    """Cancel what the request has spawned, and wait for its end."""
    for work in lctx._work or ():
        if not work.done:
            work.cancel()
    for work in lctx._work or ():
        await work.settle()
        work.error()  # retrieved, so that asyncio does not report it a second time


async def _run_catch_hooks(catch: tuple[PlannedHook, ...], given: tuple[Any, ...], timeout_s: float) -> object:
    """Run every catch hook, local first, last registered first; the first value returned is the answer."""
    lctx: LocalContext = given[3]
    answer: object = None
    for hook in (*_local_catch(lctx), *catch):
        value = await _survive(hook, given, timeout_s)
        answer = value if answer is None else answer
    return answer


def _local_catch(lctx: LocalContext) -> Iterator[PlannedHook]:
    """Yield the request's own catch hooks, last registered first; one that cannot be called stops no other."""
    for local in reversed(lctx._catch or ()):
        try:
            yield plan_local_hook(local, "catch")
        except DefinitionError as failure:
            _log.error("a catch hook cannot run: %s", failure, extra={"request_id": lctx.request_id})


async def _survive(hook: PlannedHook, given: tuple[Any, ...], timeout_s: float) -> object:
    lctx: LocalContext = given[3]
    lctx.record(hook.stage, "start")
    try:
        value = hook.call(*given)
        if hook.is_async:
            value = await _bounded(value, f"catch hook {hook.stage.name}", timeout_s)
    except ENDINGS:
        raise
    except BaseException as failure:  # noqa: BLE001 - a failing catch hook must not stop the others
        lctx.record(hook.stage, "error", failure)
        _log.error("catch hook %s failed: %s", hook.stage.name, failure, exc_info=failure)
        return None
    lctx.record(hook.stage, "end")
    return value


async def _compensate(lctx: LocalContext, timeout_s: float) -> None:
    """Run every compensation, last registered first; one that fails is an alert and stops no other."""
    for fn, args in reversed(lctx._compensations or ()):
        stage = Stage("compensation", getattr(fn, "__name__", type(fn).__name__))
        lctx.record(stage, "start")
        try:
            outcome = fn(*args)
            if isinstance(outcome, Awaitable):
                await _bounded(outcome, f"compensation {stage.name}", timeout_s)
        except ENDINGS:
            raise
        except BaseException as failure:  # noqa: BLE001 - see above
            lctx.record(stage, "error", failure)
            _log.critical(
                "compensation %s failed: %s",
                stage.name,
                failure,
                exc_info=failure,
                extra={"request_id": lctx.request_id},
            )
        else:
            lctx.record(stage, "end")
