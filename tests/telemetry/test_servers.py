"""Several worker processes, and a real Prometheus that reads them."""

import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.cli.versioned import APP, write_project
from tests.servers import Server, serve, serve_with_granian
from tests.telemetry.prometheus_server import prometheus
from tests.telemetry.reading import OPEN, Scraped, parsed

pytestmark = pytest.mark.slow

ON = {"PERDURE_METRICS__PATH": "/metrics"}
COUNT = "http_server_request_duration_seconds_count"
LABELS = ("perdure_handler", "perdure_version", "http_response_status_code")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    return write_project(tmp_path / "shop", APP + '    \nsold = app.metrics.counter("shop.sold")\nsold.add(0)\n')


def send(url: str, requests: int) -> Counter[tuple[str, ...]]:
    """Ask in all ways there are, each time over a new connection; return what was answered."""

    client = httpx.Client(verify=False, limits=httpx.Limits(max_keepalive_connections=0))

    def ask(number: int) -> tuple[str, ...]:
        version = ("v1.0.0", "v2.0.0", None, "v3.0.0")[number % 4]
        path = ("/orders/1", "/order/1", "/nowhere")[number // 4 % 3]
        headers = {"api-version": version} if version else {}
        answer = client.get(url + path, headers=headers)
        handler = "(none)" if answer.status_code in {400, 404} else "get_order"
        return handler, answer.headers["api-version"], str(answer.status_code)

    with client, ThreadPoolExecutor(8) as threads:
        return Counter(threads.map(ask, range(requests)))


def page_of(server: Server) -> Scraped:
    return parsed(httpx.get(f"{server.url}/metrics", headers=OPEN, verify=False).text)


def counted(page: Scraped) -> dict[tuple[str, ...], float]:
    """Return what *page* says of requests, but for those for pages, which are to no handler and are answered."""
    return {key: value for key, value in page.by(COUNT, *LABELS).items() if (key[0], key[2]) != ("(none)", "200")}


def workers_of(server: Server) -> set[int]:
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text()
    return {int(pid) for pid in children.split()}


def test_prometheus_reads_of_two_workers_as_many_requests_as_were_sent(project: Path, tmp_path: Path) -> None:
    with (
        serve(project, "--workers", "2", log=tmp_path / "log", env=ON) as server,
        prometheus(server.url, tmp_path) as collector,
    ):
        sent = send(server.url, 300)
        total = sum(sent.values())
        mine = f'{COUNT}{{perdure_handler!="(none)"}} or {COUNT}{{http_response_status_code!="200"}}'
        collector.wait_until(f"sum({mine}) == {total}")
        found = collector.ask(f"sum by ({', '.join(LABELS)}) ({COUNT})")
        seen = {tuple(labels[name] for name in LABELS): value for labels, value in found}
        assert dict(sent) == {key: value for key, value in seen.items() if key in sent}
        assert {key for key in seen if key not in sent} <= {("(none)", version, "200") for _, version, _ in sent}
        assert [({}, 2.0)] == [({}, value) for _, value in collector.ask("perdure_workers")]
        assert "up" in collector.get("targets")["activeTargets"][0]["health"]
        types = collector.get("metadata")
        assert "histogram" == types["http_server_request_duration_seconds"][0]["type"]
        assert "counter" == types["perdure_requests_refused"][0]["type"]
        assert len(workers_of(server)) == 2


def test_totals_of_workers_are_exact_and_do_not_go_back_when_one_is_killed_or_all_are_replaced(
    project: Path, tmp_path: Path
) -> None:
    with serve(project, "--workers", "2", log=tmp_path / "log", env=ON) as server:
        sent = send(server.url, 200)
        assert dict(sent) == counted(page_of(server))
        first, _ = sorted(workers_of(server))
        sent += send(server.url, 50)
        os.kill(first, signal.SIGKILL)
        deadline = time.monotonic() + 20
        seen = 0.0
        while (
            first in workers_of(server) or len(workers_of(server)) < 2 or page_of(server).value("perdure_workers") < 2
        ):
            assert time.monotonic() < deadline
            now = counted(page_of(server))
            assert dict(sent) == now
            assert sum(now.values()) >= seen
            seen = sum(now.values())
        before = workers_of(server)
        server.signal(signal.SIGHUP)
        while workers_of(server) & before:
            assert time.monotonic() < deadline
            assert dict(sent) == counted(page_of(server))
        sent += send(server.url, 100)
        page = page_of(server)
        assert dict(sent) == counted(page)
        answered = sum(value for key, value in sent.items() if key[0] == "get_order")
        stages = page.value("perdure_stage_duration_seconds_count", perdure_stage="handler")
        assert answered - 50 <= stages <= answered  # where time goes is written a little later: some of that was lost
        folder = _run_folder(server)
        assert folder.exists()
    assert not folder.exists()


def test_server_of_others_tells_what_one_process_counted(project: Path, tmp_path: Path) -> None:
    with serve_with_granian("app:app", "asgi", folder=project.parent, log=tmp_path / "log", env=ON) as server:
        sent = send(server.url, 30)
        assert dict(sent) == counted(page_of(server))
        assert 1 == page_of(server).value("perdure_workers")


def _run_folder(server: Server) -> Path:
    held = [each.readlink() for each in Path(f"/proc/{server.pid}/fd").iterdir() if each.is_symlink()]
    return next(each.parent for each in held if each.name == "lock" and each.parent.name.startswith("perdure-run-"))
