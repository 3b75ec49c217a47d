"""Hooks: what runs before and after a handler, and when it fails.

Three levels (global, route, local), three kinds (before, after, catch). A hook without timeout and retries costs its
call and nothing more; with them it is wrapped once, when it is registered.

Source: SPEC 3.3, properties 24 and 25.
"""

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any, Literal, final

from msgspec import Struct

from perdure.context.events import Stage
from perdure.context.local import LocalContext, LocalHook
from perdure.errors import ConfigError, DeadlineExceededError
from perdure.lifecycle.arguments import CATCH, HANDLER, Callback, describe, inspect_callback

__all__ = ["Hook", "HookKind", "HookLevel", "PlannedHook", "plan_hook", "plan_local_hook"]

HookKind = Literal["before", "after", "catch"]
HookLevel = Literal["global", "route", "local"]


@final
class Hook(Struct, frozen=True):
    """A hook with options, for ``before=``, ``after=`` and ``catch=`` of a route.

    A sync hook runs on the event loop, so it must be quick; one with a timeout runs in a worker thread. Retries
    follow at once after any error but a cancellation.
    """

    fn: Callable[..., object]
    timeout_s: float | None = None
    retries: int = 0

    def __post_init__(self) -> None:
        if self.timeout_s is not None and self.timeout_s <= 0:
            raise ConfigError(f"hook {describe(self.fn)}: timeout_s must be greater than 0, not {self.timeout_s!r}")
        if self.retries < 0:
            raise ConfigError(f"hook {describe(self.fn)}: retries must not be negative, not {self.retries!r}")


@final
class PlannedHook(Struct, frozen=True):
    """A checked hook, ready to run: ``call`` takes all arguments of its kind."""

    call: Callable[..., Any]
    is_async: bool
    stage: Stage
    hook: Hook
    callback: Callback


def plan_hook(hook: Hook | Callable[..., object], kind: HookKind, level: HookLevel) -> PlannedHook:
    """Check *hook* and prepare it.

    Raises:
        SignatureError: It takes something hooks of its kind are not given.
    """
    hook = hook if isinstance(hook, Hook) else Hook(hook)
    callback = inspect_callback(hook.fn, CATCH if kind == "catch" else HANDLER)
    name = getattr(hook.fn, "__name__", type(hook.fn).__name__)
    stage = Stage("hook", name, f"{kind}:{level}")
    if hook.timeout_s is None and not hook.retries:
        return PlannedHook(callback.call, callback.is_async, stage, hook, callback)
    return PlannedHook(_guarded(callback, stage, hook), True, stage, hook, callback)


def plan_local_hook(local: LocalHook, kind: HookKind) -> PlannedHook:
    """Check and prepare a hook a request registered for itself; raises as `plan_hook` does."""
    return plan_hook(Hook(local.fn, local.timeout_s, local.retries), kind, "local")


def _guarded(callback: Callback, stage: Stage, hook: Hook) -> Callable[..., Any]:
    """Return *callback* with its timeout and retries; every attempt but the last is recorded here."""

    async def attempt(given: tuple[Any, ...]) -> object:
        if callback.is_async:
            return await callback.call(*given)
        run = contextvars.copy_context().run
        return await asyncio.get_running_loop().run_in_executor(None, run, callback.call, *given)

    async def timed(given: tuple[Any, ...]) -> object:
        if hook.timeout_s is None:
            return await attempt(given) if callback.is_async else callback.call(*given)
        try:
            async with asyncio.timeout(hook.timeout_s) as limit:
                return await attempt(given)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise DeadlineExceededError(f"hook {stage.name}", hook.timeout_s) from error

    async def call(*given: Any) -> object:
        lctx: LocalContext = given[-2]
        for _ in range(hook.retries):
            try:
                return await timed(given)
            except Exception as error:  # noqa: BLE001 - any failure is retried; the last attempt's is raised
                lctx.record(stage, "error", error)
                lctx.record(stage, "start")
        return await timed(given)

    return call
