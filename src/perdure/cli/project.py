"""`perdure new`: a small project that serves and whose test passes."""

import keyword
import re
import sys
from pathlib import Path

from perdure.cli.templates import FILES
from perdure.errors import ConfigError

__all__ = ["ProjectError", "create_project"]

_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")


class ProjectError(ConfigError):
    """A project cannot be created under this name or in this place."""


def create_project(name: str, folder: Path) -> Path:
    """Write a new project called *name* into *folder*, which is made if need be; return *folder*.

    Raises:
        ProjectError: *name* cannot name a Python package, or *folder* has something in it or cannot be written.
    """
    package = name.replace("-", "_")
    if not _NAME.fullmatch(name) or keyword.iskeyword(package):
        raise ProjectError(
            f"{name!r} cannot name a project: use lower-case letters, digits, - and _, beginning with a letter, and no"
            " keyword of Python"
        )
    if package in sys.stdlib_module_names or package in {"perdure", "tests", "app", "revisions"}:
        raise ProjectError(f"{name!r} would hide the module of that name; choose another")
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ProjectError(f"{folder} already exists and is not an empty folder")
        for path, text in FILES.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text.replace("{{name}}", name), "utf-8")
    except OSError as error:
        raise ProjectError(f"{folder} cannot be written: {error.strerror}") from error
    return folder
