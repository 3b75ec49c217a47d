"""What a person says on the command line about members and values of a JSON Schema that are called otherwise now.

====================  ==================================================
``Line.qty=quantity``  a member or a listed value of a definition
``qty=quantity``       one of the schema itself
``/lines/*.qty=size``  one of a type without a name, by a pointer from the schema, or from a definition: ``Line/a.b=c``
====================  ==================================================
"""

from collections.abc import Iterator, Sequence

from perdure.gtype.nodes import Array, GType, Intersection, Node, Object, Record, Ref, Tuple, Union
from perdure.timescape.authoring.hints import HintError, must_be
from perdure.timescape.renames import names_in

__all__ = ["read_schema_hints"]


def read_schema_hints(renames: Sequence[str], before: GType, after: GType) -> dict[tuple[str, str], str]:
    """Return what *renames* say of the change from *before* to *after*, as `perdure.diff.types.diff_types` takes it.

    Raises:
        HintError: One of them is malformed, or names what is not there; the error says what was probably meant.
    """
    found: dict[tuple[str, str], str] = {}
    for text in renames:
        where, sign, new = (part.strip() for part in text.partition("="))
        owner, _, old = where.rpartition(".")
        if not (sign and old and new):
            raise HintError(f"--rename {text}: write it as Type.old=new, or old=new for a member of the schema itself")
        name, slash, pointer = owner.partition("/")
        if name:
            must_be(name, before.definitions, f"--rename {text}: there was no type {name!r}")
        what = owner or "the schema"
        places = [list(_places(side, name, slash + pointer)) for side in (before, after)]
        ours, theirs = (
            {each for node in nodes for each in names_in(side.resolve(node))}
            for side, nodes in zip((before, after), places, strict=True)
        )
        must_be(old, ours, f"--rename {text}: {what} had no {old!r}")
        if theirs:
            must_be(new, theirs, f"--rename {text}: {what} has no {new!r}")
        # What has a name is compared under it, unless it has one on one side only.
        for each in (owner, *(node.name for node in places[0] if isinstance(node, Ref))):
            if found.setdefault((each, old), new) != new:
                raise HintError(f"--rename {text}: {old!r} is said to be {found[each, old]!r} already")
    return found


def _places(side: GType, name: str, pointer: str) -> Iterator[Node]:
    """Yield what is found at *pointer* from the definition *name*, or from the root."""
    start: Node | None = side.definitions.get(name) if name else side.root
    tokens = [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]
    if start is not None:
        yield from _at(side.resolve(start) if tokens else start, tokens)


def _at(node: Node, tokens: Sequence[str]) -> Iterator[Node]:
    """Yield the types that values at *tokens* inside *node* may have; what is within a reference has an owner."""
    match node:
        case Union(members=members) | Intersection(members=members):
            for member in members:
                yield from _at(member, tokens)
        case _ if not tokens:
            yield node
        case Object(fields=fields):
            for field in fields:
                if field.name == tokens[0]:
                    yield from _at(field.node, tokens[1:])
        case Array(items=inner) | Record(values=inner) if tokens[0] == "*":
            yield from _at(inner, tokens[1:])
        case Tuple(items=items) if tokens[0].isdecimal() and int(tokens[0]) < len(items):
            yield from _at(items[int(tokens[0])], tokens[1:])
        case _:
            pass
