import sys
from pathlib import Path

import pytest

from perdure.cli.target import BrokenAppError, Target, find_target, load
from perdure.errors import AppNotFoundError

APP = "from perdure import App\napp = App('probe')\n"


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        file = folder / name.replace("__", "/").replace("_py", ".py").replace("_toml", ".toml")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


@pytest.fixture(autouse=True)
def keep_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("shop", Target(module="shop", folder="", attribute=None)),
        ("shop.api:app", Target(module="shop.api", folder="", attribute="app")),
        ("sub/serve.py:api", Target(module="serve", folder="sub", file="sub/serve.py", attribute="api")),
        ("package/api.py", Target(module="package.api", folder="", file="package/api.py", attribute=None)),
        ("package", Target(module="package", folder="", attribute=None)),
        ("sub", Target(module="app", folder="sub", file="sub/app.py", attribute=None)),
        (None, Target(module="main", folder="", file="main.py", attribute=None)),
    ],
)
def test_find_target_in_each_form(text: str | None, expected: Target, tmp_path: Path) -> None:
    write(tmp_path, app_py="nothing of interest", main_py=APP, sub__serve_py=APP, sub__app_py=APP, package__api_py=APP)
    (tmp_path / "package" / "__init__.py").touch()
    absolute = Target(
        module=expected.module,
        folder=str((tmp_path / expected.folder).resolve()),
        file=str(tmp_path / expected.file) if expected.file else None,
        attribute=expected.attribute,
    )
    assert absolute == find_target(text, tmp_path)


@pytest.mark.parametrize("place", ["app.py", "main.py", "{name}/app.py", "src/shop/app.py"])
def test_find_target_when_nothing_is_named_looks_in_the_usual_places(place: str, tmp_path: Path) -> None:
    file = tmp_path / place.format(name=tmp_path.name.replace("-", "_"))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(APP)
    assert str(file) == find_target(None, tmp_path).file


def test_find_target_when_pyproject_names_one_takes_it(tmp_path: Path) -> None:
    write(tmp_path, app_py=APP, other_py=APP, pyproject_toml="[tool.perdure]\napp = 'other.py:api'\n")
    assert find_target(None, tmp_path).module == "other"
    assert find_target(None, tmp_path).attribute == "api"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gone.py", "there is no file"),
        ("what?", "neither a file, nor a folder, nor a module"),
        (None, r"no app found in .* name it"),
        ("my-app.py", "'my-app' is no module name"),
    ],
)
def test_find_target_when_there_is_none_says_so(text: str | None, said: str, tmp_path: Path) -> None:
    (tmp_path / "my-app.py").touch()
    with pytest.raises(AppNotFoundError, match=said):
        find_target(text, tmp_path)


@pytest.mark.parametrize("settings", ["[tool.perdure]\napp = 3", "[tool.perdure", "tool = 3", "[tool]\nperdure = 'x'"])
def test_find_target_when_pyproject_is_of_no_use_says_so(settings: str, tmp_path: Path) -> None:
    write(tmp_path, pyproject_toml=settings)
    with pytest.raises(AppNotFoundError):
        find_target(None, tmp_path)


def test_find_target_when_several_packages_fit_lists_them(tmp_path: Path) -> None:
    write(tmp_path, src__a__app_py=APP, src__b__app_py=APP)
    with pytest.raises(AppNotFoundError, match=r"src/a/app.py, src/b/app.py"):
        find_target(None, tmp_path)


def test_load_returns_the_only_app(tmp_path: Path) -> None:
    write(tmp_path, single_py=APP + "again = app\n")
    assert load(find_target("single.py", tmp_path)).name == "probe"


def test_load_takes_the_attribute_that_was_named(tmp_path: Path) -> None:
    write(tmp_path, two_py=APP + "api = App('other')\n")
    assert load(find_target("two.py:api", tmp_path)).name == "other"


@pytest.mark.parametrize(
    ("source", "text", "said"),
    [
        (APP + "api = App('other')\n", "m.py", r"more than one app: .*m.py:app, .*m.py:api; name one"),
        ("x = 1\n", "m.py", "has no perdure.App"),
        (APP + "x = 1\n", "m.py:x", r"m.py:x is no perdure.App; apps in it: .*m.py:app"),
        (APP, "m.py:y", "m.py:y does not exist"),
        (APP, "gone_module", "there is no module 'gone_module'"),
        (APP, "gone.module:app", "there is no module 'gone'"),
    ],
)
def test_load_when_there_is_not_one_app_says_what_there_is(source: str, text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(source)
    with pytest.raises(AppNotFoundError, match=said):
        load(find_target(text, tmp_path))


@pytest.mark.parametrize("name", ["json.py", "sys.py"])
def test_load_when_the_file_is_hidden_by_another_module_says_so(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(APP)
    with pytest.raises(AppNotFoundError, match="is hidden by"):
        load(find_target(name, tmp_path))


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("1 / 0\n", ZeroDivisionError),
        ("import not_installed_at_all\n", ModuleNotFoundError),
        ("raise SystemExit(3)\n", SystemExit),
        ("def broken(:\n", SyntaxError),
    ],
)
def test_load_when_the_module_raises_keeps_the_cause(source: str, cause: type[BaseException], tmp_path: Path) -> None:
    (tmp_path / "broken_app.py").write_text(source)
    with pytest.raises(BrokenAppError) as raised:
        load(find_target("broken_app.py", tmp_path))
    assert isinstance(raised.value.__cause__, cause)


@pytest.mark.parametrize(
    ("text", "watched"),
    [
        ("sub/app.py", "sub"),
        ("package/inner/api.py", "package"),
        ("package.inner.api:app", "package"),
        ("package", "package"),
    ],
)
def test_watched_is_the_folder_or_the_whole_package(text: str, watched: str, tmp_path: Path) -> None:
    write(tmp_path, sub__app_py=APP, package__inner__api_py=APP)
    (tmp_path / "package" / "__init__.py").touch()
    (tmp_path / "package" / "inner" / "__init__.py").touch()
    assert tmp_path / watched == find_target(text, tmp_path).watched
