"""Property 30: every emitted metric reaches the collector, well formed.

First, what programs measure: counters, gauges and histograms, with labels of any text, written in several processes of
one server, some of which end in between, at any time. Second, what is measured of requests: of any outcome, to an app
with several versions. The collector is `prometheus_client`, which reads the page in both formats. The oracle is a list
of what was done, counted again.
"""

from bisect import bisect_left
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure import App, Config, LocalContext, Problem, Request
from perdure.config import MetricsSettings, RateLimit
from perdure.telemetry.families import Family
from perdure.telemetry.prometheus import OPEN_METRICS, TEXT, expose
from perdure.telemetry.registry import Registry
from perdure.telemetry.run_folder import Colleagues, RunFolder, fold, read_all
from perdure.telemetry.sheet import families_of
from perdure.telemetry.user_metrics import UserMetrics
from tests.calls import run, serving
from tests.recording import Step, record
from tests.telemetry.reading import OPEN, Scraped, parsed

VALUES = st.one_of(
    st.sampled_from(["", "a", '"', "\\", "\n", "\\n", "b\r\nc", "é", "\U0001f600", "\ud800", "le", "{}", "#"]),
    st.text(st.characters(), max_size=5),
)
AMOUNTS = st.one_of(st.integers(0, 1000).map(float), st.floats(0, 1e6, allow_subnormal=False))
BOUNDS = (0.5, 1.0, 250.0, 1_000_000.0)


class Deed(NamedTuple):
    """One thing done in one process."""

    process: int
    what: str
    label: str
    amount: float


DEEDS = st.builds(
    Deed, st.integers(0, 2), st.sampled_from(["count", "rise", "fall", "record", "plain", "end"]), VALUES, AMOUNTS
)


def shown(label: str) -> str:
    """Return what of *label* can be told: halves of characters cannot."""
    return label.encode("utf-8", "replace").decode("utf-8")


class Process:
    """One process of a server, as far as it counts."""

    def __init__(self, folder: Path, number: int) -> None:
        self.number = number
        self.registry = Registry()
        view = UserMetrics(self.registry)
        self.counter = view.counter("shop.sold", "What was sold.", unit="{thing}", labels=("what",))
        self.gauge = view.gauge("shop.depth", "How much waits.", labels=("queue",))
        self.histogram = view.histogram("shop.weight", "How heavy it is.", unit="g", labels=("what",), buckets=BOUNDS)
        self.plain = view.counter("shop.visits", "Visits.")
        self.registry.move_to(Colleagues(folder, number).slots)

    def do(self, deed: Deed) -> None:
        match deed.what:
            case "count":
                self.counter.bind(what=deed.label).add(deed.amount)
            case "rise":
                self.gauge.bind(queue=deed.label).add(deed.amount)
            case "fall":
                self.gauge.bind(queue=deed.label).add(-deed.amount)
            case "record":
                self.histogram.bind(what=deed.label).record(deed.amount)
            case _:
                self.plain.add()


def own(families: list[Family]) -> list[Family]:
    return [family for family in families if family.name.startswith("shop.")]


@settings(max_examples=100, deadline=None)
@given(st.lists(DEEDS, max_size=25), st.sampled_from([TEXT, OPEN_METRICS]))
def test_what_programs_measure_is_read_as_it_was_measured(deeds: list[Deed], form: object) -> None:
    folder = RunFolder()
    try:
        processes = [Process(folder.path, number) for number in range(3)]
        done: list[tuple[int, Deed]] = []
        numbers = iter(range(3, 1000))
        for deed in deeds:
            if deed.what == "end":
                fold(folder.path, processes[deed.process].number)
                processes[deed.process] = Process(folder.path, next(numbers))
                continue
            processes[deed.process].do(deed)
            done.append((processes[deed.process].number, deed))
        alive = {process.number for process in processes}
        text = expose(own(families_of(read_all(folder.path))), OPEN_METRICS if form == OPEN_METRICS else TEXT)
    finally:
        folder.remove()
    check_own(parsed(text.decode()), done, alive)


def check_own(page: Scraped, done: list[tuple[int, Deed]], alive: set[int]) -> None:
    sold: Counter[str] = Counter()
    depth: dict[str, float] = {}
    weights: dict[str, list[float]] = {}
    for number, deed in done:
        label = shown(deed.label)
        if deed.what == "count":
            sold[label] += deed.amount  # type: ignore[assignment]
        elif deed.what in {"rise", "fall"} and number in alive:
            depth[label] = depth.get(label, 0.0) + (deed.amount if deed.what == "rise" else -deed.amount)
        elif deed.what == "record":
            weights.setdefault(label, []).append(deed.amount)
    assert page.by("shop_sold_total", "what") == {(label,): pytest.approx(value) for label, value in sold.items()}
    found = page.by("shop_depth", "queue")
    assert found == {(label,): pytest.approx(value, abs=1e-6) for label, value in depth.items()}
    assert page.value("shop_visits_total") == sum(deed.what == "plain" for _, deed in done)
    assert page.by("shop_weight_grams_count", "what") == {(label,): len(each) for label, each in weights.items()}
    for label, each in weights.items():
        assert page.by("shop_weight_grams_sum", "what")[label,] == pytest.approx(sum(each))
        for bound in BOUNDS:
            at_most = sum(value <= bound for value in each)
            lines = {
                float(dict(labels)["le"]): value
                for (name, labels), value in page.values.items()
                if name == "shop_weight_grams_bucket" and dict(labels).get("what", "") == label
            }
            assert lines[bound] == at_most


class Asked(NamedTuple):
    """One request, and what is expected of it."""

    method: str
    path: str
    version: str | None
    body: bytes = b""


FIRST, SECOND = "2024-01-01", "2025-01-01"
REQUESTS = st.builds(
    Asked,
    st.sampled_from(["GET", "POST", "HEAD", "DELETE", "FROB"]),
    st.one_of(
        st.sampled_from(["/things/1", "/things/409", "/things/500", "/orders", "/once"]),
        st.integers(0, 10**9).map("/nothing/{}".format),
    ),
    st.sampled_from([None, FIRST, SECOND, "1999-01-01"]),
    st.sampled_from([b"1", b"12345678", b'"x"', b""]),
)


def declare(app: App, *, newer: bool) -> App:
    @app.before
    def note(lctx: LocalContext) -> None:
        lctx.set("noted", True)

    @app.get("/things/{n:int}")
    async def thing(req: Request) -> int:
        if req.params["n"] == "409":
            raise Problem(409, "taken")
        return 1 // (int(req.params["n"]) - 500)

    @app.post("/orders")
    async def order(req: Request[int]) -> int:
        return req.body

    if newer:

        @app.get("/once", rate_limit=RateLimit("1/day", per="handler"))
        async def once() -> int:
            return 1

    return app


@pytest.fixture(scope="module")
def revisions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    old, new = declare(App("probe"), newer=False), declare(App("probe"), newer=True)
    return record(tmp_path_factory.mktemp("app") / "revisions", [Step(FIRST, old), Step(SECOND, new)])


@settings(max_examples=100, deadline=None)
@given(asked=st.lists(REQUESTS, max_size=12))
def test_what_is_measured_of_requests_is_what_clients_were_answered(asked: list[Asked], revisions: Path) -> None:
    app = declare(App("probe", revisions=revisions, config=Config(metrics=MetricsSettings(path="/m"))), newer=True)

    async def ask() -> tuple[list[tuple[Asked, httpx.Response]], Scraped, Scraped, list[int]]:
        answered = []
        async with serving(app) as client:
            for each in asked:
                headers = {"content-type": "application/json"} | ({"api-version": each.version} if each.version else {})
                answer = await client.request(each.method, each.path, content=each.body, headers=headers)
                answered.append((each, answer))
            opened = (await client.get("/m", headers=OPEN)).text
            return answered, parsed(opened), parsed((await client.get("/m")).text), [len(opened.encode())]

    answered, opened, plain, pages = run(ask())
    check_requests(opened, answered, [])
    check_requests(plain, answered, pages)


def check_requests(page: Scraped, answered: list[tuple[Asked, httpx.Response]], pages: list[int]) -> None:
    """Compare with what clients saw. The page is a request too, to no handler: *pages* are the sizes of others."""
    counted: Counter[tuple[str, ...]] = Counter()
    refused: Counter[str] = Counter()
    sizes: Counter[tuple[str, ...]] = Counter()
    for each, answer in answered:
        method = each.method if each.method != "FROB" else "_OTHER"
        handler = handler_of(each, answer)
        counted[handler, method, str(answer.status_code), answer.headers["api-version"]] += 1
        if method != "HEAD":
            sizes[handler, method] += len(answer.content)
        refused["rate_limited"] += answer.status_code == 429
    for size in pages:
        counted["(none)", "GET", "200", SECOND] += 1
        sizes["(none)", "GET"] += size
    labels = ("perdure_handler", "http_request_method", "http_response_status_code", "perdure_version")
    assert page.by("http_server_request_duration_seconds_count", *labels) == dict(counted)
    sent = page.by("http_server_response_body_size_bytes_sum", "perdure_handler", "http_request_method")
    assert {key: size for key, size in sent.items() if key[1] != "HEAD"} == dict(sizes)
    assert page.value("perdure_requests_refused_total", perdure_reason="rate_limited") == refused["rate_limited"]
    bodies = sum(handler == "order" and status == "200" for handler, _, status, _ in counted.elements())
    assert (
        page.value("perdure_stage_duration_seconds_count", perdure_handler="order", perdure_stage="response") == bodies
    )


def handler_of(asked: Asked, answer: httpx.Response) -> str:
    """Return the handler that served *asked*, by what the app declares."""
    method = "GET" if asked.method == "HEAD" else asked.method
    if asked.version == "1999-01-01":
        return "(none)"
    known = {("GET", "/things"): "thing", ("POST", "/orders"): "order"}
    if asked.version != FIRST:
        known["GET", "/once"] = "once"
    return known.get((method, "/" + asked.path.split("/")[1]), "(none)")


def test_bounds_belong_to_the_bucket_below_them() -> None:
    registry = Registry()
    histogram = UserMetrics(registry).histogram("shop.weight", buckets=BOUNDS)
    for bound in BOUNDS:
        histogram.record(bound)
    page = parsed(expose(own(registry.families()), OPEN_METRICS).decode())
    for place, bound in enumerate(BOUNDS):
        assert bisect_left(BOUNDS, bound) == place
        assert place + 1 == sum(
            value
            for (name, labels), value in page.values.items()
            if name == "shop_weight_bucket" and float(dict(labels)["le"]) == bound
        )
