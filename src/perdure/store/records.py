"""What a `Store` keeps, as data."""

import hashlib
from typing import Literal, NamedTuple, final

from msgspec import Struct

from perdure.manifest.records import Api, HandlerManifest

__all__ = [
    "NAME_LIMIT", "Control", "HealthReport", "JournalEntry", "MigrationEntry", "Pin", "Position", "Publication",
    "PublishedVersion", "Status", "UsageCount", "VersionControl", "VersionUse", "storable_name",
]  # fmt: skip

NAME_LIMIT = 200
"""Length of the longest name a store takes, in characters; an index over three of them fits any database."""

Status = Literal["registered", "active", "retired"]
"""``registered``: known, serves nobody; ``active``: serves who asks for it; ``retired``: answers 410."""


@final
class Position(NamedTuple):
    """What changes whenever something about an app does."""

    origin: str
    """Drawn when the store first heard of the app: another one is another store. "" where it never did."""
    change: int
    """See `perdure.store.base.Store.change`."""


@final
class PublishedVersion(Struct, frozen=True, kw_only=True):
    """One version of an API, as a process that serves it has told the store."""

    name: str
    seconds: int
    number: int = 0
    label: str | None = None
    revision: str | None = None
    digest: str = ""
    """SHA-256 of the revision's recorded types and of its file, as 64 hexadecimal digits; "" without a revision."""
    api: Api = Api()
    transformers: tuple[str, ...] = ()
    """``request Money`` and the like, of the revision that made this version, in order of declaration."""


@final
class Publication(Struct, frozen=True, kw_only=True):
    """All that one build of an app serves; published at once or not at all."""

    app: str
    versions: tuple[PublishedVersion, ...]
    """Oldest first: the version graph is a line."""
    manifests: tuple[HandlerManifest, ...] = ()


@final
class VersionControl(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was decided about one version."""

    status: Status = "registered"
    registered_s: float = 0.0
    """Unix time, as all times here."""
    activated_s: float | None = None
    retired_s: float | None = None
    retained: bool = False
    """Never becomes cold, is never retired by itself."""
    deprecated_s: float | None = None
    sunset_s: float | None = None
    link: str | None = None
    """Where clients read how to move on."""
    brownouts: tuple[tuple[float, float], ...] = ()
    """From, until: answered as if retired, for practice."""


@final
class Control(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What operators, and rules they configured, decided about an API's versions. Replaced whole."""

    versions: dict[str, VersionControl] = {}
    """By the version's name."""
    tags: dict[str, str] = {}
    """For each tag set at run time, the name of a version."""
    weights: dict[str, dict[str, int]] = {}
    """For a tag, how requests are shared out over versions, in parts of their sum."""
    undo: tuple["Control", ...] = ()
    """What `perdure versions rollback` returns to, newest last; bounded; without undo of their own."""


@final
class Pin(Struct, frozen=True, kw_only=True):
    """A client's version, where it does not name one."""

    client: str
    version: str
    by: Literal["operator", "first use"] = "operator"
    since_s: float = 0.0


@final
class UsageCount(Struct, frozen=True, kw_only=True):
    """How often a client used a version within one hour."""

    version: str
    client: str
    hour: int
    """Unix time divided by 3,600."""
    requests: int
    last_s: float


@final
class VersionUse(Struct, frozen=True, kw_only=True):
    """How often a version was used within one hour, or one day, by whomever."""

    version: str
    hour: int
    """The last hour in which it was used, of the day if it is a day."""
    requests: int
    last_s: float


@final
class HealthReport(Struct, frozen=True, kw_only=True):
    """What one process saw of one version within its window."""

    version: str
    process: str
    at_s: float
    requests: int
    errors: int
    slow: int
    healthy: bool
    needed: bool = False
    """A tag or the default version of that process' build leads to it."""


@final
class JournalEntry(Struct, frozen=True, kw_only=True):
    """One decision: who did what, when."""

    number: int
    at_s: float
    actor: str
    action: str
    """``tag beta 2026-02-10``"""


@final
class MigrationEntry(Struct, frozen=True, kw_only=True):
    """One step made on the app's own database."""

    step: str
    """The id of the Alembic revision."""
    phase: Literal["expand", "contract"]
    version: str
    """Name of the first version that asked for it."""
    checksum: str
    """SHA-256 of the migration's file when it was begun, as 64 hexadecimal digits."""
    state: Literal["begun", "done"]
    begun_s: float
    done_s: float | None = None


def storable_name(text: str) -> str:
    """Return *text* if a store takes it as a name, else a name that stands for it: for what clients call themselves.

    NUL and lone surrogates are replaced by U+FFFD, what is too long is cut; the start of the SHA-256 of the whole is
    appended then, so that different texts stay different.
    """
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        encoded = text.encode(errors="surrogatepass")
    else:
        if "\0" not in text and len(text) <= NAME_LIMIT:
            return text
    kept = encoded.decode(errors="replace").replace("\0", "\ufffd")
    digest = hashlib.sha256(encoded).hexdigest()[:32]
    return f"{kept[: NAME_LIMIT - 33]}~{digest}"
