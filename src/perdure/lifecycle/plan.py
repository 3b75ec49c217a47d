"""Plans: everything about serving one endpoint to one version's clients, looked up beforehand.

Registration makes them, a request only runs them. Endpoints and versions without differences share theirs.

Source: DESIGN "Compile once, run many".
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, final

from msgspec import Struct
from msgspec.structs import force_setattr

from perdure.context.events import Stage
from perdure.context.exchange import Exchange
from perdure.context.local import HandlerFacts
from perdure.context.response import Response
from perdure.lifecycle.arguments import Callback
from perdure.lifecycle.hooks import PlannedHook
from perdure.lifecycle.reader import Reader
from perdure.lifecycle.reply import Reply
from perdure.timescape.chain import Chain

__all__ = ["Plan", "Writer"]


class Writer(Protocol):
    """Turns what a handler returned into a `Reply`."""

    def write(self, value: object, response: Response[Any], exchange: Exchange) -> Reply:
        """Encode, carry back, and validate the answer.

        Raises:
            InvalidResponseError: The answer breaks the promise made to the client.
            UntranslatableResponseError: A transformer failed.
        """


HookCall = tuple[Stage, Callable[..., Any], bool]
"""A hook's stage, what calls it, and whether that is to be awaited."""


@final
class Plan(Struct, frozen=True, kw_only=True):
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
    open_body: Callable[[Exchange], Awaitable[object]] | None
    """Otherwise, how the body is opened: as text, a form, a stream."""
    body_limit_bytes: int
    reader: Reader
    writer: Writer
    chain: Chain | None
    """Carries problems back to the client's version."""
    before_calls: tuple[HookCall, ...] = ()
    """Of *before*, what a request needs; made by itself, as are *after_calls*."""
    after_calls: tuple[HookCall, ...] = ()
    fallback: "Plan | None" = None
    """Serves instead when the chain cannot carry a request forward: an older handler that still runs."""

    def __post_init__(self) -> None:
        force_setattr(self, "before_calls", tuple((hook.stage, hook.call, hook.is_async) for hook in self.before))
        force_setattr(self, "after_calls", tuple((hook.stage, hook.call, hook.is_async) for hook in self.after))
