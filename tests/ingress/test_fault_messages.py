"""How much of something a value must have, as clients read it."""

from typing import Annotated

import msgspec
import pytest
from msgspec import Meta, Struct

from perdure import App, Request
from tests.calls import call


class Basket(Struct):
    name: Annotated[str, Meta(min_length=1, max_length=2)] = "a"
    code: Annotated[str, Meta(max_length=1)] = "a"
    lines: Annotated[list[int], Meta(min_length=1, max_length=3)] = msgspec.field(default_factory=lambda: [1])
    tags: Annotated[list[int], Meta(max_length=0)] = []
    seen: Annotated[dict[str, int], Meta(max_length=1)] = {}
    pair: tuple[int, int] = (1, 2)
    only: tuple[int] = (1,)
    raw: Annotated[bytes, Meta(min_length=1)] = b"a"


@pytest.mark.parametrize(
    ("member", "value", "bound"),
    [
        ("name", "", "at least 1 character"),
        ("name", "abc", "at most 2 characters"),
        ("code", "ab", "at most 1 character"),
        ("lines", [], "at least 1 item"),
        ("lines", [1, 2, 3, 4], "at most 3 items"),
        ("tags", [1], "at most 0 items"),
        ("seen", {"a": 1, "b": 2}, "at most 1 member"),
        ("pair", [1], "exactly 2 items"),
        ("only", [], "exactly 1 item"),
        ("raw", "", "at least 1 byte"),
    ],
)
def test_value_of_wrong_size_is_told_in_plain_english(member: str, value: object, bound: str) -> None:
    app = App("shop")

    @app.post("/baskets")
    async def add(req: Request[Basket]) -> None:
        return None

    answer = call(app, "POST", "/baskets", json={member: value})

    assert 400 == answer.status_code
    [fault] = answer.json()["errors"]
    assert (bound, f"must have {bound}") == (fault["expected"], fault["message"])
