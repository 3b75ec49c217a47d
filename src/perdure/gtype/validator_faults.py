"""How a fault is told: rules, where they were broken, and what of the value may be shown.

A `Rule` is made when a type is compiled and holds all that is known by then; breaking it costs a call. What happens to
it depends on who asks: a `Collector` writes everything down, a `Refuser` stops at the first.
"""

import json
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, Protocol, final

from perdure.errors import Fault
from perdure.gtype.nodes import Array, GType, Node, Object, Record, Ref, Tuple
from perdure.gtype.traversal import children

__all__ = [
    "ABSENT",
    "Check",
    "Collector",
    "Path",
    "Refused",
    "Refuser",
    "Rule",
    "Secrets",
    "Show",
    "Sink",
    "brief",
    "pointer",
    "size_rule",
]

Path = tuple[str | int, ...]
"""Member names and indices from the root of the data."""

Show = Callable[[object], str]
"""Turns an offending value into what may be shown of it."""

ABSENT: Final = object()
"""Stands for the value of a member that is not there."""

MASK: Final = "***"
_SHOWN_CHARACTERS = 80
_SHOWN_LEVELS = 8


@final
class Rule:
    """One demand a type makes on a value."""

    __slots__ = ("code", "expected", "message", "show")

    def __init__(self, code: str, expected: str, message: str, show: Show) -> None:
        self.code = code
        self.expected = expected
        self.message = message
        self.show = show


def size_rule(code: str, how: str, size: int | None, what: str, show: Show) -> Rule:
    """Return the rule that there be ``at least``, ``at most`` or ``exactly`` *size* of *what*, in the singular."""
    bound = f"{how} {size} {what}" if size == 1 else f"{how} {size} {what}s"
    return Rule(code, bound, f"must have {bound}", show)


class Sink(Protocol):
    """Where broken rules go."""

    def add(self, rule: Rule, value: object, path: Path) -> None:
        """Take note that *value*, at *path*, breaks *rule*."""


Check = Callable[[object, Path, Sink], None]
"""Tells the sink about every rule the value breaks."""


@final
class Collector:
    """Writes every fault down."""

    __slots__ = ("faults",)

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def add(self, rule: Rule, value: object, path: Path) -> None:
        """Append a `Fault`."""
        fault = Fault(
            pointer=pointer(path), code=rule.code, expected=rule.expected, actual=rule.show(value), message=rule.message
        )
        self.faults.append(fault)


class Refused(Exception):
    """Some rule is broken; which one does not matter."""


@final
class Refuser:
    """Stops at the first fault."""

    __slots__ = ()

    def add(self, rule: Rule, value: object, path: Path) -> None:  # noqa: ARG002
        """Stop.

        Raises:
            Refused: Always.
        """
        raise Refused


def pointer(path: Path) -> str:
    """Return *path* as a JSON Pointer (RFC 6901)."""
    return "".join(f"/{str(token).replace('~', '~0').replace('/', '~1')}" for token in path)


def brief(value: object) -> str:
    """Return *value* as JSON text of about 80 characters at most, whatever its size; costs no more than that."""
    if value is ABSENT:
        return "nothing"
    text = ""
    for piece in _pieces(value, 0):
        text += piece
        if len(text) > _SHOWN_CHARACTERS:
            return text[: _SHOWN_CHARACTERS - 1] + "…"
    return text


def _pieces(value: object, level: int) -> Iterator[str]:
    """Yield *value* as JSON text, bit by bit."""
    if level > _SHOWN_LEVELS:
        yield "…"
    elif isinstance(value, str):
        yield json.dumps(value[: _SHOWN_CHARACTERS + 1], ensure_ascii=False).encode("utf-8", "replace").decode()
    elif isinstance(value, dict):
        yield "{"
        for index, (key, member) in enumerate(value.items()):
            yield ("," if index else "") + json.dumps(str(key)[: _SHOWN_CHARACTERS + 1]) + ":"
            yield from _pieces(member, level + 1)
        yield "}"
    elif isinstance(value, list | tuple):
        yield "["
        for index, item in enumerate(value):
            if index:
                yield ","
            yield from _pieces(item, level + 1)
        yield "]"
    else:
        yield _scalar_text(value)


def _scalar_text(value: object) -> str:
    """Return a number, boolean or null as JSON text, or the name of the type of what JSON does not know."""
    if isinstance(value, int) and not isinstance(value, bool):
        # Turning a huge integer into digits is quadratic, and refused by the interpreter beyond a size.
        return str(int(value)) if value.bit_length() < 1024 else f"<an integer of {value.bit_length()} bits>"
    if value is None or isinstance(value, bool | float):
        return json.dumps(value)
    return f"<{type(value).__name__}>"


@final
class Secrets:
    """Where in a GType secrets lie."""

    __slots__ = ("_gtype", "_names")

    def __init__(self, gtype: GType) -> None:
        self._gtype = gtype
        self._names: frozenset[str] = frozenset()
        known = -1
        while known < len(self._names):  # until no further definition is found to lead to a secret
            known = len(self._names)
            self._names = frozenset(name for name, node in gtype.definitions.items() if self.reaches(node))

    def reaches(self, node: Node) -> bool:
        """Tell whether *node* or anything inside it is secret."""
        if node.secret or (isinstance(node, Ref) and node.name in self._names):
            return True
        return any(map(self.reaches, children(node)))

    def show(self, node: Node, *, secret: bool) -> Show:
        """Return what shows values that should have been *node*, with every secret masked.

        Args:
            node: What the value should have been.
            secret: The value lies inside something secret.
        """
        if secret or node.secret:
            return _show_nothing
        if not self.reaches(node):
            return brief

        def show(value: object) -> str:
            masked = value if value is ABSENT else self._masked(value, node, 0)
            return MASK if masked == MASK else brief(masked)

        return show

    def _masked(self, value: object, node: Node, level: int) -> object:
        """Return a copy of the beginning of *value* without its secrets; what does not fit *node* is all secret."""
        if node.secret or level > _SHOWN_LEVELS:
            return MASK
        if not self.reaches(node):
            return value
        match self._gtype.resolve(node):
            case Object(fields=fields, secret=False) if isinstance(value, dict):
                known = {field.name: field.node for field in fields}
                return {
                    key: self._masked(member, known[key], level + 1) if key in known else MASK
                    for key, member in islice(value.items(), _SHOWN_CHARACTERS)
                }
            case Record(values=values, secret=False) if isinstance(value, dict):
                first = islice(value.items(), _SHOWN_CHARACTERS)
                return {key: self._masked(member, values, level + 1) for key, member in first}
            case Array(items=items, secret=False) if isinstance(value, list):
                return [self._masked(item, items, level + 1) for item in value[:_SHOWN_CHARACTERS]]
            case Tuple(items=members, secret=False) if isinstance(value, list):
                return [self._masked(item, member, level + 1) for item, member in zip(value, members, strict=False)]
            case _:
                return MASK


def _show_nothing(value: object) -> str:
    return brief(value) if value is ABSENT else MASK
