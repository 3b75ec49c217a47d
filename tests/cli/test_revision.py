import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Protocol

import pytest

from perdure.cli.main import main

APP = """
from msgspec import Struct
from perdure import App, Request

app = App("orders")


class Order(Struct):
    items: list[str]


@app.post("/orders")
async def place(req: Request[Order]) -> Order:
    return req.body
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def in_a_process(folder: Path, *arguments: str, code: int = 0) -> str:
    """Return what the command prints in a process of its own, and hold it to its exit code."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"  # an edit within a second leaves stale bytecode behind
    command = [sys.executable, "-m", "perdure", "revision", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    printed = done.stdout + done.stderr
    assert done.returncode == code, printed
    assert "Traceback" not in printed
    return printed


class Perdure(Protocol):
    """The command."""

    def __call__(self, folder: Path, *arguments: str, code: int = 0) -> str: ...


@pytest.fixture
def perdure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Perdure:
    """The command, run in this process as if in one of its own."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def run(folder: Path, *arguments: str, code: int = 0) -> str:
        importlib.invalidate_caches()
        with monkeypatch.context() as patch:
            patch.chdir(folder)
            patch.setattr(sys, "path", list(sys.path))
            patch.setattr(sys, "modules", {name: each for name, each in sys.modules.items() if name != "app"})
            found = main(["revision", *arguments])
        captured = capsys.readouterr()
        printed = captured.out + captured.err
        assert found == code, printed
        return printed

    return run


def recorded_renames(file: Path) -> object:
    return json.loads(file.read_text())["renames"]["members"]


def rename_items(folder: Path) -> None:
    (folder / "app.py").write_text(APP.replace("items", "lines"))


def test_change_is_recorded_with_what_carries_it(project: Path, perdure: Perdure) -> None:
    assert "wrote revisions/2025-01-15_it_begins.py" in perdure(project, "-m", "It begins", "--date", "2025-01-15")
    assert "nothing changed" in perdure(project, "-m", "Again")
    rename_items(project)
    hint = ["--rename", "Order.items=lines", "--label", "v2.0.0"]
    assert "2 transformers" in perdure(project, "-m", "Lines", "--date", "2026-02-10", *hint)
    text = (project / "revisions/2026-02-10_lines.py").read_text()
    assert 'order["lines"] = order.pop("items")' in text
    assert 'Revision("2026-02-10", label="v2.0.0", after="2025-01-15_it_begins")' in text
    assert '- Order: the property "items" is now called "lines".' in text


def test_likely_rename_is_suggested_not_assumed_and_places_to_decide_are_listed(
    project: Path, perdure: Perdure
) -> None:
    perdure(project, "-m", "It begins", "--date", "2025-01-15")
    rename_items(project)
    printed = perdure(project, "-m", "Lines", "--date", "2026-02-10")
    assert "did you mean --rename Order.items=lines?" in printed
    (file, line), *_ = re.findall(r"^(revisions/\S+\.py):(\d+): decide lines: list of text$", printed, re.MULTILINE)
    assert "revision.todo(" in (project / file).read_text().splitlines()[int(line) - 1]


def test_what_nothing_can_carry_is_told_and_not_called_needless(project: Path, perdure: Perdure) -> None:
    perdure(project, "-m", "It begins", "--date", "2025-01-15")
    (project / "app.py").write_text(APP.replace('"/orders"', '"/bills"').replace("place", "bill"))
    printed = perdure(project, "-m", "Bills", "--date", "2026-02-10")
    assert "and its .json: no transformer can be written\n" in printed
    assert "nothing can carry requests of POST /orders: it is gone\n" in printed


def test_newest_revision_is_amended_published_and_then_left_alone(project: Path, perdure: Perdure) -> None:
    perdure(project, "-m", "It begins", "--date", "2025-01-15")
    rename_items(project)
    assert "amended revisions/2025-01-15_it_begins.py" in perdure(project, "--amend", "--label", "v1.0.0")
    assert '"lines"' in (project / "revisions/2025-01-15_it_begins.json").read_text()
    assert "and its .json: no transformer is added" in perdure(project, "--amend")
    assert perdure(project, "--publish") == "published 2025-01-15_it_begins\n"
    assert "all revisions are published already" in perdure(project, "--publish")
    assert "is published and cannot be amended" in perdure(project, "--amend", code=1)


def test_rename_told_when_its_functions_are_there_is_recorded_and_leaves_them(project: Path, perdure: Perdure) -> None:
    perdure(project, "-m", "It begins", "--date", "2025-01-15")
    rename_items(project)
    perdure(project, "-m", "Lines", "--date", "2026-02-10")
    before = (project / "revisions/2026-02-10_lines.py").read_text()
    assert "--rename is recorded, but" in perdure(project, "--amend", "--rename", "Order.items=lines")
    assert {"Order": {"items": "lines"}} == recorded_renames(project / "revisions/2026-02-10_lines.json")
    assert before == (project / "revisions/2026-02-10_lines.py").read_text()


def test_two_heads_are_mended_though_the_app_does_not_load(project: Path) -> None:
    in_a_process(project, "-m", "It begins", "--date", "2025-01-15")
    revisions = project / "revisions"
    rename_items(project)
    in_a_process(project, "-m", "Ours", "--date", "2026-02-10", "--rename", "Order.items=lines")
    kept = {path: path.read_text() for path in revisions.glob("*ours*")}
    for path in kept:
        path.unlink()
    other = '\n\n@app.get("/more")\nasync def more() -> str:\n    return ""\n'
    (project / "app.py").write_text(APP + other)
    in_a_process(project, "-m", "Theirs", "--date", "2026-02-11")
    for path, text in kept.items():
        path.write_text(text)
    (project / "app.py").write_text(APP.replace("items", "lines") + other)
    printed = in_a_process(project, "-m", "More", code=1)
    command = re.search(r"perdure revision (--redate \S+)", printed)
    assert command is not None, printed
    in_a_process(project, *command[1].split())
    assert "nothing changed" in in_a_process(project, "-m", "More")
    squashed = in_a_process(project, "--squash", "2026-02-10_ours", "-m", "Both")
    assert "squashed into revisions/2026-02-11_both.py" in squashed
    assert "nothing changed" in in_a_process(project, "-m", "More")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "say what changed: perdure revision -m"),
        (["-m", " "], 2, "-m needs a message"),
        (["-m", "x", "--date", "soon"], 2, "--date soon: no date"),
        (["-m", "x", "--label", "soon"], 2, "no semantic version"),
        (["-m", "x", "--label", "v0.0.1", "--date", "2024-01-01"], 1, "--date lies before"),
        (["-m", "x", "app.py", "--app", "main.py"], 2, "'app.py' and --app 'main.py' are two apps: name one"),
        (["-m", "x", "--rename", "Order.itms=lines"], 2, "did you mean 'items'?"),
        (["-m", "x", "--rename", "nonsense"], 2, "write it as Type.old=new"),
        (["-m", "x", "--move", "GET /a=GET /b"], 2, "there was no endpoint 'GET /a'"),
        (["-m", "x", "--after", "y"], 2, "--after goes with --redate"),
        (["--amend", "--publish"], 2, "one after the other"),
        (["--publish", "-m", "x"], 2, "--message has no meaning with --publish"),
        (["--amend", "--date", "2026-01-01"], 2, "--date has no meaning with --amend"),
        (["--redate", "nothing"], 1, "has no revision 'nothing'"),
        (["--squash", "nothing"], 1, "name one that others follow"),
        (["-m", "x", "gone.py"], 2, "there is no file"),
    ],
)
def test_command_line_when_it_makes_no_sense_is_told_and_nothing_is_written(
    project: Path, perdure: Perdure, arguments: list[str], code: int, said: str
) -> None:
    perdure(project, "-m", "It begins", "--date", "2025-01-15")
    rename_items(project)
    before = sorted((project / "revisions").iterdir())
    assert said in " ".join(perdure(project, *arguments, code=code).split())
    assert before == sorted((project / "revisions").iterdir())


def test_app_when_broken_is_told_with_its_line(project: Path, perdure: Perdure) -> None:
    (project / "app.py").write_text(APP + "1 / 0\n")
    assert f"app.py:{len(APP.splitlines()) + 1}: ZeroDivisionError" in perdure(project, "-m", "x", code=1)


def test_revision_when_it_was_interrupted_is_told_to_be_deleted(project: Path, perdure: Perdure) -> None:
    perdure(project, "-m", "It begins", "--date", "2025-01-15")
    (project / "revisions/2025-01-15_it_begins.py").unlink()
    assert "restore it, or delete both" in " ".join(perdure(project, "-m", "x", code=1).split())
    shutil.rmtree(project / "revisions")
    perdure(project, "-m", "It begins")
