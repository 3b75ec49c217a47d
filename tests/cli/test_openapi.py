import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from perdure.cli.main import main
from perdure.openapi.loading import load_document, parse_document
from perdure.openapi.reading import read_openapi

APP = """
from typing import Literal
from perdure import App

app = App("probe")


@app.get("/old", version="v1.0.0", id="get")
async def old() -> Literal["on", "0x1F", "0.1e0", "2020-01-01", "\u00e9", "~"]:
    return "on"


@app.get("/new", version="v2.0.0", id="new")
async def new() -> int:
    return 1
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def test_document_of_the_default_version_is_printed_as_json(folder: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "perdure", "openapi"], cwd=folder, capture_output=True, timeout=30, check=False
    )
    assert (0, b"") == (ended.returncode, ended.stderr)
    assert "v2.0.0" == json.loads(ended.stdout)["info"]["version"]


@pytest.mark.parametrize("name", ["it.yaml", "it.yml", "it.json"])
def test_document_is_written_to_a_file_as_its_name_says(folder: Path, name: str) -> None:
    assert main(["openapi", "app.py", "--version", "v1", "--output", name, "--server", "https://x.example"]) == 0
    document = load_document(folder / name)
    assert isinstance(document, dict)
    assert [{"url": "https://x.example"}] == document["servers"]
    assert (name == "it.json") == (folder / name).read_text().startswith("{")


def test_yaml_means_the_same_by_old_rules_and_new(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["openapi", "--version", "v1", "--format", "yaml"]) == 0
    printed = capfdbinary.readouterr().out
    assert main(["openapi", "--version", "v1"]) == 0
    document = json.loads(capfdbinary.readouterr().out)
    assert document == parse_document(printed, "it")
    assert document == yaml.safe_load(printed)
    assert b"&id" not in printed
    assert "GET /old" in read_openapi(document).endpoints


def test_version_that_is_not_there_is_told_with_those_that_are(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert folder.exists()
    assert main(["openapi", "--version", "v9"]) == 2
    assert "no version answers to 'v9'; there are: v1.0.0, v2.0.0, latest, stable" in capsys.readouterr().err


def test_file_that_cannot_be_written_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["openapi", "--output", str(folder / "no" / "it.json")]) == 1
    assert "cannot be written: No such file or directory" in capsys.readouterr().err
