"""`perdure check` from the command line: what it prints, and how it ends."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from perdure.cli.main import main
from perdure.gtype.nodes import Field, Integer, Object, Ref, String
from perdure.manifest.records import Api, Endpoint
from perdure.store.opening import open_store
from perdure.store.records import Control, VersionControl
from perdure.timescape.delta import delta, write_delta
from tests.rollout.alembic_project import AlembicProject

APP = '''
from typing import Annotated

from msgspec import Meta, Struct
from perdure import App, Request

app = App("stand")


class Item(Struct):
    """One thing."""

    name: str
    quantity: Annotated[int, Meta(ge=1, le=9)]


@app.post("/items")
async def add(req: Request[Item]) -> Item:
    return req.body
'''
SECOND = '''"""A longer word."""

from perdure import Revision

revision = Revision("2025-02-01", label="v2.0.0", after="first")


@revision.request("Item")
def longer(item: dict[str, object]) -> dict[str, object]:
    item["quantity"] = item.pop("qty")
    return item


@revision.response("Item")
def shorter(item: dict[str, object]) -> dict[str, object]:
    item["qty"] = item.pop("quantity")
    return item
'''


def api(count: str) -> Api:
    item = Object(
        description="One thing.",
        fields=(Field(name="name", node=String()), Field(name=count, node=Integer(ge=1, le=9))),
    )
    endpoint = Endpoint(handler="add", body=Ref(name="Item"), response=Ref(name="Item"))
    return Api(types={"Item": item}, endpoints={"POST /items": endpoint})


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an app and two revisions, all of it right; the current one."""
    (tmp_path / "app.py").write_text(APP)
    revisions = tmp_path / "revisions"
    revisions.mkdir()
    (revisions / "first.py").write_text('from perdure import Revision\n\nrevision = Revision("2025-01-01")\n')
    (revisions / "second.py").write_text(SECOND)
    write_delta(revisions, "first", delta(Api(), api("qty")))
    write_delta(revisions, "second", delta(api("qty"), api("quantity")))
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Done(NamedTuple):
    code: int
    out: str
    err: str


Check = Callable[..., Done]


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Check:
    """Run the command in this process, as if it were the first time."""

    def run(*arguments: str) -> Done:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "path", [*sys.path])
            sys.modules.pop("app", None)
            capfd.readouterr()
            code = main(["check", *arguments])
            sys.modules.pop("app", None)
        return Done(code, *capfd.readouterr())

    return run


def shell(*arguments: str, **variables: str) -> Done:
    """Run the command as a shell does, with *variables* in its environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | variables
    done = subprocess.run(
        [sys.executable, "-m", "perdure", "check", *arguments],
        env=environment, text=True, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_check_when_all_is_right_says_so_and_ends_with_zero(stand: Path) -> None:
    done = shell("app.py", "--seed", "3", "--examples", "20")
    assert (0, "") == (done.code, done.err)
    assert done.out.startswith("all is well: ")
    assert done.out.endswith(" between 2 versions, seed 3\n")


def test_check_when_a_transformer_is_wrong_tells_line_value_and_faults(stand: Path) -> None:
    edit(
        stand / "revisions" / "second.py",
        'item["quantity"] = item.pop("qty")',
        'item["quantity"] = item.pop("qty") + 1',
    )
    done = shell("--examples", "20")
    assert 1 == done.code
    first, subject, given, came, fault, also, *_ = done.out.splitlines()
    assert "revisions/second.py:8: invalid: request 'Item' makes what is not allowed by second: " in first
    assert "  in     requests of Item by itself, over second" == subject
    assert '  given  {"name":"","qty":9}' == given
    assert '  came   {"name":"","quantity":10}' == came
    assert "/quantity" in fault
    assert "  also   requests of POST /items, 2025-01-01 to 2025-02-01" == also
    assert "failures: " in done.out.splitlines()[-1]


def test_check_when_run_twice_prints_the_same(stand: Path, check: Check) -> None:
    edit(stand / "revisions" / "second.py", 'item.pop("qty")', 'item["qty"] * 2')
    assert shell().out == check().out


def test_check_when_texts_hash_otherwise_prints_the_same(stand: Path) -> None:
    edit(stand / "revisions" / "second.py", 'item.pop("quantity")', 'str(item.pop("quantity"))')
    one, other = (shell("--format", "json", "--examples", "20", PYTHONHASHSEED=seed) for seed in ("1", "2"))
    assert (1, "") == (one.code, one.err)
    assert one == other


def test_check_when_an_old_endpoint_is_stated_to_be_gone_says_so_once(stand: Path) -> None:
    gone = Api(types=api("qty").types, endpoints={**api("qty").endpoints, "GET /old": Endpoint(handler="old")})
    write_delta(stand / "revisions", "first", delta(Api(), gone))
    write_delta(stand / "revisions", "second", delta(gone, api("quantity")))
    stated = 'revision.impossible("GET /old", "request", reason="nobody asks")\n\n\n@revision.request("Item")'
    edit(stand / "revisions" / "second.py", '@revision.request("Item")', stated)
    done = shell("app.py", "--examples", "5")
    assert (0, "") == (done.code, done.err)
    assert 1 == done.out.count("GET /old")


def test_check_when_asked_for_json_prints_an_object_for_programs(stand: Path, check: Check) -> None:
    edit(stand / "revisions" / "second.py", 'item.pop("quantity")', 'str(item.pop("quantity"))')
    done = check("--format", "json", "--examples", "5")
    report = json.loads(done.out)
    assert (1, False) == (done.code, report["ok"])
    failure = report["failures"][0]
    assert ("invalid", "second", "response", "Item") == tuple(
        failure[name] for name in ("kind", "revision", "direction", "target")
    )
    assert failure["place"].endswith("second.py:14")
    assert {"name": "", "quantity": 1} == failure["example"]["given"]
    assert "/qty" == failure["example"]["faults"][0]["pointer"]


def test_check_when_the_code_has_changed_says_that_it_is_not_recorded(stand: Path, check: Check) -> None:
    edit(stand / "app.py", "le=9)]\n", "le=9)]\n    colour: str | None = None\n")
    done = check("--examples", "5")
    assert 1 == done.code
    assert "unrecorded: " in done.out
    assert "colour" in done.out
    assert "perdure revision -m" in done.out


def test_check_when_only_a_description_has_changed_notes_it_and_passes(stand: Path, check: Check) -> None:
    edit(stand / "app.py", "One thing.", "A thing.")
    done = check("--examples", "5")
    assert 0 == done.code
    assert "no client notices (descriptions)" in done.out


def test_check_when_limited_to_something_looks_only_at_that(stand: Path, check: Check) -> None:
    edit(stand / "revisions" / "second.py", 'item.pop("quantity")', 'str(item.pop("quantity"))')
    assert 1 == check("--only", "POST /items", "--examples", "5").code
    done = check("--only", "unrecorded")
    assert (0, "all is well: there was nothing to try between 2 versions\n") == (done.code, done.out)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--only", "Items"), "'Items' is no type"),
        (("--against", "v7"), "no version answers to 'v7'; there are: 2025-01-01, 2025-02-01, v2.0.0"),
        (("--examples", "0"), "examples"),
        (("--seed", "-1"), "seed"),
        (("--limit", "0"), "limit"),
        (("elsewhere.py",), "elsewhere.py"),
    ],
)
def test_check_when_the_command_line_makes_no_sense_ends_with_two(
    arguments: tuple[str, ...], said: str, stand: Path, check: Check
) -> None:
    done = check(*arguments)
    assert (2, "") == (done.code, done.out)
    assert said in done.err
    assert "Traceback" not in done.err


def test_check_when_clients_of_an_old_version_do_not_count_passes(stand: Path, check: Check) -> None:
    edit(stand / "revisions" / "second.py", 'item.pop("quantity")', 'str(item.pop("quantity"))')
    assert 0 == check("--against", "v2", "--examples", "5").code


def test_check_when_the_store_says_that_a_version_is_retired_leaves_its_clients_out(stand: Path, check: Check) -> None:
    edit(stand / "revisions" / "second.py", 'item.pop("quantity")', 'str(item.pop("quantity"))')
    url = f"sqlite:///{stand / 'store.db'}"
    assert 1 == check("--store", url, "--examples", "5").code
    store = open_store(url)
    retired = Control(versions={"2025-01-01": VersionControl(status="retired")})
    store.decide("stand", lambda _: retired, actor="ada", action="retire 2025-01-01", at_s=0.0)
    store.close()
    assert 0 == check("--store", url, "--examples", "5").code


def test_check_when_the_store_is_not_there_says_so_and_makes_none(stand: Path, check: Check) -> None:
    done = check("--store", f"sqlite:///{stand}/none/x.db")
    assert 1 == done.code
    assert f"there is no store sqlite:///{stand}/none/x.db yet" in done.err
    assert not (stand / "none").exists()


def test_check_when_a_revision_names_a_step_that_alembic_does_not_have_tells_it(stand: Path, check: Check) -> None:
    edit(stand / "revisions" / "second.py", 'after="first")\n', 'after="first")\nrevision.database(expand="nope")\n')
    noted = check()
    assert 0 == noted.code
    assert "steps on the database were not looked at: there is no alembic.ini" in noted.out
    project = AlembicProject(stand)
    project.step("yes", "pass")
    done = check("--only", "database")
    assert 1 == done.code
    assert done.out.startswith("revisions/second.py:6: database: expand='nope' names no step: ")
    edit(stand / "revisions" / "second.py", '"nope"', '"yes"')
    assert 0 == check().code
