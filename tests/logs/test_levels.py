"""Levels of loggers, and an operator's wishes."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from perdure.cli.main import main
from perdure.errors import StoreError
from perdure.logs.levels import Levels, Wish, read_wishes, write_wishes

NAMES = ("tests.levels.a", "tests.levels.b")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    for name in NAMES:
        logging.getLogger(name).setLevel(logging.NOTSET)


def in_force() -> tuple[int, ...]:
    return tuple(logging.getLogger(name).level for name in NAMES)


def test_configured_levels_hold(tmp_path: Path) -> None:
    Levels(None, {NAMES[0]: "debug"}, tmp_path / "none.json").refresh(0.0)
    assert (logging.DEBUG, logging.NOTSET) == in_force()


def test_a_wish_holds_until_its_end_and_then_what_was_configured(tmp_path: Path) -> None:
    file = tmp_path / "levels.json"
    levels = Levels(None, {NAMES[0]: "warning"}, file)
    write_wishes(file, {NAMES[0]: Wish("debug", 100.0), NAMES[1]: Wish("error", 50.0)})
    levels.refresh(1.0)
    assert (logging.DEBUG, logging.ERROR) == in_force()
    levels.refresh(60.0)
    assert (logging.DEBUG, logging.NOTSET) == in_force()
    levels.refresh(100.0)
    assert (logging.WARNING, logging.NOTSET) == in_force()
    levels.refresh(10.0)  # the clock was set back
    assert (logging.DEBUG, logging.ERROR) == in_force()


def test_a_wish_that_is_taken_back_is_over(tmp_path: Path) -> None:
    file = tmp_path / "levels.json"
    levels = Levels(None, {}, file)
    write_wishes(file, {NAMES[0]: Wish("debug", 100.0)})
    levels.refresh(1.0)
    file.unlink()
    levels.refresh(1.0)
    assert (logging.NOTSET, logging.NOTSET) == in_force()


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"\xff", b'{"a": {"level": "loud", "until": 1}}', b'{"a": 1}', b"[" * 100_000]
)
def test_a_file_that_is_none_is_told_and_changes_nothing(
    text: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "levels.json"
    file.write_bytes(text)
    levels = Levels(None, {NAMES[0]: "debug"}, file)
    levels.refresh(1.0)
    levels.refresh(2.0)
    assert (logging.DEBUG, logging.NOTSET) == in_force()
    assert 1 == sum(record.name == "perdure.logs" for record in caplog.records)
    with pytest.raises(StoreError, match="delete it"):
        read_wishes(file)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "app.py").write_text("from perdure import App\napp = App('t')\n")
    (tmp_path / "perdure.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_writes_adds_tells_and_resets(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == main(["logs", "level"])
    assert "levels are as configured\n" == capsys.readouterr().out
    assert 0 == main(["logs", "level", "perdure.ingress=debug", "--for", "10m"])
    assert 0 == main(["logs", "level", "root=ERROR"])
    lines = capsys.readouterr().out.splitlines()
    assert ["perdure.ingress=debug", "root=error", "perdure.ingress=debug"] == [line.split()[0] for line in lines]
    assert {"perdure.ingress", "root"} == set(read_wishes(project / ".perdure" / "log-levels.json"))
    assert 0 == main(["logs", "level", "--reset"])
    assert "levels are as configured\n" == capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["perdure.ingress"], "is not LOGGER=LEVEL"), (["a=loud"], "is not LOGGER"), (["=debug"], "is not LOGGER"),
        (["a b=debug"], "is not LOGGER=LEVEL"), (["a=debug", "--for", "soon"], "is no duration"),
        (["a=debug", "--for", "30d"], "a week at most"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("project")
def test_the_command_refuses_what_makes_no_sense(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 2 == main(["logs", "level", *arguments])
    assert told in " ".join(capsys.readouterr().err.split())


def test_the_command_tells_what_cannot_be_written(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / ".perdure").write_text("a file")
    assert 1 == main(["logs", "level", "a=debug"])
    assert "cannot be" in capsys.readouterr().err
