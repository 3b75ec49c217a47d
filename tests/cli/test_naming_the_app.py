"""Every command takes its app as an argument or with --app, and says so where both are given and differ."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from perdure.cli.main import main
from tests.cli.versioned import write_project

COMMANDS = [
    ("routes",), ("manifest",), ("diff",), ("changelog",), ("openapi",), ("check", "--only", "unrecorded"),
    ("revision", "-m", "More"),
]  # fmt: skip
SERVING = [("dev",), ("serve",)]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    write_project(tmp_path).rename(tmp_path / "elsewhere.py")
    yield tmp_path
    sys.modules.pop("elsewhere", None)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: each[0])
def test_app_when_named_with_an_option_is_the_same_as_by_an_argument(
    project: Path, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    assert 2 == main([*command])
    assert "no app found" in capsys.readouterr().err
    code = main([*command, "--app", "elsewhere.py"])
    by_option = capsys.readouterr().out
    for folder in project.glob("revisions/*more*"):
        folder.unlink()
    assert code == main([command[0], "elsewhere.py", *command[1:]])
    assert by_option == capsys.readouterr().out
    assert by_option


@pytest.mark.parametrize("command", [*COMMANDS, *SERVING], ids=lambda each: each[0])
@pytest.mark.usefixtures("project")
def test_app_when_named_twice_and_differently_is_refused(
    capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    name, *options = command
    two = ["other.py", "get_order"] if name == "manifest" else ["other.py"]
    assert 2 == main([name, *two, *options, "--app", "elsewhere.py"])
    assert "'other.py' and --app 'elsewhere.py' are two apps: name one" in capsys.readouterr().err


@pytest.mark.usefixtures("project")
def test_manifest_when_the_app_is_an_option_takes_the_handler_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == main(["manifest", "get_order", "--app", "elsewhere.py"])
    assert '"id": "get_order"' in capsys.readouterr().out
