"""`perdure keys`, run in this process on a real SQLite file; `tests/identity/test_api_keys_servers.py` has servers."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from perdure.cli.main import main
from perdure.clock import SystemClock
from perdure.identity.api_keys_text import id_of
from perdure.store.api_keys import ApiKey
from perdure.store.opening import open_store

APP = """
from perdure import App, Config
from perdure.config import ApiKeySettings, AuthSettings

app = App("shop", config=Config(auth=AuthSettings(api_keys=ApiKeySettings())))
"""
KEY = re.compile(r"pdk_[0-9a-z]{8}_[0-9A-Za-z]{49}")

Told = tuple[int, str, str]
Keys = Callable[..., Told]


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Keys]:
    """Run ``perdure keys`` in a project whose app takes API keys."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PERDURE_STORE_URL", raising=False)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "app.py").write_text(APP)

    def run(*arguments: str) -> Told:
        sys.modules.pop("app", None)
        monkeypatch.setattr(sys, "path", [each for each in sys.path if each != str(tmp_path)])
        capsys.readouterr()
        code = main(["keys", *arguments])
        printed = capsys.readouterr()
        return code, printed.out, " ".join(printed.err.split())

    yield run
    sys.modules.pop("app", None)


def created(keys: Keys, *options: str) -> dict[str, object]:
    code, printed, errors = keys("create", "--subject", "till-3", "--json", *options)
    assert (0, "") == (code, errors)
    key: dict[str, object] = json.loads(printed)
    return key


def listed(keys: Keys) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(keys("list", "--json")[1])
    return found


def test_create_prints_the_key_and_what_to_do_with_it(keys: Keys) -> None:
    code, printed, errors = keys(
        "create", "--subject", "till-3", "--role", "clerk", "--role", "admin", "--role", "clerk", "--scope", "a:b",
        "--expires", "2999-01-31",
    )  # fmt: skip
    first, key, last = printed.splitlines()
    assert (0, "") == (code, errors)
    assert (
        f"created {id_of(key)} for till-3, with the roles clerk admin, the scopes a:b, until 2999-01-31T00:00:00Z"
        == first
    )
    assert "It is shown this once; only its hash is kept. It goes in the header X-API-Key." == last


def test_create_for_scripts_prints_the_key_alone(keys: Keys) -> None:
    code, printed, errors = keys("create", "--subject", "till-3", "--quiet")
    assert (0, "") == (code, errors)
    assert KEY.fullmatch(printed.removesuffix("\n"))


def test_create_with_json_tells_all(keys: Keys) -> None:
    key = created(keys, "--role", "clerk", "--expires", "90d")
    assert ("till-3", "active", ["clerk"], [], None, None) == tuple(
        key[name] for name in ("subject", "state", "roles", "scopes", "revoked", "last_used")
    )
    assert id_of(str(key["key"])) == key["id"]
    assert {**key, "key": None} == {**listed(keys)[0], "key": None}


def test_create_when_the_app_takes_no_keys_warns(keys: Keys, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text('from perdure import App\n\napp = App("shop")\n')
    code, printed, errors = keys("create", "--subject", "till-3", "--quiet")
    assert 0 == code
    assert KEY.fullmatch(printed.strip())
    assert errors.startswith("perdure: shop takes no API keys yet: add AuthSettings(")


def test_list_shows_keys_but_never_their_secrets(keys: Keys) -> None:
    assert (0, "there are no API keys yet: perdure keys create --subject NAME\n", "") == keys("list")
    key = created(keys, "--role", "clerk", "--scope", "orders:read")
    _, table, _ = keys("list")
    head, row = [line.split() for line in table.splitlines()]
    assert ["ID", "SUBJECT", "STATE", "ROLES", "SCOPES", "CREATED", "LAST", "USED"] == head
    assert [key["id"], "till-3", "active", "clerk", "orders:read", key["created"], "never"] == row
    printed = f"{table} {keys('list', '--json')[1]} {keys('show', str(key['id']))[1]}"
    assert str(key["key"])[13:] not in printed
    assert not re.search("[0-9a-f]{64}", printed), "nor their hashes"


def test_looking_where_there_is_no_store_makes_none(keys: Keys, tmp_path: Path) -> None:
    assert 0 == keys("list")[0]
    assert (1, "") == keys("revoke", "nope")[:2]
    assert (1, "", "perdure: shop has no API key 'nope'; perdure keys list shows the ids") == keys("show", "nope")
    assert {"app.py", "pyproject.toml"} == {path.name for path in tmp_path.iterdir()} - {"__pycache__"}
    assert "there is no store sqlite:///other.db" in keys("list", "--store", "sqlite:///other.db")[2]
    assert "the store is memory:" in keys("list", "--store", "memory:")[2]


def test_revoke_is_for_ever_and_says_so_again(keys: Keys) -> None:
    first, second = created(keys), created(keys)
    assert (0, f"{first['id']} of till-3 is revoked\n", "") == keys("revoke", str(first["id"]))
    assert ["revoked", "active"] == [key["state"] for key in listed(keys)]
    assert 0 == keys("revoke", str(first["id"]), str(second["id"]))[0]
    assert (0, f"{first['id']} of till-3 was already revoked\n", "") == keys("revoke", str(first["id"]))
    assert re.search(r"revoked: +20\S+Z by \S+@", keys("show", str(second["id"]))[1])


def test_revoke_takes_the_key_itself(keys: Keys) -> None:
    key = created(keys)
    assert (0, f"{key['id']} of till-3 is revoked\n", "") == keys("revoke", str(key["key"]))


def test_revoke_when_one_is_unknown_revokes_none_and_quotes_no_key(keys: Keys) -> None:
    key, other = created(keys), str(created(keys, "--store", "sqlite:///other.db")["key"])
    text = str(key["key"])
    for wrong, complaint in (
        ("nope", "shop has no API key 'nope'; perdure keys list shows the ids"),
        (other, "shop has no such API key in this store"),
        (text[:12] + other[12:], "the API key has a typo: its checksum is wrong; name a key by its id, as perdure"),
        (text[:40], "it is no API key; name a key by its id"),
        (text[13:], "shop has no API key; perdure keys list shows the ids"),
    ):
        code, printed, errors = keys("revoke", str(key["id"]), wrong)
        assert (1, "") == (code, printed)
        assert complaint in errors
        assert text[20:40] not in errors
        assert other[20:40] not in errors
    assert ["active"] == [each["state"] for each in listed(keys)]


def test_show_tells_all_about_a_key(keys: Keys) -> None:
    key = created(keys, "--expires", "2999-01-31T12:00:00+02:00")
    lines = dict(re.split(": +", line, maxsplit=1) for line in keys("show", str(key["id"]))[1].splitlines())
    assert ("till-3", "active", "2999-01-31T10:00:00Z", "never") == tuple(
        lines[name] for name in ("subject", "state", "expires", "last used")
    )
    assert listed(keys)[0] == json.loads(keys("show", str(key["key"]), "--json")[1])


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--expires", "2020-01-01"], "'2020-01-01' lies in the past"), (["--expires", "0d"], "'0d' is no duration"),
        (["--expires", "soon"], "'soon' is no duration such as 90d, no date such as"),
        (["--expires", "2027-02-30"], "no date such as"), (["--expires", "90 d"], "is no duration"),
        (["--expires", "9999999d"], "is no time of the years 1 to 9999"),
        (["--expires", "9" * 400 + "d"], "is no time of the years"), (["--expires", ""], "'' is no duration"),
        (["--role", "a b"], "'a b' is no role"), (["--role", "a,b"], "'a,b' is no role"),
        (["--role", ""], "is no role"), (["--role", "ü"], "is no role"), (["--scope", "ü"], "is no scope"),
        (["--scope", "a b"], "'a b' is no scope"), (["--scope", 'a"b'], "is no scope"),
        (["--subject", ""], "'' is no subject"), (["--subject", " x"], "' x' is no subject"),
        (["--subject", "a\nb"], "is no subject"), (["--subject", "x" * 201], "is no subject"),
        (["--store", "memory:"], "the store is memory:, which keeps no API keys"),
        (["--store", "mysql://x"], "its scheme is not 'mysql'"),
    ],
)  # fmt: skip
def test_create_when_it_makes_no_sense_says_why_and_creates_nothing(
    keys: Keys, options: list[str], complaint: str
) -> None:
    subject = [] if "--subject" in options else ["--subject", "till-3"]
    code, printed, errors = keys("create", *subject, *options)
    assert (1, "") == (code, printed)
    assert complaint in errors
    assert [] == listed(keys)


def test_command_line_that_is_wrong_ends_with_2(keys: Keys) -> None:
    assert 2 == keys("create")[0]
    assert 2 == keys("revoke")[0]
    code, _, errors = keys("list", "app.py")
    assert 2 == code
    assert "perdure keys … --app app.py" in errors
    assert 2 == keys("list", "--app", "nowhere.py")[0]


def test_keys_are_noted_in_the_journal(keys: Keys, capsys: pytest.CaptureFixture[str]) -> None:
    key = created(keys)
    keys("revoke", str(key["id"]))
    assert 0 == main(["versions", "journal", "--json"])
    actions = [(entry["action"], entry["actor"]) for entry in json.loads(capsys.readouterr().out)]
    assert [f"revoke API key {key['id']} of till-3", f"create API key {key['id']} for till-3"] == [
        a for a, _ in actions
    ]
    assert all("@" in actor for _, actor in actions)


def test_prune_forgets_what_ended_long_ago(keys: Keys, tmp_path: Path) -> None:
    key = created(keys)
    day_s, now_s = 86_400.0, SystemClock().time()
    ends = {"a": now_s - 91 * day_s, "b": now_s - 89 * day_s, "c": now_s + day_s}
    with closing(open_store(f"sqlite:///{tmp_path}/.perdure/store.db")) as store:
        for name, expires_s in ends.items():
            old = ApiKey(
                id=name, digest="ab" * 32, subject="old", created_s=1.0, created_by="ada@office", expires_s=expires_s
            )
            store.add_api_key("shop", old)

    assert (0, "would forget a of old, expired\n", "") == keys("prune", "--dry-run")
    assert {"a", "b", "c", key["id"]} == {each["id"] for each in listed(keys)}
    assert (0, "forgot a of old, expired\n", "") == keys("prune")
    assert (0, "no key was revoked or expired more than 90d ago\n", "") == keys("prune")
    assert (0, "forgot b of old, expired\n", "") == keys("prune", "--older-than", "12h")
    keys("revoke", "c")
    assert (0, "no key was revoked or expired more than 1h ago\n", "") == keys("prune", "--older-than", "1h")
    assert {"c", key["id"]} == {each["id"] for each in listed(keys)}


@pytest.mark.parametrize(
    ("age", "complaint"),
    [("59m", "is less than an hour"), ("soon", "'soon' is no duration"), ("-1d", "is no duration")],
)
def test_prune_of_what_may_still_be_taken_is_refused(keys: Keys, age: str, complaint: str) -> None:
    created(keys)
    code, printed, errors = keys("prune", f"--older-than={age}")
    assert (1, "") == (code, printed)
    assert complaint in errors


def test_expired_key_is_listed_so(keys: Keys, tmp_path: Path) -> None:
    created(keys, "--expires", "0.001s")
    assert ["expired"] == [key["state"] for key in listed(keys)]
