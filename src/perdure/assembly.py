"""The parts of an app, put together: the one place where the components meet.

Source: SPEC 2; DESIGN "The house".
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any, final

from msgspec import Struct

from perdure.audit.opening import Audit
from perdure.clock import SystemClock
from perdure.config import Config, MetricsSettings, environment
from perdure.context.global_ import GlobalContext
from perdure.context.recording import Recorder
from perdure.context.streaming import StreamRecorder
from perdure.context.trace import private_bits
from perdure.errors import StoreError
from perdure.identity.api_keys import open_keys
from perdure.identity.base import Scheme
from perdure.identity.opening import open_authenticator
from perdure.ids import RequestIds
from perdure.ingress.cors import Cors
from perdure.ingress.documents import Documents
from perdure.ingress.door import Door
from perdure.ingress.health import Health
from perdure.ingress.metrics_page import MetricsPage
from perdure.ingress.refusal import render
from perdure.ingress.rsgi import RsgiAdapter
from perdure.ingress.unserved import Unserved
from perdure.lifecycle.cleanup import Cleanup
from perdure.lifecycle.controller import Controller
from perdure.lifecycle.execution import Observer
from perdure.logs.access import AccessLog
from perdure.modules.local import LocalModules
from perdure.policy.capacity import Capacity
from perdure.policy.clients import Clients
from perdure.policy.gates import Gates
from perdure.policy.opening import open_counters
from perdure.rollout.health import Condition, Seen
from perdure.rollout.opening import FORGETFUL, StorePlace, open_rollout
from perdure.rollout.rollout import Rollout
from perdure.routing.catalogue import Catalogue
from perdure.routing.declaration import Declaration
from perdure.routing.plan_compiler import GlobalHooks
from perdure.secrets.opening import open_secrets
from perdure.store.base import Store
from perdure.telemetry.app_metrics import AppMetrics
from perdure.telemetry.otel_variables import plan_telemetry
from perdure.telemetry.requests import RequestMetrics
from perdure.telemetry.streams import StreamMetrics
from perdure.telemetry.table import ACTIVE, AUDIT_LOST, LOOK_UPS
from perdure.telemetry.version_health import VersionHealth
from perdure.timescape.recorded import RecordedRevision
from perdure.timescape.timescape import Timescape
from perdure.timescape.view import VersionsView

if TYPE_CHECKING:
    from perdure.telemetry.exports import Exports
    from perdure.telemetry.tracer import Tracer

__all__ = ["Parts", "Runtime"]

_log = logging.getLogger("perdure.app")


@final
class Parts(Struct, frozen=True, kw_only=True):
    """What a program says about its app."""

    name: str
    config: Config
    declarations: Sequence[Declaration]
    revisions: Sequence[RecordedRevision]
    hooks: GlobalHooks
    modules: LocalModules
    schemes: Sequence[Scheme]
    """Of authentication, beside those of the configuration."""
    observers: list[Observer]
    """More may come while the app runs."""
    is_ready: Callable[[], bool]
    metrics: AppMetrics
    is_development: bool = False
    """Whether somebody works on the app."""


@final
class Runtime:
    """What a compiled app consists of. Made without asking anything of the world; `open` does that.

    Raises:
        DefinitionError: Something about a handler, a type, a revision or a setting is wrong; the message says what.
    """

    def __init__(self, parts: Parts) -> None:
        config, clock = parts.config, SystemClock()
        self._name = parts.name
        self._config = config
        self._metrics = parts.metrics
        self._version_health = VersionHealth(parts.metrics.registry)
        self._store: Store | None = None
        self.secrets = open_secrets(config.secrets, environment(), clock)
        parts.metrics.view.mask = self.secrets.mask
        schemes = list(parts.schemes)
        if config.auth.api_keys is not None:
            realm = config.auth.realm
            schemes.append(open_keys(self.store, parts.name, config.auth.api_keys, clock, realm=realm))
        read_secret = self.secrets.view_for("identity").get
        self._authenticator = open_authenticator(config.auth, parts.name, clock, read_secret, schemes)
        challenges = () if self._authenticator is None else self._authenticator.challenges
        clients, read_secret = Clients(), self.secrets.view_for("rates").get
        self._counters = open_counters(config.rates, parts.name, clock, read_secret)
        self._capacity = Capacity(config.capacity, clients)
        gates = Gates(config, challenges, config.auth.realm or parts.name, self._counters, clients)
        self.catalogue = Catalogue(
            config, parts.declarations, parts.revisions, parts.hooks, tuple(parts.modules), gates.gate,
            "off" if self._authenticator is None else config.auth.mode,
        )  # fmt: skip
        _warn_of_unserved(self.catalogue)
        timescape = self.catalogue.timescape
        view = VersionsView(timescape, self.catalogue.transformers)
        self.gctx = GlobalContext[Any](
            config=config,
            modules=parts.modules,
            timescape=view,
            secrets=self.secrets.view(),
            metrics=parts.metrics.view,
        )
        threads = ThreadPoolExecutor(config.worker_threads, thread_name_prefix=f"perdure-{parts.name}")
        is_told = parts.is_development if config.logs.access is None else config.logs.access
        self._access = AccessLog(config.logs, clock) if is_told else None
        counting = self._open_metrics(config.metrics)
        recorders: tuple[Recorder, ...] = () if counting is None else (counting,)
        recorders += () if self._access is None else (self._access,)
        self._audit = self._open_audit(config)
        recorders += () if self._audit is None else (self._audit.recorder,)
        self._exports = self._open_exports(config, clock)
        tracer = None if self._exports is None else self._exports.tracer
        recorders += () if tracer is None else (tracer,)
        cleanup = Cleanup(render, config.cleanup_timeout_s)
        self.controller = Controller(self.gctx, cleanup, threads, recorders, parts.observers)
        self.controller.stream_recorders = self._stream_recorders(tracer, counts=counting is not None)
        self.documents = Documents(parts.name, config, self.catalogue, parts.schemes)
        page = MetricsPage(config.metrics, self._metrics.collect, self.secrets.view_for("metrics").get)
        unserved = Unserved(self.catalogue.routes, Health(parts.is_ready), page, self.documents, Cors(config))
        identify = None if self._authenticator is None else self._authenticator.identify
        self.door = Door(
            config, self.catalogue.routes, self.controller, unserved, RequestIds(clock), timescape, identify,
            self._capacity, recorders,
        )  # fmt: skip
        if self._exports is not None and tracer is not None:
            self.door.least, self.door.least_of_callers = self._exports.least, self._exports.least_of_callers
            self.controller.entered = tracer.entered
        self.rsgi = RsgiAdapter(self.door)

    def store(self) -> Store:
        """Return the store.

        Raises:
            StoreError: The app is not started, or keeps nothing.
        """
        if self._store is None:
            raise StoreError("the app has no store: it is not started, or it has neither versions nor API keys")
        return self._store

    def rollout_in(self, store: Store) -> Rollout:
        """Return the rollout of the app's versions, as *store* has it."""
        manifests = self.catalogue.manifests()
        return Rollout(self._name, self.catalogue.timescape, store, self._config, SystemClock(), manifests)

    async def open(self, place: StorePlace, stack: AsyncExitStack) -> None:
        """Open what start-up functions may want: secrets, and the store at *place*; *stack* closes them.

        Raises:
            AuditError: The audit log cannot be written, or not be signed.
            ConfigError: What a provider of secrets needs is not installed.
            SecretError: The key of the audit log cannot be had.
            StoreError: The store is required and cannot be used.
        """
        _warn_of_holes(self.catalogue.timescape)
        await stack.enter_async_context(self.secrets)
        if self._audit is not None:
            await self._audit.start(self.secrets.view_for("audit").get)
            stack.push_async_callback(self._audit.stop)
        await self._open_rollout(place, stack)

    async def admit(self, stack: AsyncExitStack) -> None:
        """Open what requests want before they are let in: keys of identity providers, counters; *stack* closes them.

        Raises:
            ConfigError: What is configured cannot work: a key file that is not there.
            StoreError: API keys cannot be read.
        """
        if self._authenticator is not None:
            await self._authenticator.start()
            stack.push_async_callback(self._authenticator.stop)
        if self._access is not None:
            self._access.start()
            stack.push_async_callback(asyncio.to_thread, self._access.stop)
        await self._counters.start()
        stack.push_async_callback(self._counters.stop)
        self._capacity.start()
        stack.callback(self._capacity.stop)
        self._metrics.start()
        stack.callback(self._metrics.stop)
        if self._exports is not None:
            stack.push_async_callback(self._exports.stop)
            await self._exports.start(self.secrets.view_for("otlp").get)

    def _stream_recorders(self, tracer: "Tracer | None", *, counts: bool) -> tuple[StreamRecorder, ...]:
        told: tuple[StreamRecorder, ...] = (StreamMetrics(self._metrics.registry),) if counts else ()
        told += () if self._access is None else (self._access,)
        told += () if self._audit is None else (self._audit.streams,)
        return told if tracer is None else (*told, tracer)

    def _open_exports(self, config: Config, clock: SystemClock) -> "Exports | None":
        environ = environment()
        plan = plan_telemetry(config.traces, config.otlp, environ)
        if plan.is_off:
            return None
        from perdure.telemetry.exports import Exports, Service

        service, registry = Service(self._name, environ), self._metrics.registry
        return Exports(plan, config.otlp, service, clock, private_bits(), self.secrets.mask, registry)

    def _open_audit(self, config: Config) -> Audit | None:
        if config.audit.dir is None:
            return None
        describe, mask = self.catalogue.description, self.secrets.mask
        audit = Audit(config.audit, self._name, SystemClock(), describe, mask, self._capacity.admit)
        self.secrets.listener = audit.recorder.secret_read
        self._metrics.registry.observe(AUDIT_LOST, lambda: [((), float(audit.writer.lost))])
        return audit

    async def _open_rollout(self, place: StorePlace, stack: AsyncExitStack) -> None:
        is_needed = self._config.auth.api_keys is not None or len(self.catalogue.timescape.versions) > 1
        if place is FORGETFUL and not is_needed:
            return  # nothing can be decided about an API without versions, and nobody would remember it
        stack.callback(self._version_health.forget)
        rollout = await asyncio.to_thread(open_rollout, place, self._told_rollout_in)
        stack.push_async_callback(asyncio.to_thread, rollout.close)
        self._store = rollout.store
        stack.callback(self._forget_store)
        following = asyncio.create_task(rollout.run())
        stack.push_async_callback(_cancel, following)
        self.controller.tally = rollout.tally

    def _told_rollout_in(self, store: Store) -> Rollout:
        rollout = self.rollout_in(store)
        rollout.on_judged = self._version_judged
        return rollout

    def _version_judged(self, version: str, condition: Condition, seen: Seen) -> None:
        self._version_health.note(version, condition)
        if self._audit is not None:
            self._audit.version_judged(version, condition, seen.requests, seen.errors, seen.slow)

    def _open_metrics(self, settings: MetricsSettings) -> RequestMetrics | None:
        """Let everything be told that others count; return what counts requests."""
        counting, registry = self._metrics.recorder(settings), self._metrics.registry
        authenticator = self._authenticator
        registry.observe(ACTIVE, lambda: [((), float(self._capacity.count))])
        if authenticator is not None:
            registry.observe(
                LOOK_UPS, lambda: [(("hit",), float(authenticator.hits)), (("miss",), float(authenticator.misses))]
            )
        return counting

    def _forget_store(self) -> None:
        self._store = None


def _warn_of_unserved(catalogue: Catalogue) -> None:
    for where in catalogue.drafts:
        _log.warning("%s is a draft: it serves nobody before its revision is recorded: perdure revision -m …", where)
    for version, key in catalogue.forgotten:
        _log.warning("%s exists in version %s, but no handler serves it any more", key, version)


def _warn_of_holes(timescape: Timescape) -> None:
    for version in timescape.versions:
        revision = timescape.revision_at(version.index)
        for hole in () if revision is None else revision.holes:
            where = "" if revision is None else f"{revision.file}:{hole.line}"
            _log.warning("%s: older clients get an error here, still to decide: %s", where, hole.what)


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
