"""The shop's revisions are what `perdure revision` writes from the history of its types, but for a few lines."""

import difflib
import importlib
import shutil
import sys
from pathlib import Path

import pytest

from perdure.cli.main import main
from tests.examples.conftest import SHOP

HISTORY = Path(__file__).parent / "shop"
BY_HAND = {
    "2025-06-01_two_names.py": [
        "    first_name, *last_name = name.split(maxsplit=1) or [name]",
        '    customer["first_name"] = first_name',
        '    customer["last_name"] = "".join(last_name)  # who has only one name has no last name',
        '    customer["name"] = f"{first_name} {last_name}" if last_name else first_name',
    ]
}
"""All that a person wrote into the shop's revisions."""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder the shop lies in, before it has any file."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "shop"
    folder.mkdir()
    return folder


def record(folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """Run the command as if in a process of its own."""
    importlib.invalidate_caches()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "dont_write_bytecode", True)
        patch.setattr(sys, "path", list(sys.path))
        patch.setattr(sys, "modules", {name: module for name, module in sys.modules.items() if not is_app(name)})
        assert main(["revision", *arguments, str(folder / "app.py")]) == 0


def is_app(name: str) -> bool:
    return name == "app" or name.partition(".")[0] == "shop"


def test_shops_revisions_are_what_the_command_writes_and_four_lines(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(HISTORY / "v1.py", shop / "app.py")
    record(shop, monkeypatch, "-m", "The shop opens", "--label", "v1.0.0", "--date", "2025-01-15")

    shutil.copy(HISTORY / "v2.py", shop / "app.py")
    details = (
        "Two names\n\nCustomers have a first and a last name, an order has lines with a quantity, and its states have "
        "other names."
    )
    renames = [
        "Line.qty=quantity", "OrderLine.qty=quantity", "NewOrder.items=lines", "Order.items=lines",
        "OrderStatus.done=completed", "OrderStatus.closed=cancelled",
    ]  # fmt: skip
    hints = [word for rename in renames for word in ("--rename", rename)]
    record(shop, monkeypatch, "-m", details, "--label", "v2.0.0", "--date", "2025-06-01", *hints)

    for file in SHOP.iterdir():
        if file.suffix in {".py", ".csv"}:
            shutil.copy(file, shop)
    money = "Money has a currency\n\nIt was a plain number, in EUR."
    record(shop, monkeypatch, "-m", money, "--label", "v3.0.0", "--date", "2026-02-10")

    written = {file.name for file in (shop / "revisions").iterdir()}
    assert {file.name for file in (SHOP / "revisions").iterdir() if file.suffix in {".py", ".json"}} == written
    for name in sorted(written):
        ours, theirs = (shop / "revisions" / name).read_text(), (SHOP / "revisions" / name).read_text()
        if name.endswith(".json"):
            assert ours == theirs.replace('  "published": true,\n', "")
        else:
            assert BY_HAND.get(name, []) == added_lines(ours, theirs)


def added_lines(generated: str, kept: str) -> list[str]:
    """Return the lines of *kept* that are not *generated*; what is left out must have been a hole."""
    lines = list(difflib.ndiff(generated.splitlines(), kept.splitlines()))
    left_out = "".join(line[2:].strip() for line in lines if line.startswith("- "))
    assert left_out.count("revision.todo(") == left_out.count('customer["')
    return [line[2:] for line in lines if line.startswith("+ ")]


def test_documentation_counts_the_lines_as_they_are() -> None:
    page = (Path(__file__).parents[3] / "docs/how-to/first-revision.md").read_text("utf-8")
    total = sum(len(file.read_text("utf-8").splitlines()) for file in (SHOP / "revisions").glob("*.py"))
    assert sum(map(len, BY_HAND.values())) == 4
    assert f"have {total} lines. The command wrote all but four" in page
