"""Places in a JSON Schema document, and the names of what lies there."""

from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from perdure.errors import TypeDefinitionError

__all__ = ["append", "definition_name", "locate", "pointer_of", "refuse"]


def refuse(pointer: str, fault: str) -> TypeDefinitionError:
    """Return the error for what lies at *pointer*, a JSON Pointer from the document's root."""
    return TypeDefinitionError(f"JSON Schema at #{pointer}: {fault}")


def append(pointer: str, *tokens: str | int) -> str:
    """Return the pointer that leads from *pointer* over *tokens*."""
    escaped = (str(token).replace("~", "~0").replace("/", "~1") for token in tokens)
    return "/".join((pointer, *escaped))


def pointer_of(reference: object, pointer: str) -> str:
    """Return the pointer in a ``$ref`` found at *pointer*.

    Raises:
        TypeDefinitionError: It is no reference into the same document by pointer.
    """
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        raise refuse(pointer, f"$ref {reference!r} leads out of the document: embed what it means under $defs")
    return unquote(reference[1:])


def locate(document: object, target: str, pointer: str) -> object:
    """Return what lies at *target*, which a ``$ref`` at *pointer* leads to.

    Raises:
        TypeDefinitionError: Nothing lies there.
    """
    found = document
    for token in _tokens(target):
        try:
            if isinstance(found, Mapping):
                found = found[token]
            elif isinstance(found, Sequence) and not isinstance(found, str):
                found = found[int(token)]
            else:
                raise KeyError(token)
        except (KeyError, IndexError, ValueError):
            raise refuse(pointer, f"$ref leads to #{target}, where nothing is") from None
    return found


def definition_name(document: object, target: str) -> str:
    """Return what to call the schema at *target*: its name under ``$defs``, the title of the root, or its pointer."""
    tokens = _tokens(target)
    if len(tokens) == 2 and tokens[0] in {"$defs", "definitions"}:
        return tokens[1]
    if not tokens:
        title = document.get("title") if isinstance(document, Mapping) else None
        return title if isinstance(title, str) and title else "Root"
    return target


def _tokens(pointer: str) -> list[str]:
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]
