"""What the figures were measured on."""

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from harness.cores import Cores

_FRAMEWORKS = ("fastapi", "litestar", "blacksheep", "cadwyn")
_BENEATH = ("granian", "uvicorn", "uvloop", "httptools", "msgspec", "pydantic")


def describe(python: Path, wrk: str, cores: Cores) -> dict[str, object]:
    """Return machine, interpreter, tools and versions."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "server_core": cores.server,
        "load_core": cores.load,
        "load_average": os.getloadavg()[0],
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "wrk": _wrk_version(wrk),
        "packages": _packages(python),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _wrk_version(wrk: str) -> str:
    # wrk prints its version with its usage and ends with 1.
    ran = subprocess.run([wrk, "-v"], capture_output=True, text=True, check=False)
    return (ran.stdout + ran.stderr).splitlines()[0].split("Copyright")[0].strip()


def _packages(python: Path) -> dict[str, str]:
    ran = subprocess.run(
        [str(python), "-m", "pip", "list", "--format=json", "--disable-pip-version-check"],
        capture_output=True,
        text=True,
        check=True,
    )
    versions = {package["name"].lower(): package["version"] for package in json.loads(ran.stdout)}
    return {name: versions[name] for name in (*_FRAMEWORKS, *_BENEATH) if name in versions}
