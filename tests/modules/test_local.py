"""Modules in the server's own process."""

import types
from collections.abc import AsyncIterator
from typing import Any

import pytest

from perdure import App, GlobalContext
from perdure.errors import DefinitionError
from tests.calls import call, executions_of


class Stock:
    """A module with all sorts of members."""

    currency = "EUR"

    def __init__(self) -> None:
        self.asked = 0

    @property
    def left(self) -> int:
        return 7 - self.asked

    @property
    def broken(self) -> int:
        raise RuntimeError("asked too early")

    def count(self, sku: str, *, times: int = 1) -> int:
        """Count."""
        self.asked += 1
        return len(sku) * times

    async def all(self) -> AsyncIterator[str]:
        yield "a"
        yield "b"

    def fail(self) -> None:
        raise LookupError("nothing")


def asking(ask: Any, module: object = None) -> tuple[App, Any]:
    app = App("t")
    app.module("stock", Stock() if module is None else module)

    @app.get("/")
    async def handle(gctx: GlobalContext) -> Any:
        outcome = ask(gctx.modules.stock)
        return await outcome if hasattr(outcome, "__await__") else outcome

    return app, executions_of(app)


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (lambda stock: stock.count("abc"), 3), (lambda stock: stock.count("abc", times=2), 6),
        (lambda stock: stock.currency + "!", "EUR!"), (lambda stock: stock.left, 7),
        (lambda stock: stock.count.__doc__, "Count."),
    ],
)  # fmt: skip
def test_a_modules_members_are_its_own(ask: Any, expected: object) -> None:
    app, _ = asking(ask)
    response = call(app, "GET", "/")
    assert expected == (response.json() if isinstance(expected, int) else response.text)


def test_properties_are_read_when_they_are_asked_for() -> None:
    stock = Stock()
    app, _ = asking(lambda stub: [stub.left, stub.count("a"), stub.left], stock)
    assert [7, 1, 6] == call(app, "GET", "/").json()


def test_an_async_generator_of_a_module_is_iterated_as_ever() -> None:
    async def ask(stock: Stock) -> list[str]:
        return [each async for each in stock.all()]

    app, _ = asking(ask)
    assert ["a", "b"] == call(app, "GET", "/").json()


def test_each_call_is_an_event() -> None:
    def ask(stock: Stock) -> str:
        stock.count("a")
        with pytest.raises(LookupError):
            stock.fail()
        return "asked"

    app, executions = asking(ask)
    assert "asked" == call(app, "GET", "/").text
    assert [("stock.count", "start"), ("stock.count", "end"), ("stock.fail", "start"), ("stock.fail", "error")] == [
        (event.name, event.kind) for event in executions[0].events if event.stage == "module"
    ]


def test_a_python_module_is_a_module_too() -> None:
    module = types.ModuleType("prices")

    def price(sku: str) -> int:
        return len(sku)

    def fail() -> None:
        raise LookupError("secret")

    module.price, module.fail = price, fail  # type: ignore[attr-defined]
    app, executions = asking(lambda prices: prices.price("abc"), module)
    assert 3 == call(app, "GET", "/").json()
    assert ["stock.price", "stock.price"] == [event.name for event in executions[0].events if event.stage == "module"]
    failing, _ = asking(lambda prices: prices.fail(), module)
    assert 502 == call(failing, "GET", "/").status_code


@pytest.mark.parametrize("name", ["", "a b", "1a", "_private", "register", "a.b", "class"])
def test_a_name_that_handlers_could_not_write_is_refused(name: str) -> None:
    with pytest.raises(DefinitionError, match="identifier"):
        App("t").module(name, object())


def test_a_name_that_is_taken_is_refused_naming_who_has_it() -> None:
    app = App("t")
    app.module("stock", Stock())
    with pytest.raises(DefinitionError, match="Stock"):
        app.module("stock", Stock())


def test_a_module_can_be_called_outside_of_any_request() -> None:
    app = App("t")
    app.module("stock", Stock())
    seen: list[int] = []

    @app.startup
    async def start(gctx: GlobalContext) -> None:
        seen.append(gctx.modules.stock.count("abc"))

    app.get("/")(lambda: "ok")
    assert "ok" == call(app, "GET", "/").text
    assert [3] == seen


def test_a_handler_cannot_replace_a_module_for_all_others() -> None:
    app = App("t")
    app.module("stock", Stock())

    @app.get("/")
    async def handle(gctx: GlobalContext) -> int:
        with pytest.raises(AttributeError):
            gctx.modules.stock = None
        with pytest.raises(AttributeError):
            gctx.modules.other = None
        count: int = gctx.modules.stock.count("ab")
        return count

    assert 2 == call(app, "GET", "/").json()
