"""Metrics of the program's own, as programs make and write them."""

import logging
import threading
from collections.abc import Callable

import pytest

from perdure import App, Config, GlobalContext
from perdure.config import MetricsSettings
from perdure.errors import MetricError
from perdure.telemetry.families import Buckets
from perdure.telemetry.registry import Registry
from perdure.telemetry.user_metrics import UserMetrics
from tests.calls import run, serving
from tests.telemetry.reading import parsed


def value_of(registry: Registry, name: str, *values: str) -> float | Buckets | None:
    family = next(family for family in registry.families() if family.name == name)
    return next((each.value for each in family.samples if tuple(dict(each.labels).values()) == values), None)


def test_metrics_made_at_import_in_handlers_and_at_start_up_are_the_same() -> None:
    app = App("shop", config=Config(metrics=MetricsSettings(path="/metrics")))
    app.metrics.counter("shop.orders", "Orders.", labels=("country",)).bind(country="de").add(2)

    @app.startup
    def begin(gctx: GlobalContext) -> None:
        gctx.metrics.counter("shop.orders", "Orders.", labels=("country",)).bind(country="de").add()

    @app.get("/order")
    async def order(gctx: GlobalContext) -> str:
        gctx.metrics.counter("shop.orders", "Orders.", labels=("country",)).bind(country="fr").add()
        return ""

    async def ask() -> str:
        await app.start()
        async with serving(app) as client:
            await client.get("/order")
            text = (await client.get("/metrics")).text
        await app.stop()
        return text

    page = parsed(run(ask()))
    assert {("de",): 3.0, ("fr",): 1.0} == page.by("shop_orders_total", "country")


def test_series_beyond_the_limit_are_one_and_that_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    registry = Registry()
    registry.series_limit = 3
    counter = UserMetrics(registry).counter("shop.visits", labels=("client",))
    with caplog.at_level(logging.WARNING, "perdure.telemetry"):
        for number in range(1000):
            counter.bind(client=f"c{number}").add()
    assert 1.0 == value_of(registry, "shop.visits", "c2")
    assert None is value_of(registry, "shop.visits", "c3")
    assert 997.0 == value_of(registry, "shop.visits", "(other)")
    assert 997.0 == value_of(registry, "perdure.metrics.series.refused", "shop.visits")
    assert 1 == len(caplog.records)
    assert "shop.visits has 3 series" in caplog.text


REFUSED: list[tuple[str, Callable[[UserMetrics], object]]] = [
    ("a metric's name is", lambda view: view.counter("1orders")),
    ("a metric's name is", lambda view: view.counter("shop orders")),
    ("a metric's name is", lambda view: view.counter("shop..orders")),
    ("a metric's name is", lambda view: view.counter("s" * 121)),
    ("are Perdure's own", lambda view: view.counter("perdure.orders")),
    ("there is another metric", lambda view: view.counter("http.server.request.duration")),
    ("there is another metric", lambda view: (view.counter("a.b"), view.gauge("a.b"))),
    ("could not tell a_b from a.b", lambda view: (view.counter("a.b"), view.counter("a_b"))),
    ("could not tell a.b.count from a.b", lambda view: (view.histogram("a.b"), view.gauge("a.b.count"))),
    ("could not tell a.total from a", lambda view: (view.counter("a"), view.gauge("a.total"))),
    ("the unit of a is UCUM", lambda view: view.counter("a", unit="per second")),
    ("a label of a is", lambda view: view.counter("a", labels=("le",))),
    ("a label of a is", lambda view: view.counter("a", labels=("__x",))),
    ("each of another name", lambda view: view.counter("a", labels=("x", "x"))),
    ("at most 10 labels", lambda view: view.counter("a", labels=[f"l{n}" for n in range(11)])),
    ("are a list of names", lambda view: view.counter("a", labels="xy")),
    ("the buckets of a must be", lambda view: view.histogram("a", buckets=(2, 1))),
    ("the buckets of a must be", lambda view: view.histogram("a", buckets=(1, float("inf")))),
    ("the buckets of a must be", lambda view: view.histogram("a", buckets=(float("nan"), 1))),
    ("only grows", lambda view: view.counter("a").add(-1)),
    ("takes finite numbers", lambda view: view.counter("a").add(float("nan"))),
    ("takes finite numbers", lambda view: view.counter("a").add(10**400)),
    ("takes finite numbers", lambda view: view.gauge("a").set(float("inf"))),
    ("takes finite numbers", lambda view: view.gauge("a").set(True)),
    ("takes finite numbers", lambda view: view.histogram("a").record("1")),  # type: ignore[arg-type]
    ("has the labels x: bind them", lambda view: view.counter("a", labels=("x",)).add()),
    ("has the labels x, not the labels y", lambda view: view.counter("a", labels=("x",)).bind(y="1")),
    ("has no labels, not the labels y", lambda view: view.counter("a").bind(y="1")),
    ("the label x of a is text", lambda view: view.counter("a", labels=("x",)).bind(x=1)),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("told", "act"), REFUSED, ids=[str(place) for place in range(len(REFUSED))])
def test_what_cannot_be_is_refused_with_what_is_wrong(told: str, act: Callable[[UserMetrics], object]) -> None:
    with pytest.raises(MetricError, match=told):
        act(UserMetrics(Registry()))


def test_refused_values_change_nothing() -> None:
    registry = Registry()
    counter = UserMetrics(registry).counter("a")
    counter.add(2.5)
    with pytest.raises(MetricError):
        counter.add(-1)
    assert 2.5 == value_of(registry, "a")


def test_threads_that_count_together_lose_nothing() -> None:
    registry = Registry()
    histogram = UserMetrics(registry).histogram("a", buckets=(1,))

    def measure() -> None:
        for _ in range(2000):
            histogram.record(1)

    threads = [threading.Thread(target=measure) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = value_of(registry, "a")
    assert isinstance(found, Buckets)
    assert (16_000, 0) == found.counts
    assert 16_000.0 == found.total


def test_long_values_of_labels_are_cut() -> None:
    registry = Registry()
    UserMetrics(registry).counter("a", labels=("x",)).bind(x="y" * 10_000).add()
    assert 1.0 == value_of(registry, "a", "y" * 199 + "…")


def test_limit_of_the_settings_holds_for_metrics_made_before_they_were_read() -> None:
    app = App("shop", config=Config(metrics=MetricsSettings(path="/metrics", series_limit=2)))
    counter = app.metrics.counter("shop.visits", labels=("client",))
    app.compile()
    for number in range(5):
        counter.bind(client=str(number)).add()

    async def ask() -> str:
        async with serving(app) as client:
            return (await client.get("/metrics")).text

    assert {("0",): 1.0, ("1",): 1.0, ("(other)",): 3.0} == parsed(run(ask())).by("shop_visits_total", "client")
