"""FastAPI as its tutorial writes it: Pydantic in, the return annotation as response model, no middleware."""

from fastapi import FastAPI
from models import NewOrder, Order, User, find_user, place

app = FastAPI()


@app.get("/users/{user_id}")
async def get_user(user_id: int) -> User:
    """Return one user."""
    return find_user(user_id)


@app.post("/orders", status_code=201)
async def create_order(order: NewOrder) -> Order:
    """Place an order."""
    return place(order)
