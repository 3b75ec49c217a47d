"""WebSocket handlers: one connection from before hooks to close, in a Local Context of its own.

Source: SPEC 3.1.
"""

import asyncio
import logging
from collections.abc import Awaitable, Iterable, Iterator
from itertools import chain
from typing import Any, final

from msgspec import Struct

from perdure.context.events import Stage
from perdure.context.global_ import GlobalContext
from perdure.context.local import HandlerFacts, LocalContext
from perdure.context.request import Request
from perdure.context.response import Response
from perdure.context.socket import SocketTransport, WebSocket
from perdure.context.streaming import StreamEnd
from perdure.errors import Problem, RequestError, SocketClosedError
from perdure.lifecycle.arguments import Callback
from perdure.lifecycle.cleanup import Cleanup, cancel_work
from perdure.lifecycle.following import FollowedSocket
from perdure.lifecycle.hooks import PlannedHook, plan_local_hook
from perdure.policy.gate import Gate

__all__ = ["POLICY", "SocketPlan", "run_socket"]

_log = logging.getLogger("perdure.lifecycle")
_HANDLER = Stage("handler", "handler")

NORMAL, INVALID_DATA, POLICY, INTERNAL_ERROR = 1000, 1007, 1008, 1011
"""Close codes: the handler ended; a message was no good; the connection is not wanted; the handler failed."""


ACCEPTED, REFUSED = 101, 403
"""What an offer is answered with."""


@final
class SocketPlan(Struct, frozen=True, kw_only=True):
    """How to serve WebSockets at one path."""

    facts: HandlerFacts
    callback: Callback
    before: tuple[PlannedHook, ...]
    after: tuple[PlannedHook, ...]
    catch: tuple[PlannedHook, ...]
    incoming: Any
    """Type of the messages clients send."""
    gate: Gate | None = None
    """Who may connect, how often; None: everyone, always."""
    looks: bool = False
    """See `perdure.lifecycle.plan.Plan.looks`."""


async def run_socket(
    plan: SocketPlan, transport: SocketTransport, lctx: LocalContext, params: dict[str, str],
    gctx: GlobalContext[Any], cleanup: Cleanup,
) -> tuple[int, BaseException | None, StreamEnd | None]:  # fmt: skip
    """Serve one connection to its end.

    Return the status that its offer was answered with, 101 or 403, what of the program's own ended it, if so, and how
    it ended, if it was taken.

    Never raises but when the server cancels it; the client's leaving is normal.

    Work the handler spawned ends with the connection.
    """
    request = Request[Any, Any, Any, Any](lctx._exchange)
    request.params, request.body = params, None
    followed = FollowedSocket(transport)
    socket = WebSocket[Any, Any](followed, plan.incoming)
    given = (request, Response[Any](), lctx, gctx)
    code, status = NORMAL, REFUSED
    raised: BaseException | None = None
    try:
        refused = await _hooks_answer(chain(plan.before, _local_before(lctx)), given, lctx)
        lctx._before_over = True
        if refused:
            code = POLICY
        else:
            await socket.accept()
            status = ACCEPTED
            lctx.record(_HANDLER, "start")
            await plan.callback.call(request, socket, lctx, gctx)
            lctx.record(_HANDLER, "end")
            for hook in (*_local_after(lctx), *plan.after):
                await _run_hook(hook, given, lctx)
    except SocketClosedError:
        lctx.record(_HANDLER, "end")
    except BaseException as error:
        code, raised = _close_code(error), error
        _report(plan, error, lctx)
        await cleanup.undo(plan.catch, (error, *given))
        if isinstance(error, asyncio.CancelledError):
            raise
    finally:
        await cancel_work(lctx)
        await socket.close(code)
    failure = raised if code == INTERNAL_ERROR else None
    end = followed.end(status, raised, is_broken=failure is not None) if status == ACCEPTED else None
    return status, failure, end


def _close_code(error: BaseException) -> int:
    if isinstance(error, RequestError):
        return INVALID_DATA
    return POLICY if isinstance(error, Problem) and error.status < 500 else INTERNAL_ERROR


async def _hooks_answer(hooks: Iterable[PlannedHook], given: tuple[Any, ...], lctx: LocalContext) -> bool:
    """Run *hooks* in order; return whether one returned something, which ends them."""
    for hook in hooks:
        if await _run_hook(hook, given, lctx) is not None:
            return True
    return False


async def _run_hook(hook: PlannedHook, given: tuple[Any, ...], lctx: LocalContext) -> object:
    lctx.record(hook.stage, "start")
    try:
        value: object = hook.call(*given)
        if hook.is_async and isinstance(value, Awaitable):
            value = await value
    except BaseException as error:
        lctx.record(hook.stage, "error", error)
        raise
    lctx.record(hook.stage, "end")
    return value


def _local_before(lctx: LocalContext) -> Iterator[PlannedHook]:
    """Yield the connection's own before hooks, also those that they add."""
    done = 0
    while lctx._before is not None and done < len(lctx._before):
        yield plan_local_hook(lctx._before[done], "before")
        done += 1


def _local_after(lctx: LocalContext) -> tuple[PlannedHook, ...]:
    """Return the connection's own after hooks, last registered first."""
    return tuple(plan_local_hook(local, "after") for local in reversed(lctx._after or ()))


def _report(plan: SocketPlan, error: BaseException, lctx: LocalContext) -> None:
    lctx.record(_HANDLER, "error", error)
    if isinstance(error, Exception) and _close_code(error) == INTERNAL_ERROR:
        facts = {"request_id": lctx.request_id, "handler": plan.facts.handler}
        _log.error("%s failed: %s", plan.facts.handler, error, exc_info=error, extra=facts)
