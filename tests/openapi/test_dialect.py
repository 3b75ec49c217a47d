"""What cannot be said is left out, so that more is allowed, never less."""

from typing import Any

import jsonschema_rs
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.gtype.nodes import GType, Ref
from perdure.gtype.traversal import reachable
from perdure.gtype.validator import compile_validator
from perdure.openapi.reading import read_openapi_with_warnings
from tests.gtype.strategies import DATA
from tests.openapi.schemas import COMPONENTS, SCHEMAS, document


@settings(max_examples=300, deadline=None)
@given(schemas=st.tuples(SCHEMAS, SCHEMAS, SCHEMAS), data=st.lists(DATA, min_size=5, max_size=20))
def test_whatever_a_schema_allows_is_allowed_by_what_is_read(schemas: tuple[Any, ...], data: list[Any]) -> None:
    found = dict(zip(COMPONENTS, schemas, strict=True))
    source = document(found)
    reading = read_openapi_with_warnings(source)
    exact = not reading.warnings and "'oneOf'" not in repr(schemas)
    try:
        oracle = jsonschema_rs.Draft202012Validator({**source, "$ref": "#/components/schemas/One"})
    except ValueError:
        return
    validator = compile_validator(GType(Ref(name="One"), reachable(Ref(name="One"), reading.api.types)))
    for value in data:
        if oracle.is_valid(value) or exact:
            assert oracle.is_valid(value) == validator.is_valid(value), (value, found, reading.api.types)
