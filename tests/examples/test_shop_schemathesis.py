"""Whatever Schemathesis makes of the shop's OpenAPI documents, the shop answers as they say."""

from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.examples.conftest import Served, bearer

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance, negative_data_rejection,
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_every_answer_is_one_the_document_names(version: str, mode: GenerationMode, served: Served) -> None:
    schema = schemathesis.openapi.from_url(f"{served.server.url}/openapi.json?version={version}")
    asked = []
    for found in schema.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr]  # what is malformed fails here

        @settings(max_examples=12, derandomize=True, deadline=None, database=None, suppress_health_check=[*HealthCheck])
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: schemathesis.Case[Any]) -> None:
            # Everybody asks once, so that nobody asks too often.
            headers = {**bearer(served.database), "API-Version": version}
            case.call_and_validate(headers=headers, checks=CHECKS)
            asked.append(case)

        with suppress(Unsatisfiable):  # what takes any text, or nothing, cannot be asked wrongly
            ask()
    assert len(asked) >= 36
