"""An app finds its settings from the file that makes it, whoever serves it."""

import importlib.util
from pathlib import Path

import pytest

from perdure import App, Config
from perdure.config import Flag, Invocation, invoked
from perdure.errors import SettingsError
from tests.calls import run, serving

SOURCE = """
from perdure import App, Config, GlobalContext

app = App("probe", config=Config(worker_threads=2))


@app.get("/threads")
async def threads(gctx: GlobalContext) -> int:
    return gctx.config.worker_threads
"""


def made_in(folder: Path, source: str = SOURCE) -> App:
    file = folder / "probe.py"
    file.write_text(source)
    spec = importlib.util.spec_from_file_location("probe", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    app = module.app
    assert isinstance(app, App)
    return app


def answered(app: App) -> str:
    async def ask() -> str:
        async with serving(app) as client:
            return (await client.get("/threads")).text

    return run(ask())


def test_app_without_perdures_own_server_has_the_settings_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "perdure.toml").write_text("worker_threads = 3")
    assert "3" == answered(made_in(tmp_path))


def test_settings_are_read_when_first_asked_for_and_then_stay(tmp_path: Path) -> None:
    app = made_in(tmp_path)
    (tmp_path / "perdure.toml").write_text("worker_threads = 3")
    assert 3 == app.config.worker_threads
    (tmp_path / "perdure.toml").write_text("worker_threads = 4")
    assert "3" == answered(app)
    assert app.config is app.config


def test_app_in_a_folder_without_settings_has_those_of_its_code_wherever_the_process_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "perdure.toml").write_text("worker_threads = 3")
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "pyproject.toml").write_text("[project]\nname = 'library'\n")
    monkeypatch.chdir(tmp_path)
    assert "2" == answered(made_in(tmp_path / "library"))


def test_settings_that_are_wrong_are_told_when_the_app_is_compiled(tmp_path: Path) -> None:
    (tmp_path / "perdure.toml").write_text("worker_thread = 3")
    app = made_in(tmp_path)
    with pytest.raises(SettingsError, match="did you mean worker_threads"):
        app.compile()


def test_what_a_command_says_holds_for_the_apps_it_loads_even_while_they_are_imported(tmp_path: Path) -> None:
    flag = Flag("worker_threads", "5", "--set worker_threads")
    with invoked(Invocation(flags=(flag,))):
        app = made_in(tmp_path, SOURCE + "\n\nat_import = app.config.worker_threads\nassert at_import == 5\n")
        late = made_in(tmp_path)
    assert ("5", "5") == (answered(app), answered(late))
    assert "2" == answered(made_in(tmp_path))


def test_app_that_was_given_no_settings_has_none_but_the_defaults() -> None:
    assert Config() == App("bare").config
