"""YAML 1.2, read as plain data.

By the rules of 1.2 (its "core schema"), as OpenAPI asks: ``on`` and ``no`` are texts, so are dates, and the keys of
mappings always are, also ``200``. By those of 1.1, which most Python readers follow, a status would be a number and
Norway false.

PyYAML's parser gives events; values are made of them here rather than by PyYAML, which is six times as slow and, in C,
ends the process over a document that is nested deeply enough.
"""

import re
from collections.abc import Iterator
from typing import Final, Protocol, cast, final

from perdure.errors import DocumentError

__all__ = ["parse_yaml", "resolve"]

_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INFINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_NUMERIC: Final = frozenset("-+.0123456789")
_MOST_DIGITS: Final = 4000
"""Of whole numbers that are read as such; Python refuses to parse longer ones."""
_MOST_LEVELS: Final = 400
_MOST_VALUES: Final = 20_000_000
_PREFIX: Final = "tag:yaml.org,2002:"
_PLAIN_TAGS: Final = frozenset({None, "!"} | {_PREFIX + name for name in ("str", "seq", "map", "timestamp", "binary")})


class _Mark(Protocol):
    """A place in a text."""

    line: int


class _Event(Protocol):
    """What PyYAML's parser meets; which of these there are depends on its class."""

    anchor: str | None
    tag: str | None
    value: str
    implicit: tuple[bool, bool]
    start_mark: _Mark


def parse_yaml(text: str, where: str) -> object:
    """Return what the one YAML document in *text* holds.

    Args:
        where: What messages call it.
    Raises:
        DocumentError: It is malformed, nested too deeply, or more than one; the message has the line.
    """
    import yaml

    parser: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    builder = _Builder(where)
    try:
        for event in cast("Iterator[_Event]", yaml.parse(text, Loader=parser)):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _refuse(where, mark, str(error.problem or error.context)) from None
    except yaml.YAMLError as error:
        raise DocumentError(f"{where}: {' '.join(str(error).split())}") from None
    return builder.root


@final
class _Builder:
    """Makes a value of the events of a parser."""

    def __init__(self, where: str) -> None:
        self.root: object = None
        self._where = where
        self._anchors: dict[str, tuple[object, int]] = {}
        """What each stands for, and how many values that is."""
        self._open: list[tuple[list[object], str | None, bool, int]] = []
        """What is not ended yet: its parts, its anchor, whether it is a mapping, and how many values there were."""
        self._count = 0
        self._documents = 0

    def take(self, event: _Event) -> None:
        self._count += 1
        match type(event).__name__:
            case "ScalarEvent":
                is_key = bool(self._open) and self._open[-1][2] and len(self._open[-1][0]) % 2 == 0
                self._add(event.value if is_key else self._scalar(event), event.anchor, self._count)
            case "MappingStartEvent" | "SequenceStartEvent":
                self._begin(event)
            case "MappingEndEvent" | "SequenceEndEvent":
                parts, anchor, is_mapping, begun = self._open.pop()
                self._add(self._mapping(parts, event.start_mark) if is_mapping else parts, anchor, begun)
            case "AliasEvent":
                self._repeat(event)
            case "DocumentStartEvent":
                self._documents += 1
                if self._documents > 1:
                    raise self._refuse(event, "a second document begins; there must be one")

    def _repeat(self, event: _Event) -> None:
        if event.anchor not in self._anchors:
            raise self._refuse(event, f"the alias *{event.anchor} stands for nothing that has ended before it")
        value, size = self._anchors[event.anchor]
        self._count += size
        if self._count > _MOST_VALUES:
            raise self._refuse(event, f"aliases make more than {_MOST_VALUES} values of this document")
        self._add(value, None, self._count)

    def _begin(self, event: _Event) -> None:
        if event.tag not in _PLAIN_TAGS:
            raise self._refuse(event, f"{event.tag} is no JSON value")
        if self._open and self._open[-1][2] and len(self._open[-1][0]) % 2 == 0:
            raise self._refuse(event, "a key must be a text")
        if len(self._open) >= _MOST_LEVELS:
            raise self._refuse(event, "nested too deeply")
        self._open.append(([], event.anchor, type(event).__name__ == "MappingStartEvent", self._count))

    def _add(self, value: object, anchor: str | None, begun: int) -> None:
        if anchor is not None:
            self._anchors[anchor] = (value, self._count - begun)
        if self._open:
            self._open[-1][0].append(value)
        else:
            self.root = value

    def _scalar(self, event: _Event) -> object:
        tag, text = event.tag, str(event.value)
        if tag is None or tag == "!":
            return resolve(text) if event.implicit[0] else text
        if tag in _PLAIN_TAGS:
            return text
        found, name = resolve(text), tag.removeprefix(_PREFIX)
        if name == ("null" if found is None else type(found).__name__):
            return found
        if name == "float" and isinstance(found, int):
            return float(found)
        raise self._refuse(event, f"{text!r:.40} is no {name}")

    def _mapping(self, parts: list[object], mark: _Mark) -> dict[str, object]:
        """Return the mapping of *parts*, keys and values in turn; what ``<<`` brings gives way to what is said here."""
        own = dict(zip(map(str, parts[::2]), parts[1::2], strict=True))
        if "<<" not in own:
            return own
        given = own.pop("<<")
        sources = given if isinstance(given, list) else [given]
        merged: dict[str, object] = {}
        for source in reversed(sources):
            if not isinstance(source, dict):
                raise _refuse(self._where, mark, "<< takes a mapping, or a list of mappings")
            merged |= source
        return merged | own

    def _refuse(self, event: _Event, fault: str) -> DocumentError:
        return _refuse(self._where, event.start_mark, fault)


def resolve(text: str) -> object:
    """Return what a scalar without quotes and tag stands for."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if text[0] not in _NUMERIC:
        return text
    if _INT.fullmatch(text):
        if len(text) > _MOST_DIGITS:
            return float("-inf" if text.startswith("-") else "inf")
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if _FLOAT.fullmatch(text):
        return float(text)
    return float(text.lower().replace(".", "", 1)) if _INFINITE.fullmatch(text) else text


def _refuse(where: str, mark: _Mark | None, fault: str) -> DocumentError:
    line = "" if mark is None else f", line {mark.line + 1}"
    return DocumentError(f"{where}{line}: {fault}")
