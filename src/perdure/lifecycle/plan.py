"""Plans: everything about serving one endpoint to one version's clients, looked up beforehand.

Registration makes them, a request only runs them. Endpoints and versions without differences share theirs.

Source: DESIGN "Compile once, run many".
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, final

from perdure.config import CorsSettings, Priority
from perdure.context.events import Stage
from perdure.context.local import HandlerFacts
from perdure.lifecycle.arguments import Callback
from perdure.lifecycle.bodies import OpenBody
from perdure.lifecycle.hooks import PlannedHook
from perdure.lifecycle.reader import Reader
from perdure.lifecycle.stages import HANDLER
from perdure.lifecycle.writer import Writer
from perdure.policy.gate import Gate
from perdure.timescape.chain import Chain

__all__ = ["Plan", "stages_of"]

HookCall = tuple[Callable[..., Any], bool]
"""What calls a hook, and whether that is to be awaited."""


def stages_of(
    reader: Reader, before: Iterable[PlannedHook], after: Iterable[PlannedHook], writer: Writer
) -> tuple[Stage, ...]:
    """Return what a request goes through whose plan has these parts, in order."""
    hooks_before, hooks_after = ([hook.stage for hook in hooks] for hooks in (before, after))
    return (*reader.stages, *hooks_before, HANDLER, *hooks_after, *writer.stages)


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """How to serve one endpoint to the clients of one version."""

    facts: HandlerFacts
    status: int
    callback: Callback
    before: tuple[PlannedHook, ...]
    """Global, then route hooks, in order of registration."""
    after: tuple[PlannedHook, ...]
    """Route, then global hooks, last registered first: in the order in which they run."""
    catch: tuple[PlannedHook, ...]
    """As *after*."""
    reads_body: bool
    """The body is read whole and given to the reader as bytes."""
    open_body: OpenBody | None
    """Otherwise, how the body is opened: as text, a form, a stream."""
    may_lack_body: bool
    """It need not be opened where the request is of a kind that mostly has none, and this one does not."""
    body_limit_bytes: int
    reader: Reader
    writer: Writer
    chain: Chain | None
    """Carries problems back to the client's version."""
    call: Callable[..., Any] = callable
    """Of *callback*, what a request needs; made by itself, as is all down to *writer_place*."""
    is_async: bool = False
    streams: bool = False
    before_calls: tuple[HookCall, ...] = ()
    after_calls: tuple[HookCall, ...] = ()
    after_place: int = 0
    """Where, among the stages, the first follows that an early answer goes on with."""
    writer_place: int = 0
    """Where, among them, the answer begins to be written."""
    gate: Gate | None = None
    """Who may come in, how often; None: everyone, always."""
    looks: bool = False
    """Credentials matter here: the gate asks whose they are."""
    may_look: bool = True
    """Credentials may be looked at, for whose they are may decide which version serves."""
    priority: Priority = "normal"
    cors: CorsSettings | None = None
    """Which pages of other origins may call, in place of the configuration's."""
    fallback: "Plan | None" = None
    """Serves instead when the chain cannot carry a request forward: an older handler that still runs."""

    def __post_init__(self) -> None:
        callback = self.callback
        object.__setattr__(self, "call", callback.call)
        object.__setattr__(self, "is_async", callback.is_async)
        object.__setattr__(self, "streams", callback.streams)
        object.__setattr__(self, "before_calls", tuple([(hook.call, hook.is_async) for hook in self.before]))
        object.__setattr__(self, "after_calls", tuple([(hook.call, hook.is_async) for hook in self.after]))
        object.__setattr__(self, "after_place", len(self.reader.stages) + len(self.before) + 1)
        object.__setattr__(self, "writer_place", self.after_place + len(self.after))
