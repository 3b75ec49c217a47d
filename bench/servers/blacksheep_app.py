"""BlackSheep with Pydantic models: the only kind its binder validates constraints and nested lists of."""

from blacksheep import Application, FromJSON, Response, get, json, post
from models import NewOrder, User, find_user, place

app = Application()


@get("/users/{user_id}")
async def get_user(user_id: int) -> User:
    """Return one user."""
    return find_user(user_id)


@post("/orders")
async def create_order(order: FromJSON[NewOrder]) -> Response:
    """Place an order."""
    return json(place(order.value), 201)
