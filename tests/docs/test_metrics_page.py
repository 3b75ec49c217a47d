"""The page of metrics lists those there are."""

import runpy
from pathlib import Path

from perdure.telemetry.table import TABLE

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "metrics.md"
SCRIPT = runpy.run_path(str(ROOT / "docs" / "list_metrics.py"))


def test_page_is_what_the_script_writes() -> None:
    _, mark, written = PAGE.read_text("utf-8").partition(SCRIPT["MARK"])
    assert mark
    assert "\n" + SCRIPT["metrics"]() == written, "run `python docs/list_metrics.py`"


def test_page_lists_every_metric_once() -> None:
    page = PAGE.read_text("utf-8")
    for metric in TABLE:
        assert 1 == page.count(f"## {metric.name}\n")
