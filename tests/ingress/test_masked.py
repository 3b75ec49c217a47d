"""What a type marks secret is not shown by the problems that refuse it, wherever in the request it is."""

from typing import Annotated

import pytest
from msgspec import Meta, Struct
from pydantic import BaseModel

from perdure import App, Request
from perdure.context.secret import Secret
from perdure.errors import TypeDefinitionError
from perdure.gtype.markers import Masked
from tests.calls import call

Password = Annotated[str, Meta(min_length=30), Masked]
GOOD = "x" * 30


class Login(Struct):
    user: str
    password: Password
    pins: Annotated[list[int], Masked] = []


class Model(BaseModel):
    password: Password


class Query(Struct):
    token: Password = GOOD
    pin: Annotated[int, Masked] = 1


class Headers(Struct):
    x_api_key: Password = GOOD


class Path(Struct):
    token: Annotated[int, Masked]


app = App("masked")


@app.post("/login")
async def log_in(req: Request[Login, None, Query, Headers]) -> str:
    return ""


@app.post("/model")
async def model(req: Request[Model]) -> str:
    return ""


@app.get("/of/{token}")
async def of(req: Request[None, Path]) -> str:
    return ""


@app.get("/answer")
async def answer() -> Login:
    return Login("ada", "hunter2")


def body(**members: object) -> dict[str, object]:
    return {"json": {"user": "ada", "password": GOOD, **members}}


WAYS: dict[str, tuple[str, str, dict[str, object], str]] = {
    "body": ("POST", "/login", body(password="hunter2"), "/password"),
    "body, another type": ("POST", "/login", body(password={"a": ["hunter2"]}), "/password"),
    "body, in a list": ("POST", "/login", body(pins=[1, "hunter2"]), "/pins/1"),
    "body, all of it": ("POST", "/login", {"json": ["hunter2"]}, ""),
    "model": ("POST", "/model", {"json": {"password": "hunter2"}}, "/password"),
    "query": ("POST", "/login", body() | {"params": {"token": "hunter2"}}, "/token"),
    "query, another type": ("POST", "/login", body() | {"params": {"pin": "hunter2"}}, "/pin"),
    "query, twice": ("POST", "/login", body() | {"params": {"token": ["hunter2", "hunter2"]}}, "/token"),
    "header": ("POST", "/login", body() | {"headers": {"x-api-key": "hunter2"}}, "/x_api_key"),
    "path": ("GET", "/of/hunter2", {}, "/token"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_secret_that_is_refused_is_masked(way: str) -> None:
    method, path, options, pointer = WAYS[way]
    response = call(app, method, path, **options)
    assert 400 == response.status_code
    assert "hunter2" not in response.text
    assert [(pointer, "***")] == [(fault["pointer"], fault["actual"]) for fault in response.json()["errors"]]


def test_a_body_that_is_cut_off_is_refused_without_showing_it() -> None:
    cut = call(app, "POST", "/login", content=b'{"password": "hunter2', headers={"content-type": "application/json"})
    assert 400 == cut.status_code
    assert "hunter2" not in cut.text


def test_an_answer_that_is_refused_shows_its_secret_neither_to_the_client_nor_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    response = call(app, "GET", "/answer")
    assert 500 == response.status_code
    assert "must have at least 30 characters" in caplog.text
    assert "hunter2" not in response.text + caplog.text


class Holder(Struct):
    password: Secret


def test_a_secret_of_the_manager_is_no_type_of_a_request_or_an_answer() -> None:
    wrong = App("wrong")

    @wrong.get("/")
    async def handle() -> Holder:
        return Holder(Secret(GOOD))

    with pytest.raises(TypeDefinitionError, match="Secret"):
        wrong.compile()
