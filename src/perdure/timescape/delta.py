"""What changed between two recorded APIs, as data: the ``.json`` beside a revision.

A delta names whole types and endpoints, not members of them: that keeps a recorded type readable on its own, and a
merge of two branches conflicts exactly where both changed the same type.

Beside them stands what is called otherwise since: that cannot be seen in the types.

A digest protects it. It covers all that is recorded of a revision, and the digest of the one before, so that history
cannot change underneath; not the transformers, which a person owns and may have to mend.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar, final

import msgspec
from msgspec import Struct

from perdure.errors import RevisionError
from perdure.gtype.nodes import Node
from perdure.manifest.records import Api, Endpoint
from perdure.timescape.renames import Renames

__all__ = [
    "Delta", "Seal", "apply", "decode_delta", "decode_sealed", "delta", "digest_of", "encode_delta", "write_delta",
]  # fmt: skip

_T = TypeVar("_T")


@final
class Delta(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one revision changes in an `Api`: added or changed entries, and None for removed ones."""

    types: dict[str, Node | None] = {}
    endpoints: dict[str, Endpoint | None] = {}
    renames: Renames = Renames()
    """What of it is called otherwise; nobody has compared it with the types yet."""


@final
class Seal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the ``.json`` says about itself."""

    digest: str | None = None
    """See `digest_of`; None in files written by hand, which nothing protects."""
    published: bool = False
    """The revision may not be written anew any more."""


@final
class _Document(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The file: a delta, its seal, and the stem of the file it belongs to."""

    revision: str
    digest: str | None = None
    published: bool = False
    types: dict[str, Node | None] = {}
    endpoints: dict[str, Endpoint | None] = {}
    renames: Renames | None = None


_UNSEALED = Seal()
_NO_RENAMES = Renames()


def delta(old: Api, new: Api, renames: Renames = _NO_RENAMES) -> Delta:
    """Return what must be applied to *old* to get *new*, and what of it is called otherwise in *new*."""
    return Delta(
        types=_differences(old.types, new.types), endpoints=_differences(old.endpoints, new.endpoints), renames=renames
    )


def apply(old: Api, change: Delta) -> Api:
    """Return *old* with *change* made; mappings that do not change are shared with *old*.

    Raises:
        RevisionError: *change* removes what *old* does not have.
    """
    return Api(
        types=_changed("type", old.types, change.types), endpoints=_changed("endpoint", old.endpoints, change.endpoints)
    )


def _differences(old: Mapping[str, _T], new: Mapping[str, _T]) -> dict[str, _T | None]:
    changed: dict[str, _T | None] = {
        name: entry for name, entry in new.items() if name not in old or not _is_same(old[name], entry)
    }
    changed.update((name, None) for name in old if name not in new)
    return changed


def _is_same(old: object, new: object) -> bool:
    """Compare as recorded: 1, 1.0 and True are equal for Python."""
    return old == new and msgspec.json.encode(old) == msgspec.json.encode(new)


def _changed(kind: str, old: dict[str, _T], change: Mapping[str, _T | None]) -> dict[str, _T]:
    if not change:
        return old
    new = dict(old)
    for name, entry in change.items():
        if entry is not None:
            new[name] = entry
        elif new.pop(name, None) is None:
            raise RevisionError(
                f"the recorded delta removes the {kind} {name!r}, which the API before it does not have"
            )
    return new


def digest_of(revision: str, facts: tuple[int, str | None, str | None], change: Delta, previous: str) -> str:
    """Return the SHA-256 of all that is recorded of a revision, as 64 hexadecimal digits.

    Args:
        revision: Name of the file, without ``.py``.
        facts: Its instant in Unix seconds, its label, and the name of the revision before it.
        change: What it changes.
        previous: The digest of the revision before it; "" for the first.
    """
    covered: dict[str, object] = {"types": change.types, "endpoints": change.endpoints}
    if change.renames:
        covered["renames"] = change.renames
    text = msgspec.json.encode((revision, *facts, previous, covered), order="sorted")
    return hashlib.sha256(text).hexdigest()


def encode_delta(revision: str, change: Delta, seal: Seal = _UNSEALED) -> str:
    """Return the text of the ``.json`` beside the revision file with the stem *revision*: sorted, indented, stable."""
    document = _Document(
        revision=revision, digest=seal.digest, published=seal.published, types=change.types,
        endpoints=change.endpoints, renames=change.renames or None,
    )  # fmt: skip
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2).decode() + "\n"


def decode_delta(revision: str, text: bytes | str) -> Delta:
    """Return the delta in *text*, which `encode_delta` wrote for *revision*.

    Raises:
        RevisionError: *text* is not a delta, or that of another revision.
    """
    return decode_sealed(revision, text)[0]


def decode_sealed(revision: str, text: bytes | str) -> tuple[Delta, Seal]:
    """Return the delta in *text* and its seal, which nobody has compared with the digest of the delta yet.

    Raises:
        RevisionError: As for `decode_delta`.
    """
    try:
        document = msgspec.json.decode(text, type=_Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RevisionError(f"not a recorded delta: {error}") from error
    if document.revision != revision:
        raise RevisionError(
            f"it records {document.revision!r}: rename a revision file and its .json together, and the name inside"
        )
    seal = Seal(digest=document.digest, published=document.published)
    renames = document.renames or _NO_RENAMES
    return Delta(types=document.types, endpoints=document.endpoints, renames=renames), seal


def write_delta(folder: Path, revision: str, change: Delta, seal: Seal = _UNSEALED) -> Path:
    """Write the ``.json`` beside *folder*/*revision*.py and return its path."""
    path = folder / f"{revision}.json"
    path.write_text(encode_delta(revision, change, seal), encoding="utf-8")
    return path
