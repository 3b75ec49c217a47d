"""`perdure versions`, run in this process on a real SQLite file; `tests/rollout/test_servers.py` has servers too."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from perdure.cli.main import main

APP = """
from perdure import App, Config, RolloutSettings

app = App("pets", config=Config(tags={"partners": "v1.0.0"}, rollout=RolloutSettings(activation="manual")))

@app.get("/pets", version="v1.0.0")
async def first() -> list[str]:
    return []

@app.get("/pets", version="v2.0.0")
async def second() -> list[int]:
    return []
"""
THIRD = """
@app.get("/pets", version="v3.0.0")
async def third() -> list[bool]:
    return []
"""

REVISED = """
from perdure import App

app = App("birds")

@app.get("/birds")
async def birds() -> list[KIND]:
    return []
"""

Told = tuple[int, str, str]
Versions = Callable[..., Told]


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Versions:
    """Run ``perdure versions`` in a project whose three versions are registered, the last not active."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PERDURE_STORE_URL", raising=False)
    (tmp_path / "pyproject.toml").write_text("")

    def run(*arguments: str) -> Told:
        for name in ("app",):
            sys.modules.pop(name, None)
        monkeypatch.setattr(sys, "path", [each for each in sys.path if each != str(tmp_path)])
        capsys.readouterr()
        code = main(["versions", *arguments])
        printed = capsys.readouterr()
        return code, printed.out, " ".join(printed.err.split())

    (tmp_path / "app.py").write_text(APP)
    assert 0 == run("register")[0]
    (tmp_path / "app.py").write_text(APP + THIRD)
    assert 0 == run("register")[0]
    return run


def listed(versions: Versions) -> dict[str, dict[str, object]]:
    return {each["version"]: each for each in json.loads(versions("list", "--json")[1])}


def test_list_when_nothing_was_registered_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    command = [sys.executable, "-m", "perdure", "versions", "list", "--store", f"sqlite:///{tmp_path}/x.db"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30)
    assert (1, "") == (ended.returncode, ended.stdout)
    assert "yet; `perdure serve` or `perdure versions register` with it makes one" in ended.stderr
    ended = subprocess.run(command[:-2], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30)
    assert (0, "nothing was registered yet: start the server, or run perdure versions register\n") == (
        ended.returncode, ended.stdout,
    )  # fmt: skip
    assert [tmp_path / "app.py"] == [each for each in tmp_path.iterdir() if each.name != "__pycache__"]


def test_store_when_nothing_is_configured_lies_in_the_project_and_is_ignored_by_git(
    versions: Versions, tmp_path: Path
) -> None:
    assert (tmp_path / ".perdure" / "store.db").is_file()
    assert "*\n" == (tmp_path / ".perdure" / ".gitignore").read_text()


def test_store_of_the_project_settings_is_relative_to_the_project(versions: Versions, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.perdure]\nstore_url = "sqlite:///other.db"\n')
    assert 0 == versions("register")[0]
    assert (tmp_path / "other.db").is_file()


def test_list_shows_status_tags_and_use(versions: Versions) -> None:
    code, table, _ = versions("list")
    assert 0 == code
    head, *rows = [" ".join(line.split()) for line in table.splitlines()]
    assert "VERSION STATUS TAGS USE 24 H LAST USED" == head
    assert ["v1.0.0 active partners warm 0 never", "v2.0.0 active latest stable warm 0 never"] == rows[:2]
    assert "v3.0.0 registered warm 0 never" == rows[2]


def test_activation_then_rollback(versions: Versions) -> None:
    assert (0, "v3.0.0 is active\n", "") == versions("activate", "v3.0.0")
    assert ["latest", "stable"] == listed(versions)["v3.0.0"]["tags"]
    code, told, _ = versions("rollback")
    assert (0, "v3.0.0 is registered again") == (code, told.splitlines()[0])
    assert "registered" == listed(versions)["v3.0.0"]["status"]
    assert (1, "", "perdure: there is nothing to take back: no activation, tag or share was decided") == versions(
        "rollback"
    )


def test_rollback_when_a_retirement_undid_it_before_says_so(versions: Versions) -> None:
    assert 0 == versions("tag", "beta", "v1.0.0")[0]
    assert 0 == versions("retire", "v1.0.0", "--force")[0]
    assert (0, "taken back; what it had changed was changed again since\n", "") == versions("rollback")


def test_canary_then_all(versions: Versions) -> None:
    assert 0 == versions("activate", "v3.0.0", "--percent", "10")[0]
    assert {"v2.0.0": {"stable": 90}, "v3.0.0": {"stable": 10}} == {
        name: each["shares"] for name, each in listed(versions).items() if each["shares"]
    }
    assert (0, "the clients of stable are shared out: v3.0.0 50 %, v2.0.0 50 %\n", "") == versions(
        "weight", "stable", "v3.0.0=50", "v2.0.0=50%"
    )
    assert (0, "stable leads all its clients to v3.0.0\n", "") == versions("weight", "stable", "--clear")


def test_tag_and_untag(versions: Versions) -> None:
    assert (0, "stable leads to v1.0.0\n", "") == versions("tag", "stable", "v1.0.0")
    assert ["partners", "stable"] == listed(versions)["v1.0.0"]["tags"]
    assert (0, "stable leads to v2.0.0 again\n", "") == versions("untag", "stable")


def test_pins(versions: Versions) -> None:
    assert (0, "ada is pinned to v1.0.0\n", "") == versions("pin", "ada", "1.0.0")
    assert [("ada", "v1.0.0", "operator")] == [
        (each["client"], each["version"], each["by"]) for each in json.loads(versions("pins", "--json")[1])
    ]
    assert 1 == listed(versions)["v1.0.0"]["pinned"]
    assert (1, "", "perdure: 'bob' is not pinned; clients that are: ada") == versions("unpin", "bob")
    assert (0, "ada is pinned no more\n", "") == versions("unpin", "ada")


def test_retirement(versions: Versions) -> None:
    code, _, told = versions("retire", "v1.0.0")
    assert (1, True) == (code, "the tag 'partners' stands for it. Change that, or use --force" in told)
    assert (0, "v1.0.0 is retired: it answers 410\n", "") == versions("retire", "v1.0.0", "--force")
    assert (1, True) == (
        versions("retire", "v2.0.0", "--force")[0],
        "only version" in versions("retire", "v2.0.0", "--force")[2],
    )


def test_end_of_a_version_is_announced(versions: Versions) -> None:
    assert 0 == versions("deprecate", "v1.0.0", "--since", "2026-01-01", "--sunset", "2027-01-01T12:00:00Z")[0]
    line = listed(versions)["v1.0.0"]
    assert ("2026-01-01T00:00:00Z", "2027-01-01T12:00:00Z") == (line["deprecated"], line["sunset"])
    assert 0 == versions("brownout", "v1.0.0", "--for", "15m")[0]
    assert "brown-out" == listed(versions)["v1.0.0"]["status"]
    assert 0 == versions("brownout", "v1.0.0", "--clear")[0]
    assert 0 == versions("deprecate", "v1.0.0", "--clear")[0]
    assert (None, "active") == (listed(versions)["v1.0.0"]["deprecated"], listed(versions)["v1.0.0"]["status"])


def test_show_tells_all_about_one(versions: Versions) -> None:
    versions("retain", "v1.0.0")
    _, told, _ = versions("show", "v1.0.0")
    facts = dict(line.split(":", 1) for line in told.splitlines())
    assert ("active", "yes", "partners") == tuple(facts[name].strip() for name in ("status", "retained", "tags"))
    assert "v1.0.0" == json.loads(versions("show", "1.0.0", "--json")[1])["version"]


def test_journal_has_every_decision_newest_first(versions: Versions) -> None:
    versions("tag", "beta", "v1.0.0")
    versions("rollback")
    entries = json.loads(versions("journal", "--json")[1])
    assert ["rollback", "tag beta v1.0.0", "activate v1.0.0 v2.0.0"] == [each["action"] for each in entries]
    assert "@" in entries[0]["actor"]
    assert 1 == len(json.loads(versions("journal", "--json", "--limit", "1")[1]))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["tag", "beta", "v9.0.0"], "there is no version 'v9.0.0'; there are v1.0.0, v2.0.0, v3.0.0; tags:"),
        (["tag", "v4", "v1.0.0"], "'v4' cannot be a tag"),
        (["tag", "beta", "v3.0.0"], "v3.0.0 is not active yet: the tag 'beta' cannot lead to it"),
        (["untag", "beta"], "the tag 'beta' was not set here; tags that were: none"),
        (["activate", "v1.0.0"], "it is active already"),
        (["activate", "v3.0.0", "--percent", "10", "--tag", "nope"], "there is no tag 'nope'"),
        (["weight", "stable", "v1.0.0"], "'v1.0.0' is no share; write VERSION=PERCENT"),
        (["weight", "stable", "v1.0.0=\u0663"], "is no share"),
        (["weight", "stable", "v1.0.0=60", "v2.0.0=60"], "at most 100 together, not 120"),
        (["weight", "stable", "v1.0.0=1", "1.0.0=2"], "v1.0.0 has two shares"),
        (["weight", "stable"], "nothing to share out"),
        (["weight", "a b", "v1.0.0=100"], "'a b' cannot be a tag"),
        (["weight", "stable", "--clear"], "the clients of 'stable' are not shared out; tags whose clients are: none"),
        (["pin", "ada", "v3.0.0"], "v3.0.0 is registered: nobody can be pinned to it"),
        (["pin", "", "v1.0.0"], "'' is no client's name"),
        (["pin", "a\nb", "v1.0.0"], "'a\\nb' is no client's name"),
        (["release", "v1.0.0"], "v1.0.0 is not retained"),
        (["deprecate", "v1.0.0", "--sunset", "soon"], "'soon' is no date such as 2027-01-31"),
        (["deprecate", "v1.0.0", "--link", "a b"], "'a b' is no address"),
        (["brownout", "v1.0.0", "--for", "0m"], "'0m' is no duration"),
        (["brownout", "v1.0.0", "--for", "99999999d"], "years 1 to 9999"),
        (["brownout", "v1.0.0", "--from", "9999-12-31T23:00:00-05:00"], "years 1 to 9999"),
        (["deprecate", "v1.0.0", "--sunset", "9999-12-31T23:00:00-05:00"], "years 1 to 9999"),
        (["brownout", "v1.0.0", "--from", "2026-02-30"], "'2026-02-30' is no date"),
        (["usage", "--days", "0"], "--days must be more than 0"),
        (["list", "--store", "mysql://x"], "a store's URL is"),
        (["list", "--store", "sqlite:///nowhere/at/all/x.db"], "there is no store sqlite:///nowhere/at/all/x.db"),
        (["register", "--store", "sqlite:///nowhere/at/all/x.db"], "cannot be opened"),
        (["brownout", "v1.0.0", "--from", "2020-01-01", "--for", "1h"], "is over already"),
        (["pin", "c" * 129, "v1.0.0"], "at most 128 characters, and this one has 129"),
    ],
)
def test_command_that_cannot_be_meant_fails_with_a_reason_and_changes_nothing(
    versions: Versions, arguments: list[str], told: str
) -> None:
    before = listed(versions)
    code, out, error = versions(*arguments)
    assert (1, "") == (code, out)
    assert error.startswith("perdure: ")
    assert told in error
    assert before == listed(versions)


@pytest.mark.parametrize(
    "arguments", [["tag", "beta"], ["frob"], ["activate", "v3.0.0", "--percent", "0"], ["list", "--app", "nowhere.py"]]
)
def test_command_line_that_makes_no_sense_is_2(versions: Versions, arguments: list[str]) -> None:
    assert 2 == versions(*arguments)[0]


def test_app_given_by_position_is_answered_with_the_option_that_names_it(versions: Versions) -> None:
    code, _, error = versions("list", "app.py")
    assert 2 == code
    assert "here the app is named with --app, as in: perdure versions … --app app.py" in error


def test_default_store_with_another_history_is_told_by_commands_as_by_servers(versions: Versions) -> None:
    place = Path(".perdure").resolve() / "store.db"
    for kind in ("str", "int"):
        shutil.rmtree("revisions", ignore_errors=True)
        Path("app.py").write_text(REVISED.replace("KIND", kind))
        assert [0, 0] == [main(["revision", "-m", "First", "--date", "2025-01-15"]), main(["revision", "--publish"])]
        code, out, told = versions("register")
        if kind == "str":
            assert 0 == code, told
    for command in (["list"], ["retire", "2025-01-15"], ["pin", "ada", "2025-01-15"]):
        code, out, told = versions(*command)
        assert (1, "") == (code, out)
        assert f"the store {place} has another history than this code" in told
        assert f"by removing {place}" in told
    code, out, told = versions("list", "--store", f"sqlite:///{place}")
    assert 0 == code
    assert "2025-01-15" in out
    assert "Servers of this build do not start on this store" in told
    place.unlink()
    assert 0 == versions("register")[0]
