"""From a path and a version's name to a plan, in an API of 100 versions and 1,000 handlers."""

from datetime import UTC, datetime, timedelta
from itertools import cycle
from types import SimpleNamespace
from typing import Any, cast

from micro_cases.timing import Call
from perdure.lifecycle.plan import Plan
from perdure.routing.manager import RouteManager
from perdure.routing.paths import PathRouter
from perdure.routing.templates import PathTemplate
from perdure.timescape.timescape import Timescape

_VERSIONS = 100
_HANDLERS = 1_000
_FIRST = datetime(2020, 1, 1, tzinfo=UTC)
_DISTINCT = 20_000  # more than is remembered


def _timescape() -> Timescape:
    return Timescape(extra=[f"{_FIRST + timedelta(days=7 * number):%Y-%m-%d}" for number in range(_VERSIONS)])


def _paths() -> list[str]:
    return [f"/group-{number % 40}/things-{number}/{{thing_id}}/parts" for number in range(_HANDLERS)]


def _asking(path: str) -> Any:
    return SimpleNamespace(method="GET", path=path)


def route_static() -> Call:
    """Find a path without parameters."""
    router = PathRouter[str]()
    for path in _paths():
        router.add(PathTemplate.parse(path.replace("{thing_id}", "all")), path)
    return lambda: router.match("/group-20/things-500/all/parts")


def route_parameter() -> Call:
    """Find a path of four segments, one of them a parameter."""
    router = PathRouter[str]()
    for path in _paths():
        router.add(PathTemplate.parse(path), path)
    return lambda: router.match("/group-20/things-500/42/parts")


def resolve_known() -> Call:
    """Resolve a version that was asked for before, as the Route Manager does."""
    timescape = _timescape()
    timescape.state.find("2021-03-17", _asking(""))
    return lambda: timescape.state.known.get("2021-03-17")


def resolve_unknown() -> Call:
    """Resolve instants nobody asked for before."""
    timescape = _timescape()
    texts = cycle([f"{_FIRST + timedelta(minutes=47 * number):%Y-%m-%dT%H:%M:%SZ}" for number in range(_DISTINCT)])
    exchange = _asking("")
    return lambda: timescape.state.find(next(texts), exchange)


def route_and_resolve() -> Call:
    """Find the plan for method, path and version."""
    manager = RouteManager(_timescape())
    plan = cast(Plan, SimpleNamespace(cors=None))  # the manager hands plans out; nothing else of them is looked at
    for path in _paths():
        manager.add(PathTemplate.parse(path), "GET", [plan] * _VERSIONS)
    exchange = _asking("/group-20/things-500/42/parts")
    return lambda: manager.find(exchange, "2021-03-17")
