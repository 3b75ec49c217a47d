"""What the benchmark needs: the environment all servers run in, Perdure as users get it in there, and wrk."""

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from harness.servers import BENCH

_VENV = BENCH / ".venv-peers"
_PEERS = BENCH / "peers.txt"
_PROJECT = BENCH.parent / "pyproject.toml"
_STAMP = _VENV / "stamp"
_EXTRAS = ("auth", "audit", "otel")


class EnvironmentNotReadyError(Exception):
    """Something the benchmark needs is missing and cannot be installed."""


def peers_python() -> Path:
    """Return the interpreter of the environment all servers run in.

    It is built anew when ``peers.txt``, Perdure's own dependencies or the interpreter changed.

    Raises:
        EnvironmentNotReadyError: The packages cannot be installed.
    """
    python = _VENV / "bin" / "python"
    project = tomllib.loads(_PROJECT.read_text())["project"]
    extras = project["optional-dependencies"]
    own = [*project["dependencies"], *(each for extra in _EXTRAS for each in extras[extra])]
    wanted = hashlib.sha256("\n".join([sys.version, *own, _PEERS.read_text()]).encode()).hexdigest()
    if python.exists() and _STAMP.exists() and _STAMP.read_text() == wanted:
        return python
    print(f"installing the peers into {_VENV.relative_to(BENCH.parent)} ...", flush=True)
    _run([sys.executable, "-m", "venv", "--clear", str(_VENV)])
    _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(_PEERS), *own])
    _STAMP.write_text(wanted)
    return python


def install_perdure(python: Path) -> None:
    """Install Perdure, compiled as its wheels are, beside the peers; anew when a source file changed.

    Raises:
        EnvironmentNotReadyError: It cannot be compiled.
    """
    print("compiling Perdure, where it changed ...", flush=True)
    _run([sys.executable, str(BENCH.parent / "tools" / "install_compiled.py"), str(python)])


def find_wrk() -> str:
    """Return where wrk is, installed from Debian's archive if it is missing and may be.

    Raises:
        EnvironmentNotReadyError: It is not there and cannot be installed.
    """
    found = shutil.which("wrk")
    if found is None and shutil.which("apt-get") and os.geteuid() == 0:
        print("installing wrk ...", flush=True)
        _run(["apt-get", "update", "-qq"])
        _run(["apt-get", "install", "-y", "-qq", "wrk"])
        found = shutil.which("wrk")
    if found is None:
        raise EnvironmentNotReadyError("wrk is not installed: install it (Debian: apt-get install wrk) and run again")
    return found


def _run(command: list[str]) -> None:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise EnvironmentNotReadyError(f"{' '.join(command)} failed:\n{ran.stdout[-1000:]}{ran.stderr[-2000:]}")
