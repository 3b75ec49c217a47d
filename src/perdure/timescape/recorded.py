"""A revision together with the APIs on both its sides, checked against them."""

import re
from typing import final

from msgspec import Struct

from perdure.errors import RevisionError
from perdure.gtype.traversal import references
from perdure.manifest.records import Api
from perdure.timescape.graph import endpoint_references
from perdure.timescape.holes import Hole
from perdure.timescape.renames import Renames, check_renames
from perdure.timescape.revision import (
    DatabaseSteps,
    Impossibility,
    Lossless,
    Move,
    Revision,
    Transformer,
    is_endpoint_key,
)

__all__ = ["RecordedRevision", "record", "targeted_types"]

_PARAMETER = re.compile(r"\{([^{}:]+)[^{}]*\}")
_NO_RENAMES = Renames()


@final
class RecordedRevision(Struct, frozen=True, kw_only=True):
    """One revision, as it was published."""

    name: str
    """The file's name without ``.py``."""
    seconds: int
    """When it was published: seconds since 1970 UTC."""
    label: str | None = None
    message: str = ""
    """The first line of the file's docstring."""
    before: Api
    after: Api
    transformers: tuple[Transformer, ...] = ()
    moves: tuple[Move, ...] = ()
    impossibilities: tuple[Impossibility, ...] = ()
    promises: tuple[Lossless, ...] = ()
    renames: Renames = Renames()
    """What its author said is called otherwise since; endpoints are in *moves*."""
    place: str = ""
    """``file:line`` of ``Revision(…)``."""
    file: str = ""
    """Path of the ``.py``; "" where there is none."""
    holes: tuple[Hole, ...] = ()
    """Where its file still leaves something open, from top to bottom."""
    digest: str = ""
    """SHA-256 of what is recorded, up to and with this revision, as 64 hexadecimal digits; see `digest_of`."""
    database: DatabaseSteps | None = None
    """What the version does to the app's own database."""
    is_published: bool = False
    """Its ``.json`` says that it has been published: it cannot be written anew any more."""


def record(
    name: str, revision: Revision, *, before: Api, after: Api, message: str = "", renames: Renames = _NO_RENAMES
) -> RecordedRevision:
    """Return *revision* with the APIs before and after it, and what was recorded to be called otherwise since.

    Raises:
        RevisionError: *after* refers to types it does not define; or a transformer, a move or a rename of *revision*
            names a type or endpoint that is not there. The message has file and line, and what was probably meant.
    """
    _check_references(revision, before, after)
    for transformer in revision.transformers:
        _check_target(transformer, before)
    for promise in revision.promises:
        kind, known = ("endpoint", before.endpoints) if is_endpoint_key(promise.target) else ("type", before.types)
        if promise.target not in known and not targeted_types(promise.target, before):
            raise RevisionError(_unknown(promise.place, kind, promise.target, tuple(known), "before this revision"))
    for move in revision.moves:
        _check_move(move, revision, before, after)
    if renames:
        _check_renames(renames, revision, before, after)
    return RecordedRevision(
        name=name, seconds=revision.seconds, label=revision.label, message=message, before=before, after=after,
        transformers=tuple(revision.transformers), moves=tuple(revision.moves),
        impossibilities=tuple(revision.impossibilities), promises=tuple(revision.promises), renames=renames,
        place=revision.place, database=revision.steps,
    )  # fmt: skip


def targeted_types(target: str, api: Api) -> tuple[str, ...]:
    """Return the types of *api* that *target* names: itself, or every ``target[…]`` where it is a generic type."""
    if target in api.types:
        return (target,)
    return tuple(name for name in api.types if name.startswith(f"{target}["))


def _check_references(revision: Revision, before: Api, after: Api) -> None:
    """Only what changed is looked at, unless a type is gone: then it may be missed anywhere."""
    is_type_gone = any(name not in after.types for name in before.types)
    for name, node in after.types.items():
        if is_type_gone or before.types.get(name) is not node:
            _check_known(revision, f"type {name!r}", frozenset(references(node)), after)
    for key, endpoint in after.endpoints.items():
        if is_type_gone or before.endpoints.get(key) is not endpoint:
            _check_known(revision, f"endpoint {key!r}", endpoint_references(endpoint), after)


def _check_known(revision: Revision, what: str, mentioned: frozenset[str], api: Api) -> None:
    unknown = sorted(mentioned - api.types.keys())
    if unknown:
        raise RevisionError(f"{revision.place}: the recorded {what} refers to {unknown[0]!r}, which is not recorded")


def _check_target(transformer: Transformer, before: Api) -> None:
    target = transformer.target
    if target == "" and transformer.direction == "problem":
        return
    if is_endpoint_key(target) or transformer.direction == "problem":
        if target not in before.endpoints:
            raise RevisionError(
                _unknown(transformer.place, "endpoint", target, tuple(before.endpoints), "before this revision")
            )
    elif not targeted_types(target, before):
        raise RevisionError(_unknown(transformer.place, "type", target, tuple(before.types), "before this revision"))


def _check_move(move: Move, revision: Revision, before: Api, after: Api) -> None:
    if move.old not in before.endpoints:
        raise RevisionError(_unknown(move.place, "endpoint", move.old, tuple(before.endpoints), "before this revision"))
    if move.new not in after.endpoints:
        raise RevisionError(_unknown(move.place, "endpoint", move.new, tuple(after.endpoints), "since this revision"))
    missing = sorted(set(_PARAMETER.findall(move.new)) - set(_PARAMETER.findall(move.old)))
    is_filled = any(each.direction == "request" and each.target == move.old for each in revision.transformers)
    if missing and not is_filled:
        raise RevisionError(
            f"{move.place}: nothing fills {{{missing[0]}}} of {move.new!r}: declare @revision.request({move.old!r}) "
            f"that sets request.path[{missing[0]!r}]"
        )


def _check_renames(renames: Renames, revision: Revision, before: Api, after: Api) -> None:
    try:
        check_renames(renames, before, after)
    except RevisionError as error:
        file = revision.place.rpartition(":")[0].removesuffix(".py") + ".json"
        raise RevisionError(
            f'{file}: under "renames", {error}. Restore the file from version control, or take it out there'
        ) from error


def _unknown(place: str, kind: str, name: str, known: tuple[str, ...], when: str) -> str:
    import difflib

    near = difflib.get_close_matches(name, known, n=3) or sorted(known)[:8]
    listed = ", ".join(repr(each) for each in near)
    return f"{place}: there was no {kind} {name!r} {when}; " + (
        f"did you mean {listed}?" if near else f"it had no {kind} at all"
    )
