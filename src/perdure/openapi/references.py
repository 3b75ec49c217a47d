"""``$ref``: where one leads, and what lies there."""

from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from perdure.errors import DocumentError

__all__ = ["find", "is_anchor", "target_of", "tokens_of"]


def target_of(reference: object, pointer: str) -> str:
    """Return the JSON Pointer that *reference*, a ``$ref`` at *pointer*, holds.

    Raises:
        DocumentError: It leads out of the document, or is no reference.
    """
    if not isinstance(reference, str):
        raise DocumentError(f"$ref must be a text, not {reference!r:.40}", pointer)
    if reference == "#" or reference.startswith("#/"):
        return unquote(reference[1:])
    raise DocumentError(
        f"$ref {reference!r} leads out of this document; put everything into one document first (a bundler does)",
        pointer,
    )


def is_anchor(reference: object) -> bool:
    """Tell whether *reference* names a place in the same document by an anchor rather than a pointer."""
    return isinstance(reference, str) and reference.startswith("#") and reference[1:2] not in {"", "/"}


def tokens_of(pointer: str) -> list[str]:
    """Return the steps of a JSON Pointer."""
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def find(document: object, target: str, pointer: str) -> object:
    """Return what lies at *target* in *document*, where a ``$ref`` at *pointer* leads.

    Raises:
        DocumentError: Nothing lies there.
    """
    found = document
    for token in tokens_of(target):
        try:
            if isinstance(found, Mapping):
                found = found[token]
            elif isinstance(found, Sequence) and not isinstance(found, str) and token.isdecimal():
                found = found[int(token)]
            else:
                raise KeyError(token)
        except (KeyError, IndexError):
            raise DocumentError(f"$ref leads to #{target}, where nothing is", pointer) from None
    return found
