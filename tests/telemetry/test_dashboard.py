"""The dashboard, asked of a real Prometheus as Grafana would, about a server where everything happened."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from perdure.telemetry.alerts import alert_rules
from perdure.telemetry.dashboards import dashboard
from tests.cli.versioned import APP, write_project
from tests.servers import Server, serve
from tests.telemetry.prometheus_server import Prometheus, prometheus

pytestmark = pytest.mark.slow

BADGE = """
from perdure import LocalContext, Principal, Stream
from perdure.context.exchange import Exchange


class Badge:
    challenge = "Badge"
    name = "badge"
    security_scheme = {"type": "http", "scheme": "badge"}

    def credential(self, exchange: Exchange) -> str | None:
        return exchange.header("x-badge")

    def verify(self, credential: str) -> Principal:
        return Principal(subject=credential, scheme="badge")

    def remembered_s(self, principal: Principal) -> float:
        return 60

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


app = App("shop", auth=[Badge()])
sold = app.metrics.counter("shop.sold", "Things.\\nWhat \\"sold\\" means.", labels=("kind",))
"""
MORE = """

@app.post("/buy/{kind}")
async def buy(req: Request, lctx: LocalContext) -> str:
    sold.bind(kind=req.params["kind"]).add()
    if req.params["kind"] == "none":
        lctx.compensate(undo)
        raise LookupError("sold out")
    return "sold"


@app.get("/stream")
async def stream() -> Stream:
    return Stream(["one", "two"])


def undo() -> None:
    raise LookupError("lost")


@app.get("/seldom", rate_limit="1/minute")
async def seldom() -> str:
    return "now"
"""
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
VARIABLES = {"$__rate_interval": "10s", "$job": ".*", "$handler": ".*", "$version": ".*"}


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Prometheus]]:
    folder = tmp_path_factory.mktemp("dashboard")
    app = write_project(folder, APP.replace('app = App("probe")\n', BADGE) + MORE)
    (folder / "rules.json").write_text(json.dumps(alert_rules()))  # JSON is YAML
    environ = {
        "PERDURE_METRICS__PATH": "/metrics", "PERDURE_METRICS__SERIES_LIMIT": "2", "PERDURE_AUDIT__DIR": str(folder),
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_TIMEOUT": "50",
        "OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_METRICS_EXPORTER": "none", "PERDURE_ROLLOUT__FALLBACK": "false",
        "PERDURE_ROLLOUT__HEALTH_MIN_REQUESTS": "2", "PERDURE_ROLLOUT__UNHEALTHY_PERCENT": "5",
    }  # fmt: skip
    with (
        serve(app, log=folder / "log", env=environ) as server,
        prometheus(server.url, folder, folder / "rules.json") as found,
        httpx.Client(base_url=server.url, headers={"x-badge": "me"}) as client,
    ):
        # What grows between two readings is what a rate is made of: so there is some of all before, and after.
        for _ in range(2):
            for kind in ("tea", "coffee", "milk", "none"):
                client.post(f"/buy/{kind}", headers={"traceparent": f"00-{TRACE_ID}-00f067aa0ba902b7-01"})
            client.get("/stream")
            client.get("/seldom")
            client.get("/seldom")
            client.get("/seldom", headers={"api-version": "v3.0.0"})
            found.wait_until("count_over_time(perdure_traces_dropped_total[1m]) > 2")
        yield server, found


def panels() -> list[dict[str, Any]]:
    found: Any = dashboard()["panels"]
    return [panel for panel in found if panel["type"] == "timeseries"]


def test_every_diagram_shows_something_where_there_was_traffic(collected: tuple[Server, Prometheus]) -> None:
    _, found = collected
    for panel in panels():
        for target in panel["targets"]:
            query = target["expr"]
            for name, value in VARIABLES.items():
                query = query.replace(name, value)
            assert "$" not in query
            found.wait_until(query)
            labels = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            assert all(labels <= having.keys() for having, _ in found.ask(query)), target["legendFormat"]


def test_choices_of_the_dashboard_are_what_was_counted(collected: tuple[Server, Prometheus]) -> None:
    _, found = collected
    listed: Any = dashboard()["templating"]
    chosen: dict[str, set[str]] = {}
    for each in listed["list"][1:]:
        metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", each["query"]).groups()  # type: ignore[union-attr]
        chosen[each["name"]] = set(found.get(f"label/{label}/values", **{"match[]": metric}))
    assert chosen["job"] == {"shop"}
    assert {"buy", "seldom"} <= chosen["handler"]
    assert "2026-02-01" in chosen["version"]


def test_exemplars_lead_from_the_diagram_of_durations_to_traces(collected: tuple[Server, Prometheus]) -> None:
    _, found = collected
    now = time.time()
    query = next(panel for panel in panels() if panel["title"].startswith("Duration"))["targets"][0]["expr"]
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    series = found.get("query_exemplars", query=query, start=f"{now - 60}", end=f"{now + 60}")
    assert {TRACE_ID} == {each["labels"]["trace_id"] for one in series for each in one["exemplars"]}


def test_prometheus_evaluates_every_rule(collected: tuple[Server, Prometheus]) -> None:
    _, found = collected
    (group,) = found.get("rules")["groups"]
    assert len(alert_rules()["groups"][0]["rules"]) == len(group["rules"])  # type: ignore[index]
    assert {""} == {rule.get("lastError", "") for rule in group["rules"]}


def test_page_passes_the_checks_of_promtool_but_for_names_that_others_have_given(
    collected: tuple[Server, Prometheus],
) -> None:
    server, _ = collected
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("there is no promtool here; on Debian: apt-get install prometheus")
    page = httpx.get(f"{server.url}/metrics").text
    ended = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, text=True, check=False)
    told = (ended.stderr + ended.stdout).splitlines()
    found = {name: complaint for name, _, complaint in (line.partition(" ") for line in told)}
    about_count = 'non-histogram and non-summary metrics should not have "_count" suffix'
    assert {"process_thread_count": about_count, "process_unix_file_descriptor_count": about_count} == found


def test_dashboard_is_one_that_grafana_10_and_later_import() -> None:
    shown: Any = dashboard()
    assert 36 <= shown["schemaVersion"] <= 39  # of Grafana 10.0 to 11.0: later ones take it on themselves
    source, *others = shown["templating"]["list"]
    assert ("datasource", "prometheus") == (source["type"], source["query"])
    of_source = {"type": "prometheus", "uid": f"${{{source['name']}}}"}
    assert all(each["type"] == "query" and each["datasource"] == of_source for each in others)
    taken: set[tuple[int, int]] = set()
    for panel in shown["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
        for target in panel.get("targets", ()):
            assert panel["datasource"] == target["datasource"] == of_source
        letters = [target["refId"] for target in panel.get("targets", ())]
        assert len(set(letters)) == len(letters)
    asked = " ".join(target["expr"] for panel in panels() for target in panel["targets"])
    used = set(re.findall(r"\$(\w+)", asked))
    assert used - {"__rate_interval"} == {each["name"] for each in others}
