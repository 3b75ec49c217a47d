"""Where the store of an app is that the command line serves or looks at."""

from pathlib import Path

from perdure.cli.console import complain
from perdure.cli.target import Target, project_setting
from perdure.config import Config
from perdure.rollout.opening import FORGETFUL, StorePlace

__all__ = ["project_folder", "store_place"]

_FOLDER = ".perdure"
_RELATIVE = "sqlite:///"


def store_place(target: Target, given: str | None, config: Config) -> StorePlace:
    """Return where the store of *target* is.

    Args:
        given: What the command line says, if it does; then the environment, the app's configuration,
            ``[tool.perdure] store`` of the project, and a file in the project's folder are asked, in this order.
        config: Of the app.
    Raises:
        AppNotFoundError: pyproject.toml cannot be read.
    """
    named = given or config.store_place()
    if named is not None:
        return StorePlace(url=named)
    folder = project_folder(target)
    named = project_setting(folder, "store", "a URL like 'sqlite:///store.db'")
    if named is not None:
        return StorePlace(url=_within(folder, named))
    own = folder / _FOLDER
    try:
        own.mkdir(exist_ok=True)
        ignored = own / ".gitignore"
        if not ignored.exists():
            ignored.write_text("*\n", "utf-8")
    except OSError as error:
        complain(f"{own} cannot be written ({error.strerror}): what is decided about versions is kept in memory only")
        return FORGETFUL
    return StorePlace(url=f"sqlite:///{own / 'store.db'}", is_required=False)


def project_folder(target: Target) -> Path:
    """Return the nearest folder around *target* with a pyproject.toml; without, the folder it is imported from."""
    folder = Path(target.folder)
    for each in (folder, *folder.parents):
        if (each / "pyproject.toml").is_file():
            return each
    return folder


def _within(folder: Path, url: str) -> str:
    """Take the path of a SQLite URL to be relative to *folder*, where the URL is written down."""
    if not url.startswith(_RELATIVE) or url.startswith(f"{_RELATIVE}/"):
        return url
    return f"{_RELATIVE}{folder / url.removeprefix(_RELATIVE)}"
