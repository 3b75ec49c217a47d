"""How a SQL store gets its tables, and takes over those of an older program."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, inspect, make_url, text

from perdure.errors import StoreError
from perdure.store.database import Database
from perdure.store.schema import METADATA, STEPS, upgrade
from tests.store.places import Place, open_at, place_of
from tests.store.samples import publication


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """An empty database of each kind."""
    found = place_of(request.param, tmp_path)
    yield found
    found.close()


@pytest.fixture
def engine(place: Place) -> Iterator[Engine]:
    """Another way into the database."""
    engine = create_engine(_url(place))
    yield engine
    engine.dispose()


def _url(place: Place) -> str:
    return place.url.replace("postgresql://", "postgresql+psycopg://")


def test_tables_when_made_have_the_columns_that_are_used(place: Place, engine: Engine) -> None:
    place.open()
    made = inspect(engine)
    for table in METADATA.tables.values():
        columns = {column["name"]: column for column in made.get_columns(table.name)}
        assert {column.name: column.nullable for column in table.columns} == {
            name: column["nullable"] for name, column in columns.items()
        }
        assert [column.name for column in table.primary_key] == made.get_pk_constraint(table.name)[
            "constrained_columns"
        ]


def test_open_when_the_store_is_older_makes_the_missing_steps(place: Place, engine: Engine) -> None:
    database = Database(make_url(_url(place)), "the store")
    upgrade(database.alone, "the store", STEPS[:1])
    assert not inspect(engine).has_table("perdure_migrations")
    database.close()
    assert place.open().publish(publication(), at_s=1.0)
    assert inspect(engine).has_table("perdure_migrations")


def test_open_when_the_store_is_newer_refuses_and_changes_nothing(place: Place, engine: Engine) -> None:
    place.open().publish(publication(), at_s=1.0)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO perdure_schema VALUES (99)"))
    with pytest.raises(
        StoreError, match=rf"was made by a newer Perdure \(its schema is 99, this one knows {len(STEPS)}\)"
    ):
        place.open()


def test_store_when_its_tables_are_gone_says_so_and_makes_them_again(place: Place, engine: Engine) -> None:
    store = place.open()
    store.publish(publication(), at_s=1.0)
    before = store.position("shop")
    METADATA.drop_all(engine)
    with pytest.raises(StoreError, match="perdure_apps"):
        store.position("shop")
    assert ((), "") == (store.versions("shop"), store.position("shop").origin)
    assert store.publish(publication(), at_s=1.0)
    assert before.change == store.position("shop").change
    assert before.origin != store.position("shop").origin


def test_upgrade_when_a_step_fails_keeps_the_steps_before_and_nothing_of_it(place: Place, engine: Engine) -> None:
    database = Database(make_url(_url(place)), "the store")
    steps = ("CREATE TABLE one (a TEXT)", "CREATE TABLE two (a TEXT); CREATE TABLE one (a TEXT)")
    with pytest.raises(StoreError, match="already exists"):
        upgrade(database.alone, "the store", steps)
    database.close()
    assert {"one", "perdure_schema"} == set(inspect(engine).get_table_names())
    with engine.connect() as connection:
        assert [1] == connection.scalars(text("SELECT step FROM perdure_schema")).all()


@pytest.mark.slow
def test_upgrade_when_many_processes_begin_at_once_makes_each_step_once(place: Place, engine: Engine) -> None:
    code = """
import sys
from sqlalchemy import make_url
from perdure.store.database import Database
from perdure.store.schema import upgrade
steps = ("CREATE TABLE one (a TEXT)", "INSERT INTO one VALUES ('x')", "INSERT INTO one VALUES ('y')")
database = Database(make_url(sys.argv[1]), "the store")
database.prepare()
upgrade(database.alone, "the store", steps)
"""
    command = [sys.executable, "-c", code, _url(place)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(3)]
    assert [b""] * 3 == [process.communicate(timeout=60)[0] for process in processes]
    with engine.connect() as connection:
        assert ["x", "y"] == sorted(connection.scalars(text("SELECT a FROM one")))
        assert [1, 2, 3] == sorted(connection.scalars(text("SELECT step FROM perdure_schema")))


@pytest.mark.slow
def test_upgrade_when_killed_within_a_step_leaves_whole_steps(tmp_path: Path) -> None:
    code = """
import os, sys, signal
from sqlalchemy import event, make_url
from perdure.store.database import Database
from perdure.store.schema import STEPS, upgrade
database = Database(make_url(sys.argv[1]), "the store")
database.prepare()
def die(connection, cursor, statement, *_):
    if "perdure_migrations" in statement or "perdure_health" in statement and sys.argv[2] == "first":
        os.kill(os.getpid(), signal.SIGKILL)
event.listen(database._engine, "after_cursor_execute", die)
upgrade(database.alone, "the store")
"""
    path = tmp_path / "store.db"
    for step, left in (("first", set()), ("second", {"perdure_health", "perdure_content"})):
        killed = subprocess.run([sys.executable, "-c", code, f"sqlite:///{path}", step])
        assert -9 == killed.returncode
        connection = sqlite3.connect(path)
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        connection.close()
        assert left <= tables
        assert not tables & ({"perdure_migrations"} if left else {"perdure_apps", "perdure_content"})
    assert open_at(f"sqlite:///{path}").publish(publication(), at_s=1.0)
