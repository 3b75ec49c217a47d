"""Litestar with msgspec Structs, its native kind of model."""

from litestar import Litestar, get, post
from litestar.params import FromPath, JSONBody
from structs import NewOrder, Order, User, find_user, place


@get("/users/{user_id:int}")
async def get_user(user_id: FromPath[int]) -> User:
    """Return one user."""
    return find_user(user_id)


@post("/orders", status_code=201)
async def create_order(data: JSONBody[NewOrder]) -> Order:
    """Place an order."""
    return place(data)


app = Litestar([get_user, create_order], openapi_config=None)
