"""Which `App` a command is about: what the command line says, or what lies in the folder.

Finding and importing are apart: a server finds in the parent process and imports only in the workers.
"""

import importlib
import logging
import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, final

from msgspec import Struct

from perdure.errors import AppNotFoundError, PerdureError, SettingsError

if TYPE_CHECKING:
    from perdure.app import App

__all__ = ["BrokenAppError", "Target", "find_target", "import_app", "load", "one_app", "project_setting"]

_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


@final
class Target(Struct, frozen=True, kw_only=True):
    """An importable module that holds an `App`."""

    module: str
    """Dotted name, importable once *folder* is on ``sys.path``."""
    folder: str
    """Absolute path that goes on ``sys.path``."""
    file: str | None = None
    """Absolute path of the module, where a file was named or found."""
    attribute: str | None = None
    """Name of the `App` in the module; None: the only one there."""

    @property
    def watched(self) -> Path:
        """The folder whose changes concern the app: its module's, or its whole top-level package's."""
        folder = Path(self.folder)
        top, dot, _ = self.module.partition(".")
        if dot:
            return folder / top
        package = folder / top
        return package if self.file is None and package.is_dir() else folder

    def __str__(self) -> str:
        name = self.file or self.module
        return f"{name}:{self.attribute}" if self.attribute else name


@final
class BrokenAppError(PerdureError):
    """The module that holds the `App` raised while it was imported, or the `App` is not well defined.

    The exception raised is the ``__cause__``.
    """

    def __init__(self, target: Target) -> None:
        super().__init__(f"{target} cannot be loaded")
        self.target = target


def one_app(given: str | None, named: str | None) -> str | None:
    """Return how the command line names the app: by its argument *given*, or as *named* by ``--app``; or None.

    Raises:
        AppNotFoundError: By both, and not the same.
    """
    if given is not None and named is not None and given != named:
        raise AppNotFoundError(f"{given!r} and --app {named!r} are two apps: name one")
    return named if given is None else given


def find_target(text: str | None, folder: Path) -> Target:
    """Return what *text* names, or without it what is found in *folder*.

    Args:
        text: ``module``, ``module:attribute``, ``path/to/file.py``, ``path/to/file.py:attribute`` or a folder.
        folder: What relative paths and modules are relative to.
    Raises:
        AppNotFoundError: There is no such file or folder, *text* is nothing of the above, or nothing was found.
    """
    folder = folder.resolve()
    if text is None:
        return _discover(folder)
    name, _, attribute = text.partition(":")
    if name.endswith(".py"):
        return _from_file(folder / name, attribute or None)
    if (folder / name).is_dir() and not (folder / name / "__init__.py").exists():
        found = _discover((folder / name).resolve())
        return Target(module=found.module, folder=found.folder, file=found.file, attribute=attribute or found.attribute)
    dotted = name.strip("/").replace("/", ".") if (folder / name).is_dir() else name
    if not _MODULE.fullmatch(dotted):
        raise AppNotFoundError(f"{text!r} is neither a file, nor a folder, nor a module like 'shop.app:app'")
    return Target(module=dotted, folder=str(folder), attribute=attribute or None)


def _discover(folder: Path) -> Target:
    named = project_setting(folder, "app", "a text like 'shop.app:app'")
    if named is not None:
        return find_target(named, folder)
    usual = [folder / "app.py", folder / "main.py", folder / folder.name.replace("-", "_") / "app.py"]
    for place in usual:
        if _mentions_perdure(place):
            return _from_file(place, None)
    packaged = [place for place in sorted(folder.glob("src/*/app.py")) if _mentions_perdure(place)]
    if len(packaged) == 1:
        return _from_file(packaged[0], None)
    if packaged:
        candidates = ", ".join(str(place.relative_to(folder)) for place in packaged)
        raise AppNotFoundError(f"more than one file in {folder} may hold the app: {candidates}; name one")
    looked = ", ".join(str(place.relative_to(folder)) for place in usual)
    raise AppNotFoundError(
        f"no app found in {folder} (looked for {looked}, src/*/app.py that use perdure, and [tool.perdure] app in"
        " pyproject.toml); name it, as in 'path/to/file.py' or 'module:app'"
    )


def project_setting(folder: Path, name: str, expected: str) -> str | None:
    """Return the text *name* of ``[tool.perdure]`` in the pyproject.toml of *folder*; None where there is none.

    Args:
        expected: What it must be, for the error.
    Raises:
        AppNotFoundError: The file cannot be read, or the value is no text.
    """
    project = folder / "pyproject.toml"
    if not project.is_file():
        return None
    try:
        settings = tomllib.loads(project.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AppNotFoundError(f"{project} cannot be read: {error}") from error
    named: object = settings
    for key in ("tool", "perdure", name):
        if not isinstance(named, dict):
            raise AppNotFoundError(f"{project}: [tool.perdure] is no table")
        if key not in named:
            return None
        named = named[key]
    if not isinstance(named, str) or not named:
        raise AppNotFoundError(f"{project}: [tool.perdure] {name} must be {expected}")
    return named


def _mentions_perdure(place: Path) -> bool:
    return place.is_file() and b"perdure" in place.read_bytes()


def _from_file(file: Path, attribute: str | None) -> Target:
    if not file.is_file():
        raise AppNotFoundError(f"there is no file {file}")
    file = file.resolve()
    parts = [] if file.name == "__init__.py" else [file.stem]
    folder = file.parent
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    module = ".".join(parts)
    if not _MODULE.fullmatch(module):
        raise AppNotFoundError(f"{file} cannot be imported: {module!r} is no module name")
    return Target(module=module, folder=str(folder), file=str(file), attribute=attribute)


def load(target: Target) -> "App":
    """Import *target*'s module and return its `App`, compiled. Puts its folder on ``sys.path``.

    Raises:
        AppNotFoundError: There is no such module or attribute, it is no `App`, or the module has several.
        BrokenAppError: The module or the `App`'s definition raised.
        SettingsError: A setting from outside the code cannot be used.
    """
    app = import_app(target)
    try:
        app.compile()
    except SettingsError:
        raise
    except Exception as error:
        raise BrokenAppError(target) from error
    return app


def load_quietly(target: Target) -> "App":
    """Return the app as `load` does, without a word about what is recorded but not served: the caller tells that."""
    logger = logging.getLogger("perdure.app")
    was, logger.disabled = logger.disabled, True
    try:
        return load(target)
    finally:
        logger.disabled = was


def import_app(target: Target) -> "App":
    """Import *target*'s module and return its `App`, not compiled; its revisions may be in disorder.

    Raises:
        AppNotFoundError: As for `load`.
        BrokenAppError: The module raised.
    """
    if target.folder not in sys.path:
        sys.path.insert(0, target.folder)
    try:
        module = importlib.import_module(target.module)
    except ModuleNotFoundError as error:
        if error.name is not None and (target.module == error.name or target.module.startswith(f"{error.name}.")):
            raise AppNotFoundError(f"there is no module {error.name!r} in {target.folder} or installed") from None
        raise BrokenAppError(target) from error
    except SettingsError:  # no line of the module is to blame
        raise
    except (Exception, SystemExit) as error:
        raise BrokenAppError(target) from error
    loaded = getattr(module, "__file__", None)
    if target.file is not None and (loaded is None or Path(loaded).resolve() != Path(target.file)):
        raise AppNotFoundError(f"{target.file} is hidden by {loaded or 'a built-in module'}; rename it")
    return _pick(vars(module), target)


def _pick(names: dict[str, object], target: Target) -> "App":
    from perdure.app import App

    where = target.file or target.module
    apps = {name: value for name, value in names.items() if isinstance(value, App)}
    candidates = ", ".join(f"{where}:{name}" for name in apps) or "it has none"
    if target.attribute is not None:
        chosen = names.get(target.attribute)
        if not isinstance(chosen, App):
            is_what = "is no perdure.App" if target.attribute in names else "does not exist"
            raise AppNotFoundError(f"{where}:{target.attribute} {is_what}; apps in it: {candidates}")
        return chosen
    if not apps:
        raise AppNotFoundError(f"{where} has no perdure.App at its top level")
    if len({id(app) for app in apps.values()}) > 1:
        raise AppNotFoundError(f"{where} has more than one app: {candidates}; name one of them")
    return next(iter(apps.values()))
