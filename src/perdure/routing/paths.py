"""Paths: templates, and the router that finds the templates a path fits.

A path without parameters is found in a dictionary; others in a tree with one level per segment. Alternatives: one
large regular expression (what Starlette, FastAPI and Django walk through one by one) is linear in the routes; a radix
tree over characters is faster in C, but in Python the split and one dictionary look-up per segment win.

Paths arrive percent-decoded, once, by the server; what was ``%2F`` is a slash like any other from there on. A slash
at the end is part of a path: ``/orders/`` is not ``/orders``.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final, Generic, TypeVar, final

from perdure.errors import MalformedRequestError
from perdure.routing.templates import INT, STANDARD_CONVERTERS, STR, Converter, PathTemplate

__all__ = ["PathRouter", "check_path"]

T = TypeVar("T")

_Admits = Callable[[str], object]
"""Tells, by the truth of what it returns, whether a segment may stand for a parameter."""

_INT_DIGITS: Final = 300

_impossible: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffd\ud800-\udfff]|/\.\.?(?:/|\Z)").search


def check_path(path: str) -> None:
    """Refuse a path no client has a good reason to send.

    Args:
        path: Decoded path, without query.
    Raises:
        MalformedRequestError: It has a segment ``.`` or ``..`` (clients resolve those before they send, so one here was
            hidden by an encoding), a control character, or bytes that are no UTF-8 (the server put U+FFFD for them).
    """
    if path.isascii() and path.isprintable() and "/." not in path:
        return
    found = _impossible(path)
    if found is None:
        return
    if found[0].startswith("/"):
        raise MalformedRequestError("the path has a '.' or '..' segment; send the path it stands for")
    if found[0] == "\ufffd":
        raise MalformedRequestError("the path is not UTF-8")
    raise MalformedRequestError(f"the path has the control character U+{ord(found[0]):04X}")


@final
class _Entry(Generic[T]):
    """What one template brought: its parameters' names, and its value."""

    __slots__ = ("names", "value")

    def __init__(self, names: tuple[str, ...], value: T) -> None:
        self.names = names
        self.value = value


@final
class _Node(Generic[T]):
    """What may follow one beginning of a path."""

    __slots__ = ("converted", "entries", "has_parameters", "plain", "rest", "static")

    def __init__(self) -> None:
        self.entries: list[_Entry[T]] = []
        self.static: dict[str, _Node[T]] = {}
        self.converted: list[tuple[Converter, _Admits, _Node[T], bool]] = []
        """In order of `Converter.rank`, then of registration; the last says that `check_path` has no quarrel with what
        is admitted."""
        self.plain: _Node[T] | None = None
        self.rest: list[_Entry[T]] = []
        """Templates that go on from here with a catch-all."""
        self.has_parameters = False
        """Something else than literal text may follow."""

    def child(self, part: str | Converter) -> "_Node[T]":
        """Return the node below *part*, made if it is not there."""
        if isinstance(part, str):
            return self.static.setdefault(part, _Node())
        self.has_parameters = True
        if part is STR:
            if self.plain is None:
                self.plain = _Node()
            return self.plain
        for known, _, node, _ in self.converted:
            if known == part:
                return node
        node = _Node[T]()
        is_clean = part in STANDARD_CONVERTERS
        admits: _Admits = _is_int if part == INT else re.compile(part.pattern).fullmatch
        self.converted.append((part, admits, node, is_clean))
        self.converted.sort(key=lambda each: each[0].rank)
        return node

    def leaf(self, part: str | Converter) -> list[_Entry[T]]:
        """Return where to file a template whose last part is *part*."""
        if isinstance(part, Converter) and part.spans:
            self.has_parameters = True
            return self.rest
        return self.child(part).entries


@final
class PathRouter(Generic[T]):
    """Finds the values whose templates fit a path.

    Where more than one does, segments are compared from the left: literal text goes before a parameter with a
    converter, that before a plain parameter, that before a catch-all.
    """

    __slots__ = ("_beginnings", "_root", "_static")

    def __init__(self) -> None:
        self._static: dict[str, list[_Entry[T]]] = {}
        self._root: _Node[T] = _Node()
        self._beginnings: dict[str, _Node[T]] = {}
        """The nodes only literal text leads to, by that text."""

    def add(self, template: PathTemplate, value: T) -> T:
        """File *value* under *template*, and return what is filed there.

        A template that was added before keeps its first value, which is returned, so callers can merge into it.
        Templates that differ only in the names of parameters are filed side by side, each with its own names.
        """
        if not template.parameters:
            entries = self._static.setdefault(template.text, [])
        else:
            node = self._root
            beginning: str | None = ""
            for part in template.parts[:-1]:
                node = node.child(part)
                beginning = f"{beginning}/{part}" if isinstance(part, str) and beginning is not None else None
            if beginning is not None:
                self._beginnings[beginning] = node
            entries = node.leaf(template.parts[-1])
        for entry in entries:
            if entry.names == template.names:
                return entry.value
        entries.append(_Entry(template.names, value))
        return value

    def match(self, path: str) -> tuple[T, dict[str, str]] | None:
        """Return the best value for *path*, with the text of its parameters by name; None where nothing fits.

        O(1) for a path without parameters; otherwise each node of the tree is visited at most once.

        Raises:
            MalformedRequestError: As `check_path`, for every path but those known to be all right by what they fit.
        """
        entries = self._static.get(path)
        if entries is not None:
            return entries[0].value, {}
        beginning, _, last = path.rpartition("/")
        node = self._beginnings.get(beginning)
        if node is not None and last:
            # All but the end is literal, which goes before everything else: what the end fits is the best there is.
            for _, admits, below, is_clean in node.converted:
                if below.entries and admits(last):
                    if not is_clean:
                        check_path(path)
                    entry = below.entries[0]
                    return entry.value, {entry.names[0]: last}
            check_path(path)
            if node.plain is not None and node.plain.entries:
                entry = node.plain.entries[0]
                return entry.value, {entry.names[0]: last}
        else:
            check_path(path)
        return self._match_deep(path)

    def _match_deep(self, path: str) -> tuple[T, dict[str, str]] | None:
        segments = path.split("/")
        if segments[0]:
            return None
        values: list[str] = []
        entry = _best(self._root, segments, 1, values)
        if entry is None:
            return None
        names = entry.names
        if len(names) == 1:
            return entry.value, {names[0]: values[0]}
        return entry.value, dict(zip(names, values, strict=True))

    def matches(self, path: str) -> Iterator[tuple[T, dict[str, str]]]:
        """Yield every value whose template fits *path*, with its parameters, the best first."""
        for entry in self._static.get(path, ()):
            yield entry.value, {}
        segments = path.split("/")
        if segments[0]:
            return
        for entry, values in _all(self._root, segments, 1, ()):
            yield entry.value, dict(zip(entry.names, values, strict=True))


def _is_int(text: str) -> bool:
    """Do as the pattern of `INT`, which is the usual one, in half the time."""
    digits = text.removeprefix("-")
    if not digits.isdecimal() or not digits.isascii() or len(digits) > _INT_DIGITS:
        return False
    return digits[0] != "0" or text == "0"


def _best(node: _Node[T], segments: list[str], index: int, values: list[str]) -> _Entry[T] | None:
    """Return the first entry `_all` would yield, with its values added to *values*.

    Calls itself only where there is something to come back for, and loops where there is one way on: most of the time.
    """
    end = len(segments)
    while index < end:
        segment = segments[index]
        index += 1
        child = node.static.get(segment)
        if child is not None:
            if not node.has_parameters:
                node = child
                continue
            mark = len(values)
            if (found := _best(child, segments, index, values)) is not None:
                return found
            del values[mark:]
        if segment:
            mark = len(values)
            for _, admits, below, _ in node.converted:
                if admits(segment):
                    values.append(segment)
                    if (found := _best(below, segments, index, values)) is not None:
                        return found
                    del values[mark:]
            plain = node.plain
            if plain is not None:
                values.append(segment)
                if not node.rest:
                    node = plain
                    continue
                if (found := _best(plain, segments, index, values)) is not None:
                    return found
                del values[mark:]
        return _best_rest(node, segments, index - 1, values) if node.rest else None
    return node.entries[0] if node.entries else None


def _best_rest(node: _Node[T], segments: list[str], index: int, values: list[str]) -> _Entry[T] | None:
    if not _may_be_rest(segments, index):
        return None
    values.append("/".join(segments[index:]))
    return node.rest[0]


def _all(
    node: _Node[T], segments: list[str], index: int, values: tuple[str, ...]
) -> Iterator[tuple[_Entry[T], tuple[str, ...]]]:
    if index == len(segments):
        for entry in node.entries:
            yield entry, values
        return
    segment = segments[index]
    child = node.static.get(segment)
    if child is not None:
        yield from _all(child, segments, index + 1, values)
    if segment:
        for _, admits, below, _ in node.converted:
            if admits(segment):
                yield from _all(below, segments, index + 1, (*values, segment))
        if node.plain is not None:
            yield from _all(node.plain, segments, index + 1, (*values, segment))
    if node.rest and _may_be_rest(segments, index):
        for entry in node.rest:
            yield entry, (*values, "/".join(segments[index:]))


def _may_be_rest(segments: list[str], index: int) -> bool:
    """Return whether a catch-all takes these segments: no empty one but at the end.

    What begins with a slash would be taken for an absolute path by a handler that joins it to a folder.
    """
    return "" not in segments[index:-1]
