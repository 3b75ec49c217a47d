"""The alert rules, played through by Prometheus' own tool: each is raised when it should be, and only then."""

import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from perdure.cli.main import main
from perdure.telemetry.alerts import alert_rules

ENDS = "http_server_request_duration_seconds_bucket"
LAG = "perdure_event_loop_lag_seconds_bucket"
REFUSED = "perdure_requests_refused_total"
STREAMS = "perdure_response_stream_duration_seconds_count"
UNHEALTHY = "perdure_versions_unhealthy"
_SLOW, _QUICK = 'perdure_handler="slow"', 'perdure_handler="quick"'
_SOCKET = 'perdure_handler="socket",http_response_status_code="101"'


class Case(NamedTuple):
    """What is counted, a value a minute; when the alert is raised and when it is not, and what it says."""

    alert: str
    series: dict[str, str]
    raised: int
    silent: tuple[int, ...]
    labels: dict[str, str]
    summary: str


CASES = [
    Case(
        "PerdureSlow",
        {
            f'{ENDS}{{{_SLOW},le="1.0"}}': "0x40", f'{ENDS}{{{_SLOW},le="2.5"}}': "0+60x40",
            f'{ENDS}{{{_SLOW},le="+Inf"}}': "0+60x40", f'{ENDS}{{{_QUICK},le="1.0"}}': "0+60x40",
            f'{ENDS}{{{_QUICK},le="+Inf"}}': "0+60x40", f'{ENDS}{{{_SOCKET},le="1.0"}}': "0x40",
            f'{ENDS}{{{_SOCKET},le="2.5"}}': "0+60x40", f'{ENDS}{{{_SOCKET},le="+Inf"}}': "0+60x40",
        },
        20, (5,), {"perdure_handler": "slow"}, "slow takes 2.485s for 1 % of its requests",
    ),
    Case(
        "PerdureShedding", {f'{REFUSED}{{perdure_reason="overloaded"}}': "0+60x40 2400x20",
                            f'{REFUSED}{{perdure_reason="rate_limited"}}': "0+600x60"},
        20, (1, 59), {}, "1 requests per second are turned away: there is too much to do",
    ),
    Case(
        "PerdureEventLoopLate",
        {f'{LAG}{{le="0.1"}}': "0x40", f'{LAG}{{le="0.25"}}': "0+60x40", f'{LAG}{{le="+Inf"}}': "0+60x40"},
        20, (3,), {}, "New requests wait up to 248.5ms before anybody looks at them",
    ),
    Case("PerdureAuditRecordsLost", {"perdure_audit_records_lost_total{}": "0x9 3x40"}, 12, (5, 40), {},
         "The audit log has lost records"),
    Case("PerdureSpansDropped", {'perdure_traces_dropped_total{perdure_reason="failed"}': "_x4 0+5x60"}, 30, (10,), {},
         "Traces do not reach the collector"),
    Case(
        "PerdureRetiredVersionAsked",
        {f'{REFUSED}{{perdure_reason="version_closed",perdure_version="v1"}}': "_x4 1x90",
         f'{REFUSED}{{perdure_reason="version_closed",perdure_version="v0"}}': "9x95",
         f'{REFUSED}{{perdure_reason="unknown_version",perdure_version="v9"}}': "0+5x90"},
        62, (80,), {"perdure_version": "v1"}, "Somebody still asks for version v1, which is not served any more",
    ),
    Case(
        "PerdureStreamsBreak",
        {
            f'{STREAMS}{{perdure_handler="feed",perdure_stream_outcome="broken"}}': "_x4 1x40",
            f'{STREAMS}{{perdure_handler="old",perdure_stream_outcome="broken"}}': "3x45",
            f'{STREAMS}{{perdure_handler="feed",perdure_stream_outcome="left"}}': "0+9x45",
        },
        12, (30,), {"perdure_handler": "feed"}, "Streams of feed break off",
    ),
    Case(
        "PerdureVersionUnhealthy",
        {
            f'{UNHEALTHY}{{instance="a",perdure_version="v2",perdure_version_condition="out"}}': "_x2 1x4 0x40",
            f'{UNHEALTHY}{{instance="a",perdure_version="v2",perdure_version_condition="trial"}}': "_x2 0x4 1x3 0x40",
            f'{UNHEALTHY}{{instance="b",perdure_version="v2",perdure_version_condition="out"}}': "_x2 3x4 0x40",
            f'{UNHEALTHY}{{instance="b",perdure_version="v1",perdure_version_condition="out"}}': "0x50",
        },
        4, (1, 20), {"perdure_version": "v2"}, "Version v2 is unhealthy, as seen by 4 of the processes",
    ),
    Case("PerdureLabelsWithoutEnd",
         {'perdure_metrics_series_refused_total{perdure_metric="shop.sold"}': "_x4 1+1x9 10x40"}, 6, (2, 40),
         {"perdure_metric": "shop.sold"}, "The metric shop.sold has more series than it may have"),
]  # fmt: skip


def of_job(series: str) -> str:
    """Return *series* with the label that Prometheus adds to what it scrapes."""
    return series.replace("{", '{job="shop",', 1).replace(",}", "}")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
def test_alert_is_raised_when_it_should_be(case: Case, tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("there is no promtool here; on Debian: apt-get install prometheus")
    rules: Any = alert_rules()
    (rule,) = (each for each in rules["groups"][0]["rules"] if each["alert"] == case.alert)
    annotations = {"summary": case.summary, "description": rule["annotations"]["description"]}
    raised = {"exp_labels": {"job": "shop", **rule["labels"], **case.labels}, "exp_annotations": annotations}
    asked = [{"eval_time": f"{case.raised}m", "alertname": case.alert, "exp_alerts": [raised]}]
    asked += [{"eval_time": f"{minute}m", "alertname": case.alert, "exp_alerts": []} for minute in case.silent]
    test = {
        "interval": "1m", "alert_rule_test": asked,
        "input_series": [{"series": of_job(name), "values": values} for name, values in case.series.items()],
    }  # fmt: skip
    assert main(["dashboards", "--out", str(tmp_path)]) == 0
    whole = {"rule_files": ["perdure-alerts.yaml"], "evaluation_interval": "1m", "tests": [test]}
    (tmp_path / "test.yml").write_text(yaml.safe_dump(whole))
    ended = subprocess.run(
        [promtool, "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_every_alert_is_played_through_here_or_beside_the_command_that_writes_them() -> None:
    rules: Any = alert_rules()
    told = {rule["alert"] for rule in rules["groups"][0]["rules"]}
    assert {"PerdureErrors", "PerdureCompensationFailed"} | {case.alert for case in CASES} == told
