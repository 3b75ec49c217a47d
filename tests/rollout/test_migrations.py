"""Steps on an app's own database: a real Alembic environment, a real SQLite file, a real store."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from perdure.clock import FakeClock
from perdure.errors import MigrationError, RevisionError
from perdure.manifest.records import Api, Endpoint, HandlerManifest
from perdure.rollout.migrations import Migrations
from perdure.rollout.migrations_steps import live_versions, step_plan
from perdure.store.base import Store
from perdure.store.memory import MemoryStore
from perdure.store.records import Control, Pin, VersionControl
from perdure.timescape.recorded import RecordedRevision, record
from perdure.timescape.revision import Revision
from perdure.timescape.timescape import Timescape
from tests.rollout.alembic_project import AlembicProject
from tests.store.postgres import postgres_server

V1, V2, V3 = "2026-01-01", "2026-02-01", "2026-03-01"
ENDPOINT = Endpoint(handler="orders")
ENDLESS = """
op.create_table('orders', sa.Column('price', sa.Float))
print('half', flush=True)
import time; time.sleep(60)
"""


@pytest.fixture
def project(tmp_path: Path) -> AlembicProject:
    """Three versions' worth of steps; contracts are a branch of their own."""
    project = AlembicProject(tmp_path)
    project.step("e1", "op.create_table('orders', sa.Column('price', sa.Float))")
    project.step("e2", "op.add_column('orders', sa.Column('cents', sa.Integer))", after="e1")
    project.step("e3", "op.add_column('orders', sa.Column('note', sa.String))", after="e2")
    project.step("c2", "op.drop_column('orders', 'price')", depends_on="e2")
    project.step("c3", "op.drop_column('orders', 'cents')", after="c2", depends_on="e3")
    return project


API = Api(endpoints={"POST /orders/{id}": ENDPOINT})


def _revision(day: str, *, api: Api = API, **steps: str | None) -> RecordedRevision:
    revision = Revision(day)
    if steps:
        revision.database(**steps)  # type: ignore[arg-type]
    return record(f"{day}_change", revision, before=Api(), after=api)


def _timescape() -> Timescape:
    return Timescape(
        [
            _revision(V1, expand="e1"),
            _revision(V2, expand="e2", contract="c2"),
            _revision(V3, expand="e3", contract="c3"),
        ]
    )


def _manifest(timescape: Timescape, version: str) -> HandlerManifest:
    tsv = timescape.tsv("orders", timescape.resolve(version))
    return HandlerManifest(
        id="orders", version=tsv, name="orders", path="/orders/{id:int}", methods=("POST",), endpoint=ENDPOINT
    )


def _migrations(
    project: AlembicProject, store: Store, timescape: Timescape | None = None, code: tuple[str, ...] = (V3,)
) -> Migrations:
    timescape = timescape or _timescape()
    plan = step_plan(timescape, [_manifest(timescape, each) for each in code])
    return Migrations("shop", plan, store, project.ini, FakeClock())


def test_expand_when_a_version_activates_makes_its_steps_and_those_before_once(project: AlembicProject) -> None:
    store = MemoryStore()
    assert ("e1", "e2") == _migrations(project, store).expand([V2])
    assert {"orders": {"price", "cents"}} == project.tables()
    assert () == _migrations(project, store).expand([V1, V2])
    assert ("e3",) == _migrations(project, store).expand([V3])
    assert {"orders": {"price", "cents", "note"}} == project.tables()


def test_expand_notes_each_step_in_the_ledger(project: AlembicProject) -> None:
    store = MemoryStore()
    _migrations(project, store).expand([V2])
    assert [("e1", V1, "done"), ("e2", V2, "done")] == [(e.step, e.version, e.state) for e in store.migrations("shop")]
    assert all(entry.done_s == FakeClock().time() and len(entry.checksum) == 64 for entry in store.migrations("shop"))


def test_expand_when_no_version_names_a_step_needs_no_alembic(tmp_path: Path) -> None:
    timescape = Timescape([_revision(V1)])
    plan = step_plan(timescape, [])
    migrations = Migrations("shop", plan, MemoryStore(), tmp_path / "none.ini", FakeClock())
    assert ((), (), ()) == (migrations.expand([V1]), migrations.contract([V1]), migrations.status([V1]))


def test_expand_when_two_versions_name_one_step_makes_it_once(project: AlembicProject) -> None:
    timescape = Timescape([_revision(V1, expand="e2"), _revision(V2, expand="e2")])
    assert ("e1", "e2") == _migrations(project, MemoryStore(), timescape, (V2,)).expand([V1, V2])


def test_expand_when_made_by_hand_is_noted_and_not_made_again(project: AlembicProject) -> None:
    project.upgrade("e2")
    store = MemoryStore()
    assert () == _migrations(project, store).expand([V2])
    assert {"e1", "e2"} == {entry.step for entry in store.migrations("shop") if entry.state == "done"}


def test_expand_when_the_database_is_new_though_the_ledger_is_not_makes_the_steps(project: AlembicProject) -> None:
    store = MemoryStore()
    _migrations(project, store).expand([V3])
    (project.folder / "app.db").unlink()
    assert ("e1", "e2", "e3") == _migrations(project, store).expand([V3])


def test_expand_when_dry_makes_nothing(project: AlembicProject) -> None:
    store = MemoryStore()
    assert ("e1", "e2", "e3") == _migrations(project, store).expand([V3], dry_run=True)
    assert ({}, ()) == (project.tables(), store.migrations("shop"))


def test_expand_when_the_version_is_unknown_says_so(project: AlembicProject) -> None:
    with pytest.raises(MigrationError, match="has no version 2030-01-01"):
        _migrations(project, MemoryStore()).expand(["2030-01-01"])


def test_expand_when_the_file_was_changed_refuses_until_accepted(project: AlembicProject) -> None:
    store = MemoryStore()
    _migrations(project, store).expand([V1])
    path = project.folder / "migrations" / "versions" / "e1_step.py"
    path.write_text(path.read_text() + "\n")
    with pytest.raises(MigrationError, match=r"e1 \(e1_step.py\) was changed after it was made.*migrations accept e1"):
        _migrations(project, store).expand([V2])
    assert "changed" == _migrations(project, store).status([V1])[0].state
    _migrations(project, store).accept("e1")
    assert ("e2",) == _migrations(project, store).expand([V2])


def test_accept_when_nothing_was_made_says_so(project: AlembicProject) -> None:
    with pytest.raises(MigrationError, match="e1 was not made here"):
        _migrations(project, MemoryStore()).accept("e1")


def test_expand_when_a_step_fails_tells_which_and_why(project: AlembicProject) -> None:
    project.step("e2", "raise LookupError('no such column')", after="e1")
    with pytest.raises(MigrationError, match=r"failed in the step e2 \(e2_step.py\): LookupError: no such column"):
        _migrations(project, MemoryStore()).expand([V2])


def test_expand_when_interrupted_and_halves_may_stay_waits_for_a_person(project: AlembicProject) -> None:
    store = MemoryStore()
    project.step("e2", "op.create_table('half', sa.Column('a', sa.Integer))\nraise LookupError('power')", after="e1")
    with pytest.raises(MigrationError, match="LookupError: power"):
        _migrations(project, store).expand([V2])
    with pytest.raises(MigrationError, match=r"e2 .* was begun at 2026-01-01T00:00:00Z and did not end.*--retry"):
        _migrations(project, store).expand([V2])
    assert ["done", "interrupted"] == [each.state for each in _migrations(project, store).status([V1])[:2]]
    project.step("e2", "op.add_column('orders', sa.Column('cents', sa.Integer))", after="e1")
    assert ("e2",) == _migrations(project, store).expand([V2], retry=True)
    assert {"done"} == {entry.state for entry in store.migrations("shop")}


def test_expand_when_interrupted_but_stamped_by_hand_goes_on(project: AlembicProject) -> None:
    store = MemoryStore()
    project.step("e2", "raise LookupError('power')", after="e1")
    with pytest.raises(MigrationError, match="power"):
        _migrations(project, store).expand([V2])
    project.step("e2", "op.add_column('orders', sa.Column('cents', sa.Integer))", after="e1")
    project.upgrade("e2")
    assert ("e3",) == _migrations(project, store).expand([V3])
    assert {"done"} == {entry.state for entry in store.migrations("shop")}


def test_expand_when_a_contract_step_is_on_the_way_refuses(tmp_path: Path) -> None:
    project = AlembicProject(tmp_path)
    project.step("e1", "op.create_table('orders', sa.Column('price', sa.Float))")
    project.step("e2", "op.add_column('orders', sa.Column('cents', sa.Integer))", after="e1")
    project.step("c2", "op.drop_column('orders', 'price')", after="e2")
    project.step("e3", "op.add_column('orders', sa.Column('note', sa.String))", after="c2")
    store = MemoryStore()
    with pytest.raises(MigrationError, match=r"test_migrations.py:\d+: the step e3 follows c2, which removes what"):
        _migrations(project, store, Timescape([
            _revision(V1, expand="e1"), _revision(V2, expand="e2", contract="c2"), _revision(V3, expand="e3"),
        ])).expand([V3])  # fmt: skip
    assert {"orders": {"price", "cents"}} == project.tables()


def test_contract_when_an_older_version_is_live_does_nothing(project: AlembicProject) -> None:
    store = MemoryStore()
    _migrations(project, store).expand([V3])
    assert () == _migrations(project, store).contract([V1, V2, V3])
    statuses = {each.step: (each.state, each.reason) for each in _migrations(project, store).status([V1, V2, V3])}
    assert ("blocked", f"{V1} needs what it removes") == statuses["c2"]
    assert ("blocked", f"{V1}, {V2} need what it removes") == statuses["c3"]
    assert {"price", "cents", "note"} == project.tables()["orders"]


def test_contract_when_older_versions_are_gone_makes_what_is_due(project: AlembicProject) -> None:
    store = MemoryStore()
    _migrations(project, store).expand([V3])
    assert ("c2",) == _migrations(project, store).contract([V2, V3])
    assert {"cents", "note"} == project.tables()["orders"]
    assert ("c3",) == _migrations(project, store).contract([V3])
    assert () == _migrations(project, store).contract([V3])
    assert {"note"} == project.tables()["orders"]


def test_contract_when_the_version_does_not_serve_yet_waits(project: AlembicProject) -> None:
    store = MemoryStore()
    _migrations(project, store).expand([V3])
    assert () == _migrations(project, store).contract([V1])
    assert (f"{V2} does not serve yet",) == tuple(
        each.reason for each in _migrations(project, store).status([V1]) if each.step == "c2"
    )


def test_contract_when_an_unknown_version_is_live_waits(project: AlembicProject) -> None:
    store = MemoryStore()
    _migrations(project, store).expand([V3])
    assert () == _migrations(project, store).contract(["2031-01-01", V3])


def test_contract_when_needed_by_code_only_waits_for_handlers(project: AlembicProject) -> None:
    timescape = Timescape(
        [_revision(V1, expand="e1"), _revision(V2, expand="e2", contract="c2", needed_by="code"), _revision(V3)]
    )
    store = MemoryStore()
    _migrations(project, store, timescape).expand([V3])
    assert () == _migrations(project, store, timescape, (V1, V3)).contract([V1, V2, V3])
    assert () == _migrations(project, store, timescape, (V1,)).contract([V3])
    assert ("c2",) == _migrations(project, store, timescape, (V1, V3)).contract([V3])


def test_contract_when_an_endpoint_is_gone_does_not_wait_for_its_handler(project: AlembicProject) -> None:
    timescape = Timescape(
        [_revision(V1, expand="e1"), _revision(V2, api=Api(), expand="e2", contract="c2"), _revision(V3, api=Api())]
    )
    store = MemoryStore()
    _migrations(project, store, timescape, (V1,)).expand([V3])
    assert () == _migrations(project, store, timescape, (V1,)).contract([V1, V3])
    assert ("c2",) == _migrations(project, store, timescape, (V1,)).contract([V2, V3])
    assert () == _migrations(project, store, timescape, (V1,)).expand([V2, V3])


def test_contract_when_all_code_is_new_goes_on_though_old_versions_live(project: AlembicProject) -> None:
    timescape = Timescape([_revision(V1, expand="e1"), _revision(V2, expand="e2", contract="c2", needed_by="code")])
    store = MemoryStore()
    _migrations(project, store, timescape, (V2,)).expand([V2])
    assert ("c2",) == _migrations(project, store, timescape, (V2,)).contract([V1, V2])


def test_expand_when_code_reads_what_was_removed_refuses_its_version(project: AlembicProject) -> None:
    store = MemoryStore()
    _migrations(project, store).expand([V3])
    _migrations(project, store).contract([V2, V3])
    with pytest.raises(MigrationError, match=f"{V1} is served by code older than {V2}, which needs what .* c2 removed"):
        _migrations(project, store, code=(V1, V3)).expand([V1])
    assert () == _migrations(project, store, code=(V3,)).expand([V1])


def test_contract_when_it_follows_a_version_that_does_not_serve_refuses(tmp_path: Path) -> None:
    project = AlembicProject(tmp_path)
    project.step("e1", "op.create_table('orders', sa.Column('price', sa.Float))")
    project.step("e2", "op.add_column('orders', sa.Column('cents', sa.Integer))", after="e1")
    project.step("c1", "op.drop_column('orders', 'price')", after="e2")
    timescape = Timescape([_revision(V1, expand="e1", contract="c1"), _revision(V2, expand="e2")])
    store = MemoryStore()
    _migrations(project, store, timescape, (V1,)).expand([V1])
    with pytest.raises(MigrationError, match=f"the step c1 follows e2, which belongs to {V2}, which does not serve"):
        _migrations(project, store, timescape, (V1,)).contract([V1])


@pytest.mark.slow
def test_expand_when_many_processes_begin_makes_each_step_once(project: AlembicProject, tmp_path: Path) -> None:
    project.step("e1", "op.create_table('orders', sa.Column('price', sa.Float))\nopen('log', 'a').write('e1 ')")
    starts = [_start(project, tmp_path, f"sqlite:///{tmp_path / 'store.db'}") for _ in range(3)]
    printed = [process.communicate(timeout=60) for process in starts]
    assert [0, 0, 0] == [process.returncode for process in starts], printed
    assert "e1 " == (tmp_path / "log").read_text()
    assert sorted(["('e1',)", "()", "()"]) == sorted(output.strip() for output, _ in printed)


@pytest.mark.slow
def test_expand_when_killed_halfway_is_told_and_can_be_made_again(project: AlembicProject, tmp_path: Path) -> None:
    path = project.step("e1", ENDLESS)
    url = f"sqlite:///{tmp_path / 'store.db'}"
    process = _start(project, tmp_path, url)
    assert process.stdout is not None
    assert "half" == process.stdout.readline().strip()
    process.kill()
    process.communicate()
    path.write_text(path.read_text().replace("import time; time.sleep(60)", "pass"))
    again = _start(project, tmp_path, url)
    _, complaint = again.communicate(timeout=60)
    assert "was begun at" in complaint
    assert "and did not end" in complaint
    assert {"orders"} == project.tables().keys()
    path.write_text(path.read_text().replace("op.create_table(", "op.drop_table('orders'); op.create_table("))
    retried = _start(project, tmp_path, url, "retry")
    assert "('e1',)" == retried.communicate(timeout=60)[0].strip().splitlines()[-1]


@pytest.mark.slow
def test_expand_when_killed_on_postgresql_is_resumed_by_itself(tmp_path: Path) -> None:
    url = postgres_server().new_database()
    project = AlembicProject(tmp_path, url.replace("postgresql://", "postgresql+psycopg://"))
    path = project.step("e1", ENDLESS)
    process = _start(project, tmp_path, url)
    assert process.stdout is not None
    assert "half" == process.stdout.readline().strip()
    process.kill()
    process.communicate()
    path.write_text(path.read_text().replace("import time; time.sleep(60)", "pass"))
    again = _start(project, tmp_path, url)
    output, complaint = again.communicate(timeout=60)
    assert "('e1',)" == output.strip().splitlines()[-1], complaint
    assert {"orders": {"price"}} == project.tables()


def _start(project: AlembicProject, folder: Path, store: str, *flags: str) -> "subprocess.Popen[str]":
    """Expand the first version in a process of its own."""
    code = f"""
from pathlib import Path
from perdure.clock import SystemClock
from perdure.rollout.migrations import Migrations
from perdure.rollout.migrations_steps import StepPlan, VersionSteps
from perdure.store.opening import open_store
plan = StepPlan(steps=(VersionSteps(version="v", index=0, expand="e1"),), indexes={{"v": 0}}, code=(0,))
migrations = Migrations("shop", plan, open_store({store!r}), Path({str(project.ini)!r}), SystemClock())
print(migrations.expand(["v"], retry={"retry" in flags}))
"""
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_expand_leaves_the_loggers_of_the_server_alone(project: AlembicProject) -> None:
    logger = logging.getLogger("somebody.elses")
    before = (logging.getLogger().handlers[:], logging.getLogger().level)
    _migrations(project, MemoryStore()).expand([V1])
    assert not logger.disabled
    assert before == (logging.getLogger().handlers, logging.getLogger().level)


def test_expand_when_env_starts_an_event_loop_works_within_one(project: AlembicProject) -> None:
    import asyncio

    environment = project.folder / "migrations" / "env.py"
    environment.write_text(
        "import asyncio\nasync def nothing(): pass\nasyncio.run(nothing())\n" + environment.read_text()
    )

    async def expand() -> tuple[str, ...]:
        return _migrations(project, MemoryStore()).expand([V1])

    assert ("e1",) == asyncio.run(expand())


@pytest.mark.parametrize(
    ("breakage", "complaint"),
    [
        ("no ini", r"there is no .*alembic.ini: name the Alembic configuration .* Config\(alembic_ini"),
        ("no folder", "cannot be read: CommandError"),
        ("no step", "does not have the step e1: "),
        ("broken env", "cannot tell what its database has: ZeroDivisionError"),
        ("broken step", "cannot be read: SyntaxError"),
    ],
)
def test_expand_when_the_environment_is_broken_says_so(project: AlembicProject, breakage: str, complaint: str) -> None:
    versions = project.folder / "migrations" / "versions"
    if breakage == "no ini":
        project.ini.unlink()
    elif breakage == "no folder":
        (project.folder / "migrations").rename(project.folder / "elsewhere")
    elif breakage == "no step":
        for path in versions.iterdir():
            path.unlink()
    elif breakage == "broken env":
        (project.folder / "migrations" / "env.py").write_text("1 / 0")
    else:
        (versions / "x_broken.py").write_text("def (")
    with pytest.raises(MigrationError, match=complaint):
        _migrations(project, MemoryStore()).expand([V1])


def test_live_versions_are_all_that_may_serve_again() -> None:
    retired = VersionControl(status="retired")
    control = Control(
        versions={"a": VersionControl(), "b": VersionControl(status="active"), "c": retired, "d": retired,
                  "e": replace(retired, retained=True)}
    )  # fmt: skip
    assert {"a", "b", "d", "e"} == live_versions(control, [Pin(client="ada", version="d")])


@pytest.mark.parametrize(
    ("steps", "complaint"),
    [
        ({}, "names an expand step, a contract step"),
        ({"expand": "a", "contract": "a"}, "or two different ones"),
        ({"expand": "head"}, "by its whole id"),
        ({"expand": "a:b"}, "by its whole id"),
        ({"expand": ""}, "by its whole id"),
        ({"expand": "a", "needed_by": "all"}, "neither 'versions' nor 'code'"),
    ],
)
def test_database_when_it_names_no_steps_is_refused(steps: dict[str, str], complaint: str) -> None:
    revision = Revision(V1)
    with pytest.raises(RevisionError, match=rf"test_migrations.py:\d+: .*{complaint}"):
        revision.database(**steps)  # type: ignore[arg-type]


def test_database_when_said_twice_is_refused() -> None:
    revision = Revision(V1)
    revision.database(expand="a")
    with pytest.raises(RevisionError, match=r"said already at .*test_migrations.py:\d+"):
        revision.database(contract="b")


def test_plan_when_a_step_both_adds_and_removes_is_refused() -> None:
    timescape = Timescape([_revision(V1, expand="e1"), _revision(V2, contract="e1")])
    with pytest.raises(MigrationError, match=f"contract step e1 is the expand step of {V1}"):
        step_plan(timescape, [])
