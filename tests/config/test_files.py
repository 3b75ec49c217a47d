"""Which settings file belongs to an app, and on which line a setting is."""

from pathlib import Path

import pytest

from perdure.config.files import find_settings_file, read_settings_file
from perdure.errors import SettingsError


def write(folder: Path, name: str, text: str = "worker_threads = 1\n") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


def found(folder: Path) -> Path | None:
    file = find_settings_file(folder)
    return file.path if file is not None else None


def test_nearest_file_upward_counts(tmp_path: Path) -> None:
    app = tmp_path / "project" / "src" / "shop"
    app.mkdir(parents=True)
    assert found(app) is None
    outer = write(tmp_path / "project", "perdure.toml")
    assert outer == found(app)
    inner = write(app, "perdure.toml")
    assert inner == found(app)


def test_project_file_counts_where_it_has_settings(tmp_path: Path) -> None:
    project = write(
        tmp_path, "pyproject.toml", "[tool.perdure]\napp = 'shop'\n[tool.perdure.rollout]\nfallback = false\n"
    )
    file = find_settings_file(tmp_path / "src")
    assert file is not None
    assert (project, {"rollout": {"fallback": False}}) == (file.path, file.table)
    assert {("rollout",): 3, ("rollout", "fallback"): 4, ("app",): 2} == file.lines


@pytest.mark.parametrize("end", ["pyproject.toml", ".git"])
def test_file_above_the_project_is_none_of_its_business(tmp_path: Path, end: str) -> None:
    write(tmp_path, "perdure.toml")
    write(tmp_path / "project", end, "[tool.perdure]\napp = 'shop'\n")
    assert found(tmp_path / "project" / "src") is None
    assert found(tmp_path) is not None


def test_file_above_installed_packages_is_none_of_their_business(tmp_path: Path) -> None:
    write(tmp_path, "perdure.toml")
    (tmp_path / ".venv/lib/site-packages/shop").mkdir(parents=True)
    assert found(tmp_path / ".venv/lib/site-packages/shop") is None


def test_file_in_a_folder_everyone_may_write_to_does_not_count(tmp_path: Path) -> None:
    write(tmp_path / "open", "perdure.toml")
    (tmp_path / "open" / "app").mkdir()
    (tmp_path / "open").chmod(0o1777)
    assert found(tmp_path / "open" / "app") is None


def test_settings_in_both_files_of_a_folder_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "perdure.toml")
    write(tmp_path, "pyproject.toml", "[tool.perdure]\nworker_threads = 2\n")
    told = r"^perdure.toml and \[tool.perdure\] of pyproject.toml both have settings; keep them in one$"
    with pytest.raises(SettingsError, match=told):
        find_settings_file(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("perdure.toml", "a = ", "cannot be read: Invalid value"),
        ("perdure.toml", "app = 'shop'", r"app is no setting; it stands in \[tool.perdure\] of pyproject.toml"),
        ("pyproject.toml", "tool = 3", r"\[tool.perdure\] is no table"),
        ("pyproject.toml", "[tool]\nperdure = 3", r"\[tool.perdure\] is no table"),
        ("pyproject.toml", "[tool", "cannot be read"),
    ],
)
def test_file_that_cannot_be_read_is_told(tmp_path: Path, name: str, text: str, told: str) -> None:
    write(tmp_path, name, text)
    with pytest.raises(SettingsError, match=told):
        find_settings_file(tmp_path)


def test_file_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    (tmp_path / "perdure.toml").write_bytes(b"a = '\xff'")
    with pytest.raises(SettingsError, match="cannot be read"):
        find_settings_file(tmp_path)


def test_lines_are_those_of_the_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = '''# settings
"version_header" = "a"

  hosts = [
  "x",
]
rollout.fallback = true
[settings] # ours
motto = """
hosts = 1
[auth]
"""
other = """one line"""
last = 'x'
[ auth . jwt . "my.issuer" ]
issuer = "i"
[[settings.places]]
name = "a"
[tags]
inline = {deep = 1}
'''
    source = read_settings_file(write(tmp_path, "perdure.toml", text)).source()
    expected = {
        ("version_header",): 2, ("hosts",): 4, ("rollout", "fallback"): 7, ("settings", "motto"): 9,
        ("settings", "other"): 13, ("settings", "last"): 14, ("auth", "jwt", "my.issuer", "issuer"): 16,
        ("settings", "places"): 17, ("tags", "inline", "deep"): 20, ("tags", "absent"): 19,
    }  # fmt: skip
    assert {at: f"perdure.toml:{line}" for at, line in expected.items()} == {
        at: source.origin_of(at) for at in expected
    }
    assert "perdure.toml" == source.origin_of(("nowhere",))
