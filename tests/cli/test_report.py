from pathlib import Path

import pytest

from perdure.cli.report import Location, locate, report_failure
from perdure.errors import RouteDefinitionError, SignatureError


def raised_by(source: str, file: Path) -> BaseException:
    file.write_text(source)
    try:
        exec(compile(source, str(file), "exec"), {})
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def test_locate_names_the_innermost_line_of_the_project(tmp_path: Path) -> None:
    error = raised_by("import json\n\njson.loads('{')\n", tmp_path / "app.py")
    assert Location(str(tmp_path / "app.py"), 3) == locate(error, tmp_path)


def test_locate_when_the_library_is_inside_the_project_still_names_the_users_line(tmp_path: Path) -> None:
    library = tmp_path / ".venv" / "lib.py"
    library.parent.mkdir()
    library.write_text("")
    code = f"fail = compile('1/0', {str(library)!r}, 'exec')\nexec(fail)\n"
    assert Location(str(tmp_path / "app.py"), 2) == locate(raised_by(code, tmp_path / "app.py"), tmp_path)


def test_locate_takes_the_place_of_a_syntax_error(tmp_path: Path) -> None:
    error = raised_by("x = 1\ndef broken(:\n", tmp_path / "app.py")
    assert Location(str(tmp_path / "app.py"), 2) == locate(error, tmp_path)


def test_locate_takes_the_place_a_definition_error_names(tmp_path: Path) -> None:
    file = tmp_path / "handlers.py"
    file.write_text("\n" * 20)
    assert Location(str(file), 12) == locate(SignatureError(f"get_user ({file}:12): parameter 'x'"), tmp_path)


def test_locate_when_nothing_is_known_is_none(tmp_path: Path) -> None:
    assert locate(RouteDefinitionError("no place"), tmp_path) is None


def test_locate_when_an_error_of_perdure_only_passed_foreign_frames_is_none(tmp_path: Path) -> None:
    server = tmp_path / "site-packages" / "server.py"
    server.parent.mkdir()
    raising = "from perdure.errors import ConfigError\n\nraise ConfigError('key_file nope cannot be read')\n"
    assert locate(raised_by(raising, server), tmp_path / "project") is None
    assert Location(str(server), 3) == locate(raised_by("\n\n1/0\n", server), tmp_path / "project")


def test_report_failure_is_short_and_shows_the_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = raised_by("a = 1\nb = 2\nc = a / 0\nd = 4\ne = 5\nf = 6\n", tmp_path / "app.py")
    report_failure(error, tmp_path)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert [
        f"{tmp_path / 'app.py'}:3: ZeroDivisionError: division by zero",
        "       1 | a = 1",
        "       2 | b = 2",
        "  >    3 | c = a / 0",
        "       4 | d = 4",
        "       5 | e = 5",
    ] == printed.err.splitlines()


def test_locate_when_it_was_raised_on_a_thread_names_the_users_line_or_none(tmp_path: Path) -> None:
    code = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "def connect():\n"
        "    raise OSError('no database')\n"
        "ThreadPoolExecutor(1).submit(connect).result()\n"
    )
    assert Location(str(tmp_path / "app.py"), 3) == locate(raised_by(code, tmp_path / "app.py"), tmp_path)
    elsewhere = "from concurrent.futures import ThreadPoolExecutor\nThreadPoolExecutor(1).submit(int, 'x').result()\n"
    error = raised_by(elsewhere, tmp_path / "app.py")
    error.__traceback__ = (error.__traceback__ or error.__traceback__).tb_next.tb_next  # type: ignore[union-attr]
    assert locate(error, tmp_path) is None


def test_locate_when_the_cause_is_the_users_names_its_line(tmp_path: Path) -> None:
    cause = raised_by("def connect():\n    raise OSError('no database')\nconnect()\n", tmp_path / "app.py")
    error = RuntimeError("cannot start")
    error.__cause__ = cause
    assert Location(str(tmp_path / "app.py"), 2) == locate(error, tmp_path)
