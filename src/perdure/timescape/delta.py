"""What changed between two recorded APIs, as data: the ``.json`` beside a revision.

A delta names whole types and endpoints, not members of them: that keeps a recorded type readable on its own, and a
merge of two branches conflicts exactly where both changed the same type.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar, final

import msgspec
from msgspec import Struct

from perdure.errors import RevisionError
from perdure.gtype.nodes import Node
from perdure.manifest.records import Api, Endpoint

__all__ = ["Delta", "apply", "decode_delta", "delta", "encode_delta", "write_delta"]

_T = TypeVar("_T")


@final
class Delta(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one revision changes in an `Api`: added or changed entries, and None for removed ones."""

    types: dict[str, Node | None] = {}
    endpoints: dict[str, Endpoint | None] = {}


@final
class _Document(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file: a delta and the stem of the file it belongs to."""

    revision: str
    types: dict[str, Node | None] = {}
    endpoints: dict[str, Endpoint | None] = {}


def delta(old: Api, new: Api) -> Delta:
    """Return what must be applied to *old* to get *new*."""
    return Delta(types=_differences(old.types, new.types), endpoints=_differences(old.endpoints, new.endpoints))


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
        name: entry for name, entry in new.items() if name not in old or old[name] != entry
    }
    changed.update((name, None) for name in old if name not in new)
    return changed


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


def encode_delta(revision: str, change: Delta) -> str:
    """Return the text of the ``.json`` beside the revision file with the stem *revision*: sorted, indented, stable."""
    document = _Document(revision=revision, types=change.types, endpoints=change.endpoints)
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2).decode() + "\n"


def decode_delta(revision: str, text: bytes | str) -> Delta:
    """Return the delta in *text*, which `encode_delta` wrote for *revision*.

    Raises:
        RevisionError: *text* is not a delta, or that of another revision.
    """
    try:
        document = msgspec.json.decode(text, type=_Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RevisionError(f"not a recorded delta: {error}") from error
    if document.revision != revision:
        raise RevisionError(
            f"it records {document.revision!r}: rename a revision file and its .json together, and the name inside"
        )
    return Delta(types=document.types, endpoints=document.endpoints)


def write_delta(folder: Path, revision: str, change: Delta) -> Path:
    """Write the ``.json`` beside *folder*/*revision*.py and return its path."""
    path = folder / f"{revision}.json"
    path.write_text(encode_delta(revision, change), encoding="utf-8")
    return path
