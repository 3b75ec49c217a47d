"""A real Alembic environment with a real database, as `alembic init` makes it."""

import io
import subprocess
import sys
from pathlib import Path
from typing import final

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, inspect

__all__ = ["AlembicProject"]


@final
class AlembicProject:
    """One environment.

    Args:
        folder: Where it is made.
        url: Of the database; a SQLite file in *folder* by default.
    """

    def __init__(self, folder: Path, url: str | None = None) -> None:
        self.folder = folder
        self.url = url or f"sqlite:///{folder / 'app.db'}"
        self.ini = folder / "alembic.ini"
        config = Config(str(self.ini), stdout=io.StringIO())
        command.init(config, str(folder / "migrations"))
        written = self.ini.read_text().replace("driver://user:pass@localhost/dbname", self.url.replace("%", "%%"))
        self.ini.write_text(written)

    def step(
        self, step: str, body: str, *, after: str | None = None, depends_on: str | None = None, name: str = "step"
    ) -> Path:
        """Write a migration that executes *body*; *after* is the one it follows."""
        path = self.folder / "migrations" / "versions" / f"{step}_{name}.py"
        lines = "\n    ".join(body.strip().splitlines())
        path.write_text(
            f'"""{name}"""\nimport sqlalchemy as sa\nfrom alembic import op\n\nrevision = {step!r}\n'
            f"down_revision = {after!r}\nbranch_labels = None\ndepends_on = {depends_on!r}\n\n\n"
            f"def upgrade():\n    {lines}\n\n\ndef downgrade():\n    raise AssertionError('never')\n"
        )
        return path

    def upgrade(self, step: str) -> None:
        """Do what ``alembic upgrade`` does, in a process of its own: it sets up logging anew."""
        subprocess.run(
            [sys.executable, "-m", "alembic", "-c", str(self.ini), "upgrade", step], check=True, capture_output=True
        )

    def tables(self) -> dict[str, set[str]]:
        """Return the columns of each table but Alembic's own."""
        engine = create_engine(self.url)
        try:
            found = inspect(engine)
            return {
                table: {column["name"] for column in found.get_columns(table)}
                for table in found.get_table_names()
                if not table.startswith(("alembic_", "perdure_"))
            }
        finally:
            engine.dispose()
