"""Property 11: a response is validated before it leaves.

A handler that declares a type answers whatever is drawn. The judge is jsonschema-rs, by a schema written beside the
type: a client reads the answer iff it is valid, and a 500 that gives nothing away otherwise.
"""

import json
import logging

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perdure import App
from tests.calls import call
from tests.shapes import Shape, documents, records


@settings(
    max_examples=200, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(
    shape=records(), accept=st.sampled_from(["application/json", "application/msgpack"]),
    listed=st.booleans(), data=st.data(),
)  # fmt: skip
def test_a_response_is_validated_before_it_leaves(
    shape: Shape, accept: str, listed: bool, data: st.DataObject, caplog: pytest.LogCaptureFixture
) -> None:
    app = App("drawn")
    answers: list[object] = []
    answer_type = list[shape.python] if listed else shape.python  # type: ignore[name-defined]
    schema = {"type": "array", "items": shape.schema} if listed else shape.schema

    @app.get("/documents")
    async def handle() -> answer_type:  # type: ignore[valid-type]
        return answers[-1]

    for _ in range(3):
        value = data.draw(documents(shape))
        answers.append([value] if listed else value)
        if answers[-1] is None:
            continue  # nothing was answered: another test's business
        caplog.clear()
        with caplog.at_level(logging.ERROR):
            response = call(app, "GET", "/documents", headers={"accept": accept})

        if Shape(None, schema, st.nothing()).admits(answers[-1]):
            assert 200 == response.status_code, response.text
            assert accept == response.headers["content-type"]
            read = json.loads if accept.endswith("json") else msgspec.msgpack.decode
            assert answers[-1] == read(response.content)
        else:
            assert 500 == response.status_code
            assert {"type", "title", "status", "detail", "instance"} == response.json().keys()
            assert ["InvalidResponseError"] == [
                record.exc_info[0].__name__ for record in caplog.records if record.exc_info and record.exc_info[0]
            ]
