"""Property 10: a request body is validated before the handler.

The judge of a body is jsonschema-rs, by a schema written beside the type, not made from it: the handler runs iff the
body is valid, and then it gets what was sent. This holds for JSON and for msgpack.
"""

import json

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perdure import App, Request
from tests.calls import call
from tests.shapes import Shape, documents, records


def known_part(schema: dict[str, object], value: object) -> object:
    """Return *value* without the members its schema does not name."""
    options = schema.get("anyOf")
    if isinstance(options, list):
        return None if value is None else known_part(options[0], value)
    properties, items = schema.get("properties"), schema.get("items")
    if isinstance(properties, dict) and isinstance(value, dict):
        return {name: known_part(properties[name], item) for name, item in value.items() if name in properties}
    if isinstance(items, dict) and isinstance(value, list):
        return [known_part(items, item) for item in value]
    return value


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(shape=records(), media=st.sampled_from(["json", "msgpack"]), data=st.data())
def test_a_request_body_is_validated_before_the_handler(shape: Shape, media: str, data: st.DataObject) -> None:
    app = App("drawn")
    received: list[object] = []

    @app.post("/documents")
    async def handle(req: Request[shape.python]) -> None:  # type: ignore[name-defined]
        received.append(req.body)

    for _ in range(3):
        value = data.draw(documents(shape))
        raw = json.dumps(value).encode() if media == "json" else msgspec.msgpack.encode(value)
        received.clear()
        response = call(app, "POST", "/documents", content=raw, headers={"content-type": f"application/{media}"})

        if shape.admits(value):
            assert 204 == response.status_code, response.text
            assert [known_part(shape.schema, value)] == msgspec.to_builtins(received)
        else:
            assert 400 == response.status_code
            assert "application/problem+json" == response.headers["content-type"]
            assert {"body"} == {fault["in"] for fault in response.json()["errors"]}
            assert [] == received
