"""`perdure migrations`, on a real project with a real Alembic environment, and a server that prepares its database."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from perdure.cli.main import main
from perdure.manifest.records import Api, Endpoint
from perdure.store.opening import open_store
from perdure.timescape.delta import delta, write_delta
from tests.rollout.alembic_project import AlembicProject
from tests.servers import Server

APP = """
import sqlite3
from perdure import App

app = App("books")

@app.get("/books")
def list_books() -> list[str]:
    with sqlite3.connect("app.db") as db:
        return [name for _, name, *_ in db.execute("PRAGMA table_info(books)")]
"""
API = Api(endpoints={"GET /books": Endpoint(handler="list_books", body_media=())})

Told = tuple[int, str, str]
Run = Callable[..., Told]


@pytest.fixture
def project(tmp_path: Path) -> AlembicProject:
    """Two versions: the second adds a column, and removes one when the first is gone."""
    project = AlembicProject(tmp_path, "sqlite:///app.db")
    project.step("e1", "op.create_table('books', sa.Column('price', sa.Float))")
    project.step("e2", "op.add_column('books', sa.Column('cents', sa.Integer))", after="e1")
    project.step("c2", "op.drop_column('books', 'price')", depends_on="e2")
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "app.py").write_text(APP)
    _write_revision(tmp_path, "2026-01-01", None, 'expand="e1"', Api(), API)
    _write_revision(tmp_path, "2026-02-01", "2026-01-01", 'expand="e2", contract="c2"', API, API)
    return project


@pytest.fixture
def run(project: AlembicProject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``perdure`` in the project."""
    monkeypatch.chdir(project.folder)
    monkeypatch.delenv("PERDURE_STORE_URL", raising=False)

    def run(*arguments: str) -> Told:
        sys.modules.pop("app", None)
        monkeypatch.setattr(sys, "path", [each for each in sys.path if each != str(project.folder)])
        capsys.readouterr()
        code = main(arguments)
        printed = capsys.readouterr()
        return code, printed.out, " ".join(printed.err.split())

    return run


def _write_revision(folder: Path, day: str, after: str | None, steps: str, old: Api, new: Api) -> None:
    revisions = folder / "revisions"
    revisions.mkdir(exist_ok=True)
    (revisions / f"{day}.py").write_text(
        f"from perdure import Revision\nrevision = Revision({day!r}, after={after!r})\nrevision.database({steps})\n"
    )
    write_delta(revisions, day, delta(old, new))


def test_expand_makes_the_steps_of_the_newest_version_once(run: Run, project: AlembicProject) -> None:
    assert (0, "would make e1\nwould make e2\n") == run("migrations", "expand", "--dry-run")[:2]
    assert (0, "made e1\n") == run("migrations", "expand", "2026-01-01")[:2]
    assert (0, "made e2\n") == run("migrations", "expand")[:2]
    assert (0, "nothing to do\n") == run("migrations", "expand")[:2]


def test_status_as_json_says_where_each_step_stands(run: Run) -> None:
    run("migrations", "expand", "2026-01-01")
    code, printed, _ = run("migrations", "status", "--json")
    states = [(each["step"], each["state"], each["reason"]) for each in json.loads(printed)]
    assert 0 == code
    assert [("e1", "done", ""), ("e2", "pending", ""), ("c2", "blocked", "2026-02-01 does not serve yet")] == states


def test_status_of_a_step_that_was_begun_tells_whether_somebody_is_at_it(run: Run, project: AlembicProject) -> None:
    run("migrations", "expand", "2026-01-01")
    project.step("e2", "raise LookupError('no such column')", after="e1")
    assert 1 == run("migrations", "expand")[0]
    store = open_store(f"sqlite:///{project.folder / '.perdure' / 'store.db'}")
    try:
        with store.lock("migrations books"):
            running = run("migrations", "status", "--json")[1]
        interrupted = run("migrations", "status", "--json")[1]
    finally:
        store.close()
    states = [[each["state"] for each in json.loads(printed)] for printed in (running, interrupted)]
    assert [["done", "running", "blocked"], ["done", "interrupted", "blocked"]] == states


def test_contract_when_the_old_version_is_retired_is_made(run: Run) -> None:
    run("versions", "register")
    assert (0, "nothing to do\n") == run("migrations", "contract")[:2]
    run("versions", "retire", "2026-01-01", "--force")
    assert (0, "would make c2\n") == run("migrations", "contract", "--dry-run")[:2]
    assert (0, "made c2\n") == run("migrations", "contract")[:2]


def test_expand_when_a_step_was_changed_fails_until_it_is_accepted(run: Run, project: AlembicProject) -> None:
    run("migrations", "expand", "2026-01-01")
    path = project.folder / "migrations" / "versions" / "e1_step.py"
    path.write_text(path.read_text() + "# changed\n")
    code, _, complaint = run("migrations", "expand")
    assert 1 == code
    assert "e1 (e1_step.py) was changed after it was made" in complaint
    assert (0, "accepted e1\n") == run("migrations", "accept", "e1")[:2]
    assert (0, "made e2\n") == run("migrations", "expand")[:2]


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("expand", "v9"), 2, "no version answers to 'v9'; there are: 20"),
        (("accept", "zzz"), 1, "the step zzz was not made here"),
        (("undo",), 2, ""),
    ],
)
def test_command_when_it_cannot_be_meant_says_so(
    run: Run, arguments: tuple[str, ...], code: int, complaint: str
) -> None:
    told = run("migrations", *arguments)
    assert code == told[0]
    assert complaint in told[2]


@pytest.mark.slow
def test_server_when_it_starts_prepares_the_database_before_it_serves(
    project: AlembicProject, start_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpx

    monkeypatch.chdir(project.folder)
    server = start_server(project.folder / "app.py", "--workers", "2")
    assert ["price", "cents"] == httpx.get(f"{server.url}/books").json()


@pytest.mark.slow
def test_server_when_a_step_fails_does_not_serve(
    project: AlembicProject, start_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.folder)
    project.step("e2", "raise LookupError('no such column')", after="e1")
    with pytest.raises(AssertionError, match=r"failed in the step e2 \(e2_step.py\): LookupError: no such column"):
        start_server(project.folder / "app.py")
