"""``/metrics`` over HTTP: where it is, who may read it, what it says of requests."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest

from perdure import App, Config, LocalContext, Problem, Request
from perdure.config import MetricsSettings, SecretSettings
from perdure.errors import ConfigError
from tests.calls import call, run, serving
from tests.telemetry.reading import OPEN, Scraped, parsed

PAGE = MetricsSettings(path="/metrics")
STAGE = ("perdure_stage", "perdure_stage_name", "perdure_hook_level")


def probe(settings: MetricsSettings = PAGE, **more: Any) -> App:
    return App("probe", config=Config(metrics=settings, **more))


async def page_of(client: httpx.AsyncClient) -> Scraped:
    answer = await client.get("/metrics", headers=OPEN)
    assert 200 == answer.status_code, answer.text
    return parsed(answer.text)


def test_page_is_nowhere_unless_it_is_asked_for() -> None:
    assert 404 == call(App("probe"), "GET", "/metrics").status_code


def test_page_may_be_elsewhere() -> None:
    app = probe(MetricsSettings(path="/internal/metrics"))
    assert 200 == call(app, "GET", "/internal/metrics").status_code
    assert 404 == call(app, "GET", "/metrics").status_code


def test_handler_of_the_apps_own_at_that_path_goes_first() -> None:
    app = probe()

    @app.get("/metrics")
    async def mine() -> str:
        return "mine"

    assert "mine" == call(app, "GET", "/metrics").text
    assert 405 == call(app, "POST", "/metrics").status_code


@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("HEAD", 200), ("POST", 405), ("DELETE", 405)])
def test_page_is_only_read(method: str, status: int) -> None:
    assert status == call(probe(), method, "/metrics").status_code


def test_page_is_there_whatever_version_is_asked_for() -> None:
    assert 200 == call(probe(), "GET", "/metrics", headers={"api-version": "1999-01-01"}).status_code


def test_page_is_not_kept_and_says_what_format_it_has() -> None:
    answer = call(probe(), "GET", "/metrics", headers=OPEN)
    assert "no-store" == answer.headers["cache-control"]
    assert "application/openmetrics-text; version=1.0.0; charset=utf-8" == answer.headers["content-type"]
    assert "text/plain; version=0.0.4; charset=utf-8" == call(probe(), "GET", "/metrics").headers["content-type"]


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401), ("Bearer wrong", 401), ("Basic dG9rZW4=", 401), ("Bearer", 401), ("Bearer \xe9", 401),
        ("Bearer let-me-in", 200), ("bearer  let-me-in ", 200),
    ],
)  # fmt: skip
def test_page_with_a_secret_is_for_who_shows_it(authorization: str | None, status: int, tmp_path: Path) -> None:
    (tmp_path / "metrics_token").write_text("let-me-in")
    secrets = SecretSettings(providers=("files",), folder=str(tmp_path))
    app = probe(MetricsSettings(path="/metrics", secret="metrics_token"), secrets=secrets)

    async def ask() -> httpx.Response:
        await app.start()
        async with serving(app) as client:
            headers = {} if authorization is None else {b"authorization": authorization.encode("latin-1")}
            answer = await client.get("/metrics", headers=headers)
        await app.stop()
        return answer

    answer = run(ask())
    assert status == answer.status_code
    assert (status == 401) == ("www-authenticate" in answer.headers)


def test_page_whose_secret_cannot_be_read_is_for_nobody() -> None:
    app = probe(MetricsSettings(path="/metrics", secret="not_there"))
    answer = call(app, "GET", "/metrics", headers={"authorization": "Bearer x"})
    assert 503 == answer.status_code


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"path": "metrics"}, "path"), ({"secret": "x"}, "secret is for who reads path"),
        ({"duration_buckets_s": ()}, "duration_buckets_s"), ({"duration_buckets_s": (2, 1)}, "duration_buckets_s"),
        ({"duration_buckets_s": (0, 1)}, "duration_buckets_s"), ({"duration_buckets_s": (1, float("inf"))}, "buckets"),
        ({"duration_buckets_s": (float("nan"),)}, "duration_buckets_s"), ({"series_limit": 0}, "series_limit"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        MetricsSettings(**given)


def test_buckets_are_those_of_the_settings_and_requests_may_be_left_uncounted() -> None:
    app = probe(MetricsSettings(path="/metrics", duration_buckets_s=(0.5, 60)))

    async def ask(app: App) -> Scraped:
        async with serving(app) as client:
            await client.get("/nothing")
            return await page_of(client)

    assert {("0.5",), ("60.0",), ("+Inf",)} == run(ask(app)).by(
        "http_server_request_duration_seconds_bucket", "le"
    ).keys()
    uncounted = run(ask(probe(MetricsSettings(path="/metrics", enabled=False))))
    assert not uncounted.by("http_server_request_duration_seconds_count", "perdure_handler")
    assert uncounted.value("process_cpu_time_seconds_total") > 0


def test_stages_sizes_and_failures_of_requests_are_told() -> None:
    app = probe()

    @app.before
    def look(lctx: LocalContext) -> None:
        lctx.before(late)

    def late() -> None:
        return

    class Stock:
        async def take(self) -> None:
            await asyncio.sleep(0)

    app.module("stock", Stock())

    @app.post("/orders/{n}")
    async def order(req: Request[list[str]], lctx: LocalContext, gctx: Any) -> list[str]:
        await gctx.modules.stock.take()
        lctx.compensate(give_back)
        lctx.spawn(f"mail {req.params['n']}", asyncio.sleep(0))
        if "fail" in req.body:
            raise Problem(409, "no")
        return req.body

    def give_back() -> None:
        raise RuntimeError("lost")

    async def ask() -> Scraped:
        async with serving(app) as client:
            for number in range(300):
                body = b'["fail"]' if number % 3 == 0 else b'["word"]'
                await client.post(f"/orders/{number}", content=body, headers={"content-type": "application/json"})
            return await page_of(client)

    logging.disable()
    page = run(ask())
    logging.disable(logging.NOTSET)
    assert {
        ("validation", "", ""): 300, ("hook", "look", "before:global"): 300, ("hook", "late", "before:local"): 300,
        ("handler", "", ""): 300, ("module", "stock.take", ""): 300, ("spawn", "", ""): 300,
        ("response", "", ""): 200, ("compensation", "give_back", ""): 100,
    } == page.by("perdure_stage_duration_seconds_count", *STAGE)  # fmt: skip
    assert 100 == page.value("perdure_compensations_failed_total", perdure_handler="order")
    assert 300 == page.value("http_server_request_body_size_bytes_count", perdure_handler="order")
    assert 300 * 8 == page.value("http_server_request_body_size_bytes_sum", perdure_handler="order")


def test_time_of_the_usual_stages_adds_up_to_that_of_the_requests() -> None:
    app = probe()

    @app.before
    def look() -> None:
        return

    @app.get("/word")
    async def word() -> str:
        await asyncio.sleep(0.001)
        return "word"

    async def ask() -> Scraped:
        async with serving(app) as client:
            for _ in range(40):
                await client.get("/word")
            return await page_of(client)

    page = run(ask())
    whole = page.value("http_server_request_duration_seconds_sum", perdure_handler="word")
    assert whole == pytest.approx(page.value("perdure_stage_duration_seconds_sum", perdure_handler="word"))
    assert whole > 0.04


def test_sampled_requests_leave_exemplars_with_their_trace_ids() -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    app = probe()

    @app.get("/word")
    async def word() -> str:
        return "word"

    async def ask() -> Scraped:
        async with serving(app) as client:
            await client.get("/word", headers={"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"})
            await client.get("/word", headers={"traceparent": f"00-{'1' * 32}-b7ad6b7169203331-00"})
            return await page_of(client)

    samples = run(ask()).families["http_server_request_duration_seconds"].samples
    assert {trace_id} == {sample.exemplar.labels["trace_id"] for sample in samples if sample.exemplar}


def test_paths_methods_and_clients_without_end_share_their_series() -> None:
    app = probe()

    @app.get("/things/{name}")
    async def thing(req: Request) -> str:
        return str(req.params["name"])

    async def ask() -> tuple[int, int]:
        async with serving(app) as client:
            sizes = []
            for begin in (0, 500):
                for number in range(begin, begin + 500):
                    await client.get(f"/things/{number}")
                    await client.request(f"M{number}", f"/nothing/{number}", headers={"api-version": f"v{number}"})
                sizes.append(len((await page_of(client)).values))
            return sizes[0], sizes[1]

    first, second = run(ask())
    assert first <= second <= first + 40  # the page itself is a new series; of the thousand others there is none


def test_requests_in_the_works_and_refused_ones_are_told() -> None:
    app = probe()
    is_held, may_go = asyncio.Event(), asyncio.Event()

    @app.get("/held")
    async def held() -> str:
        is_held.set()
        await may_go.wait()
        return ""

    @app.get("/one", concurrency=1)
    async def one() -> str:
        return ""

    async def ask() -> tuple[Scraped, Scraped]:
        async with serving(app) as client:
            asking = asyncio.ensure_future(client.get("/held"))
            await is_held.wait()
            during = await page_of(client)
            may_go.set()
            await asking
            return during, await page_of(client)

    during, after = run(ask())
    assert (1.0, 0.0) == (during.value("http_server_active_requests"), after.value("http_server_active_requests"))
