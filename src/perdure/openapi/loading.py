"""Files with JSON or YAML, read as plain data."""

import re
from pathlib import Path
from typing import Final

import msgspec

from perdure.errors import DocumentError
from perdure.openapi.yaml12 import parse_yaml

__all__ = ["load_document", "parse_document"]

_PLACE: Final = re.compile(r"\(byte ([0-9]+)\)")


def load_document(path: Path) -> object:
    """Return what the JSON or YAML file *path* holds, as dicts with text keys, lists, texts, numbers, bools and None.

    Args:
        path: ``.json`` is read as JSON, ``.yaml`` and ``.yml`` as YAML, anything else as what it begins like.
    Raises:
        DocumentError: The file cannot be read, or is not what its name says; the message has file and line.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DocumentError(f"{path} cannot be read: {error.strerror or error}") from None
    return parse_document(content, str(path), suffix=path.suffix.lower())


def parse_document(content: bytes, where: str, *, suffix: str = "") -> object:
    """Return what *content* holds; see `load_document`.

    Args:
        content: The file.
        where: What messages call it.
        suffix: ``.json``, ``.yaml`` or ``.yml``; anything else lets the content decide.
    Raises:
        DocumentError: It is neither JSON nor YAML, or not in UTF-8; the message has the line.
    """
    content = content.removeprefix(b"\xef\xbb\xbf")
    if not content.strip():
        raise DocumentError(f"{where} is empty")
    is_json = suffix == ".json" or (suffix not in {".yaml", ".yml"} and content.lstrip()[:1] in {b"{", b"["})
    if is_json:
        return _parse_json(content, where)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise DocumentError(f"{where} is not in UTF-8") from None
    return parse_yaml(text, where)


def _parse_json(content: bytes, where: str) -> object:
    try:
        return msgspec.json.decode(content)
    except UnicodeDecodeError:
        raise DocumentError(f"{where} is not in UTF-8") from None
    except RecursionError:
        raise DocumentError(f"{where} is nested too deeply") from None
    except msgspec.DecodeError as error:
        place = _PLACE.search(str(error))
        lines = content[: int(place[1])].splitlines() if place is not None else []
        line = f", line {max(len(lines), 1)}" if place is not None else ""
        raise DocumentError(f"{where}{line}: {_PLACE.sub('', str(error)).strip()}") from None
