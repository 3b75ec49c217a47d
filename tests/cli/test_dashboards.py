"""`perdure dashboards`: what it writes is about metrics that there are."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from perdure.cli.main import main
from perdure.telemetry.alerts import alert_rules
from perdure.telemetry.dashboards import dashboard
from perdure.telemetry.prometheus_names import exposed_names, label_name
from perdure.telemetry.table import TABLE

NAMES = {name: metric for metric in TABLE for name in exposed_names(metric)}
SELECTOR = re.compile(r"\b([a-z][a-z0-9_]*_[a-z0-9_]+)(?:\{([^}]*)\})?(?!\w*\()")
FUNCTIONS = {"histogram_quantile", "label_values"}


def expressions() -> Iterator[str]:
    for panel in dashboard()["panels"]:  # type: ignore[attr-defined]
        yield from (target["expr"] for target in panel.get("targets", ()))
    for group in alert_rules()["groups"]:  # type: ignore[attr-defined]
        yield from (rule["expr"] for rule in group["rules"])


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_every_name_in_an_expression_is_one_of_a_metric_or_of_a_label_it_has(expression: str) -> None:
    asked = [found for found in SELECTOR.findall(expression) if found[0] in NAMES]
    labels = {label_name(label) for name, _ in asked for label in NAMES[name].labels} | {"job", "le"}
    assert asked
    for name, match in SELECTOR.findall(expression):
        assert name in NAMES or name in labels or name in FUNCTIONS, name
        assert {each.partition("=")[0].strip(" !~") for each in match.split(",") if each} <= labels
    for grouped in re.findall(r"by \(([^)]*)\)", expression):
        assert {label.strip() for label in grouped.split(",")} <= labels


def test_every_metric_worth_a_look_is_on_the_dashboard() -> None:
    shown = " ".join(expressions())
    missing = {metric.name for metric in TABLE if not any(name in shown for name in exposed_names(metric))}
    assert missing == {
        "http.server.request.body.size", "http.server.response.body.size", "perdure.process.start_time",
        "cpython.gc.collected_objects", "cpython.gc.uncollectable_objects",
    }  # fmt: skip


def test_files_are_written_where_they_are_wanted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "made" / "here"
    assert main(["dashboards", "--out", str(folder)]) == 0
    assert capsys.readouterr().out == (f"wrote {folder}/perdure-dashboard.json\nwrote {folder}/perdure-alerts.yaml\n")
    shown: dict[str, Any] = json.loads((folder / "perdure-dashboard.json").read_text())
    panels = [panel for panel in shown["panels"] if panel["type"] == "timeseries"]
    assert len({panel["id"] for panel in shown["panels"]}) == len(shown["panels"])
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)
    assert {"datasource", "job", "handler", "version"} == {each["name"] for each in shown["templating"]["list"]}
    assert alert_rules() == yaml.safe_load((folder / "perdure-alerts.yaml").read_text())


def test_folder_that_cannot_be_made_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").write_text("")
    assert main(["dashboards", "--out", str(tmp_path / "taken")]) == 1
    assert "taken cannot be written" in capsys.readouterr().err


# ruff: noqa: E501 - a series is one line
RULES = """
rule_files: [perdure-alerts.yaml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: 'http_server_request_duration_seconds_count{job="shop", perdure_handler="pay", http_response_status_code="500"}'
        values: '0+10x30'
      - series: 'http_server_request_duration_seconds_count{job="shop", perdure_handler="pay", http_response_status_code="200"}'
        values: '0+90x30'
      - series: 'http_server_request_duration_seconds_count{job="shop", perdure_handler="look", http_response_status_code="200"}'
        values: '0+90x30'
      - series: 'perdure_compensations_failed_total{job="shop", perdure_handler="pay"}'
        values: '_x9 1x30'
      - series: 'perdure_audit_records_lost_total{job="shop"}'
        values: '0x30'
    alert_rule_test:
      - eval_time: 15m
        alertname: PerdureErrors
        exp_alerts:
          - exp_labels: {severity: critical, job: shop, perdure_handler: pay}
            exp_annotations:
              summary: pay fails for 10% of its requests
              description: The log has the failures with their request ids; `perdure versions rollback` if a version began it.
      - eval_time: 12m
        alertname: PerdureCompensationFailed
        exp_alerts:
          - exp_labels: {severity: critical, job: shop, perdure_handler: pay}
            exp_annotations:
              summary: Something pay did could not be undone
              description: "The log of perdure.lifecycle says what, and of which request: undo it by hand."
      - eval_time: 29m
        alertname: PerdureCompensationFailed
        exp_alerts: []
      - eval_time: 15m
        alertname: PerdureAuditRecordsLost
        exp_alerts: []
"""


def test_prometheus_takes_the_rules_and_they_tell_what_they_should(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("there is no promtool here; on Debian: apt-get install prometheus")
    assert main(["dashboards", "--out", str(tmp_path)]) == 0
    (tmp_path / "test.yml").write_text(RULES)
    for command in (["check", "rules", "perdure-alerts.yaml"], ["test", "rules", "test.yml"]):
        ended = subprocess.run([promtool, *command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
