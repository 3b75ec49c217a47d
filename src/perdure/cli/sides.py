"""What commands compare: documents in files, the code, and recorded versions of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, final

from perdure.cli.console import complain
from perdure.errors import DocumentError, PerdureError, TypeDefinitionError, UnknownVersionError
from perdure.gtype.nodes import GType
from perdure.manifest.records import Api

if TYPE_CHECKING:
    from perdure.app import App
    from perdure.timescape.recorded import RecordedRevision

__all__ = ["CODE", "Called", "Step", "UnknownSideError", "Versions", "follow_steps", "read_document"]

_MOST_WARNINGS = 5
CODE = "code"
"""What the code is called among versions."""


@final
class UnknownSideError(PerdureError):
    """What is to be compared is not there, or the order makes no sense."""


def read_document(path: Path) -> Api | GType:
    """Return the API or the type that the file *path* describes; ``-`` is stdin.

    An object with a member ``openapi`` is an OpenAPI document, any other, or a bool, a JSON Schema. What of an OpenAPI
    document cannot be compared is told on stderr: nothing is left out in silence.

    Raises:
        DocumentError: It cannot be read, or is neither; the message names the file.
    """
    from perdure.gtype.json_schema_import import from_json_schema
    from perdure.openapi.loading import load_document
    from perdure.openapi.reading import read_openapi_with_warnings

    document = load_document(Path("/dev/stdin") if str(path) == "-" else path)
    try:
        if isinstance(document, dict) and ("openapi" in document or "swagger" in document):
            reading = read_openapi_with_warnings(document)
            _tell(path, reading.warnings)
            return reading.api
        if isinstance(document, dict | bool):
            return from_json_schema(document)
    except DocumentError as error:
        raise DocumentError(f"{path}: {error}") from error
    except TypeDefinitionError as error:
        raise DocumentError(
            f"{path} is no OpenAPI document, and no JSON Schema that can be compared: {error}. Mend it, or take out of "
            "both documents what cannot be compared; only of OpenAPI documents it is left out by itself"
        ) from error
    raise DocumentError(f"{path} is neither an OpenAPI document nor a JSON Schema: both are objects")


def _tell(path: Path, warnings: Sequence[str]) -> None:
    """Say what was not read: the first few, and how many there are."""
    for warning in warnings[:_MOST_WARNINGS]:
        complain(f"{path}: {warning}")
    if len(warnings) > _MOST_WARNINGS:
        complain(f"{path}: and {len(warnings) - _MOST_WARNINGS} more places that cannot be compared")


class Step(NamedTuple):
    """The API at one moment, and what it is called."""

    name: str
    api: Api
    label: str | None = None
    recorded: "RecordedRevision | None" = None
    """The revision that made it of the step before; None for the code."""

    @property
    def revision(self) -> str | None:
        """Name of the revision file; None for the code."""
        return self.recorded.name if self.recorded is not None else None

    @property
    def message(self) -> str:
        """What the revision says first."""
        return self.recorded.message if self.recorded is not None else ""

    @property
    def title(self) -> str:
        """What people call it."""
        return f"{self.label} ({self.name})" if self.label else self.name


class Called(NamedTuple):
    """What of an older API is called otherwise in a newer one, as the revisions between them say."""

    renames: Mapping[tuple[str, str], str]
    """As `perdure.diff.apis.diff_apis` takes them."""
    moves: Mapping[str, str]


def follow_steps(steps: Sequence[Step]) -> Called:
    """Return what of the first of *steps* is called otherwise in the last."""
    from perdure.timescape.authoring.origins import follow_all

    start, *others = steps
    revisions = [step.recorded for step in others if step.recorded is not None]
    if not revisions:
        return Called({}, {})
    origins = follow_all(start.api, revisions)
    return Called(origins.renames(steps[-1].api).pairs(), dict(origins.moves()))


@final
class Versions:
    """The recorded versions of *app*, oldest first, and then its code.

    Raises:
        DefinitionError: As `App.compile`.
    """

    def __init__(self, app: "App") -> None:
        self._timescape = app.timescape()
        self._steps: list[Step] = []
        self._places: list[int] = []
        """For each version, its step; a version that only a handler's declaration makes has that of the one before."""
        for version in self._timescape.versions:
            revision = self._timescape.revision_at(version.index)
            if revision is not None:
                self._steps.append(Step(version.name, revision.after, version.label, revision))
            self._places.append(len(self._steps) - 1)
        self._steps.append(Step(CODE, app.api()))

    @property
    def recorded(self) -> int:
        """How many versions are recorded."""
        return len(self._steps) - 1

    def place(self, text: str) -> int:
        """Return which step *text* names: a label, a date, a tag, the name of a revision file, or ``code``.

        Raises:
            UnknownSideError: There is none, or none that is recorded.
        """
        if text == CODE:
            return self.recorded
        names = [step.revision for step in self._steps]
        if text in names:
            return names.index(text)
        try:
            found = self._places[self._timescape.resolve(text)] if self.recorded else -1
        except UnknownVersionError as error:
            raise UnknownSideError(f"{error}; there are {', '.join(self._known())}") from error
        if found < 0:
            raise UnknownSideError(f"no revision records the version {text!r}; there are {', '.join(self._known())}")
        return found

    def steps(self, first: int, last: int) -> Sequence[Step]:
        """Return the steps from *first* to *last*, both included.

        Raises:
            UnknownSideError: *first* is newer than *last*.
        """
        if first > last:
            newer, older = self._steps[first].title, self._steps[last].title
            raise UnknownSideError(f"{newer} is newer than {older}: --from names the older one")
        return self._steps[first : last + 1]

    def _known(self) -> list[str]:
        return [step.label or step.name for step in self._steps]
