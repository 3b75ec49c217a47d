"""The page of the diff's rules lists those there are."""

import runpy
from pathlib import Path

from perdure.diff.endpoint_rules import ENDPOINT_RULES
from perdure.diff.rules import RULES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "diff-rules.md"
SCRIPT = runpy.run_path(str(ROOT / "docs" / "list_diff_rules.py"))


def test_page_is_what_the_script_writes() -> None:
    _, mark, written = PAGE.read_text("utf-8").partition(SCRIPT["MARK"])
    assert mark
    assert SCRIPT["rules"]() == written, "run `python docs/list_diff_rules.py`"


def test_page_lists_every_rule_once() -> None:
    page = PAGE.read_text("utf-8")
    for rule in (*RULES, *ENDPOINT_RULES):
        assert 1 == page.count(f"| `{rule}` |")


def test_no_rule_about_types_has_the_id_of_one_about_endpoints() -> None:
    assert not RULES.keys() & ENDPOINT_RULES.keys()
