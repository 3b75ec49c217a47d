"""The app's own database, by the Alembic environment its author keeps: what is applied, what a step needs, doing it."""

import hashlib
import io
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar, final

from perdure.errors import MigrationError

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

__all__ = ["AlembicDatabase", "Applied"]

_T = TypeVar("_T")


@final
class Applied(NamedTuple):
    """What a database says of itself."""

    steps: frozenset[str]
    """Ids of all revisions it has."""
    is_transactional: bool
    """A step that is interrupted leaves nothing behind."""


@final
class AlembicDatabase:
    """One Alembic environment.

    Its ``env.py`` is run as `alembic` itself runs it, in the folder this process runs in; in a thread of its own, so
    that one that starts an event loop can.

    Args:
        ini: Path of ``alembic.ini``.
    Raises:
        MigrationError: Alembic is not installed, or the environment cannot be read.
    """

    def __init__(self, ini: Path) -> None:
        try:
            from alembic.config import Config
            from alembic.script import ScriptDirectory
        except ImportError:
            raise MigrationError('steps on the database need Alembic: pip install "perdure[migrations]"') from None
        if not ini.is_file():
            raise MigrationError(
                f"there is no {ini}: name the Alembic configuration of the app's database with Config(alembic_ini=…)"
            )
        self._ini = ini
        self._config = Config(str(ini), stdout=io.StringIO())
        with self._telling("cannot be read"):
            self._scripts: ScriptDirectory = ScriptDirectory.from_config(self._config)
            self._scripts.get_heads()
        _keep_logging(self._config, self._scripts)

    def applied(self) -> Applied:
        """Ask the database what it has; nothing in it is changed.

        Raises:
            MigrationError: It cannot be asked.
        """
        from alembic.runtime.environment import EnvironmentContext

        found: list[tuple[tuple[str, ...], bool]] = []

        def look(heads: tuple[str, ...], context: "MigrationContext") -> list[object]:
            found.append((tuple(heads), bool(context.impl.transactional_ddl)))
            return []

        def run() -> None:
            with EnvironmentContext(self._config, self._scripts, fn=look, dont_mutate=True):
                self._scripts.run_env()

        with self._telling("cannot tell what its database has"):
            _in_thread(run)
        steps = {step for heads, _ in found for head in heads for step in self._lineage(head)}
        return Applied(frozenset(steps), bool(found) and all(each for _, each in found))

    def path_to(self, step: str, applied: Applied) -> tuple[str, ...]:
        """Return what is missing in a database before it has *step*, and *step*, in the order they are to be made.

        Raises:
            MigrationError: Alembic does not know *step*, or something it follows.
        """
        return tuple(each for each in self._lineage(step) if each not in applied.steps)

    def file_of(self, step: str) -> Path:
        """Return the file of *step*; raises as `path_to`."""
        return Path(self._script(step).path)

    def checksum(self, step: str) -> str:
        """Return the SHA-256 of the file of *step*; raises as `path_to`."""
        return hashlib.sha256(self.file_of(step).read_bytes()).hexdigest()

    def apply(self, step: str) -> None:
        """Make *step*, all it follows being there.

        Raises:
            MigrationError: It fails.
        """
        from alembic import command

        with self._telling(f"failed in the step {step} ({self.file_of(step).name})"):
            _in_thread(lambda: command.upgrade(self._config, step))

    def _lineage(self, step: str) -> tuple[str, ...]:
        """Return all that *step* follows or depends on, each after what it follows, and *step*."""
        found: dict[str, None] = {}
        waiting = [step]
        while waiting:
            each = waiting[-1]
            missing = [before for before in self._before(each) if before not in found]
            if missing:
                waiting.extend(reversed(missing))
            else:
                found[waiting.pop()] = None
        return tuple(found)

    def _before(self, step: str) -> Sequence[str]:
        script = self._script(step)
        named = [*_listed(script.down_revision), *_listed(script.dependencies)]
        return [self._script(each).revision for each in named]

    def _script(self, step: str) -> "_Script":
        with self._telling(f"does not have the step {step}"):
            script = self._scripts.get_revision(step)
        if script is None:
            raise MigrationError(f"the Alembic environment of {self._ini} has no revision {step}")
        return _Script(script.revision, script.path, script.down_revision, script.dependencies)

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        """Turn whatever a user's environment raises into a `MigrationError`."""
        try:
            yield
        except MigrationError:
            raise
        except Exception as error:
            said = " ".join(str(error).split())[:300]
            raise MigrationError(
                f"the Alembic environment of {self._ini} {what}: {type(error).__name__}: {said}"
            ) from error


class _Script(NamedTuple):
    revision: str
    path: str
    down_revision: str | Sequence[str] | None
    dependencies: str | Sequence[str] | None


def _listed(named: str | Sequence[str] | None) -> Sequence[str]:
    if named is None:
        return ()
    return (named,) if isinstance(named, str) else named


def _in_thread(work: Callable[[], _T]) -> _T:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def _keep_logging(config: "Config", scripts: "ScriptDirectory") -> None:
    """Keep ``env.py`` from setting up logging anew: in a server that would silence every logger there is.

    Alembic's templates set it up only where the configuration came from a file.
    """
    environment = Path(scripts.env_py_location)
    if environment.is_file() and "config_file_name is not None" in environment.read_text("utf-8"):
        logging.getLogger("alembic").setLevel(logging.WARNING)
        config.file_config.sections()  # read while it still says where
        config.config_file_name = None
