"""What a program declares: routes, collected by routers, not yet looked into.

Source: SPEC 3.1.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypedDict, final

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from perdure.config import CorsSettings, Priority, RateLimit, check_types
from perdure.errors import ConfigError, RouteDefinitionError, SecretMissingError
from perdure.lifecycle.arguments import HANDLER, SOCKET, Callback, describe, inspect_callback
from perdure.lifecycle.hooks import Hook, PlannedHook, plan_hook
from perdure.policy.base import AuthMode, RoutePolicy
from perdure.routing.templates import Converter, PathTemplate
from perdure.secrets.base import check_name

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
    auth: AuthMode | None = None
    """Whether credentials are looked at (``off``: no), wanted (``optional``) or needed (``required``); None: as
    `AuthSettings.mode` says."""
    public: bool = False
    """For everyone: what ``deny_by_default`` does not close."""
    roles: Collection[str] = ()
    """A client needs one of these roles."""
    all_roles: Collection[str] = ()
    """A client needs all of these roles."""
    scopes: Collection[str] = ()
    """A client needs all of these scopes."""
    rate_limit: str | RateLimit | Collection[str | RateLimit] = ()
    """How often: ``"100/minute"`` for each client, or a `RateLimit`, or several that all hold."""
    concurrency: int | None = None
    """Requests of this route in the works in one process, at most; more read 503."""
    priority: Priority = "normal"
    """Who is turned away first when there is too much to do: ``low``, ``normal``, ``high``; ``critical`` never is."""
    secrets: Collection[str] = ()
    """Names of the secrets the handler may read from ``gctx.secrets``."""
    cors: CorsSettings | None = None
    """Which pages of other origins may call, in place of the configuration's."""
    policy: RoutePolicy = RoutePolicy()
    """What the options above say together; made by itself."""

    def __post_init__(self) -> None:
        check_types(self)
        force_setattr(self, "policy", _policy(self))
        force_setattr(self, "secrets", _secret_names(self.secrets))
        if self.timeout_s is not None and self.timeout_s <= 0:
            raise ConfigError(f"timeout_s must be greater than 0, not {self.timeout_s!r}")
        if self.body_limit_bytes is not None and self.body_limit_bytes < 0:
            raise ConfigError(f"body_limit_bytes must not be negative, not {self.body_limit_bytes!r}")
        if self.status is not None and not 200 <= self.status <= 399:
            raise ConfigError(f"status must be 200 to 399, not {self.status!r}; raise a Problem for an error")


def _policy(options: RouteOptions) -> RoutePolicy:
    """Return what *options* say about who may call.

    Raises:
        ConfigError: They contradict each other, or name nothing.
    """
    _refuse_empty(options)
    return RoutePolicy(
        auth=options.auth, public=options.public, roles=_names("roles", options.roles),
        all_roles=_names("all_roles", options.all_roles), scopes=_names("scopes", options.scopes),
        rate_limits=_rate_limits(options.rate_limit), concurrency=options.concurrency, priority=options.priority,
    )  # fmt: skip


def _refuse_empty(options: RouteOptions) -> None:
    """Refuse demands that were worked out to be none: a route for everyone says so."""
    given = {"roles": options.roles, "all_roles": options.all_roles, "scopes": options.scopes}
    for name, each in given.items():
        if not each and each != ():
            raise ConfigError(f"{name} is empty: name what a client needs, or leave {name} out and say public=True")


def _names(option: str, given: object) -> frozenset[str]:
    if isinstance(given, str) or not isinstance(given, Collection) or not all(_is_name(each) for each in given):
        raise ConfigError(f'{option} must be a set of names, not {given!r}: write {option}={{"clerk"}}')
    return frozenset(given)


def _secret_names(given: object) -> frozenset[str]:
    names = _names("secrets", given)
    for name in names:
        try:
            check_name(name)
        except SecretMissingError as error:
            raise ConfigError(f"secrets: {error}") from error
    return names


def _is_name(text: object) -> bool:
    return isinstance(text, str) and text.isascii() and text.isprintable() and bool(text) and not {*text} & {*' "\\'}


def _rate_limits(given: str | RateLimit | Collection[str | RateLimit]) -> tuple[RateLimit, ...]:
    several = (given,) if isinstance(given, str | RateLimit) else tuple(given)
    if not all(isinstance(each, str | RateLimit) for each in several):
        raise ConfigError(f'rate_limit must be like "100/minute", a RateLimit or a list of these, not {given!r}')
    return tuple(each if isinstance(each, RateLimit) else RateLimit(each) for each in several)


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
    auth: AuthMode | None
    public: bool
    roles: Collection[str]
    all_roles: Collection[str]
    scopes: Collection[str]
    rate_limit: str | RateLimit | Collection[str | RateLimit]
    concurrency: int | None
    priority: Priority
    secrets: Collection[str]
    cors: CorsSettings | None


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
