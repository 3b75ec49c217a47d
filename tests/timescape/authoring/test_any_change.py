"""Any change of any types gives a file that loads, and that makes valid values or says that something is open."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from msgspec.structs import replace

from perdure.errors import (
    TransformerMissingError,
    TypeDefinitionError,
    UntranslatableRequestError,
    UntranslatableResponseError,
)
from perdure.gtype.generate import values
from perdure.gtype.nodes import AnyValue, Array, GType, Node, Null, Object, Ref, String, Union
from perdure.gtype.traversal import endless, reachable
from perdure.gtype.validator import compile_validator
from perdure.manifest.records import Api, Endpoint
from perdure.timescape.parts import RequestParts, ResponseParts
from tests.gtype import strategies as types
from tests.timescape.authoring.recorded import record_change

THING = Ref(name="Thing")
LEAVES = types.scalars() | types.formatted() | st.just(AnyValue())
REFERENCES = st.sampled_from("ABC").map(lambda name: Ref(name=name))
NODES: st.SearchStrategy[Node] = st.recursive(
    LEAVES | REFERENCES,
    lambda inner: st.one_of(*types.containers(inner, st.just(String())).values()),
    max_leaves=5,
)
OBJECTS = types.objects(NODES)


@st.composite
def type_pairs(draw: DrawFn) -> tuple[dict[str, Node], dict[str, Node]]:
    """Types, and the same types after some edits; or the other way round."""
    old: dict[str, Node] = {
        "Thing": draw(OBJECTS | NODES), "A": draw(OBJECTS | LEAVES), "B": draw(OBJECTS | LEAVES), "C": draw(LEAVES)
    }  # fmt: skip
    new = dict(old)
    for name in draw(st.lists(st.sampled_from(list(old)), min_size=1, max_size=3, unique=True)):
        new[name] = draw(edits(old[name]))
    return (new, old) if draw(st.booleans()) else (old, new)


@st.composite
def edits(draw: DrawFn, node: Node) -> Node:
    """What one edit makes of *node*."""
    made = draw(st.sampled_from(["other", "list", "nullable", "member", "member", "member"]))
    if made == "other":
        return draw(OBJECTS | NODES)
    if made == "list":
        return Array(items=node)
    if made == "nullable" or not isinstance(node, Object) or not node.fields:
        return Union(members=(node, Null()))
    fields = list(node.fields)
    place = draw(st.integers(0, len(fields) - 1))
    field = fields.pop(place)
    kept = draw(st.sampled_from([None, *(draw(NODES), Array(items=field.node), Union(members=(field.node, Null())))]))
    if kept is not None:
        fields.insert(place, replace(field, node=kept, required=draw(st.booleans())))
    return replace(node, fields=tuple(fields), closed=draw(st.booleans()))


def api_of(definitions: dict[str, Node]) -> Api:
    endpoint = Endpoint(handler="echo", body=THING, response=THING)
    return Api(types=reachable(THING, definitions), endpoints={"POST /things": endpoint})


def drawn(data: st.DataObject, api: Api) -> Any:
    return json.loads(json.dumps(data.draw(values(GType(THING, api.types)))))


def is_possible(api: Api) -> bool:
    """Tell whether the types of *api* have a value."""
    if endless(api.types) is not None:
        return False
    try:
        values(GType(THING, api.types))
    except TypeDefinitionError:
        return False
    return True


@settings(max_examples=50, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(type_pairs(), st.data())
def test_any_change_gives_valid_values_or_says_what_is_open(
    pair: tuple[dict[str, Node], dict[str, Node]], data: st.DataObject
) -> None:
    old, new = api_of(pair[0]), api_of(pair[1])
    assume(old.types != new.types and is_possible(old) and is_possible(new))
    with tempfile.TemporaryDirectory() as folder:
        recorded = record_change(Path(folder), old, new)
        note(recorded.text)
        chain = recorded.chain("POST /things")
    request, answer = RequestParts(body=drawn(data, old)), ResponseParts(body=drawn(data, new))
    ways: list[tuple[RequestParts | ResponseParts, Api, Callable[[], None]]] = [
        (request, new, lambda: None if chain is None else chain.request(request)),
        (answer, old, lambda: None if chain is None else chain.response(answer)),
    ]
    for parts, api, carry in ways:
        try:
            carry()
        except (UntranslatableRequestError, UntranslatableResponseError) as error:
            if isinstance(error.__cause__, TransformerMissingError) and recorded.written.holes:
                continue
            raise
        assert compile_validator(GType(THING, api.types)).faults(parts.body) == ()
