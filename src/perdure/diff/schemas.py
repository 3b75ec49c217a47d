"""What changed from one JSON Schema to another, for anyone who has two of them."""

from collections.abc import Mapping

from perdure.diff.findings import Finding, Profile
from perdure.diff.rules import Flow
from perdure.diff.types import diff_types
from perdure.errors import TypeDefinitionError
from perdure.gtype.json_schema_import import from_json_schema
from perdure.gtype.nodes import GType

__all__ = ["diff_schemas"]


def diff_schemas(
    old: object, new: object, direction: Flow, *, renames: Mapping[tuple[str, str], str] = {}, profile: Profile = "json"
) -> tuple[Finding, ...]:
    """Return what changed from *old* to *new*, as `perdure.diff.types.diff_types` does.

    Args:
        old: The JSON Schema clients know, 2020-12, as a JSON decoder returns it.
        new: The schema they will meet.
        direction: ``request``: clients send what *old* allows; ``response``: they read what *new* allows.
        renames: What properties were renamed to, by the name of the definition, or the pointer, and the old name.
        profile: How clients read.
    Raises:
        TypeDefinitionError: One of the two is no JSON Schema, refers to other documents, or has a keyword whose values
            cannot be compared: ``not``, ``if``, ``patternProperties``, ``contains`` and the like. Nothing is left out
            in silence. The error says which of the two, and where.
    Source: SPEC 3.5.
    """
    before, after = _read(old, "old"), _read(new, "new")
    return diff_types(before, after, direction, renames=renames, profile=profile)


def _read(schema: object, which: str) -> GType:
    if not isinstance(schema, Mapping | bool):
        raise TypeDefinitionError(f"the {which} schema is no JSON Schema: it must be an object, true or false")
    try:
        return from_json_schema(schema)
    except TypeDefinitionError as error:
        raise TypeDefinitionError(f"the {which} schema: {error}") from None
