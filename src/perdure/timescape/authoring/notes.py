"""What a generated file needs besides its functions, gathered while they are written."""

from collections.abc import Mapping
from typing import final

from perdure.gtype.nodes import Scalar
from perdure.timescape.authoring.layout import Call, Code, MapOf, Text, literal, statement

__all__ = ["Notes", "identifier"]


@final
class Notes:
    """Imports, tables and holes of one file."""

    def __init__(self) -> None:
        self.imports: set[str] = set()
        """Modules of the standard library."""
        self.holes = 0
        """How often a person is asked."""
        self.tables: dict[str, tuple[str, ...]] = {}
        """Lines of the constants, by name."""
        self.taken: set[str] = {"Any", "RequestParts", "ResponseParts", "Revision", "math", "re", "revision"}
        """Names at the top level of the file."""

    def hole(self, what: str, *made_of: str) -> Code:
        """Return code that asks a person: *what* to make of the expressions *made_of*."""
        self.holes += 1
        return Call("revision.todo", (Text(literal(what)), *map(Text, made_of)))

    def table(self, name: str, entries: Mapping[Scalar, Scalar]) -> str:
        """Return the name of a constant with *entries*, called *name* if it can be."""
        if all(isinstance(key, str) for key in entries):
            code: Code = MapOf(tuple((str(key), Text(literal(value))) for key, value in entries.items()))
        else:
            code = Text("{" + ", ".join(f"{literal(key)}: {literal(value)}" for key, value in entries.items()) + "}")
        number, chosen = 1, name
        while True:
            lines = tuple(statement(f"{chosen} = ", code, 0))
            if self.tables.get(chosen) == lines:
                return chosen
            if chosen not in self.taken:
                self.taken.add(chosen)
                self.tables[chosen] = lines
                return chosen
            number, chosen = number + 1, f"{name}_{number + 1}"

    def unique(self, name: str) -> str:
        """Return *name*, or with a number at its end where the file has it already."""
        number, chosen = 1, name
        while chosen in self.taken:
            number, chosen = number + 1, f"{name}_{number + 1}"
        self.taken.add(chosen)
        return chosen


def identifier(text: str, taken: frozenset[str] = frozenset()) -> str:
    """Return *text* as a Python name in small letters: ``OrderLine`` is ``order_line``, ``Page[Order]`` ``page_order``.

    Args:
        text: Any name.
        taken: Names that it may not be.
    """
    import builtins
    import keyword
    import re

    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", text)
    name = re.sub(r"[^A-Za-z0-9]+", "_", spaced).strip("_").lower()
    if not name or name[0].isdigit():
        name = f"value_{name}".rstrip("_")
    while keyword.iskeyword(name) or keyword.issoftkeyword(name) or hasattr(builtins, name) or name in taken:
        name += "_"
    return name
