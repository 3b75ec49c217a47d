"""Install Perdure for an interpreter as its wheels bring it: with the way of a request compiled by mypyc.

    python tools/install_compiled.py [PYTHON]

Does nothing where what is installed was built from these very sources. Needs a C compiler and Python's headers, which
are installed from Debian's archive if they are missing and may be. Ends with 1 if it cannot be done.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
PACKAGED = ("src", "pyproject.toml", "README.md", "LICENSE")


def main() -> int:
    """Install what is asked for and return the exit code."""
    python = Path(sys.argv[1] if len(sys.argv) > 1 else sys.executable).absolute()
    wanted = _fingerprint()
    if wanted in _origin(python):
        return 0
    _ensure_compiler(python)
    with tempfile.TemporaryDirectory() as folder:
        # Pip keeps where it has a wheel from for as long as that is installed: the folder's name is the stamp.
        wheels = Path(folder, wanted)
        return _build(python, Path(folder), wheels) or _install(python, wheels)


def _fingerprint() -> str:
    found = hashlib.sha256()
    for name in PACKAGED:
        top = PROJECT / name
        for file in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if file.is_file() and file.suffix not in {".pyc", ".so"}:
                found.update(f"{file.relative_to(PROJECT)} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()


def _origin(python: Path) -> str:
    """Return what pip wrote down of where the Perdure of *python* comes from; empty where there is none."""
    ask = "from importlib.metadata import distribution; print(distribution('perdure').read_text('direct_url.json'))"
    return _ask(python, ask)


def _ask(python: Path, program: str) -> str:
    """Return what *program* prints when *python* runs it; nothing where it fails."""
    return subprocess.run([str(python), "-I", "-c", program], capture_output=True, text=True, check=False).stdout


def _ensure_compiler(python: Path) -> None:
    include = _ask(python, "import sysconfig; print(sysconfig.get_path('include'))").strip()
    has_headers = Path(include, "Python.h").exists()
    if (shutil.which("cc") is None or not has_headers) and shutil.which("apt-get") and os.geteuid() == 0:
        print("installing a C compiler and Python's headers", flush=True)
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        subprocess.run(["apt-get", "install", "-y", "-qq", "gcc", "libc6-dev", "python3-dev"], check=False)


def _build(python: Path, folder: Path, wheels: Path) -> int:
    # In a copy: the build leaves its work beside the sources, where it would be imported instead of them.
    for name in PACKAGED:
        if (PROJECT / name).is_dir():
            shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
        else:
            shutil.copy(PROJECT / name, folder)
    build = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "wheel", "--no-deps"]
    environment = {**os.environ, "HATCH_BUILD_HOOKS_ENABLE": "1"}
    return subprocess.run([*build, "--wheel-dir", str(wheels), str(folder)], env=environment, check=False).returncode


def _install(python: Path, wheels: Path) -> int:
    install = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    wheel = next(wheels.glob("*.whl"))
    return subprocess.run([*install, "--no-deps", "--force-reinstall", str(wheel)], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
