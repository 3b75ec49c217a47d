"""The shop's own page does what it says."""

from pathlib import Path

import pytest

from tests.docs.test_snippets import follow
from tests.examples.conftest import SHOP


def test_readme_of_the_shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_DB", str(tmp_path / "shop.db"))
    follow(SHOP / "README.md", tmp_path, monkeypatch)
