"""A broken app, told in a few lines: where, what, and the code around it; never a wall of traceback."""

import linecache
import re
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from rich.text import Text

import perdure
from perdure.cli.console import errors
from perdure.errors import PerdureError

__all__ = ["Location", "locate", "report_failure"]

_LOCATION = re.compile(r"(?P<file>[^\s'\"(]+\.py)(?::|\", line |, line )(?P<line>\d+)")
_OWN_FOLDER = str(Path(perdure.__file__).parent)
_NOBODYS = (_OWN_FOLDER, "<frozen", *{sysconfig.get_path(each) for each in ("stdlib", "platstdlib")})
"""Where code lies that is never the user's; packages lie in a folder of the standard library's, see `_is_package`."""
_CONTEXT_LINES = 2


class Location(NamedTuple):
    """A line of a file."""

    file: str
    line: int

    def __str__(self) -> str:
        path = Path(self.file)
        shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
        return f"{shown}:{self.line}"


def locate(error: BaseException, project: Path) -> Location | None:
    """Return the line of the user's code that *error* is about, if any is.

    Definition errors name it themselves; a syntax error has it; otherwise it is the innermost frame in *project*, of
    the error or of what caused it; or failing that, but not for errors of Perdure's own, the error's innermost one that
    is neither Perdure's nor Python's.
    """
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return Location(error.filename, error.lineno)
    named = _LOCATION.search(str(error)) if isinstance(error, PerdureError) else None
    if named is not None and Path(named["file"]).is_file():
        return Location(str(Path(named["file"]).resolve()), int(named["line"]))
    for each in _chain(error):
        own = [at for at in _frames(each) if _is_in(project, at.file)]
        if own:
            return own[-1]
    if isinstance(error, PerdureError):  # it says itself what is wrong; the frames it passed, Granian's, do not
        return None
    foreign = [at for at in _frames(error) if not at.file.startswith(_NOBODYS) or _is_package(at.file)]
    return foreign[-1] if foreign else None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield *error*, and what caused it or was handled when it was raised, the latest first."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)


def _frames(error: BaseException) -> list[Location]:
    return [Location(frame.filename, frame.lineno or 1) for frame in traceback.extract_tb(error.__traceback__)]


def _is_package(file: str) -> bool:
    return "site-packages" in Path(file).parts and not file.startswith(_OWN_FOLDER)


def _is_in(project: Path, file: str) -> bool:
    path = Path(file)
    return path.is_relative_to(project) and not {"site-packages", ".venv"} & set(path.relative_to(project).parts)


def report_failure(error: BaseException, project: Path, mask: Callable[[str], str] = str) -> None:
    """Write ``file:line: what happened`` and the lines around it to stderr.

    Args:
        mask: Keeps secrets out of what *error* says.
    """
    at = locate(error, project)
    console = errors()
    message = mask(str(error.msg if isinstance(error, SyntaxError) else error)) or "no message"
    where = f"{at}: " if at and not message.startswith(f"{at}:") else ""
    console.print(Text.assemble((where, "bold"), (f"{type(error).__name__}: ", "bold red"), message))
    if at is not None:
        for line in _frame(at):
            console.print(line)


def _frame(at: Location) -> list[Text]:
    linecache.checkcache(at.file)
    first = max(1, at.line - _CONTEXT_LINES)
    lines = []
    for number in range(first, at.line + _CONTEXT_LINES + 1):
        code = linecache.getline(at.file, number)
        if code:
            mark, style = (">", "bold") if number == at.line else (" ", "dim")
            lines.append(Text(f"  {mark} {number:>4} | {code.rstrip()}", style=style))
    return lines
