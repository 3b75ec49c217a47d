"""Routers: collect routes, in any file, to be mounted under a prefix of an `App` or of each other.

Source: SPEC 3.1.
"""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from typing_extensions import Unpack

from perdure.errors import ConfigError, DefinitionError, DuplicateRouteError, RouteDefinitionError
from perdure.lifecycle.arguments import describe
from perdure.lifecycle.hooks import plan_hook
from perdure.routing.declaration import SOCKET_METHOD, Declaration, HookLike, RouteKeywords, RouteOptions, declare
from perdure.routing.templates import Converter

__all__ = ["Router"]

F = TypeVar("F", bound=Callable[..., Any])


class Router:
    """A group of routes.

    Args:
        prefix: What all its paths begin with: ``/orders``. May have parameters.
        before: Hooks of all its routes, which run before their own; *after* and *catch* likewise run after theirs.
        converters: Path converters of the program, besides the standard ones.
    Raises:
        RouteDefinitionError: *prefix* does not begin with a slash, or ends with one.
        SignatureError: A hook takes what it cannot be given.
        ConfigError: *before*, *after* or *catch* is no list.
    """

    def __init__(
        self, prefix: str = "", *, before: Sequence[HookLike] = (), after: Sequence[HookLike] = (),
        catch: Sequence[HookLike] = (), converters: Iterable[Converter] = (),
    ) -> None:  # fmt: skip
        _check_prefix(prefix)
        self._prefix = prefix
        self._converters = tuple(converters)
        self._before_all = tuple(plan_hook(hook, "before", "route") for hook in _hooks("before", before))
        self._after_all = tuple(plan_hook(hook, "after", "route") for hook in _hooks("after", after))
        self._catch_all = tuple(plan_hook(hook, "catch", "route") for hook in _hooks("catch", catch))
        self._declarations: list[Declaration] = []
        self._mounted: list[tuple[str, Router]] = []
        self._closed = False

    def route(
        self, path: str, methods: Sequence[str] = ("GET",), *, before: Sequence[HookLike] = (),
        after: Sequence[HookLike] = (), catch: Sequence[HookLike] = (), **options: Unpack[RouteKeywords],
    ) -> Callable[[F], F]:  # fmt: skip
        """Register the decorated function for *methods* at *path*.

        Args:
            path: Template: ``/orders/{order_id:uuid}``.
            before: Hooks of this route alone; *after* and *catch* likewise.
            options: See `RouteOptions`.
        Raises:
            SignatureError: The function, or a hook, takes what it cannot be given.
            RouteDefinitionError: *path* is no template or not there, or a method is unknown.
            DuplicateRouteError: The same router serves a method at *path* and version already.
            ConfigError: An option has a value that cannot be used.
            DefinitionError: The app is compiled already.
        """
        _check_path(path)
        if isinstance(methods, str):
            raise RouteDefinitionError(
                f"methods of {path} must be a list, not {methods!r}: write methods=[{methods!r}]"
            )
        route_options = RouteOptions(**options)

        def register(fn: F) -> F:
            declaration = declare(
                fn, path, tuple(methods), route_options, before=_hooks("before", before),
                after=_hooks("after", after), catch=_hooks("catch", catch), converters=self._converters,
                local_names=_names_around(fn),
            )  # fmt: skip
            self._refuse_when_closed()
            self._refuse_twins(declaration)
            self._declarations.append(declaration)
            return fn

        return register

    def get(
        self, path: str, *, before: Sequence[HookLike] = (), after: Sequence[HookLike] = (),
        catch: Sequence[HookLike] = (), **options: Unpack[RouteKeywords],
    ) -> Callable[[F], F]:  # fmt: skip
        """Serve GET (and HEAD) at *path*; as `route`."""
        return self.route(path, ("GET",), before=before, after=after, catch=catch, **options)

    def post(
        self, path: str, *, before: Sequence[HookLike] = (), after: Sequence[HookLike] = (),
        catch: Sequence[HookLike] = (), **options: Unpack[RouteKeywords],
    ) -> Callable[[F], F]:  # fmt: skip
        """Serve POST at *path*; as `route`."""
        return self.route(path, ("POST",), before=before, after=after, catch=catch, **options)

    def put(
        self, path: str, *, before: Sequence[HookLike] = (), after: Sequence[HookLike] = (),
        catch: Sequence[HookLike] = (), **options: Unpack[RouteKeywords],
    ) -> Callable[[F], F]:  # fmt: skip
        """Serve PUT at *path*; as `route`."""
        return self.route(path, ("PUT",), before=before, after=after, catch=catch, **options)

    def patch(
        self, path: str, *, before: Sequence[HookLike] = (), after: Sequence[HookLike] = (),
        catch: Sequence[HookLike] = (), **options: Unpack[RouteKeywords],
    ) -> Callable[[F], F]:  # fmt: skip
        """Serve PATCH at *path*; as `route`."""
        return self.route(path, ("PATCH",), before=before, after=after, catch=catch, **options)

    def delete(
        self, path: str, *, before: Sequence[HookLike] = (), after: Sequence[HookLike] = (),
        catch: Sequence[HookLike] = (), **options: Unpack[RouteKeywords],
    ) -> Callable[[F], F]:  # fmt: skip
        """Serve DELETE at *path*; as `route`."""
        return self.route(path, ("DELETE",), before=before, after=after, catch=catch, **options)

    def head(
        self, path: str, *, before: Sequence[HookLike] = (), after: Sequence[HookLike] = (),
        catch: Sequence[HookLike] = (), **options: Unpack[RouteKeywords],
    ) -> Callable[[F], F]:  # fmt: skip
        """Serve HEAD at *path* otherwise than by its GET handler; as `route`."""
        return self.route(path, ("HEAD",), before=before, after=after, catch=catch, **options)

    def options(
        self, path: str, *, before: Sequence[HookLike] = (), after: Sequence[HookLike] = (),
        catch: Sequence[HookLike] = (), **options: Unpack[RouteKeywords],
    ) -> Callable[[F], F]:  # fmt: skip
        """Serve OPTIONS at *path* otherwise than by listing its methods; as `route`."""
        return self.route(path, ("OPTIONS",), before=before, after=after, catch=catch, **options)

    def websocket(
        self, path: str, *, before: Sequence[HookLike] = (), after: Sequence[HookLike] = (),
        catch: Sequence[HookLike] = (), **options: Unpack[RouteKeywords],
    ) -> Callable[[F], F]:  # fmt: skip
        """Serve WebSockets at *path*: the function takes any of ``req, ws, lctx, gctx``; as `route`."""
        return self.route(path, (SOCKET_METHOD,), before=before, after=after, catch=catch, **options)

    def mount(self, router: "Router", prefix: str = "") -> None:
        """Serve the routes of *router*, also those it gets later, under *prefix* and its own.

        Raises:
            RouteDefinitionError: *prefix* does not begin with a slash, or ends with one.
            DefinitionError: The app is compiled already.
        """
        _check_prefix(prefix)
        self._refuse_when_closed()
        self._mounted.append((prefix, router))

    def declarations(self) -> tuple[Declaration, ...]:
        """Return all routes, those of mounted routers included, with full paths and hooks."""
        own = [*self._declarations]
        for prefix, router in self._mounted:
            own.extend(each.under(prefix, (), (), (), self._all_converters()) for each in router.declarations())
        hooks = (self._before_all, self._after_all, self._catch_all)
        return tuple(each.under(self._prefix, *hooks, self._all_converters()) for each in own)

    def close(self) -> None:
        """Take no more routes, here and in all mounted routers: an app that is compiled would not serve them."""
        self._closed = True
        for _, router in self._mounted:
            router.close()

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise DefinitionError("the app is compiled already; register before it is served")

    def _refuse_twins(self, declaration: Declaration) -> None:
        for other in self._declarations:
            if other.serves_like(declaration):
                methods, path = ", ".join(declaration.methods), declaration.template.text
                raise DuplicateRouteError(
                    f"{methods} {path} is served twice: by {other.where} and by {declaration.where}; give each a "
                    "version of its own"
                )

    def _all_converters(self) -> tuple[Converter, ...]:
        mounted = (converter for _, router in self._mounted for converter in router._all_converters())  # noqa: SLF001
        return (*mounted, *self._converters)


def _hooks(name: str, given: object) -> tuple[HookLike, ...]:
    """Return hooks as a tuple, having refused what is one hook instead of a list of them."""
    if not isinstance(given, Iterable) or isinstance(given, str | Mapping):
        raise ConfigError(f"{name} must be a list of hooks, not {given!r}: write {name}=[...]")
    return tuple(given)


def _check_path(path: object) -> None:
    """Refuse a decorator without its path: ``@app.get`` gets the function in its place."""
    if not isinstance(path, str):
        shown = describe(path) if callable(path) else repr(path)
        raise RouteDefinitionError(
            f'{shown}: a route needs a path, and gets its function after it: @app.get("/orders")'
        )


def _check_prefix(prefix: str) -> None:
    if prefix and (not prefix.startswith("/") or prefix.endswith("/")):
        raise RouteDefinitionError(f"a prefix begins with a slash and does not end with one: {prefix!r}")


def _names_around(fn: Callable[..., Any]) -> dict[str, Any]:
    """Return the local names of the function that defines *fn*, where one does: its annotations may use them."""
    if "<locals>" not in getattr(fn, "__qualname__", ""):
        return {}
    frame = sys._getframe(2)  # noqa: SLF001 - there is no public way to ask
    return dict(frame.f_locals)
