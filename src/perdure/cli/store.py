"""Where the store of an app is that the command line serves or looks at."""

from pathlib import Path

from perdure.cli.console import complain
from perdure.cli.target import Target
from perdure.config import Config
from perdure.errors import StoreError
from perdure.rollout.opening import FORGETFUL, StorePlace

__all__ = ["check_exists", "existing_store", "project_folder", "store_place", "wishes_file"]

_FOLDER = ".perdure"
_FILE = "store.db"
_WISHES = "log-levels.json"
_SQLITE = "sqlite:///"


def store_place(target: Target, given: str | None, config: Config) -> StorePlace:
    """Return where the store of *target* is.

    Args:
        given: What the command line says, if it does; then the app's settings and a file in the project's folder are
            asked, in this order.
        config: The settings.
    """
    named = given or config.store_url
    if named is not None:
        return StorePlace(url=named)
    folder = project_folder(target)
    own = folder / _FOLDER
    try:
        own.mkdir(exist_ok=True)
        ignored = own / ".gitignore"
        if not ignored.exists():
            ignored.write_text("*\n", "utf-8")
    except OSError as error:
        complain(f"{own} cannot be written ({error.strerror}): what is decided about versions is kept in memory only")
        return FORGETFUL
    return StorePlace(url=f"{_SQLITE}{own / _FILE}", is_required=False)


def existing_store(target: Target, given: str | None, config: Config) -> StorePlace:
    """Return where the store of *target* is, for a command that only looks: none is made.

    Args:
        target: The app.
        given: As for `store_place`.
        config: The settings.
    Returns:
        Its place; memory where nobody named one and the project's folder has none yet.
    Raises:
        StoreError: The file that was named does not exist.
    """
    named = given or config.store_url
    if named is not None:
        check_exists(named)
        return StorePlace(url=named)
    own = project_folder(target) / _FOLDER / _FILE
    return StorePlace(url=f"{_SQLITE}{own}", is_required=False) if own.is_file() else FORGETFUL


def wishes_file(target: Target) -> Path:
    """Return where an operator's wishes for levels of loggers are, if there are any."""
    return project_folder(target) / _FOLDER / _WISHES


def check_exists(url: str) -> None:
    """Refuse the URL of a store in a file that is not there: to look at it would make it.

    Raises:
        StoreError: It is not there.
    """
    path = url.removeprefix(_SQLITE).partition("?")[0]
    if url.startswith(_SQLITE) and path and not Path(path).exists():
        raise StoreError(
            f"there is no store {_SQLITE}{path} yet; `perdure serve` or `perdure versions register` with it makes one"
        )


def project_folder(target: Target) -> Path:
    """Return the nearest folder around *target* that says it is a project; without, the folder it is imported from."""
    folder = Path(target.folder)
    for each in (folder, *folder.parents):
        if (each / "pyproject.toml").is_file() or (each / "perdure.toml").is_file():
            return each
    return folder
