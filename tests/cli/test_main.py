import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

import perdure
from perdure.cli.main import main

ROOT = Path(__file__).parents[2]
APP = '''
from perdure import App, Request

app = App("probe")


@app.before
async def look(req: Request) -> None: ...


@app.get("/users/{user_id:int}")
async def get_user(req: Request) -> str:
    """Return a user's name."""
    return "Ada"


@app.post("/users")
async def create_user(req: Request) -> str:
    """Add a user."""
    return "Ada"
'''


@pytest.fixture
def app_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "app.py"
    file.write_text(APP)
    return file


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert f"perdure {perdure.__version__}\n" == capsys.readouterr().out


@pytest.mark.parametrize(
    "command", ["new", "dev", "serve", "config", "routes", "manifest", "diff", "changelog", "openapi"]
)
def test_help_and_reference_name_every_option(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    printed = capsys.readouterr().out
    reference = (ROOT / "docs/reference/cli.md").read_text()
    documented = next(line for line in reference.splitlines() if f"perdure {command} " in line)
    options = {word for word in printed.replace("[", " ").replace("]", " ").split() if word.startswith("--")}
    wanted = {option for option in options if not option.startswith(("--no-", "--help", "--version"))}
    shared = {"--app", "--config", "--set", "--dev"}
    for option in wanted - shared - {"--name", "--handler-id"}:
        assert f"`{option}`" in documented
    assert all(f"`{option}" in reference for option in wanted & shared)


def test_help_says_of_every_command_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    table = capsys.readouterr().out.partition("Commands")[2]
    rows = re.findall(r"^│ ([a-z]+) +(.*?) *│$", table, re.MULTILINE)
    assert {"config", "dev", "serve", "versions"} <= {name for name, _ in rows}
    assert not [name for name, what in rows if not what]


def test_help_tells_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "Exit codes: 0" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["serve", "--prot", "1"], ["serve", "--port", "x"], ["dev", "--port", "70000"],
                  ["serve", "--workers", "0"], ["routes", "gone.py"], ["new"]],
)  # fmt: skip
def test_main_when_the_command_line_makes_no_sense_returns_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err


def test_list_of_commands_in_a_box_is_told_to_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nonsense"]) == 2
    told = capsys.readouterr().err
    assert "versions" in told
    assert ", ..." in told


def test_main_when_the_app_is_broken_returns_1_and_tells_the_line(
    app_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app_file.write_text(APP + "1 / 0\n")
    assert main(["routes"]) == 1
    assert capsys.readouterr().err.startswith(f"app.py:{len(APP.splitlines()) + 1}: ZeroDivisionError")


def test_routes_lists_method_path_handler_place_and_summary(app_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["routes"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["METHOD", "PATH", "HANDLER", "ACCESS", "VERSIONS", "WHERE", "SUMMARY"]
    assert len(rows) == 2
    row = next(row for row in rows if row.startswith("GET"))
    assert "/users/{user_id:int}" in row
    assert "app.py:" in row
    assert " everyone " in row
    assert row.endswith("Return a user's name.")


def test_routes_as_json_can_be_read_by_programs(app_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["routes", "--json"]) == 0
    routes = json.loads(capsys.readouterr().out)
    assert {("GET", "/users/{user_id:int}"), ("POST", "/users")} == {(row["method"], row["path"]) for row in routes}
    assert {"method", "path", "handler", "function", "file", "line", "versions", "access", "summary"} <= set(routes[0])
    assert {"everyone"} == {row["access"] for row in routes}


def test_manifest_prints_all_handlers(app_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["manifest"]) == 0
    manifests = json.loads(capsys.readouterr().out)
    assert len(manifests) == 2
    assert [hook["name"] for hook in manifests[0]["hooks"]] == ["look"]


def test_manifest_of_one_handler_is_the_canonical_json_it_is_hashed_as(
    app_file: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    main(["routes", "--json"])
    handler = json.loads(capfdbinary.readouterr().out)[0]["handler"]
    assert main(["manifest", "app.py", handler, "--compact"]) == 0
    printed = capfdbinary.readouterr().out
    app = sys.modules["app"].app
    assert printed == next(m for m in app.manifests() if m.id == handler).canonical() + b"\n"


def test_manifest_of_an_unknown_handler_lists_those_there_are(
    app_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["manifest", "app.py", "gone"]) == 2
    assert "there is no handler 'gone'; there are: " in capsys.readouterr().err


def printed_on_a_terminal(app_file: Path, **environment: str) -> str:
    parent, child = pty.openpty()
    command = [sys.executable, "-m", "perdure", "routes"]
    clean = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "PYTHONPATH"}}
    terminal = {**clean, "TERM": "xterm-256color", **environment}
    process = subprocess.Popen(command, cwd=app_file.parent, stdout=child, stderr=child, env=terminal)
    os.close(child)
    printed = b""
    try:
        while chunk := os.read(parent, 4096):
            printed += chunk
    except OSError:  # the terminal's other end is closed
        pass
    os.close(parent)
    assert process.wait() == 0
    return printed.decode()


def test_colours_are_for_terminals_only(app_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["routes"])
    assert "\x1b[" not in capsys.readouterr().out
    assert "\x1b[" in printed_on_a_terminal(app_file)
    assert "\x1b[" not in printed_on_a_terminal(app_file, NO_COLOR="1")


def test_help_is_there_without_what_only_a_server_or_a_tool_needs() -> None:
    code = "import sys; from perdure.cli.main import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in ran.stderr.split()}
    heavy = {
        "sqlalchemy", "alembic", "httpx", "joserfc", "cryptography", "granian", "hypothesis", "pydantic", "redis",
        "boto3", "yaml", "watchfiles", "dotenv",
    }  # fmt: skip
    assert not heavy & loaded
    assert "Usage: perdure" in ran.stdout
