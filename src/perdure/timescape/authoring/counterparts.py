"""Which value of one type stands for which of another, where they can be listed."""

from collections.abc import Mapping

from perdure.gtype.nodes import Enum, Node, Scalar
from perdure.timescape.authoring.fitting import finite_values

__all__ = ["constant_of", "counterparts"]


def constant_of(node: Node) -> tuple[Scalar] | None:
    """Return the only value of *node*, in a tuple; None where there are more, or none that can be listed."""
    values = finite_values(node)
    return (values[0],) if values is not None and len(values) == 1 else None


def counterparts(source: Node, target: Node, names: Mapping[str, str]) -> dict[Scalar, Scalar]:
    """Return for values of *source* what they are called in *target*: as said, or the same value, or the same name."""
    theirs = finite_values(target) or ()
    by_text = {str(value): value for value in theirs}
    found: dict[Scalar, Scalar] = {}
    for value in finite_values(source) or ():
        if str(value) in names:
            if names[str(value)] in by_text:
                found[value] = by_text[names[str(value)]]
        elif any(value == other and type(value) is type(other) for other in theirs):
            found[value] = value
    if isinstance(source, Enum) and isinstance(target, Enum):
        new = dict(target.members)
        for name, value in source.members:
            if value not in found and str(value) not in names and name in new and new[name] not in found.values():
                found[value] = new[name]
    return found
