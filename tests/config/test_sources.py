"""Settings from files, the environment and the command line, as an app gets them."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import fields

import perdure.config
from perdure import Config
from perdure.config import (
    ApiKeySettings,
    AuthSettings,
    CorsSettings,
    Flag,
    Invocation,
    JwtSettings,
    RateLimit,
    Resolved,
    RolloutSettings,
    resolve,
)
from perdure.errors import SettingsError


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def resolved(
    toml: str | None = None, environ: dict[str, str] | None = None, flags: tuple[str, ...] = (),
    given: Config | None = None,
) -> Resolved:  # fmt: skip
    if toml is not None:
        Path("perdure.toml").write_text(toml)
    pairs = (flag.partition("=") for flag in flags)
    by = Invocation(flags=tuple(Flag(name, value, f"--set {name}") for name, _, value in pairs))
    return resolve(given or Config(), Path.cwd(), by, environ or {})


def faults(*args: Any, **options: Any) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as refused:
        resolved(*args, **options)
    return refused.value.faults


def test_settings_when_nothing_says_anything_are_those_of_the_code() -> None:
    given = Config(worker_threads=3)
    found = resolved(given=given)
    assert found.config is given
    assert ("code", "default") == (found.origin_of("worker_threads"), found.origin_of("store_url"))


SOURCES: list[tuple[str, dict[str, Any]]] = [
    ("code", {"given": Config(worker_threads=1)}),
    ("perdure.toml:1", {"toml": "worker_threads = 2"}),
    ("PERDURE_WORKER_THREADS", {"environ": {"PERDURE_WORKER_THREADS": "3"}}),
    ("--set worker_threads", {"flags": ("worker_threads=4",)}),
]


@pytest.mark.parametrize("last", range(len(SOURCES)))
def test_stronger_source_counts(last: int) -> None:
    said: dict[str, Any] = {}
    for _, each in SOURCES[: last + 1]:
        said.update(each)
    found = resolved(**said)
    assert (last + 1, SOURCES[last][0]) == (found.config.worker_threads, found.origin_of("worker_threads"))


def test_groups_and_mappings_are_joined_and_lists_are_replaced() -> None:
    given = Config(
        rollout=RolloutSettings(fallback=False, hot_requests=7), tags={"a": "v1", "b": "v1"}, hosts=("code.example",),
        auth=AuthSettings(jwt={"staff": JwtSettings(issuer="i", audience=("a",), algorithms=("HS256",), secret="s")}),
        settings={"db": {"host": "code", "port": 1}, "list": [1, 2]},
    )  # fmt: skip
    toml = """
hosts = ["file.example"]
tags = {b = "v2"}
[rollout]
hot_requests = 8
[auth.jwt.staff]
issuer = "j"
[settings]
list = [3]
[settings.db]
host = "file"
user = "u"
"""
    config = resolved(toml, {"PERDURE_SETTINGS__DB__PORT": "2", "PERDURE_TAGS__C": "v3"}, given=given).config
    assert (False, 8) == (config.rollout.fallback, config.rollout.hot_requests)
    assert {"a": "v1", "b": "v2", "c": "v3"} == config.tags
    assert ("file.example",) == config.hosts
    assert ("j", ("a",)) == (config.auth.jwt["staff"].issuer, config.auth.jwt["staff"].audience)
    assert {"host": "file", "port": 2, "user": "u"} == config.settings["db"]
    assert (3,) == config.settings["list"]


def test_group_may_be_given_in_parts_by_several_sources() -> None:
    toml = '[auth.jwt.Staff-A]\nissuer = "i"\nalgorithms = ["HS256"]\n'
    environ = {"PERDURE_AUTH__JWT__STAFF_A__AUDIENCE": "shop, desk", "PERDURE_AUTH__JWT__STAFF_A__SECRET": "jwt"}
    found = resolved(toml, environ)
    expected = JwtSettings(issuer="i", audience=("shop", "desk"), algorithms=("HS256",), secret="jwt")
    assert {"Staff-A": expected} == dict(found.config.auth.jwt)
    assert "perdure.toml:2" == found.origin_of("auth.jwt.Staff-A.issuer")
    assert "PERDURE_AUTH__JWT__STAFF_A__SECRET" == found.origin_of("auth.jwt.Staff-A.secret")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("worker_threads", "7", 7), ("request_timeout_s", "1.5", 1.5), ("request_timeout_s", "2", 2.0),
        ("trust_request_id", "true", True), ("trust_request_id", "False", False), ("check_responses", "0", False),
        ("version_header", "X-Version", "X-Version"), ("version_query", "false", None), ("openapi_path", "false", None),
        ("store_url", "sqlite:///a.db", "sqlite:///a.db"),
        ("rollout.activation", "manual", RolloutSettings(activation="manual")),
        ("hosts", "a.example, b.example", ("a.example", "b.example")), ("hosts", '["a.example"]', ("a.example",)),
        ("rates.limits", "100/minute,5/second", (RateLimit("100/minute"), RateLimit("5/second"))),
        ("rates.limits", '[{"rate": "9/hour", "per": "address"}]', (RateLimit("9/hour", "address"),)),
        ("cors", '{"origins": ["*"]}', CorsSettings(origins=("*",))),
        ("cors.origins", "*", CorsSettings(origins=("*",))),
        ("tags", '{"a": "v1"}', {"a": "v1"}), ("tags.a", "v1", {"a": "v1"}),
        ("settings.currency", "EUR", {"currency": "EUR"}), ("settings.n", "3", {"n": 3}),
        ("settings.on", "true", {"on": True}), ("settings.list", "[1, 2]", {"list": (1, 2)}),
        ("settings.text", '"3"', {"text": "3"}), ("settings.odd", "{a", {"odd": "{a"}),
        ("settings.n", "NaN", {"n": "NaN"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["variable", "flag"])
def test_text_is_read_as_what_the_setting_is(name: str, text: str, expected: object, kind: str) -> None:
    if kind == "variable":
        config = resolved(environ={f"PERDURE_{name.replace('.', '__').upper()}": text}).config
    else:
        config = resolved(flags=(f"{name}={text}",)).config
    group, _, inner = name.partition(".")
    value = getattr(config, group)
    if group == "rates":
        value = getattr(value, inner)
    assert expected == value
    assert type(expected) is type(value) or isinstance(expected, dict)


def test_text_in_place_of_a_text_of_the_apps_own_stays_one() -> None:
    found = resolved('[settings]\nzip = "01234"\n', {"PERDURE_SETTINGS__ZIP": "99999"})
    assert "99999" == found.config.settings["zip"]


@pytest.mark.parametrize(
    ("toml", "name", "expected"),
    [
        ('rates.limits = ["100/minute", {rate = "5/second", per = "handler"}]', "rates",
         (RateLimit("100/minute"), RateLimit("5/second", "handler"))),
        ("[auth.api_keys]", "auth", ApiKeySettings()), ("[auth.api_keys]\nheader = false\nquery = 'k'", "auth",
         ApiKeySettings(header=None, query="k")),
    ],
)  # fmt: skip
def test_file_can_say_what_code_can(toml: str, name: str, expected: object) -> None:
    config = resolved(toml).config
    assert expected == (config.rates.limits if name == "rates" else config.auth.api_keys)


def test_file_can_take_away_what_the_code_gives() -> None:
    given = Config(cors=CorsSettings(origins=("*",)), openapi_path="/o.json")
    config = resolved("cors = false\nopenapi_path = false", given=given).config
    assert (None, None) == (config.cors, config.openapi_path)


def test_variable_that_is_empty_says_nothing() -> None:
    assert "memory:" == resolved('store_url = "memory:"', {"PERDURE_STORE_URL": ""}).config.store_url


def test_paths_in_a_file_are_relative_to_it_and_others_are_as_they_are(inside: Path) -> None:
    toml = """
store_url = "sqlite:///data/store.db"
alembic_ini = "db/alembic.ini"
[secrets]
folder = "/run/elsewhere"
[auth.jwt.a]
issuer = "i"
audience = ["a"]
algorithms = ["ES256"]
jwks_file = "keys/jwks.json"
"""
    config = resolved(toml, {"PERDURE_SECRETS__FOLDER": "here"}).config
    assert f"sqlite:///{inside}/data/store.db" == config.store_url
    assert str(inside / "db/alembic.ini") == config.alembic_ini
    assert str(inside / "keys/jwks.json") == config.auth.jwt["a"].jwks_file
    assert "here" == config.secrets.folder
    assert "sqlite:///a.db" == resolved(environ={"PERDURE_STORE_URL": "sqlite:///a.db"}).config.store_url
    assert "sqlite:////a.db" == resolved('store_url = "sqlite:////a.db"').config.store_url
    assert "postgresql://h/d" == resolved('store_url = "postgresql://h/d"').config.store_url


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ("worker_thread = 3", "perdure.toml:1: there is no setting 'worker_thread'; did you mean worker_threads?"),
        ("\n[rollout]\nactivaton = 1",
         "perdure.toml:3: rollout has no setting 'activaton'; did you mean rollout.activation?"),
        ("activation = 'manual'", "perdure.toml:1: there is no setting 'activation'; did you mean rollout.activation?"),
        ("store = 'memory:'", "perdure.toml:1: there is no setting 'store'; did you mean store_url?"),
        ("qqq = 1", "perdure.toml:1: there is no setting 'qqq'; `perdure config` lists what there is"),
        ("[proxies]\nqqq = 1", "perdure.toml:2: proxies has no setting 'qqq'; there are trusted, header"),
        ("worker_threads = '3'", "perdure.toml:1: worker_threads must be int, not '3'"),
        ("worker_threads = true", "perdure.toml:1: worker_threads must be int, not True"),
        ("worker_threads = 0", "perdure.toml:1: worker_threads must be greater than 0, not 0"),
        ("rollout = 3", "perdure.toml:1: rollout must be a table of settings, not 3"),
        ("rollout = false", "perdure.toml:1: rollout must be a table of settings, not False"),
        ("[tags]\na = 1", "perdure.toml:2: tags.a must be str, not 1"),
        ("hosts = 'a'", "perdure.toml:1: hosts must be a tuple of str, not 'a'"),
        ("[rollout]\nactivation = 'perhaps'",
         "perdure.toml:2: rollout.activation must be 'automatic' or 'compatible' or 'manual', not 'perhaps'"),
        ("[rollout]\nunhealthy_percent = 101",
         "perdure.toml:2: rollout.unhealthy_percent must be at most 100, not 101.0"),
        ("[auth.jwt.a]\nissuer = 'i'", "perdure.toml:2: auth.jwt.a also needs audience and algorithms"),
        ("[auth.jwt]\na = 3", "perdure.toml:2: auth.jwt.a must be a table of settings, not 3"),
        ("rates.limits = ['often']",
         "perdure.toml:1: rates.limits: a rate is written 100/minute or 10/5 seconds, not 'often'"),
        ("rates.limits = [{rat = 'x'}]", "perdure.toml:1: rates.limits has no setting 'rat'; there are rate, per"),
        ("rates.limits = [3]", "perdure.toml:1: rates.limits must be a table of settings, not 3"),
        ("settings = 3", "perdure.toml:1: settings must be a mapping of str to anything, not 3"),
        ("a = [", "perdure.toml cannot be read: Invalid value (at end of document)"),
    ],
)  # fmt: skip
def test_file_that_is_wrong_is_told_with_its_line(toml: str, told: str) -> None:
    assert (told,) == faults(toml)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("PERDURE_WORKER_THREAD", "3",
         "there is no setting 'worker_thread'; did you mean worker_threads (PERDURE_WORKER_THREADS)?"),
        ("PERDURE_ROLLOUT__ACTIVATE", "x",
         "rollout has no setting 'activate'; did you mean rollout.activation (PERDURE_ROLLOUT__ACTIVATION)?"),
        ("PERDURE_ACTIVATION", "x",
         "there is no setting 'activation'; did you mean rollout.activation (PERDURE_ROLLOUT__ACTIVATION)?"),
        ("PERDURE_WORKER_THREADS", "many", "worker_threads must be int, not 'many'"),
        ("PERDURE_TRUST_REQUEST_ID", "yes", "trust_request_id must be bool, not 'yes'"),
        ("PERDURE_WORKER_THREADS__X", "1", "worker_threads is one value; there is nothing in it to set"),
        ("PERDURE_ROLLOUT", "manual", "rollout must be a table of settings, not 'manual'"),
        ("PERDURE_HOSTS", "[1", "hosts must be a tuple of str, not '[1'"),
        ("PERDURE_CORS", '{"origin": "*"}',
         "cors has no setting 'origin'; did you mean cors.origins (PERDURE_CORS__ORIGINS)?"),
        ("PERDURE_STORE_URL", "store.db", "store_url must be a URL: sqlite:///PATH, postgresql://… or memory:"),
        ("PERDURE_", "1", "there is no setting ''; `perdure config` lists what there is"),
    ],
)  # fmt: skip
def test_variable_that_is_wrong_is_told_by_its_name(name: str, text: str, told: str) -> None:
    assert (f"{name}: {told}",) == faults(environ={name: text})


@pytest.mark.parametrize(
    ("flag", "told"),
    [
        ("rollout.activaton=x", "rollout has no setting 'activaton'; did you mean rollout.activation?"),
        ("worker_threads=x", "worker_threads must be int, not 'x'"),
        ("rollout..x=1", "a setting is written like rollout.activation"),
    ],
)
def test_flag_that_is_wrong_is_told(flag: str, told: str) -> None:
    assert (f"--set {flag.partition('=')[0]}: {told}",) == faults(flags=(flag,))


def test_all_that_is_wrong_is_told_at_once() -> None:
    toml = "worker_thread = 1\nrequest_timeout_s = 'x'\n[rollout]\nunhealthy_percent = 101\n"
    told = faults(toml, {"PERDURE_BODY_LIMIT_BYTES": "1.5"}, ("proxies.header=x",))
    places = [fault.partition(": ")[0] for fault in told]
    expected = {
        "perdure.toml:1", "perdure.toml:2", "perdure.toml:4", "PERDURE_BODY_LIMIT_BYTES", "--set proxies.header",
    }  # fmt: skip
    assert expected == set(places)


def test_error_shows_no_password() -> None:
    told = faults(environ={"PERDURE_WORKER_THREADS": "postgresql://u:geheim@h/d"})
    assert "geheim" not in told[0]


def test_error_of_a_group_names_the_sources_of_the_settings_it_is_about() -> None:
    toml = '[auth.jwt.a]\nissuer = "i"\naudience = ["a"]\nalgorithms = ["ES256"]\nkey_file = "k"\n'
    (told,) = faults(toml, {"PERDURE_AUTH__JWT__A__JWKS_URL": "https://i/jwks"})
    assert told.startswith("perdure.toml:5, PERDURE_AUTH__JWT__A__JWKS_URL: auth.jwt.a: exactly one of")


@pytest.mark.parametrize(
    "name",
    [
        "PERDURE_URL", "PERDURE_WORKER", "PERDURE_SERVICE_HOST", "PERDURE_SERVICE_PORT", "PERDURE_SERVICE_PORT_HTTP",
        "PERDURE_PORT", "PERDURE_PORT_8000_TCP", "PERDURE_PORT_8000_TCP_ADDR",
    ],
)  # fmt: skip
def test_variables_that_others_set_are_no_settings(name: str) -> None:
    assert resolved(environ={name: "tcp://10.0.0.1:8000"}).config == Config()


def test_variables_that_are_secrets_are_no_settings() -> None:
    toml = '[secrets]\nenvironment_prefix = "PERDURE_SECRET_"\n'
    assert "PERDURE_SECRET_" == resolved(toml, {"PERDURE_SECRET_DB": "x"}).config.secrets.environment_prefix
    assert faults("", {"PERDURE_SECRET_DB": "x"})


def test_file_that_a_variable_or_the_command_line_names_counts_in_place_of_the_one_beside(inside: Path) -> None:
    (inside / "perdure.toml").write_text("worker_threads = 1")
    (inside / "b.toml").write_text("worker_threads = 2")
    (inside / "c.toml").write_text("worker_threads = 3")
    environ = {"PERDURE_CONFIG": "b.toml"}
    assert 2 == resolve(Config(), inside, Invocation(), environ).config.worker_threads
    by = Invocation(file=str(inside / "c.toml"))
    assert 3 == resolve(Config(), inside, by, environ).config.worker_threads
    with pytest.raises(SettingsError, match=r"there is no settings file .*d\.toml"):
        resolve(Config(), inside, Invocation(), {"PERDURE_CONFIG": "d.toml"})


def test_env_file_adds_what_is_not_set_and_is_told_as_the_place(inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (inside / ".env").write_text("# both\nPERDURE_WORKER_THREADS=5\nPERDURE_HEADER_LIMIT_COUNT=6\n")
    by = Invocation(env_file=str(inside / ".env"))
    found = resolve(Config(), inside, by, {"PERDURE_WORKER_THREADS": "5", "PERDURE_HEADER_LIMIT_COUNT": "7"})
    assert "PERDURE_WORKER_THREADS (.env:2)" == found.origin_of("worker_threads")
    assert "PERDURE_HEADER_LIMIT_COUNT" == found.origin_of("header_limit_count")


def test_environment_is_that_of_the_process(monkeypatch: pytest.MonkeyPatch, inside: Path) -> None:
    monkeypatch.setitem(os.environ, "PERDURE_WORKER_THREADS", "9")
    assert 9 == resolve(Config(), inside, Invocation()).config.worker_threads


def every_setting(record: type[Struct], at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for field in fields(record):
        path = (*at, field.name)
        yield path
        for inside in re.findall(r"perdure\.config\.\w+\.(\w+)", str(field.type)):
            group = getattr(perdure.config, inside, None)
            if isinstance(group, type) and issubclass(group, Struct):
                yield from every_setting(group, (*path, "x") if "Mapping" in str(field.type) else path)


ODD_VALUES = ["-1", "nan", "'\\u0000'", "[{a=1}]", "{a=1}", "true"]
ODD_TEXTS = ["-1", "1e400", "x", "[null]", '{"a":{"b":[1]}}', "\udcff", ",", "9" * 30]


def test_every_setting_takes_any_value_or_refuses_it_with_its_place() -> None:
    settings = list(every_setting(Config))
    assert len(settings) > 100
    faults: list[tuple[str, str]] = []
    for number, at in enumerate(settings):
        name = f"PERDURE_{'__'.join(at).upper()}"
        # Some for each setting, others for the next: all of them for each kind of setting.
        values = [value for each, value in enumerate(ODD_VALUES) if (each + number) % 3 == 0]
        texts = [text for each, text in enumerate(ODD_TEXTS) if (each + number) % 3 == 0]
        tries: list[tuple[str, dict[str, Any]]] = [
            *(("perdure.toml:1", {"toml": f"{'.'.join(at)} = {value}"}) for value in values),
            *((name, {"toml": "", "environ": {name: text}}) for text in texts),
        ]
        for place, said in tries:
            try:
                resolved(**said)
            except SettingsError as error:
                faults += [(place, fault) for fault in error.faults]
    assert len(faults) > 300
    assert [] == [(place, fault) for place, fault in faults if not fault.startswith(f"{place}: ")]
