"""Who was not let in, and why, as the audit log's text tells it where nobody prints its fields."""

import logging

import pytest

from perdure import App
from tests.badge import Badge
from tests.calls import call


def told(caplog: pytest.LogCaptureFixture, path: str, **headers: str) -> str:
    app = App("shop", auth=[Badge()])

    @app.get("/orders/{id}", roles={"clerk"})
    async def order() -> None:
        return None

    with caplog.at_level(logging.INFO, "perdure.audit"):
        call(app, "GET", path, headers=headers)
    [record] = [each for each in caplog.records if each.name == "perdure.audit"]
    return record.getMessage()


def test_client_without_credentials_is_told_with_method_path_and_address(caplog: pytest.LogCaptureFixture) -> None:
    assert "unauthenticated: no credentials (GET '/orders/1' from 127.0.0.1:123)" == told(caplog, "/orders/1?a=secret")


def test_client_with_bad_credentials_is_told_with_what_was_wrong(caplog: pytest.LogCaptureFixture) -> None:
    message = told(caplog, "/orders/1", **{"x-badge": "false"})
    assert "unauthenticated: a false badge (GET '/orders/1' from 127.0.0.1:123)" == message


def test_client_that_may_not_is_told_by_name(caplog: pytest.LogCaptureFixture) -> None:
    message = told(caplog, "/orders/1", **{"x-badge": "ada"})
    assert message.startswith("forbidden: ")
    assert message.endswith("(GET '/orders/1' from 127.0.0.1:123 as 'badge:ada')")


def test_path_with_line_breaks_writes_no_line_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    message = told(caplog, "/orders/1%E2%80%A8forged:%20all%20is%20well")
    assert message.isprintable()
    assert r"'/orders/1\u2028forged: all is well'" in message
