"""What auditors and operators see of versions that are set aside, tried again and found healthy."""

import asyncio
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from perdure import App, AuditSettings, Config, RolloutSettings
from perdure.cli.main import main
from perdure.config import MetricsSettings
from perdure.rollout.health import Condition, Seen
from tests.audit.logs import records, verified
from tests.calls import run
from tests.rollout.builds import Build

WITHIN_S = 20.0
QUICK = RolloutSettings(health_window_s=0.2, health_min_requests=5, poll_interval_s=0.02, probe_requests=2)


class Pets:
    """An app with two versions; its second fails as long as it is told to."""

    def __init__(self, folder: Path) -> None:
        self.app = App("pets", config=Config(
            rollout=QUICK, metrics=MetricsSettings(path="/metrics"),
            audit=AuditSettings(dir=str(folder), fsync="never", flush_s=0.02),
        ))  # fmt: skip
        self.is_failing = True

        @self.app.get("/pets", version="v1.0.0")
        async def pets_v1() -> list[str]:
            return ["Rex"]

        @self.app.get("/pets", version="v2.0.0")
        async def pets_v2() -> dict[str, list[str]]:
            if self.is_failing:
                raise RuntimeError("the canary has fallen off its perch")
            return {"names": ["Rex"]}


def unhealthy(page: str) -> dict[tuple[str, ...], float]:
    """Return what the metric says on *page*, by version and condition."""
    found = re.findall(r'^perdure_versions_unhealthy\{perdure_version="(.*?)",.*?="(.*?)"\} (\S+)$', page, re.MULTILINE)
    return {(version, condition): float(value) for version, condition, value in found}


def test_change_of_health_is_in_the_audit_log_and_in_a_metric(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pets = Pets(tmp_path)
    pages: list[dict[tuple[str, ...], float]] = []

    async def scenario() -> None:
        await pets.app.start()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=pets.app), base_url="http://test") as client:

            async def until(is_so: Callable[[dict[tuple[str, ...], float]], bool]) -> None:
                give_up = time.monotonic() + WITHIN_S
                while True:
                    await client.get("/pets", headers={"api-version": "v2.0.0"})
                    page = unhealthy((await client.get("/metrics")).text)
                    if is_so(page):
                        pages.append(page)
                        return
                    assert time.monotonic() < give_up, page
                    await asyncio.sleep(0.005)

            pages.append(unhealthy((await client.get("/metrics")).text))
            await until(lambda page: page.get(("v2.0.0", "out")) == 1)
            pets.is_failing = False
            await until(lambda page: 1 not in page.values())
        await pets.app.stop()

    run(scenario())
    is_out, is_well = {("v2.0.0", "out"): 1.0, ("v2.0.0", "trial"): 0.0}, dict.fromkeys(pages[1], 0.0)
    assert [{}, is_out, is_well] == pages  # the other version has no series
    told = records(tmp_path, "health")
    conditions = [each["condition"] for each in told]
    assert ["out", "trial"] == conditions[:2]
    assert "healthy" == conditions[-1]
    assert {"v2.0.0"} == {each["version"] for each in told}
    first, last = told[0], told[-1]
    assert first["requests"] >= 5
    assert first["errors"] == first["requests"]
    assert (0, 0) == (last["errors"], last["slow"])
    assert verified(tmp_path).is_sound

    assert 0 == main(["audit", "tail", "--dir", str(tmp_path), "--kind", "health", "-n", "100"])
    lines = capsys.readouterr().out.splitlines()
    count = first["requests"]
    assert lines[0].endswith(f"version v2.0.0 is unhealthy: {count} of {count} answers failed, 0 were slow")
    assert lines[1].endswith("version v2.0.0 is on trial")
    assert "version v2.0.0 is healthy again: 0 of" in lines[-1]


def test_metric_says_nothing_more_of_an_app_that_was_stopped(tmp_path: Path) -> None:
    pets = Pets(tmp_path)

    async def scenario() -> None:
        await pets.app.start()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=pets.app), base_url="http://test") as client:
            give_up = time.monotonic() + WITHIN_S
            while 1.0 not in unhealthy((await client.get("/metrics")).text).values():
                assert time.monotonic() < give_up
                await client.get("/pets", headers={"api-version": "v2.0.0"})
                await asyncio.sleep(0.005)
            await pets.app.stop()
            await pets.app.start()
            page = unhealthy((await client.get("/metrics")).text)
            assert {("v2.0.0", "out"): 0.0, ("v2.0.0", "trial"): 0.0} == page
            await pets.app.stop()

    run(scenario())


def test_listener_is_told_what_each_change_was_judged_by() -> None:
    build = Build(settings=RolloutSettings(health_window_s=2.0, health_min_requests=5))
    told: list[tuple[str, Condition, Seen]] = []
    build.rollout.on_judged = lambda *judged: told.append(judged)
    build.answer("v3.0.0", 503, times=5)
    build.answer("v3.0.0", times=1)
    build.pass_time(4)
    build.answer("v3.0.0", times=5)
    build.pass_time(1)
    expected: list[Any] = [
        ("v3.0.0", "out", Seen(6, 5, 0)), ("v3.0.0", "trial", Seen()), ("v3.0.0", "healthy", Seen(5, 0, 0)),
    ]  # fmt: skip
    assert expected == told


def test_log_does_not_say_that_traffic_goes_elsewhere_when_it_does_not(caplog: pytest.LogCaptureFixture) -> None:
    build = Build(settings=RolloutSettings(health_window_s=2.0, health_min_requests=5, fallback=False))
    build.answer("v3.0.0", 503, times=5)
    build.pass_time(1)
    [record] = caplog.records
    assert "nobody is sent elsewhere, as rollout.fallback is off" in record.message
