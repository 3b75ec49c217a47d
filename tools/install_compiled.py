"""Install Perdure for an interpreter as its wheels bring it: with the way of a request compiled by mypyc.

    python tools/install_compiled.py [PYTHON]

Does nothing where no source file changed since the last time. Needs a C compiler and Python's headers, which are
installed from Debian's archive if they are missing and may be. Ends with 1 if it cannot be done.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
PACKAGED = ("src", "pyproject.toml", "README.md", "LICENSE")


def main() -> int:
    """Install what is asked for and return the exit code."""
    python = Path(sys.argv[1] if len(sys.argv) > 1 else sys.executable).absolute()
    stamp = python.parents[1] / "perdure-compiled"
    wanted = _fingerprint()
    if stamp.exists() and stamp.read_text() == wanted:
        return 0
    _ensure_compiler()
    with tempfile.TemporaryDirectory() as folder:
        failed = _build(python, Path(folder)) or _install(python, Path(folder))
    if not failed:
        stamp.write_text(wanted)
    return failed


def _fingerprint() -> str:
    sources = [*sorted((PROJECT / "src").rglob("*.py")), PROJECT / "pyproject.toml"]
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()


def _ensure_compiler() -> None:
    has_headers = Path(sysconfig.get_path("include"), "Python.h").exists()
    if (shutil.which("cc") is None or not has_headers) and shutil.which("apt-get") and os.geteuid() == 0:
        print("installing a C compiler and Python's headers", flush=True)
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        subprocess.run(["apt-get", "install", "-y", "-qq", "gcc", "libc6-dev", "python3-dev"], check=False)


def _build(python: Path, folder: Path) -> int:
    # In a copy: the build leaves its work beside the sources, where it would be imported instead of them.
    for name in PACKAGED:
        if (PROJECT / name).is_dir():
            shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
        else:
            shutil.copy(PROJECT / name, folder)
    build = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "wheel", "--no-deps"]
    environment = {**os.environ, "HATCH_BUILD_HOOKS_ENABLE": "1"}
    return subprocess.run([*build, "--wheel-dir", str(folder), str(folder)], env=environment, check=False).returncode


def _install(python: Path, folder: Path) -> int:
    install = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    wheel = next(folder.glob("*.whl"))
    return subprocess.run([*install, "--no-deps", "--force-reinstall", str(wheel)], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
