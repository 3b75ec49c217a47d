"""What a store in a SQLite file does beyond the contract: opening, damage, and processes that die."""

import random
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from perdure.errors import StoreError
from perdure.gtype.nodes import Boolean
from tests.store.killed import check_whole, publish_until_killed
from tests.store.places import open_at
from tests.store.samples import api, publication, version


def _url(path: Path) -> str:
    return f"sqlite:///{path}"


def test_open_when_the_folder_is_missing_makes_it(tmp_path: Path) -> None:
    open_at(_url(tmp_path / "new" / "store.db")).close()
    assert (tmp_path / "new" / "store.db").is_file()


def test_open_when_the_path_is_relative_is_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    open_at("sqlite:///store.db").close()
    assert (tmp_path / "store.db").is_file()


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("sqlite:///{}/a/b/store.db", "cannot be opened: its folder .*/a/b: No such file"),
        ("sqlite:///{}", "is a folder: name a file in it"),
        ("sqlite:///{}/file/store.db", "cannot be opened: its folder .*/file"),
        ("sqlite://", "is a file, sqlite:///store.db"),
        ("sqlite:///:memory:", "is a file, sqlite:///store.db"),
        ("sqlite://host/store.db", "is a file, sqlite:///store.db"),
        ("mysql://root:hunter2@host/db", "its scheme is not 'mysql'"),
        ("store.db", "its scheme is not 'store.db'"),
        ("", "its scheme is not ''"),
        ("postgresql", "URL cannot be read"),
    ],
)
def test_open_when_the_url_names_no_store_says_so(tmp_path: Path, url: str, complaint: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=complaint) as told:
        open_at(url.replace("{}", str(tmp_path)))
    assert "hunter2" not in str(told.value)


def test_open_when_the_file_is_no_database_says_so(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"not a database at all\n" * 100)
    with pytest.raises(StoreError, match=r"the store sqlite:///.*store.db is no SQLite database: name another file"):
        open_at(_url(tmp_path / "store.db"))


def test_open_when_the_file_is_empty_makes_a_store_of_it(tmp_path: Path) -> None:
    (tmp_path / "store.db").touch()
    assert open_at(_url(tmp_path / "store.db")).publish(publication(), at_s=1.0)


def test_open_when_others_use_the_database_too_leaves_theirs_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute("CREATE TABLE orders (id)")
    connection.close()
    store = open_at(_url(tmp_path / "store.db"))
    store.publish(publication(), at_s=1.0)
    store.close()
    assert "orders" in _tables(tmp_path / "store.db")


def test_read_when_the_file_is_damaged_says_so(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = open_at(_url(path))
    store.publish(publication(version(api=api(200))), at_s=1.0)
    store.close()
    content = bytearray(path.read_bytes())
    content[4096:] = random.Random(5).randbytes(len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="is damaged: restore it from a backup"):
        open_at(_url(path)).versions("shop")


def test_read_when_a_part_is_not_what_was_published_says_so(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = open_at(_url(path))
    store.publish(publication(), at_s=1.0)
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE perdure_content SET body = ? WHERE kind = 'type'", (b'{"kind":"boolean"}',))
    connection.close()
    again = open_at(_url(path))
    with pytest.raises(StoreError, match=r"is damaged: what was published as [0-9a-f]{64} reads as"):
        again.versions("shop")
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM perdure_content WHERE kind = 'type'")
    connection.close()
    with pytest.raises(StoreError, match=r"is damaged: a part .* is missing \(type "):
        again.versions("shop")


def test_write_when_another_process_holds_the_file_waits_for_it(tmp_path: Path) -> None:
    store = open_at(_url(tmp_path / "store.db"))
    other = sqlite3.connect(tmp_path / "store.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(store.publish, publication(), at_s=1.0)
        assert store.change("shop") == 0
        assert not writing.done()
        other.execute("COMMIT")
        assert writing.result(timeout=10)
    other.close()


def test_open_loads_nothing_of_the_other_database(tmp_path: Path) -> None:
    code = """
import sys
from perdure.store.opening import open_store
open_store(sys.argv[1]).lock("a")
print(sorted({"alembic", "psycopg", "sqlalchemy.dialects.postgresql", "sqlalchemy.orm"} & sys.modules.keys()))
"""
    command = [sys.executable, "-c", code, _url(tmp_path / "store.db")]
    assert "[]\n" == subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.slow
def test_open_when_many_processes_open_a_new_file_at_once_works(tmp_path: Path) -> None:
    code = "import sys; from perdure.store.opening import open_store; print(open_store(sys.argv[1]).change('shop'))"
    command = [sys.executable, "-c", code, _url(tmp_path / "store.db")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(3)]
    assert [b"0\n"] * 3 == [process.communicate(timeout=60)[0] for process in processes]


def test_store_when_its_file_is_removed_or_replaced_says_so_and_follows(tmp_path: Path) -> None:
    place, other = tmp_path / "store.db", tmp_path / "other.db"
    with closing(open_at(_url(place))) as store, closing(open_at(_url(other))) as restored:
        store.publish(publication(version("v1.0.0"), app="pets"), at_s=1)
        restored.publish(publication(version("v2.0.0"), app="pets"), at_s=1)
        assert ["v1.0.0"] == [each.name for each in store.versions("pets")]
        for path in tmp_path.glob("store.db*"):
            path.unlink()
        with pytest.raises(StoreError, match="its file was removed"):
            store.change("pets")
        assert not place.exists()
        restored.close()
        other.rename(place)
        assert ["v2.0.0"] == [each.name for each in store.versions("pets")]


def test_store_when_a_backup_is_put_over_its_file_reads_the_backup_and_not_what_was_not_in_it(tmp_path: Path) -> None:
    place, backup = tmp_path / "store.db", tmp_path / "backup.db"
    with closing(open_at(_url(place))) as store, closing(open_at(_url(backup))) as other:
        for number in range(3):
            other.publish(publication(version(f"v{number}"), app="pets"), at_s=1)
        other.close()
        for number in range(30):
            store.publish(publication(version(f"w{number}", seconds=number, api=api(number)), app="pets"), at_s=1)
        assert place.with_name("store.db-wal").stat().st_size > 0
        backup.rename(place)
        assert {"v0", "v1", "v2"} == {each.name for each in store.versions("pets")}
        store.publish(publication(version("v3"), app="pets"), at_s=1)
    with closing(sqlite3.connect(place)) as connection:
        assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
    assert {"v0", "v1", "v2", "v3"} == {each.name for each in open_at(_url(place)).versions("pets")}


def test_store_when_used_after_a_fork_works_in_both(tmp_path: Path) -> None:
    code = f"""
import os
from perdure.store.opening import open_store
from perdure.store.records import Pin
store = open_store({_url(tmp_path / "store.db")!r})
store.pin("shop", [Pin(client="parent", version="v")])
child = os.fork()
store.pin("shop", [Pin(client="child" if child == 0 else "parent again", version="v")])
if child == 0:
    os._exit(0)
os.waitpid(child, 0)
print([pin.client for pin in store.pins("shop")[0]])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "['child', 'parent', 'parent again']\n" == done.stdout, done.stderr


@pytest.mark.slow
def test_publish_when_the_process_is_killed_is_whole_or_not_there(tmp_path: Path) -> None:
    path, published = tmp_path / "store.db", 0
    for told in publish_until_killed(_url(path), rounds=6):
        with sqlite3.connect(path) as connection:
            assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
        connection.close()
        published = check_whole(_url(path), max(told, published))
    assert published > 1


def _tables(path: Path) -> set[str]:
    connection = sqlite3.connect(path)
    try:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    finally:
        connection.close()


def test_content_of_a_changed_version_is_only_what_changed(tmp_path: Path) -> None:
    store = open_at(_url(tmp_path / "store.db"))
    store.publish(publication(version(api=api(1000))), at_s=1.0)
    before = _size(tmp_path / "store.db")
    changed = version("2026-02-01", seconds=200, api=api(1000, first=Boolean()))
    store.publish(publication(changed), at_s=1.0)
    assert _size(tmp_path / "store.db") - before < 0.1 * before


def _size(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("SELECT sum(length(body)) FROM perdure_content").fetchone()[0])
    finally:
        connection.close()
