"""What a program declares: routes, collected by routers, not yet looked into.

Source: SPEC 3.1.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypedDict, final

from msgspec import Struct
from msgspec.structs import replace

from perdure.config import check_types
from perdure.errors import ConfigError, RouteDefinitionError
from perdure.lifecycle.arguments import HANDLER, SOCKET, Callback, describe, inspect_callback
from perdure.lifecycle.hooks import Hook, PlannedHook, plan_hook
from perdure.routing.templates import Converter, PathTemplate

__all__ = ["METHODS", "SOCKET_METHOD", "Declaration", "HookLike", "RouteKeywords", "RouteOptions", "declare"]

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
"""The methods a route can serve."""

SOCKET_METHOD = "(WEBSOCKET)"
"""Where WebSocket handlers are filed; parentheses cannot stand in a method a client sends."""

HookLike = Hook | Callable[..., object]
"""A hook function, or one with options."""


@final
class RouteOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be said of a route beside its path, method and handler."""

    id: str | None = None
    """Handler id in manifests and TSVs; the function's name by default."""
    version: str | None = None
    """The version this handler speaks (a date, an instant or a label), where several serve one endpoint."""
    status: int | None = None
    """Status of a normal answer; 200 by default."""
    timeout_s: float | None = None
    """Instead of the configuration's."""
    body_limit_bytes: int | None = None
    """Instead of the configuration's."""
    cancel_on_disconnect: bool = True
    """Cancel the handler when its client leaves."""
    summary: str = ""
    """A line about the endpoint; the first of the docstring by default."""
    deprecated: bool = False

    def __post_init__(self) -> None:
        check_types(self)
        if self.timeout_s is not None and self.timeout_s <= 0:
            raise ConfigError(f"timeout_s must be greater than 0, not {self.timeout_s!r}")
        if self.body_limit_bytes is not None and self.body_limit_bytes < 0:
            raise ConfigError(f"body_limit_bytes must not be negative, not {self.body_limit_bytes!r}")
        if self.status is not None and not 200 <= self.status <= 399:
            raise ConfigError(f"status must be 200 to 399, not {self.status!r}; raise a Problem for an error")


class RouteKeywords(TypedDict, total=False):
    """The keywords of `Router.route` and its kin; `RouteOptions` says what they mean."""

    id: str | None
    version: str | None
    status: int | None
    timeout_s: float | None
    body_limit_bytes: int | None
    cancel_on_disconnect: bool
    summary: str
    deprecated: bool


@final
class Declaration(Struct, frozen=True, kw_only=True):
    """One handler, as registered."""

    callback: Callback
    methods: tuple[str, ...]
    template: PathTemplate
    options: RouteOptions
    before: tuple[PlannedHook, ...]
    after: tuple[PlannedHook, ...]
    catch: tuple[PlannedHook, ...]
    local_names: Mapping[str, Any]
    """Names of the function the handler is defined in, for its annotations."""

    @property
    def where(self) -> str:
        """Function, file and line, for messages."""
        return describe(self.callback.fn)

    @property
    def is_socket(self) -> bool:
        """It serves a WebSocket."""
        return self.methods == (SOCKET_METHOD,)

    def serves_like(self, other: "Declaration") -> bool:
        """Return whether no request could tell this from *other*: a method, path and version are the same."""
        return (
            self.template.parts == other.template.parts
            and self.options.version == other.options.version
            and not {*self.methods}.isdisjoint(other.methods)
        )

    def under(
        self, prefix: str, before: tuple[PlannedHook, ...], after: tuple[PlannedHook, ...],
        catch: tuple[PlannedHook, ...], converters: tuple[Converter, ...],
    ) -> "Declaration":  # fmt: skip
        """Return this declaration mounted under *prefix*, behind a router's hooks."""
        text = self.template.text
        text = prefix + text if text != "/" or not prefix else prefix
        return replace(
            self, template=PathTemplate.parse(text, converters), before=(*before, *self.before),
            after=(*after, *self.after), catch=(*catch, *self.catch),
        )  # fmt: skip


def declare(
    fn: Callable[..., Any], path: str, methods: tuple[str, ...], options: RouteOptions, *,
    before: tuple[HookLike, ...] = (), after: tuple[HookLike, ...] = (), catch: tuple[HookLike, ...] = (),
    converters: tuple[Converter, ...] = (), local_names: Mapping[str, Any] | None = None,
) -> Declaration:  # fmt: skip
    """Check *fn* and its path.

    Raises:
        SignatureError: *fn*, or a hook, takes what it cannot be given.
        RouteDefinitionError: *path* is no template, or a method is unknown.
    """
    methods = tuple(method.upper() for method in methods)
    unknown = [method for method in methods if method not in {*METHODS, SOCKET_METHOD}]
    if unknown or not methods:
        raise RouteDefinitionError(
            f"{describe(fn)}: {', '.join(unknown) or 'no method'} is none of {', '.join(METHODS)}"
        )
    return Declaration(
        callback=inspect_callback(fn, SOCKET if methods == (SOCKET_METHOD,) else HANDLER),
        methods=tuple(dict.fromkeys(methods)), template=PathTemplate.parse(path, converters), options=options,
        before=tuple(plan_hook(hook, "before", "route") for hook in before),
        after=tuple(plan_hook(hook, "after", "route") for hook in after),
        catch=tuple(plan_hook(hook, "catch", "route") for hook in catch),
        local_names=dict(local_names or {}),
    )  # fmt: skip
