"""What a handler's signature and annotations say, and what is refused of them."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict
from uuid import UUID

import pytest
from msgspec import Struct

import perdure
from perdure import (
    App,
    Empty,
    Event,
    File,
    Form,
    GlobalContext,
    LocalContext,
    Meta,
    Redirect,
    Request,
    Response,
    Text,
    UploadFile,
)
from perdure.errors import DefinitionError, RouteDefinitionError, SignatureError, TypeDefinitionError
from tests.calls import call

if TYPE_CHECKING:
    from decimal import Decimal

    from nowhere_at_all import Ghost  # type: ignore[import-not-found]


class Order(Struct):
    quantity: int


class Upload(Struct):
    file: UploadFile


class Ids(TypedDict):
    ids: Iterable[int]


class OrderPath(TypedDict):
    order_id: int


def serve(handler: Any, path: str = "/") -> App:
    app = App("t")
    app.get(path)(handler)
    app.compile()
    return app


def refusal(handler: Any, path: str = "/") -> str:
    """Return the message with which *handler* is refused, at the latest when the app is compiled."""
    with pytest.raises(DefinitionError) as refused:
        serve(handler, path)
    message = str(refused.value)
    assert f"{Path(__file__).name}:" in message
    return message


def show(*given: object) -> list[str]:
    return [type(each).__name__ for each in given]


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (lambda: show(), []),
        (lambda req: show(req), ["Request"]),
        (lambda res: show(res), ["Response"]),
        (lambda lctx: show(lctx), ["LocalContext"]),
        (lambda gctx: show(gctx), ["GlobalContext"]),
        (lambda req, gctx: show(req, gctx), ["Request", "GlobalContext"]),
        (lambda res, lctx: show(res, lctx), ["Response", "LocalContext"]),
        (lambda req, res, lctx: show(req, res, lctx), ["Request", "Response", "LocalContext"]),
        (
            lambda req, res, lctx, gctx: show(req, res, lctx, gctx),
            ["Request", "Response", "LocalContext", "GlobalContext"],
        ),
    ],
)
def test_a_handler_gets_what_it_names(handler: Callable[..., object], expected: list[str]) -> None:
    app = App("t")
    app.get("/")(handler)
    assert expected == call(app, "GET", "/").json()


@pytest.mark.parametrize(
    ("handler", "parameter", "why"),
    [
        (lambda request: None, "request", "is none of: req, res, lctx, gctx"),
        (lambda res, req: None, "req", "comes after 'res'"),
        (lambda gctx, lctx: None, "lctx", "comes after 'gctx'"),
        (lambda *args: None, "args", "collects arguments"),
        (lambda req, **kwargs: None, "kwargs", "collects arguments"),
        (lambda *, req: None, "req", "is keyword-only"),
        (lambda req=None: None, "req", "has a default"),
        (lambda error: None, "error", "is none of"),
        (lambda ws: None, "ws", "is none of"),
        (functools.partial(lambda req, lctx: None, lctx=None), "lctx", "is keyword-only"),
    ],
)
def test_a_signature_that_does_not_conform_is_refused(handler: Any, parameter: str, why: str) -> None:
    message = refusal(handler)
    assert f"parameter {parameter!r} {why}" in message
    assert "<lambda>" in message


def test_what_cannot_be_called_is_refused() -> None:
    app = App("t")
    with pytest.raises(SignatureError, match="not callable"):
        app.get("/")("handler")  # type: ignore[type-var]


class Owner:
    def method(self, req: Request) -> list[str]:
        return show(req)

    async def later(self, req: Request, lctx: LocalContext) -> list[str]:
        return show(req, lctx)

    @classmethod
    def of_class(cls, gctx: GlobalContext) -> list[str]:
        return show(gctx)

    @staticmethod
    def static(res: Response) -> list[str]:
        return show(res)

    def __call__(self, req: Request[Order]) -> int:
        return req.body.quantity

    def bad(self, something: object) -> None: ...


@pytest.mark.parametrize("name", ["method", "later", "of_class", "static"])
def test_methods_are_handlers(name: str) -> None:
    app = App("t")
    app.get("/")(getattr(Owner(), name))
    assert 200 == call(app, "GET", "/").status_code


def test_a_methods_refusal_names_it() -> None:
    assert "Owner.bad" in refusal(Owner().bad)


def test_callable_objects_and_partials_are_handlers_with_their_types() -> None:
    app = App("t")

    def sell(factor: int, req: Request[Order]) -> int:
        return factor * req.body.quantity

    app.post("/object")(Owner())

    def sell_in(req: Request[Order], currency: str) -> str:
        return f"{req.body.quantity} {currency}"

    app.post("/keyword")(functools.partial(sell_in, currency="EUR"))
    assert "5 EUR" == call(app, "POST", "/keyword", json={"quantity": 5}).text
    app = App("t")
    app.post("/object")(Owner())
    app.post("/partial")(functools.partial(sell, 3))
    assert 5 == call(app, "POST", "/object", json={"quantity": 5}).json()
    assert 15 == call(app, "POST", "/partial", json={"quantity": 5}).json()
    assert 400 == call(app, "POST", "/partial", json={"quantity": "five"}).status_code
    assert ["Owner", "sell"] == sorted(manifest.id for manifest in app.manifests())


def test_wrapped_handlers_keep_their_signature() -> None:
    def logged(fn: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(fn)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            return await fn(*args, **kwargs)

        return wrapper

    app = App("t")

    @app.post("/")
    @logged
    async def handle(req: Request[Order]) -> Order:
        return req.body

    assert {"quantity": 5} == call(app, "POST", "/", json={"quantity": 5}).json()


def test_generators_are_streams() -> None:
    app = App("t")

    @app.get("/async")
    async def several(req: Request) -> AsyncIterator[bytes]:
        yield req.path.encode()
        yield b"!"

    @app.get("/sync")
    def several_sync() -> Iterator[str]:
        yield "a"
        yield "b"

    assert "/async!" == call(app, "GET", "/async").text
    assert "ab" == call(app, "GET", "/sync").text


def test_what_yields_events_is_an_event_stream() -> None:
    app = App("t")

    @app.get("/async")
    async def several(req: Request) -> AsyncIterator[Event]:
        yield Event({"path": req.path})
        yield Event("x", event="e", id="1")

    @app.get("/sync")
    def several_sync() -> Iterator[Event | str]:
        yield Event("a")
        yield "b"

    @app.get("/returned")
    async def returned(req: Request) -> AsyncIterator[Event]:
        return several(req)

    for path in ("/async", "/returned"):
        answer = call(app, "GET", path)
        assert "text/event-stream" == answer.headers["content-type"]
        assert f'data: {{"path":"{path}"}}\n\nevent: e\nid: 1\ndata: x\n\n' == answer.text
    answer = call(app, "GET", "/sync")
    assert "text/event-stream" == answer.headers["content-type"]
    assert "data: a\n\ndata: b\n\n" == answer.text


def test_generators_without_a_declared_type_are_streams() -> None:
    app = App("t")

    @app.get("/")
    async def several():  # type: ignore[no-untyped-def]
        yield b"a"
        yield "b"

    assert "ab" == call(app, "GET", "/").text


async def _yields_data() -> AsyncIterator[dict[str, int]]:
    yield {"a": 1}


def _yields_numbers() -> Iterator[int]:
    yield 1


def _yields_a_mixture() -> Iterator[bytes | Order]:
    yield b""


def _yields_what_is_iterable() -> Iterable[int]:
    yield 1


def _returns_an_iterator() -> Iterator[int]:
    return iter((1,))


def _yields_at_all() -> int:  # type: ignore[misc]
    yield 1


@pytest.mark.parametrize(
    ("handler", "shown"),
    [
        (_yields_data, "dict[str, int], which cannot be streamed"), (_yields_numbers, "int, which"),
        (_yields_a_mixture, "Order, which"), (_yields_what_is_iterable, "int, which"),
        (_returns_an_iterator, "int, which"), (_yields_at_all, "yields, but is declared to answer int"),
    ],
)  # fmt: skip
def test_what_yields_anything_else_is_refused(handler: Callable[..., Any], shown: str) -> None:
    message = refusal(handler)
    assert shown in message
    assert handler.__name__ in message


def test_a_body_of_any_kind_is_any_json() -> None:
    app = App("t")

    @app.post("/")
    async def handle(req: Request[object]) -> object:
        return req.body

    @app.post("/in")
    async def inside(req: Request[dict[str, object]]) -> object:
        return req.body["a"]

    for value in ({"a": [1]}, [None, "x"], 3, "text"):
        assert value == call(app, "POST", "/", json=value).json()
        assert value == call(app, "POST", "/in", json={"a": value}).json()


def test_a_body_that_cannot_be_decoded_is_refused() -> None:
    async def whole(req: Request[Iterable[int]]) -> None: ...

    async def inside(req: Request[dict[str, list[Iterable[int]]]]) -> None: ...

    async def asked(req: Request[None, Any, Ids]) -> None: ...

    for handler in (whole, inside, asked):
        message = refusal(handler)
        assert handler.__name__ in message
        assert "Iterable" in message

    def answered() -> Iterable[int]:
        return [1, 2]

    assert [1, 2] == call(serve(answered), "GET", "/").json()


@pytest.mark.parametrize(
    ("annotation", "parameter"),
    [(int, "req"), ("LocalContext", "req"), (Request, "res"), (Response, "lctx"), (Meta, "gctx"), ("Order", "req"),
     ("Request | None", "req")],
)  # fmt: skip
def test_a_parameter_annotated_with_something_else_is_refused(annotation: Any, parameter: str) -> None:
    def handle(req: Any, res: Any, lctx: Any, gctx: Any) -> None: ...

    handle.__annotations__[parameter] = annotation
    message = refusal(handle)
    assert f"parameter {parameter!r} is annotated with" in message
    assert "handle" in message


def test_contexts_are_known_by_any_way_to_write_them() -> None:
    app = App("t")

    @app.post("/")
    async def handle(
        req: perdure.Request[Order], res: Response[Any], lctx: LocalContext, gctx: GlobalContext[Any]
    ) -> int:  # fmt: skip
        return req.body.quantity

    assert 5 == call(app, "POST", "/", json={"quantity": 5}).json()


def test_types_only_imported_for_type_checking_resolve() -> None:
    app = App("t")

    @app.post("/")
    async def handle(req: Request[list[Decimal]]) -> str:
        return str(sum(req.body))

    assert "3.50" == call(app, "POST", "/", json=["1.25", "2.25"]).text


def test_an_import_that_is_missing_is_named() -> None:
    async def handle(req: Request[Ghost]) -> None: ...

    message = refusal(handle)
    assert "Ghost" in message
    assert "nowhere_at_all" in message


def test_a_name_that_is_nowhere_is_named() -> None:
    async def handle(req: Request[Unheard]) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    assert "Unheard" in refusal(handle)


def test_types_defined_in_the_function_around_resolve() -> None:
    class Local(Struct):
        name: str

    class Holder(Struct):
        inner: Local

    app = App("t")

    @app.post("/")
    async def handle(req: Request[Holder]) -> Local:
        return req.body.inner

    assert {"name": "a"} == call(app, "POST", "/", json={"inner": {"name": "a"}}).json()


def test_a_type_without_a_gtype_is_refused_with_its_place() -> None:
    async def handle(req: Request[Callable[[], int]]) -> None: ...

    assert "handle" in refusal(handle)


def test_response_types_that_disagree_are_refused() -> None:
    async def handle(res: Response[Order]) -> list[Order]: ...  # type: ignore[empty-body]

    message = refusal(handle)
    assert "Order" in message
    assert "res" in message


@pytest.mark.parametrize(
    ("annotation", "has_type"),
    [
        (Order, True), ("list[Order]", True), ("Order | Redirect", True), ("dict[str, int]", True),
        ("int | None", True),
        (str, False), (bytes, False), (None, False), (Redirect, False), ("File | Empty", False), (Text, False),
        ("AsyncIterator[bytes]", False), (Any, False),
    ],
)  # fmt: skip
def test_only_data_is_a_response_type(annotation: Any, has_type: bool) -> None:
    app = App("t")

    async def handle() -> Any: ...

    handle.__annotations__["return"] = annotation
    app.get("/")(handle)
    (manifest,) = app.manifests()
    assert has_type == (manifest.endpoint.response is not None)
    assert {File, Empty, Mapping, UUID}  # named in annotations above


@pytest.mark.parametrize("path", ["/orders", "/orders/{id}", "/orders/{order_id}/{line}"])
def test_a_params_type_that_is_not_the_paths_is_refused(path: str) -> None:
    async def handle(req: Request[None, OrderPath]) -> None: ...

    message = refusal(handle, path)
    assert "order_id" in message
    assert path in message


def test_a_query_type_without_members_is_refused() -> None:
    async def handle(req: Request[None, Any, int]) -> None: ...

    assert "query" in refusal(handle)


def test_a_websocket_handler_is_an_async_function_of_its_own_parameters() -> None:
    app = App("t")
    with pytest.raises(SignatureError, match="parameter 'res' is none of: req, ws, lctx, gctx"):
        app.websocket("/")(lambda res: None)
    app.websocket("/")(lambda ws: None)
    with pytest.raises(SignatureError, match="async function"):
        app.compile()


def test_a_template_that_is_none_is_refused() -> None:
    with pytest.raises(RouteDefinitionError):
        App("t").get("orders")(lambda: None)
    with pytest.raises(TypeDefinitionError):
        serve(_takes_callable)


async def _takes_callable(req: Request[Callable[..., None]]) -> None: ...


async def _takes_a_file_by_name(req: Request[Form[Upload]]) -> None: ...


def test_a_file_in_a_typed_form_is_refused_with_what_to_use() -> None:
    assert "FormData" in refusal(_takes_a_file_by_name)
