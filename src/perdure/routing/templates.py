"""Path templates: ``/orders/{order_id:uuid}/files/{rest:path}``.

A parameter takes a whole segment. A converter only *admits* text: what it refuses is no match, so the router looks
further and in the end answers 404. Turning the text into a value is the business of the handler's types.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final, final

from msgspec import Struct

from perdure.errors import RouteDefinitionError

__all__ = ["INT", "PATH", "STANDARD_CONVERTERS", "STR", "Converter", "Parameter", "PathTemplate"]


@final
class Converter(Struct, frozen=True, kw_only=True):
    r"""What a path parameter admits.

    Args:
        name: How templates call it: ``{year:century}``.
        pattern: Regular expression the whole segment must match. Use ``[0-9]`` rather than ``\d``, which admits the
            digits of all scripts.
        spans: Takes the rest of the path rather than a segment; such a one admits anything, so its pattern is ``.*``.
        rank: Of two converters at one place the lower is tried first. Those of a program are 0, so they go before ours.
    Raises:
        RouteDefinitionError: *pattern* is no regular expression, or not ``.*`` where *spans* is set.
    """

    name: str
    pattern: str
    spans: bool = False
    rank: int = 0

    def __post_init__(self) -> None:
        if self.spans and self.pattern != ".*":
            raise RouteDefinitionError(f"converter {self.name!r} takes the rest of the path: its pattern must be '.*'")
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise RouteDefinitionError(f"converter {self.name!r}: {self.pattern!r} is no pattern: {error}") from error


STR: Final = Converter(name="str", pattern=r"[^/]+", rank=100)
"""Any text but none; the default."""
PATH: Final = Converter(name="path", pattern=r".*", spans=True, rank=200)
"""The rest of the path, slashes and all; may be empty, may not begin with a slash or have two in a row."""

INT: Final = Converter(name="int", pattern=r"0|-?[1-9][0-9]{0,299}", rank=12)
"""A whole number: a sign only before a negative one, no leading zeros."""

# The lengths keep numbers within what `int` parses and `float` holds.
STANDARD_CONVERTERS: Final = (
    Converter(name="uuid", pattern=r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", rank=10),
    Converter(name="date", pattern=r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])", rank=11),
    INT,
    Converter(name="float", pattern=r"-?(?:0|[1-9][0-9]{0,299})(?:\.[0-9]{1,300})?", rank=13),
    STR,
    PATH,
)
"""``uuid``, ``date``, ``int`` (a sign only before a negative number, no leading zeros), ``float`` (no exponent),
``str``, ``path``.
"""

_PARAMETER: Final = re.compile(r"\{([^{}:]*)(?::([^{}]*))?\}")
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ufffd\ud800-\udfff]")


@final
class Parameter(Struct, frozen=True):
    """One parameter of a template."""

    name: str
    converter: Converter


@final
class PathTemplate(Struct, frozen=True):
    """A parsed path template; made by `parse`."""

    text: str
    """As written."""
    parts: tuple[str | Converter, ...]
    """Literal text, or what a parameter admits, segment by segment."""
    parameters: tuple[Parameter, ...]
    """In order of appearance."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters, in order."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def key(self) -> str:
        """The template without converters, the name of the endpoint in manifests: ``/orders/{order_id}``."""
        return _PARAMETER.sub(r"{\1}", self.text)

    @classmethod
    def parse(cls, text: str, converters: Iterable[Converter] = ()) -> "PathTemplate":
        """Return the template *text* stands for.

        Args:
            text: ``/`` and segments, each either literal text, as it reads when percent-decoded, or ``{name}`` or
                ``{name:converter}``.
            converters: The program's own, beside `STANDARD_CONVERTERS`; they may replace ours, by name.
        Raises:
            RouteDefinitionError: *text* is no template, with the position of what is wrong.
        """
        if not text.startswith("/"):
            raise RouteDefinitionError(f"path {text!r} must begin with a slash: {'/' + text!r}")
        known = {converter.name: converter for converter in (*STANDARD_CONVERTERS, *converters)}
        segments = text[1:].split("/")
        parts: list[str | Converter] = []
        parameters: list[Parameter] = []
        position = 1
        for index, segment in enumerate(segments):
            is_last = index == len(segments) - 1
            part = _parse_segment(_Place(text, position), segment, is_last, known)
            if isinstance(part, Parameter):
                if any(part.name == earlier.name for earlier in parameters):
                    raise _Place(text, position).error(f"parameter {part.name!r} appears twice")
                parameters.append(part)
                parts.append(part.converter)
            else:
                parts.append(part)
            position += len(segment) + 1
        return cls(text, tuple(parts), tuple(parameters))


@final
class _Place(Struct, frozen=True):
    """Where in a template something is wrong."""

    text: str
    position: int

    def error(self, what: str) -> RouteDefinitionError:
        return RouteDefinitionError(f"path {self.text!r}, character {self.position + 1}: {what}")


def _parse_segment(place: _Place, segment: str, is_last: bool, known: Mapping[str, Converter]) -> str | Parameter:
    if "{" not in segment and "}" not in segment:
        _check_literal(place, segment, is_last)
        return segment
    match = _PARAMETER.fullmatch(segment)
    if match is None:
        hint = "a parameter is a whole segment, {name} or {name:converter}"
        raise place.error(f"{segment!r} mixes text and braces; {hint}")
    name: str = match[1]
    if not (name.isascii() and name.isidentifier()):
        raise place.error(f"{name!r} cannot name a parameter; use letters, digits and underscores")
    converter = known.get("str" if match[2] is None else match[2])
    if converter is None:
        raise place.error(f"there is no converter {match[2]!r}; there are {', '.join(sorted(known))}")
    if converter.spans and not is_last:
        raise place.error(f"{segment} takes the rest of the path, so nothing can come after it")
    return Parameter(name, converter)


def _check_literal(place: _Place, segment: str, is_last: bool) -> None:
    """Refuse text that would never be met: what `check_path` or the server refuses, or reads as something else."""
    if not segment and not is_last:
        raise place.error("a segment is empty: two slashes in a row")
    if segment in {".", ".."}:
        raise place.error(f"a segment {segment!r} is never served")
    for character, meaning in (("?", "begins the query"), ("#", "begins the fragment")):
        if character in segment:
            raise place.error(f"{character!r} {meaning}, which is no part of a path")
    if re.search(r"%[0-9A-Fa-f]{2}", segment):
        raise place.error(f"{segment!r} is percent-encoded; write the characters themselves")
    if _CONTROL.search(segment):
        raise place.error(f"{segment!r} has a control character")
