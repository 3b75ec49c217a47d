"""The Route Manager: from method, path and version to the plan that serves them.

One path router for all versions. Each template leads to its methods, each method to one plan per version, so the way of
a request is two look-ups and an index. Only where the best match does not serve is every match looked at.

Source: SPEC 3.5, 3.7; property 33.
"""

from collections.abc import Iterator, Mapping
from typing import final

from perdure.config import CorsSettings
from perdure.context.exchange import Exchange
from perdure.errors import (
    DuplicateRouteError,
    MalformedRequestError,
    MethodNotAllowedError,
    MisdirectedRequestError,
    RequestError,
    RouteNotFoundError,
    UnknownVersionError,
    VersionClosedError,
)
from perdure.lifecycle.plan import Plan
from perdure.lifecycle.socket_run import SocketPlan
from perdure.routing.paths import PathRouter, check_path
from perdure.routing.templates import PathTemplate
from perdure.timescape.timescape import Timescape

__all__ = ["RouteManager", "Timelines"]

Timelines = dict[str, list[Plan | None]]
"""For each method, the plan of every version by its index; None where the endpoint does not exist."""


@final
class RouteManager:
    """Finds plans. Endpoints are added before the first request, none after it."""

    def __init__(self, timescape: Timescape) -> None:
        self._timescape = timescape
        self._router = PathRouter[Timelines]()
        self._sockets = PathRouter[tuple[SocketPlan, str]]()
        self.has_cors = False
        """Whether a route has settings of its own for pages of other origins."""

    def add(self, template: PathTemplate, method: str, timeline: list[Plan | None]) -> None:
        """Serve *method* at *template* by *timeline*, one plan or None per version."""
        self._router.add(template, {})[method] = timeline
        self.has_cors = self.has_cors or any(plan is not None and plan.cors is not None for plan in timeline)

    def add_socket(self, template: PathTemplate, plan: SocketPlan, where: str) -> None:
        """Serve WebSockets at *template*, in every version.

        Raises:
            DuplicateRouteError: Another handler does.
        """
        filed, other = self._sockets.add(template, (plan, where))
        if filed is not plan:
            raise DuplicateRouteError(f"WebSockets at {template.text} are served twice: by {other} and by {where}")

    def find_socket(self, exchange: Exchange, asked: str | None) -> tuple[SocketPlan, Mapping[str, str], str]:
        """Return the plan for the WebSocket of *exchange*, its path's parameters, and the name of its version.

        Raises:
            RequestError: As `find`, but for methods.
        """
        state = self._timescape.state
        index = state.find_default(exchange) if asked is None else state.find(asked, exchange)
        found = self._sockets.match(exchange.path)
        if found is None:
            raise RouteNotFoundError(exchange.path)
        return found[0][0], found[1], state.versions[index].name

    def find(self, exchange: Exchange, asked: str | None) -> tuple[Plan, Mapping[str, str], int]:
        """Return the plan for *exchange*, its path's parameters, and the index of the version *asked* for.

        HEAD is served by GET where it has no plan of its own.

        Args:
            asked: What the client calls its version; None for the default.
        Raises:
            UnknownVersionError: No version answers to *asked*.
            VersionClosedError: That version is not served any more, or not now.
            MalformedRequestError: The path is one no client has a good reason to send.
            RouteNotFoundError: Nothing serves the path at that version.
            MethodNotAllowedError: Something does, but not by this method.
        """
        state = self._timescape.state
        if asked is None:
            index = state.default if state.choose is None else state.find_default(exchange)
        else:
            known = state.known.get(asked)
            if known is None:
                if asked.startswith("tsv:"):
                    return self._find_tsv(exchange, asked)
                known = state.find(asked, exchange)
            index = known
        path = exchange.path
        found = self._router.match(path)
        if found is not None:
            timeline = found[0].get(exchange.method)
            if timeline is not None:
                plan = timeline[index]
                if plan is not None:
                    return plan, found[1], index
        return self._search(exchange.method, path, index)

    def version_of(self, asked: str | None, error: RequestError) -> int:
        """Return the index of the version whose name goes with *error*: the one *asked* for, else the default one."""
        timescape = self._timescape
        if isinstance(error, RouteNotFoundError | MethodNotAllowedError) and error.index is not None:
            return error.index  # by pin or share, too
        if isinstance(error, VersionClosedError):
            return timescape.resolve(error.version)
        if asked is None or isinstance(error, UnknownVersionError):
            return timescape.default
        try:
            return timescape.resolve(asked)
        except UnknownVersionError:  # a tag that is shared out, or a TSV
            return timescape.default

    def allowed(self, path: str, index: int) -> tuple[str, ...]:
        """Return the methods that are served at *path* in version *index*, sorted; empty where nothing is."""
        methods = {
            name for timelines, _ in self._router.matches(path) for name, each in timelines.items() if each[index]
        }
        if "GET" in methods:
            methods.add("HEAD")
        if methods:
            methods.add("OPTIONS")
        return tuple(sorted(methods))

    def methods_ever(self, path: str) -> tuple[str, ...]:
        """Return the methods that are served at *path* in any version, sorted; empty where nothing is."""
        methods = (name for version in self._timescape.versions for name in self.allowed(path, version.index))
        return tuple(sorted({*methods}))

    def cors_of(self, method: str, path: str) -> CorsSettings | None:
        """Return the settings of the newest route that serves *method* at *path*; None where it has none."""
        for version in reversed(self._timescape.versions):
            for plan, _ in self._candidates(method, path, version.index):
                return plan.cors
        return None

    def may_look(self, method: str, path: str) -> bool:
        """Return whether *path* is served by *method*, in any version, by who does not shut its eyes to credentials."""
        wanted = (method, "GET") if method == "HEAD" else (method,)
        plans = (
            plan for timelines, _ in self._router.matches(path) for name in wanted for plan in timelines.get(name, ())
        )
        return any(plan.may_look for plan in plans if plan is not None)

    def is_free(self, path: str, error: RequestError) -> bool:
        """Return whether no version has a handler at *path*, also where *error* left that open."""
        if isinstance(
            error, UnknownVersionError | VersionClosedError | MisdirectedRequestError | MalformedRequestError
        ):
            return not self.methods_ever(path)
        return isinstance(error, RouteNotFoundError)

    def _search(self, method: str, path: str, index: int) -> tuple[Plan, Mapping[str, str], int]:
        for plan, params in self._candidates(method, path, index):
            return plan, params, index
        allowed = self.allowed(path, index)
        if not allowed:
            raise RouteNotFoundError(path, index)
        raise MethodNotAllowedError(method, allowed, index)

    def _candidates(self, method: str, path: str, index: int) -> Iterator[tuple[Plan, Mapping[str, str]]]:
        wanted = (method, "GET") if method == "HEAD" else (method,)
        for timelines, params in self._router.matches(path):
            for name in wanted:
                timeline = timelines.get(name)
                plan = timeline[index] if timeline is not None else None
                if plan is not None:
                    yield plan, params
                    break

    def _find_tsv(self, exchange: Exchange, asked: str) -> tuple[Plan, Mapping[str, str], int]:
        """Find the plan a TSV names: its handler must be the one that serves the path."""
        method, path, state = exchange.method, exchange.path, self._timescape.state
        check_path(path)
        wanted = (method, "GET") if method == "HEAD" else (method,)
        unknown: UnknownVersionError | None = None
        for timelines, params in self._router.matches(path):
            for plan in (plan for name in wanted for plan in dict.fromkeys(filter(None, timelines.get(name, ())))):
                try:
                    index = state.open(state.resolver.resolve_tsv(asked, plan.facts.handler))
                except UnknownVersionError as error:
                    unknown = error
                    continue
                for name in wanted:
                    timeline = timelines.get(name)
                    if timeline is not None and (served := timeline[index]) is not None:
                        return served, params, index
        if unknown is not None:
            raise unknown
        return self._search(method, path, state.default)
