import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "properties.md"
TESTS = ROOT / "tests" / "properties"
ROW = re.compile(r"^\| (\d+) \| [^|]+ \| (?:\[(?P<name>[^\]]+)\]\((?P<url>[^)]+)\) )?\|$", re.MULTILINE)


def rows() -> dict[int, re.Match[str]]:
    return {int(row[1]): row for row in ROW.finditer(PAGE.read_text("utf-8"))}


def test_page_lists_all_47_properties() -> None:
    assert list(range(1, 48)) == sorted(rows())


def test_page_links_exactly_the_tests_that_exist() -> None:
    existing = {path.name for path in TESTS.glob("test_property_*.py")}
    linked = {row["name"] for row in rows().values() if row["name"]}
    assert existing == linked, "run `python docs/link_properties.py`"


def test_each_row_links_the_test_of_its_number() -> None:
    for number, row in rows().items():
        if row["name"]:
            assert row["name"].startswith(f"test_property_{number:02}_")
            assert row["url"] == f"../tests/properties/{row['name']}"
