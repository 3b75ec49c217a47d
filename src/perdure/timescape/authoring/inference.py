"""What is certainly called otherwise now, though nobody said so: values of enumerations that kept their names."""

from perdure.gtype.nodes import Enum
from perdure.manifest.records import Api
from perdure.timescape.authoring.counterparts import counterparts
from perdure.timescape.authoring.hints import Hints
from perdure.timescape.authoring.sides import Sides

__all__ = ["with_inferred"]


def with_inferred(hints: Hints, before: Api, after: Api) -> Hints:
    """Return *hints* and, for enumerations of *before*, the values that *after* has under the same member's name.

    It is what generated transformers rename without being told, so that everything else calls it a rename too.

    Args:
        hints: What a person said; it goes before what is found here.
        before: The API as recorded.
        after: What it became.
    """
    members = {owner: dict(names) for owner, names in hints.members.items()}
    for old, new in Sides(before, after, hints).types.items():
        source, target = before.types[old], after.types.get(new or "")
        if not isinstance(source, Enum) or not isinstance(target, Enum) or source == target:
            continue
        found = counterparts(source, target, members.get(old, {}))
        renamed = {str(one): str(other) for one, other in found.items() if str(one) != str(other)}
        if renamed:
            members[old] = {**renamed, **members.get(old, {})}
    return Hints(hints.types, members, hints.moves)
