"""`perdure config`, and the settings other commands take, by the real command line."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from perdure.cli.main import main

if TYPE_CHECKING:
    from tests.cli.conftest import Command

Run = Callable[..., "Command"]

APP = """
from perdure import App, Config

app = App("probe", config=Config(
    drain_timeout_s=7, store_url="postgresql://shop:geheim@db.example/shop?sslmode=require&password=geheim",
    settings={"currency": "EUR", "mail": {"password": "geheim", "host": "m"}, "secrets": {"a": "geheim"},
              "urls": ["redis://:geheim@r/0", 3], "api_key": None},
))


@app.get("/word")
async def word() -> str:
    return f"{app.config.settings['word']} {app.config.worker_threads}"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.delenv("PERDURE_STORE_URL", raising=False)
    (tmp_path / "app.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    sys.modules.pop("app", None)


def config(*arguments: str, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "perdure", "config", *arguments],
        capture_output=True, text=True, check=False, timeout=60,
        env={"PATH": "/usr/bin:/bin", **(env or {})},
    )  # fmt: skip


def rows(*arguments: str, env: dict[str, str] | None = None) -> dict[str, dict[str, Any]]:
    ended = config("--json", *arguments, env=env)
    assert (0, "") == (ended.returncode, ended.stderr)
    return {row["name"]: row for row in json.loads(ended.stdout)}


def test_config_prints_every_setting_with_its_source(folder: Path) -> None:
    (folder / "perdure.toml").write_text('[rollout]\nactivation = "manual"\n[tags]\n"my.tag" = "v1"\n')
    found = rows("--set", "hosts=a.example", env={"PERDURE_WORKER_THREADS": "5"})
    shown = {name: (found[name]["value"], found[name]["origin"]) for name in (
        "version_header", "drain_timeout_s", "rollout.activation", "worker_threads", "hosts", 'tags."my.tag"', "cors",
    )}  # fmt: skip
    expected = {
        "version_header": ("API-Version", "default"), "drain_timeout_s": (7, "code"),
        "rollout.activation": ("manual", "perdure.toml:2"), "worker_threads": (5, "PERDURE_WORKER_THREADS"),
        "hosts": (["a.example"], "--set hosts"), 'tags."my.tag"': ("v1", "perdure.toml:4"), "cors": (None, "default"),
    }  # fmt: skip
    assert expected == shown


def test_config_masks_what_is_secret(folder: Path) -> None:
    table, found = config().stdout, rows()
    assert "geheim" not in table + json.dumps(found)
    assert "postgresql://shop:***@db.example/shop?sslmode=require&password=***" == found["store_url"]["value"]
    assert ["redis://:***@r/0", 3] == found["settings.urls"]["value"]
    assert ("***", "m") == (found["settings.mail.password"]["value"], found["settings.mail.host"]["value"])
    assert ("***", None) == (found["settings.secrets.a"]["value"], found["settings.api_key"]["value"])


def test_config_masks_what_a_setting_calls_secret_and_nothing_that_only_looks_like_it(folder: Path) -> None:
    secret = ("pwd", "stripe_key", "key", "private-key", "accessKey", "bearer", "salt", "db.admin_pwd")
    plain = ("keyboard", "monkey", "tokyo", "basalt")
    found = rows(*(part for name in secret + plain for part in ("--set", f"settings.{name}=geheim")))
    assert dict.fromkeys(secret, "***") == {name: found[f"settings.{name}"]["value"] for name in secret}
    assert dict.fromkeys(plain, "geheim") == {name: found[f"settings.{name}"]["value"] for name in plain}


def test_config_masks_passwords_in_connection_strings(folder: Path) -> None:
    strings = ("host=h password=geheim user=u", "Server=h;Pwd=geheim;", "host=h password = 'geheim geheim'")
    found = rows(*(part for n, each in enumerate(strings) for part in ("--set", f"settings.database{n}={each}")))
    shown = [found[f"settings.database{n}"]["value"] for n in range(len(strings))]
    assert ["host=h password=*** user=u", "Server=h;Pwd=***;", "host=h password = ***"] == shown


def test_config_refuses_what_no_server_could_start_with(folder: Path) -> None:
    refused = config("--set", "proxies.trusted=10.0.0.1/8", "--set", "cors.max_age_s=-1")
    assert 1 == refused.returncode
    assert "--set proxies.trusted: proxies.trusted: '10.0.0.1/8' is no address" in refused.stderr
    assert "hosts: 'http://a' is no host" in config("--set", "hosts=http://a").stderr
    assert "hsts_s must be 0 or more, not -1" in config("--set", "hsts_s=-1").stderr


def test_config_of_changed_settings_leaves_out_defaults(folder: Path) -> None:
    (folder / "app.py").write_text("from perdure import App\napp = App('probe')\n")
    assert "all settings are the defaults\n" == config("--changed").stdout
    (folder / "perdure.toml").write_text("worker_threads = 2\n")
    assert "worker_threads  2  perdure.toml:1\n" == config("--changed").stdout


def test_config_of_changed_settings_leaves_out_what_groups_have_by_default(folder: Path) -> None:
    (folder / "app.py").write_text(
        "from perdure import ApiKeySettings, App, AuthSettings, Config, CorsSettings, JwtSettings\n"
        "staff = JwtSettings(issuer='i', audience=('a',), algorithms=('HS256',), secret='the-key', leeway_s=9)\n"
        "auth = AuthSettings(jwt={'staff': staff}, api_keys=ApiKeySettings())\n"
        "app = App('probe', config=Config(auth=auth))\n"
    )
    (folder / "perdure.toml").write_text(
        "[auth.jwt.till]\nissuer = 'j'\naudience = ['a']\nalgorithms = ['RS256']\nkey_file = 'a.pem'\n"
        "[cors]\norigins = ['https://a.example']\n"
    )
    assert {
        "auth.jwt.staff.issuer": ("i", "code"),
        "auth.jwt.staff.audience": (["a"], "code"),
        "auth.jwt.staff.algorithms": (["HS256"], "code"),
        "auth.jwt.staff.secret": ("the-key", "code"),
        "auth.jwt.staff.leeway_s": (9.0, "code"),
        "auth.api_keys": ({}, "code"),
        "auth.jwt.till.issuer": ("j", "perdure.toml:2"),
        "auth.jwt.till.audience": (["a"], "perdure.toml:3"),
        "auth.jwt.till.algorithms": (["RS256"], "perdure.toml:4"),
        "auth.jwt.till.key_file": (str(folder / "a.pem"), "perdure.toml:5"),
        "cors.origins": (["https://a.example"], "perdure.toml:7"),
    } == {name: (row["value"], row["origin"]) for name, row in rows("--changed").items()}
    assert ["auth.api_keys.header", "X-API-Key", "default"] == [*rows()["auth.api_keys.header"].values()]


def test_config_of_changed_settings_tells_an_empty_group_that_turns_something_on(folder: Path) -> None:
    (folder / "app.py").write_text("from perdure import App\napp = App('probe')\n")
    (folder / "perdure.toml").write_text("worker_threads = 2\n[auth.api_keys]\n")
    assert {"worker_threads": "perdure.toml:1", "auth.api_keys": "perdure.toml:2"} == {
        name: row["origin"] for name, row in rows("--changed").items()
    }


def test_config_reads_the_env_file_only_as_dev_does(folder: Path) -> None:
    (folder / ".env").write_text("PERDURE_WORKER_THREADS=3\nPERDURE_HEADER_LIMIT_COUNT=4\n")
    assert 16 == rows()["worker_threads"]["value"]
    found = rows("--dev", env={"PERDURE_HEADER_LIMIT_COUNT": "9"})
    assert (3, "PERDURE_WORKER_THREADS (.env:1)") == (
        found["worker_threads"]["value"], found["worker_threads"]["origin"],
    )  # fmt: skip
    assert 9 == found["header_limit_count"]["value"]


def test_config_when_settings_are_bad_tells_all_and_exits_with_1(folder: Path) -> None:
    (folder / "perdure.toml").write_text("worker_thread = 2\n[rollout]\nfallback = 'yes'\n")
    ended = config()
    told = (
        "perdure: 2 settings cannot be used:\n"
        "  perdure.toml:1: there is no setting 'worker_thread'; did you mean worker_threads?\n"
        "  perdure.toml:3: rollout.fallback must be bool, not 'yes'\n"
    )
    assert (1, "", told) == (ended.returncode, ended.stdout, ended.stderr)


LOOKING = [
    ["routes"], ["manifest"], ["diff"], ["changelog"], ["openapi"], ["check"], ["revision", "-m", "More"], ["config"],
    ["versions", "list"], ["versions", "activate", "v1"], ["keys", "list"], ["keys", "create", "--subject", "till"],
    ["migrations", "status"],
]  # fmt: skip


@pytest.mark.parametrize("command", LOOKING, ids=" ".join)
def test_command_that_looks_at_an_app_has_the_settings_it_is_given(
    command: list[str], folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERDURE_ZZZ", "")  # has the one from .env forgotten afterwards
    monkeypatch.delenv("PERDURE_ZZZ")
    (folder / ".env").write_text("PERDURE_ZZZ=1\n")
    (folder / "other.toml").write_text("qqq = 1\n")
    told = []
    for given in (["--set", "rrr=1"], ["--config", "other.toml"], ["--dev"]):
        assert 1 == main([*command, *given])
        told.append(capsys.readouterr().err.splitlines()[0])
        sys.modules.pop("app", None)
    assert told[0].startswith("perdure: --set rrr: there is no setting 'rrr'")
    assert told[1].startswith("perdure: other.toml:1: there is no setting 'qqq'")
    assert told[2].startswith("perdure: PERDURE_ZZZ (.env:1): there is no setting 'zzz'")


def test_keys_and_versions_of_dev_are_in_the_store_that_the_env_file_names(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERDURE_STORE_URL", "")
    monkeypatch.delenv("PERDURE_STORE_URL")
    (folder / "app.py").write_text("from perdure import App\napp = App('probe')\n")
    (folder / ".env").write_text("PERDURE_STORE_URL=sqlite:///of-dev.db\n")
    assert 0 == main(["keys", "create", "--subject", "till", "--dev"])
    assert (folder / "of-dev.db").exists()
    assert not (folder / ".perdure").exists()
    sys.modules.pop("app", None)
    assert 0 == main(["keys", "list", "--store", f"sqlite:///{folder / 'of-dev.db'}"])
    assert "till" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["config", "--set", "worker_threads"], 2, "NAME=VALUE"),
        (["config", "--config", "nowhere.toml"], 2, "nowhere.toml"),
        (["config", "--dev"], 1, ".env:2 cannot be read; a line is NAME=value"),
        (["routes"], 1, "there is no setting 'qqq'"),
        (["check"], 1, "there is no setting 'qqq'"),
        (["versions", "list"], 1, "there is no setting 'qqq'"),
    ],
)
def test_command_when_settings_are_bad_tells_it(
    arguments: list[str], code: int, told: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / ".env").write_text("A=1\n!! what\n")
    (folder / "perdure.toml").write_text("qqq = 1")
    assert code == main(arguments)
    assert told in capsys.readouterr().err


def test_config_works_while_the_app_cannot_be_compiled(folder: Path) -> None:
    (folder / "revisions").mkdir()
    (folder / "revisions" / "2025-01-01_broken.py").write_text("1 / 0\n")
    assert (1, 0) == (main(["routes"]), config().returncode)


@pytest.mark.slow
def test_serve_takes_settings_from_the_command_line_and_not_from_the_env_file(run: Run, folder: Path) -> None:
    (folder / ".env").write_text("PERDURE_WORKER_THREADS=3\n")
    (folder / "shop.toml").write_text('worker_threads = 2\n[settings]\nword = "one"\n')
    server = run("serve", "--port", "0", "--config", "shop.toml", "--store", "memory:", "--set", "settings.word=two")
    assert "two 2" == httpx.get(f"http://127.0.0.1:{server.wait_port()}/word").text


@pytest.mark.slow
def test_serve_when_settings_are_bad_exits_with_1(run: Run, folder: Path) -> None:
    server = run("serve", "--port", "0", "--workers", "3", "--set", "rollout.activation=perhaps")
    assert 1 == server.wait_end()
    told = "rollout.activation must be 'automatic' or 'compatible' or 'manual', not 'perhaps'"
    assert [f"perdure: --set rollout.activation: {told}"] == server.lines


@pytest.mark.slow
def test_dev_reads_the_env_file_and_reloads_when_settings_outside_the_package_change(run: Run, tmp_path: Path) -> None:
    package = tmp_path / "src" / "shop"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "app.py").write_text(
        "import os\nfrom perdure import App, Config\n\n"
        "app = App('probe', config=Config(settings={'word': os.environ['WORD']}))\n\n\n"
        "@app.get('/word')\nasync def word() -> str:\n"
        "    return f\"{app.config.settings['word']} {app.config.worker_threads}\"\n"
    )
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'shop'\n")
    (tmp_path / ".env").write_text("WORD=one\nPERDURE_WORKER_THREADS=3\n")
    server = run("dev", "--port", "0", "--store", "memory:")
    url = f"http://127.0.0.1:{server.wait_port()}/word"
    assert "one 3" == httpx.get(url).text
    (tmp_path / ".env").write_text("WORD=two\n")
    server.wait_printed(r"changed: \.env\n(.*\n)?reloaded in \d+ ms")
    assert "two 16" == httpx.get(url).text
    (tmp_path / "perdure.toml").write_text("worker_threads = 0\n")
    server.wait_printed(r"changed: perdure\.toml")
    server.wait_printed("perdure.toml:1: worker_threads must be greater than 0, not 0")
    assert "two 16" == httpx.get(url).text
    (tmp_path / "perdure.toml").write_text("worker_threads = 4\n")
    server.wait_printed("reloaded", times=2)
    assert "two 4" == httpx.get(url).text
