"""What a store in PostgreSQL does beyond the contract: refusals, and servers and processes that die."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest

from perdure.errors import StoreError
from perdure.store.records import Control
from tests.store.killed import check_whole, publish_until_killed
from tests.store.places import open_at
from tests.store.postgres import PostgresServer, postgres_server
from tests.store.samples import publication, version


def _said(error: BaseException | None) -> str:
    """Return what *error* says, and all that led to it."""
    said = []
    while error is not None:
        said.append(repr(error))
        error = error.__cause__ or error.__context__
    return " ".join(said)


@pytest.fixture
def server() -> PostgresServer:
    """The server of this run."""
    return postgres_server()


@pytest.fixture
def url(server: PostgresServer) -> str:
    """The URL of an empty store."""
    return server.new_database()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_open_when_the_password_is_wrong_says_so_and_shows_none(server: PostgresServer) -> None:
    with pytest.raises(StoreError, match="refuses the user or the password") as told:
        open_at(server.url.replace("pass%20word", "hunter2"))
    assert "hunter2" not in _said(told.value)
    assert f"the store postgresql://perdure@127.0.0.1:{server.port}/postgres" in str(told.value)


def test_open_when_nobody_answers_says_where(closed_port: int) -> None:
    with pytest.raises(StoreError, match=rf"postgresql://me@127.0.0.1:{closed_port}/x .*Connection refused") as told:
        open_at(f"postgresql://me:hunter2@127.0.0.1:{closed_port}/x")
    assert "hunter2" not in _said(told.value)


def test_open_when_the_database_is_missing_says_so(server: PostgresServer) -> None:
    with pytest.raises(StoreError, match='database "nowhere" does not exist'):
        open_at(server.url.replace("/postgres", "/nowhere"))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hunter2@host:port/x", "postgresql://me:hun/ter2@host/x", "postgresql://me:12/hunter2@host/x",
        "postgresql://me:hunter2@[host/x", "postgresql://me:hunter2@ho st:5x/x?password=hunter2",
    ],
)  # fmt: skip
def test_open_when_the_url_is_malformed_shows_no_password(url: str) -> None:
    with pytest.raises(StoreError) as told:
        open_at(url)
    printed = _said(told.value)
    assert "hunter2" not in printed
    assert "ter2@" not in printed


def test_open_when_the_password_is_in_the_query_shows_none(closed_port: int) -> None:
    with pytest.raises(StoreError) as told:
        open_at(f"postgresql://me@127.0.0.1:{closed_port}/x?password=hunter2")
    assert "hunter2" not in _said(told.value)


def test_open_when_the_user_may_not_make_tables_says_so(server: PostgresServer, url: str) -> None:
    schema = url.rpartition("%3D")[2]
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {schema} LOGIN PASSWORD 'word'".encode())
        connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO {schema}".encode())
    with pytest.raises(StoreError, match="permission denied for schema"):
        open_at(url.replace("perdure:pass%20word", f"{schema}:word"))


def test_open_when_psycopg_is_missing_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from perdure.store.opening import open_store\n"
        "try: open_store('postgresql://me:hunter2@host/x')\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert 'StoreError a store in PostgreSQL needs psycopg: pip install "perdure[postgres]"\n' == done.stdout


def test_store_when_the_server_dies_says_so_and_recovers(server: PostgresServer, url: str) -> None:
    store = open_at(url)
    store.publish(publication(), at_s=1.0)
    server.kill()
    try:
        with pytest.raises(StoreError, match=f"the store postgresql://perdure@127.0.0.1:{server.port}/postgres "):
            store.change("shop")
        with pytest.raises(StoreError, match="Connection refused"):
            store.publish(publication(version("v2")), at_s=2.0)
    finally:
        server.start()
    assert (version(),) == store.versions("shop")
    assert store.publish(publication(version("v2")), at_s=2.0)


def test_decide_when_the_server_dies_in_the_middle_changes_nothing(server: PostgresServer, url: str) -> None:
    store = open_at(url)

    def edit(control: Control) -> Control:
        server.kill()
        return Control(tags={"beta": "x"})

    try:
        with pytest.raises(StoreError):
            store.decide("shop", edit, actor="ada", action="tag", at_s=1.0)
    finally:
        server.start()
    assert (Control(), ()) == (store.control("shop"), store.journal("shop"))


@pytest.mark.slow
def test_lock_when_the_holding_process_is_killed_is_free(url: str) -> None:
    code = (
        "import sys, time; from perdure.store.opening import open_store\n"
        "with open_store(sys.argv[1]).lock('work'): print('in', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, url], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert "in\n" == holder.stdout.readline()
        holder.kill()
        with open_at(url).lock("work"):
            pass


@pytest.mark.slow
def test_publish_when_the_process_is_killed_is_whole_or_not_there(url: str) -> None:
    published = 0
    for told in publish_until_killed(url, rounds=4):
        published = check_whole(url, max(told, published))
    assert published > 1


def test_server_when_the_url_has_a_port_shows_it(server: PostgresServer) -> None:
    assert server.port == urlsplit(server.url).port
