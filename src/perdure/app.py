"""The App: the public face of registration.

Source: SPEC 2, 3; DESIGN "The house".
"""

import asyncio
import inspect
import logging
import sys
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar, final, overload

from perdure.assembly import Parts, Runtime
from perdure.config import Config, Resolved, invocation, resolve
from perdure.context.global_ import GlobalContext
from perdure.context.metrics import MetricsView
from perdure.errors import ConfigError, RevisionError, SignatureError
from perdure.identity.base import Scheme
from perdure.ingress.asgi import AsgiAdapter, Receive, Scope, Send
from perdure.lifecycle.arguments import describe, inspect_callback
from perdure.lifecycle.execution import Observer
from perdure.lifecycle.hooks import Hook, HookKind, PlannedHook, plan_hook
from perdure.manifest.records import Api, HandlerManifest
from perdure.modules.local import LocalModules
from perdure.rollout.opening import FORGETFUL, StorePlace
from perdure.rollout.rollout import Rollout
from perdure.routing.catalogue import RouteInfo
from perdure.routing.plan_compiler import GlobalHooks
from perdure.routing.router import Router
from perdure.routing.templates import Converter
from perdure.store.base import Store
from perdure.telemetry.app_metrics import AppMetrics
from perdure.timescape.loading import load_revisions
from perdure.timescape.timescape import Timescape

__all__ = ["App"]

F = TypeVar("F", bound=Callable[..., Any])
HookT = TypeVar("HookT", bound=Callable[..., Any] | Hook)
Lifespan = Callable[[GlobalContext[Any]], AbstractAsyncContextManager[Any]]
"""Called with the Global Context; what it returns is entered at start and left at the end."""

_log = logging.getLogger("perdure.app")


@final
class App(Router):
    """An HTTP API.

    Serve it with `perdure serve`, any RSGI server (Granian) or any ASGI server.

    Args:
        name: What the API is called.
        revisions: Folder of the revision files, relative to the file that makes the app. The default, ``revisions``,
            need not exist.
        config: Settings.
        lifespan: Entered when the server starts, left when it stops; called with the Global Context.
        converters: Path converters of the program, besides the standard ones.
        auth: Schemes of authentication of the program's own, besides those of the configuration.
    Raises:
        RevisionError: *revisions* is named but does not exist.
        ConfigError: *config* is no `Config`.
    """

    def __init__(
        self, name: str, *, revisions: str | Path | None = None, config: Config | None = None,
        lifespan: Lifespan | None = None, converters: Iterable[Converter] = (), auth: Iterable[Scheme] = (),
    ) -> None:  # fmt: skip
        super().__init__(converters=converters)
        if config is not None and not isinstance(config, Config):
            raise ConfigError(f"config is a perdure.Config, not {config!r}")
        self.name = name
        self._given = config or Config()
        self._invocation = invocation()
        self._resolved: Resolved | None = None
        caller = sys._getframe(1)  # noqa: SLF001 - there is no public way to ask who calls
        self._beside = beside = Path(caller.f_code.co_filename).parent.absolute()
        self._revisions = _revisions_folder(revisions, beside)
        self.revisions_folder = self._revisions or beside / "revisions"
        """Where the revision files are, or would be."""
        self._lifespan = lifespan
        self._schemes = tuple(auth)
        self._startup: list[Callable[..., Any]] = []
        self._shutdown: list[Callable[..., Any]] = []
        self._modules = LocalModules()
        self._metrics = AppMetrics()
        self._hooks: dict[HookKind, list[PlannedHook]] = {"before": [], "after": [], "catch": []}
        self._observers: list[Observer] = []
        self._runtime: Runtime | None = None
        self._starting: asyncio.Task[None] | None = None
        self._stack: AsyncExitStack | None = None
        self._is_ready = False
        self._store_place: StorePlace | None = None
        self._asgi = AsgiAdapter(lambda: self._compiled().door, self.start, self.stop)

    @overload
    def before(self, fn: HookT, /) -> HookT: ...

    @overload
    def before(self, /, *, timeout_s: float | None = None, retries: int = 0) -> Callable[[F], F]: ...

    def before(self, fn: Any = None, /, *, timeout_s: float | None = None, retries: int = 0) -> Any:
        """Run the decorated function before every handler; ``@app.before(timeout_s=1)`` gives it a time limit.

        It takes any of ``req, res, lctx, gctx``. What it returns, unless None, is the answer; then the handler is not
        called.

        Raises:
            SignatureError: It takes something else.
        """
        return self._register_hook("before", fn, timeout_s, retries)

    @overload
    def after(self, fn: HookT, /) -> HookT: ...

    @overload
    def after(self, /, *, timeout_s: float | None = None, retries: int = 0) -> Callable[[F], F]: ...

    def after(self, fn: Any = None, /, *, timeout_s: float | None = None, retries: int = 0) -> Any:
        """Run the decorated function after every handler that did not fail; what it returns is ignored.

        Raises:
            SignatureError: It takes something else.
        """
        return self._register_hook("after", fn, timeout_s, retries)

    @overload
    def catch(self, fn: HookT, /) -> HookT: ...

    @overload
    def catch(self, /, *, timeout_s: float | None = None, retries: int = 0) -> Callable[[F], F]: ...

    def catch(self, fn: Any = None, /, *, timeout_s: float | None = None, retries: int = 0) -> Any:
        """Run the decorated function when a request fails; it may take ``error`` too, first.

        What it returns, unless None, is the answer in place of the problem.

        Raises:
            SignatureError: It takes something else.
        """
        return self._register_hook("catch", fn, timeout_s, retries)

    def startup(self, fn: F) -> F:
        """Run the decorated function, sync or async, when the server starts. It may take ``gctx``.

        Raises:
            SignatureError: It takes something else.
        """
        self._refuse_when_closed()
        self._startup.append(_callback(fn))
        return fn

    def shutdown(self, fn: F) -> F:
        """Run the decorated function when the server stops, last registered first; as `startup`."""
        self._refuse_when_closed()
        self._shutdown.append(_callback(fn))
        return fn

    def module(self, name: str, target: object) -> None:
        """Make *target* reachable for handlers as ``gctx.modules.<name>``.

        Raises:
            DefinitionError: *name* is no identifier, or is taken.
        """
        self._refuse_when_closed()
        self._modules.register(name, target)

    def observe(self, observer: Observer) -> None:
        """Call *observer* with the `Execution` of every finished request, on the event loop; it must be quick."""
        self._observers.append(observer)

    @property
    def config(self) -> Config:
        """The settings: what the code says, then the settings file, the environment and the command line.

        Raises:
            SettingsError: A setting is unknown or cannot be used; all that are wrong are told, with their places.
        """
        return self.resolved.config

    @property
    def resolved(self) -> Resolved:
        """The settings, and where each is from; read once. Raises as `config`."""
        if self._resolved is None:
            self._resolved = resolve(self._given, self._beside, self._invocation)
        return self._resolved

    def routes(self) -> tuple[RouteInfo, ...]:
        """Return every endpoint there is or was; raises as `compile`."""
        return self._compiled().catalogue.route_infos()

    def manifests(self) -> tuple[HandlerManifest, ...]:
        """Return the manifest of every handler; raises as `compile`."""
        return self._compiled().catalogue.manifests()

    def api(self) -> Api:
        """Return the API as the code declares it now; raises as `compile`."""
        return self._compiled().catalogue.api()

    def timescape(self) -> Timescape:
        """Return the versions of the API, for tools; raises as `compile`."""
        return self._compiled().catalogue.timescape

    def unserved(self) -> tuple[tuple[str, str], ...]:
        """Return the (version, endpoint) pairs that are recorded but that no handler serves; raises as `compile`."""
        return self._compiled().catalogue.unserved

    def keep_versions_in(self, place: StorePlace) -> None:
        """Keep what is decided about versions at *place*, whatever the configuration says; for what starts servers."""
        self._store_place = place

    def rollout_in(self, store: Store) -> Rollout:
        """Return the rollout of this app's versions, as *store* has it; for tools. Raises as `compile`."""
        return self._compiled().rollout_in(store)

    @property
    def store(self) -> Store:
        """The store, while the app runs: versions and what is decided about them, API keys.

        Raises:
            StoreError: The app is not started, or keeps nothing.
        """
        return self._compiled().store()

    @property
    def metrics(self) -> MetricsView:
        """Metrics of the program's own; handlers have them as ``gctx.metrics`` too."""
        return self._metrics.view

    def share_metrics(self, folder: Path, number: int) -> None:
        """Count where the other processes of a server read it; for what starts servers.

        Args:
            folder: Of the server: see `perdure.telemetry.run_folder.RunFolder`.
            number: Which of its processes this is; no two have the same.
        Raises:
            OSError: The folder cannot be used.
        """
        self._metrics.share(folder, number)

    def masked(self, text: str) -> str:
        """Return *text* with ``***`` for the value of every secret that was read; for what is printed."""
        return text if self._runtime is None else self._runtime.secrets.mask(text)

    def openapi(self, version: str | None = None) -> dict[str, object]:
        """Return the OpenAPI 3.1 document of a version, as plain data; raises as `compile`.

        Args:
            version: Anything a client may ask for, but for a TSV; None for what one gets that asks for nothing.
        Raises:
            UnknownVersionError: There is no such version.
        """
        runtime = self._compiled()
        timescape = runtime.catalogue.timescape
        return runtime.documents.describe(timescape.default if version is None else timescape.resolve(version))

    def compile(self) -> None:
        """Plan every endpoint at every version; done by itself when the server starts. Nothing can be registered after.

        Raises:
            DefinitionError: Something about a handler, a type or a revision is wrong; the message says what and where.
        """
        if self._runtime is None:
            self._runtime = self._build()
            self.close()

    async def start(self) -> None:
        """Run the start-up functions, once; servers call this. Not cancel-safe.

        Raises:
            DefinitionError: As `compile`.
            Exception: What a start-up function raised.
        """
        if self._starting is None:
            self._starting = asyncio.ensure_future(self._start())
        if not self._starting.done():
            await self._starting
        self._starting.result()

    def drain(self) -> None:
        """Tell load balancers, by ``/readyz``, that this process wants no more requests; it goes on answering them."""
        self._is_ready = False

    def interrupt(self) -> int:
        """Interrupt all requests: their clients read 503, and what they did is compensated. Return how many there were.

        Servers call this when requests have had their time to finish.
        """
        return self._compiled().controller.deadlines.interrupt_all()

    async def stop(self) -> None:
        """Run the shutdown functions; servers call this when no request is left. Not cancel-safe."""
        self.drain()
        self._starting = None
        stack, self._stack = self._stack, None
        if stack is not None:
            await stack.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve ASGI."""
        if scope["type"] != "lifespan":  # there, a definition that is wrong must reach the server as a failed start
            self._compiled().controller.deadlines.move_to(asyncio.get_running_loop())
        await self._asgi.serve(scope, receive, send)

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start; called by RSGI servers."""
        loop.run_until_complete(self.start())

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Stop; called by RSGI servers."""
        loop.run_until_complete(self.stop())

    @property
    def __rsgi__(self) -> Callable[[Any, Any], Coroutine[Any, Any, None]]:
        """What serves RSGI: the adapter's own method, so that no request pays for passing through here."""
        return self._compiled().rsgi.serve

    def _register_hook(self, kind: HookKind, fn: Any, timeout_s: float | None, retries: int) -> Any:
        def register(fn: F) -> F:
            self._refuse_when_closed()
            hook = fn if isinstance(fn, Hook) else Hook(fn, timeout_s, retries)
            self._hooks[kind].append(plan_hook(hook, kind, "global"))
            return fn

        return register if fn is None else register(fn)

    def _compiled(self) -> Runtime:
        self.compile()
        assert self._runtime is not None  # noqa: S101 - compile has just set it
        return self._runtime

    def _build(self) -> Runtime:
        revisions = load_revisions(self._revisions) if self._revisions is not None else ()
        hooks = GlobalHooks(**{kind: tuple(planned) for kind, planned in self._hooks.items()})
        parts = Parts(
            name=self.name, config=self.config, declarations=self.declarations(), revisions=revisions, hooks=hooks,
            modules=self._modules, schemes=self._schemes, observers=self._observers, is_ready=lambda: self._is_ready,
            metrics=self._metrics,
            is_development=self._invocation.is_development,
        )  # fmt: skip
        return Runtime(parts)

    async def _start(self) -> None:
        runtime = self._compiled()
        url = self.config.store_url
        place = self._store_place or (StorePlace(url=url) if url is not None else FORGETFUL)
        async with AsyncExitStack() as stack:
            await runtime.open(place, stack)
            if self._lifespan is not None:
                await stack.enter_async_context(self._lifespan(runtime.gctx))
            for fn in self._shutdown:
                stack.push_async_callback(_call, fn, runtime.gctx)
            for fn in self._startup:
                await _call(fn, runtime.gctx)
            await runtime.admit(stack)
            self._stack = stack.pop_all()
        self._is_ready = True


def _revisions_folder(given: str | Path | None, beside: Path) -> Path | None:
    folder = beside / (given if given is not None else "revisions")
    if folder.is_dir():
        return folder
    if given is not None:
        raise RevisionError(f"there is no folder {folder}; make it, or leave out revisions=")
    return None


def _callback(fn: Callable[..., Any]) -> Callable[..., Any]:
    callback = inspect_callback(fn, ("gctx",))
    if callback.streams:
        raise SignatureError(f"{describe(fn)} yields: what opens and closes something is App(lifespan=...)")
    return callback.call


async def _call(fn: Callable[..., Any], gctx: GlobalContext[Any]) -> None:
    outcome = fn(gctx)
    if inspect.isawaitable(outcome):
        await outcome
