"""What who runs the app asks of it cannot be done: stores, migrations, decisions, files given to a command."""

from typing import final

from perdure.errors.base import PerdureError


class StoreError(PerdureError):
    """The Manifest Store cannot be opened, read or written; the message says where it is, never a password."""


@final
class RevisionConflictError(StoreError):
    """A version was published before with other recorded types or another revision file."""

    def __init__(self, app: str, version: str, revision: str | None) -> None:
        file = f" (revision {revision})" if revision else ""
        super().__init__(
            f"version {version} of {app!r}{file} was published with other content: a recorded revision never changes. "
            "Restore its files from version control, and record the change as a revision of its own; if no client has "
            "ever used it, begin with another store"
        )
        self.app = app
        self.version = version
        self.revision = revision


class MigrationError(PerdureError):
    """A step on the app's own database cannot be made, or failed; the message says which, where, and what to do."""


class DecisionError(PerdureError):
    """What is to be decided about a version or an API key cannot be meant; nothing was changed."""


class AuditError(PerdureError):
    """The audit log cannot be opened, written or read; the message says where it is and what is wrong with it."""


@final
class DocumentError(PerdureError):
    """A description of an API cannot be read: no JSON or YAML, no OpenAPI 3.0 or 3.1, or malformed.

    `pointer` is the RFC 6901 JSON Pointer to what is wrong; ``""`` for the whole document.
    """

    def __init__(self, message: str, pointer: str = "") -> None:
        super().__init__(f"#{pointer}: {message}" if pointer else message)
        self.pointer = pointer


@final
class IgnoreFileError(PerdureError):
    """A file that names the findings to be ignored is malformed, or an entry lacks what it must have."""
