"""The Route Manager: from method, path and version to the plan that serves them.

One path router for all versions. Each template leads to its methods, each method to one plan per version, so the way of
a request is two look-ups and an index. Only where the best match does not serve is every match looked at.

Source: SPEC 3.5, 3.7; property 33.
"""

from collections.abc import Iterator, Mapping
from typing import final

from perdure.errors import DuplicateRouteError, MethodNotAllowedError, RouteNotFoundError, UnknownVersionError
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

    def add(self, template: PathTemplate, method: str, timeline: list[Plan | None]) -> None:
        """Serve *method* at *template* by *timeline*, one plan or None per version."""
        self._router.add(template, {})[method] = timeline

    def add_socket(self, template: PathTemplate, plan: SocketPlan, where: str) -> None:
        """Serve WebSockets at *template*, in every version.

        Raises:
            DuplicateRouteError: Another handler does.
        """
        filed, other = self._sockets.add(template, (plan, where))
        if filed is not plan:
            raise DuplicateRouteError(f"WebSockets at {template.text} are served twice: by {other} and by {where}")

    def find_socket(self, path: str, asked: str | None) -> tuple[SocketPlan, Mapping[str, str], str]:
        """Return the plan for WebSockets at *path*, the path's parameters, and the name of the version *asked* for.

        Raises:
            UnknownVersionError: No version answers to *asked*.
            MalformedRequestError: As `find`.
            RouteNotFoundError: Nothing serves WebSockets at *path*.
        """
        timescape = self._timescape
        index = timescape.default if asked is None else timescape.resolve(asked)
        check_path(path)
        found = self._sockets.match(path)
        if found is None:
            raise RouteNotFoundError(path)
        return found[0][0], found[1], timescape.versions[index].name

    def find(self, method: str, path: str, asked: str | None) -> tuple[Plan, Mapping[str, str], int]:
        """Return the plan for *method* and *path*, the path's parameters, and the index of the version *asked* for.

        Args:
            method: In upper case; HEAD is served by GET where it has no plan of its own.
            path: Decoded, with its leading slash, without query.
            asked: What the client calls its version; None for the default.
        Raises:
            UnknownVersionError: No version answers to *asked*.
            MalformedRequestError: *path* is one no client has a good reason to send.
            RouteNotFoundError: Nothing serves *path* at that version.
            MethodNotAllowedError: Something does, but not by *method*.
        """
        timescape = self._timescape
        if asked is None:
            index = timescape.default
        elif asked.startswith("tsv:"):
            return self._find_tsv(method, path, asked)
        else:
            index = timescape.resolve(asked)
        check_path(path)
        found = self._router.match(path)
        if found is not None:
            timeline = found[0].get(method)
            if timeline is not None:
                plan = timeline[index]
                if plan is not None:
                    return plan, found[1], index
        return self._search(method, path, index)

    def version_name(self, asked: str | None) -> str:
        """Return the name of the version *asked* for, or of the default one where there is no such."""
        timescape = self._timescape
        try:
            index = timescape.default if asked is None else timescape.resolve(asked)
        except UnknownVersionError:
            index = timescape.default
        return timescape.versions[index].name

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

    def _search(self, method: str, path: str, index: int) -> tuple[Plan, Mapping[str, str], int]:
        for plan, params in self._candidates(method, path, index):
            return plan, params, index
        allowed = self.allowed(path, index)
        if not allowed:
            raise RouteNotFoundError(path)
        raise MethodNotAllowedError(method, allowed)

    def _candidates(self, method: str, path: str, index: int) -> Iterator[tuple[Plan, Mapping[str, str]]]:
        wanted = (method, "GET") if method == "HEAD" else (method,)
        for timelines, params in self._router.matches(path):
            for name in wanted:
                timeline = timelines.get(name)
                plan = timeline[index] if timeline is not None else None
                if plan is not None:
                    yield plan, params
                    break

    def _find_tsv(self, method: str, path: str, asked: str) -> tuple[Plan, Mapping[str, str], int]:
        """Find the plan a TSV names: its handler must be the one that serves the path."""
        check_path(path)
        wanted = (method, "GET") if method == "HEAD" else (method,)
        unknown: UnknownVersionError | None = None
        for timelines, params in self._router.matches(path):
            for plan in (plan for name in wanted for plan in dict.fromkeys(filter(None, timelines.get(name, ())))):
                try:
                    index = self._timescape.resolve_tsv(asked, plan.facts.handler)
                except UnknownVersionError as error:
                    unknown = error
                    continue
                for name in wanted:
                    timeline = timelines.get(name)
                    if timeline is not None and (served := timeline[index]) is not None:
                        return served, params, index
        if unknown is not None:
            raise unknown
        return self._search(method, path, self._timescape.default)
