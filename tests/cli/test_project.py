import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from perdure.cli.main import main
from perdure.cli.project import ProjectError, create_project

if TYPE_CHECKING:
    from tests.cli.conftest import Command


@pytest.mark.parametrize("name", ["", "Shop", "1shop", "a b", "class", "../x", "json", "perdure", "tests", "a--b", "é"])
def test_create_project_when_the_name_is_of_no_use_says_so(name: str, tmp_path: Path) -> None:
    with pytest.raises(ProjectError):
        create_project(name, tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_create_project_when_the_folder_is_not_empty_touches_nothing(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ProjectError, match="not an empty folder"):
        create_project("shop", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_new_when_it_cannot_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "Bad Name", "--path", str(tmp_path / "x")]) == 2
    assert "cannot name a project" in capsys.readouterr().err


def test_new_project_passes_its_own_test(tmp_path: Path) -> None:
    folder = create_project("hello-world", tmp_path / "hello-world")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
    assert "3 passed" in result.stdout


def test_new_project_is_served(tmp_path: Path, run: Callable[..., "Command"]) -> None:
    assert main(["new", "hello", "--path", str(tmp_path / "hello")]) == 0
    server = run("serve", "hello", "--port", "0")
    answer = httpx.get(f"http://127.0.0.1:{server.wait_port()}/greetings/de")
    assert answer.json() == {"message": "Hallo, world!", "language": "de"}
