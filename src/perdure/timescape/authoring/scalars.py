"""How a single value becomes one of another kind: numbers, texts, dates."""

import re
from typing import NamedTuple

from msgspec.structs import fields

from perdure.gtype.nodes import Bytes, Date, DateTime, Decimal, Duration, Integer, Node, Number, String, Time, Uuid
from perdure.timescape.authoring.notes import Notes

__all__ = ["Recipe", "is_free", "scalar_recipe"]

_DIGIT = r"(?:\[0-9\]|\[1-9\]|\\d)"
_MANY = r"(?:[+]|[{][0-9]+(?:,[0-9]*)?[}])?"
_NUMERIC = re.compile(rf"\^(?:-\??)?(?:{_DIGIT}{_MANY}|{_DIGIT}\*)+(?P<fraction>\(?\\\.{_DIGIT}{_MANY}\)?\??)?\$")
"""Patterns whose texts are all numbers: ``^[0-9]+\\.[0-9]{2}$``."""
_WHOLE = 'r"-?[0-9]{1,200}"'
_ANY_NUMBER = r'r"-?[0-9]{1,200}(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?"'
"""As long as a float can hold it; what `str` makes of most numbers is among them."""
_ANNOTATIONS = frozenset({"description", "deprecated", "secret", "format"})
"""What a node may say besides which values it has."""


class Recipe(NamedTuple):
    """Code for one value, and which values it is for."""

    text: str
    condition: str = ""
    """An expression that is true for the values *text* is for; "" for all."""
    otherwise: str = ""
    """What the other values are: ``a text that is no number``."""


def scalar_recipe(source: Node, target: Node, value: str, notes: Notes) -> Recipe | None:
    """Return how the expression *value*, which is a *source*, becomes a *target*; None where only a person can say.

    The target may have rules that its kind alone does not say; what is made here must be asked for those.
    """
    match source, target:
        case Number(), Integer():
            return Recipe(f"int({value})", f"{value} == int({value})", "a number with a fraction")
        case Integer(), String():
            return Recipe(f"str(int({value}))")
        case ((Number() | Decimal()), String()):
            return Recipe(f"str({value})")
        case Decimal(), Number():
            notes.imports.add("math")
            return Recipe(f"float({value})", f"math.isfinite(float({value}))", "a decimal that is too large")
        case String(), (Integer() | Number() | Decimal()):
            return _read_number(source, target, value, notes)
        case ((Date() | DateTime() | Time() | Duration() | Uuid() | Bytes()), String()):
            return Recipe(value)
        case _:
            return None


def is_free(node: Node) -> bool:
    """Tell whether *node* has no rules besides its kind, which a converted value might break."""
    rules = {field.name for field in fields(node) if getattr(node, field.name) != field.default} - _ANNOTATIONS
    if isinstance(node, String) and node.min_length in {0, 1}:  # no number is written as ""
        rules.discard("min_length")
    return not rules


def _read_number(source: String, target: Node, value: str, notes: Notes) -> Recipe:
    call = "str" if isinstance(target, Decimal) else "int" if isinstance(target, Integer) else "float"
    text = value if call == "str" else f"{call}({value})"
    numeric = _NUMERIC.fullmatch(source.pattern or "")
    if numeric is not None and (call != "int" or not numeric["fraction"]):
        return Recipe(text)
    notes.imports.add("re")
    pattern = _WHOLE if call == "int" else _ANY_NUMBER
    return Recipe(text, f"re.fullmatch({pattern}, {value})", "a text that is no number")
