"""`perdure changelog`: what changed from version to version, for people and for programs."""

import json
import sys
from pathlib import Path

import pytest

from perdure.cli.changelog_text import Entry, Release, to_markdown
from perdure.cli.main import main
from perdure.timescape.delta import delta, write_delta
from perdure.timescape.renames import Renames
from tests.cli.versioned import ONE, RECORDED, TWO, write_project

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.chdir(tmp_path)
    return write_project(tmp_path)


def test_changelog_tells_each_version_and_what_is_not_recorded_yet(project: Path, capsys: Printed) -> None:
    assert main(["changelog"]) == 0
    expected = """\
# Changelog

## Unreleased

### New endpoints

- `GET /orders`

### Other changes

- `Order`, in answers of `GET /orders/{order_id}`: the required property "note" was added.

## v2.0.0 (2026-02-01)

The sum is called total, as everywhere.

### Breaking changes

- `GET /order/{order_id}`: the endpoint was GET /order/{order_id} and is now GET /orders/{order_id}.
- `Order`, in answers of `GET /order/{order_id}`: the required property "sum" was removed.

### Other changes

- `Order`, in answers of `GET /order/{order_id}`: the required property "total" was added.

## v1.0.0 (2026-01-01)

It begins.

### New endpoints

- `GET /order/{order_id}`
"""
    assert expected == capsys.readouterr().out


def test_changelog_between_two_versions_tells_what_came_after_the_first(project: Path, capsys: Printed) -> None:
    assert main(["changelog", "app.py", "--from", "v1.0.0", "--to", "v2.0.0"]) == 0
    printed = capsys.readouterr().out
    assert ["## v2.0.0 (2026-02-01)"] == [line for line in printed.splitlines() if line.startswith("## ")]


def test_changelog_as_json_can_be_read_by_programs(project: Path, capsys: Printed) -> None:
    assert main(["changelog", "--format", "json", "--to", "v2"]) == 0
    newest, first = json.loads(capsys.readouterr().out)
    assert ("2026-02-01", "v2.0.0", "2026-02-01_total", "The sum is called total, as everywhere.") == (
        newest["version"], newest["label"], newest["revision"], newest["message"],
    )  # fmt: skip
    assert {
        "rule": "response-required-property-removed", "level": "breaking", "direction": "response", "type": "Order",
        "member": "sum", "message": 'the required property "sum" was removed', "endpoints": ["GET /order/{order_id}"],
        "pointers": ["/body/sum"],
    } in newest["changes"]  # fmt: skip
    assert ["endpoint-added"] == [change["rule"] for change in first["changes"]]


def test_changelog_when_the_code_is_recorded_has_nothing_unreleased(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path, RECORDED)
    assert main(["changelog"]) == 0
    assert "Unreleased" not in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [("--from", "v7"), ("--to", "v7"), ("--from", "v2", "--to", "v1")])
def test_changelog_of_versions_that_are_not_there_ends_with_2(
    project: Path, capsys: Printed, arguments: tuple[str, ...]
) -> None:
    assert main(["changelog", *arguments]) == 2
    assert "v2.0.0" in capsys.readouterr().err


def entry(message: str, **more: object) -> Entry:
    told: dict[str, object] = {
        "rule": "request-minimum-raised", "level": "breaking", "direction": "request", "type": "Line",
        "member": "quantity", "endpoints": ("POST /orders",), "pointers": ("/body/lines/*/quantity",), **more,
    }  # fmt: skip
    return Entry(message=message, **told)  # type: ignore[arg-type]


def text(*changes: Entry) -> str:
    return to_markdown([Release(version="2026-01-01", label=None, revision="r", message="", changes=changes)])


def test_edit_felt_in_both_directions_is_told_once_where_it_is_graver() -> None:
    told = text(
        entry("the minimum was 1 and is now 2", level="compatible", direction="response", endpoints=("GET /orders",)),
        entry("the minimum was 1 and is now 2"),
    )
    assert told.endswith(
        "### Breaking changes\n\n- `Line`, in requests to and answers of `GET /orders` and `POST /orders`: "
        "`quantity`: the minimum was 1 and is now 2."
    )
    assert "Other changes" not in told


def test_edits_of_one_type_stand_together() -> None:
    told = text(entry("the minimum was 1 and is now 2"), entry('the required property "sku" was added', member="sku"))
    assert told.endswith(
        "- `Line`, in requests to `POST /orders`:\n  - `quantity`: the minimum was 1 and is now 2\n"
        '  - the required property "sku" was added'
    )


@pytest.mark.parametrize(
    ("pointer", "place"),
    [
        ("/query/limit", "`limit` in the query: "), ("/path/id", "`id` in the path: "),
        ("/headers/x-tenant", "`x-tenant` in the headers: "), ("/body", "in the body: "),
        ("/body/a/*/b~1c", "`a.*.b/c` in the body: "), ("/responses/404/body/t", "`t` in the body of status 404: "),
        ("", ""),
    ],
)  # fmt: skip
def test_edit_of_no_named_type_is_told_with_its_place(pointer: str, place: str) -> None:
    told = text(entry("it changed", type="", member="", pointers=(pointer,)))
    assert told.endswith(f"- `POST /orders`: {place}it changed.")


def test_many_endpoints_are_cut_and_markup_is_escaped() -> None:
    endpoints = tuple(f"GET /e{number}" for number in range(9))
    told = text(
        entry("only what matches ^[a-z_]*$ was allowed", type="", member="", endpoints=endpoints, pointers=("",))
    )
    assert "`GET /e4` and `4 more endpoints`" not in told
    assert "`GET /e4` and 4 more endpoints: only what matches ^\\[a-z\\_\\]\\*$ was allowed." in told


def test_version_without_changes_says_so() -> None:
    assert text().endswith("## 2026-01-01\n\nNothing changed for clients.")


def test_recorded_rename_is_told_as_one_change(project: Path, capsys: Printed) -> None:
    renames = Renames(members={"Order": {"sum": "total"}})
    write_delta(project.parent / "revisions", "2026-02-01_total", delta(ONE, TWO, renames))
    assert main(["changelog", "--from", "v1.0.0", "--to", "v2.0.0"]) == 0
    printed = capsys.readouterr().out
    assert 'the property "sum" is now called "total".' in printed
    assert "removed" not in printed
