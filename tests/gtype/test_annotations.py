"""Names in annotations are found wherever they can be, and missed with a useful error where they cannot."""

import functools
import importlib
import sys
import textwrap
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from perdure.errors import TypeDefinitionError
from perdure.gtype.annotations import resolve_hints
from perdure.gtype.nodes import Integer, Object
from perdure.gtype.registry import gtype_of

MakeModule = Callable[..., ModuleType]


@pytest.fixture
def make_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeModule]:
    """Return a function that writes and imports a module; imports are undone."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(name: str, source: str, **others: str) -> ModuleType:
        for file, text in {name: source, **others}.items():
            inside = file.removesuffix("__") + "/__init__" if file.endswith("__") else file.replace("__", "/")
            path = tmp_path / f"{inside}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(textwrap.dedent(text))
        importlib.invalidate_caches()
        return importlib.import_module(name.replace("__", "."))

    yield make
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_resolve_hints_of_a_function_keeps_annotated() -> None:
    hint = typing.Annotated[int, msgspec.Meta(ge=1)]

    def handler(req: hint, res: "str | None" = None) -> None: ...

    assert resolve_hints(handler) == {"req": hint, "res": str | None, "return": type(None)}


@pytest.mark.parametrize(
    "guarded_import",
    [
        "from shop_models import Order",
        "from shop_models import Purchase as Order",
        "import shop_models\n        from shop_models import Order",
    ],
)
def test_resolve_hints_when_imported_for_type_checkers_only_imports_it(
    make_module: MakeModule, guarded_import: str
) -> None:
    module = make_module(
        "shop_handlers",
        f"""
    from __future__ import annotations
    from typing import TYPE_CHECKING
    if TYPE_CHECKING:
        {guarded_import}
    def create(req: list[Order]) -> Order: ...
    """,
        shop_models="class Order: ...\nPurchase = Order\n",
    )
    order = importlib.import_module("shop_models").Order
    assert resolve_hints(module.create) == {"req": types.GenericAlias(list, (order,)), "return": order}


@pytest.mark.parametrize(
    ("guard", "imports", "annotation"),
    [
        ("typing.TYPE_CHECKING", "import shop_models", "shop_models.Order"),
        ("typing.TYPE_CHECKING", "import shop_models as models", "models.Order"),
        ("typing.TYPE_CHECKING", "if True:\n            from shop_models import Order", "Order"),
    ],
)
def test_resolve_hints_when_a_module_is_imported_for_type_checkers_only_imports_it(
    make_module: MakeModule, guard: str, imports: str, annotation: str
) -> None:
    module = make_module(
        "shop_handlers",
        f"""
    from __future__ import annotations
    import typing
    if {guard}:
        {imports}
    def create(req: {annotation}): ...
    """,
        shop_models="class Order: ...",
    )
    assert resolve_hints(module.create) == {"req": importlib.import_module("shop_models").Order}


def test_resolve_hints_when_imported_relatively_finds_the_package(make_module: MakeModule) -> None:
    module = make_module(
        "relative_shop__handlers",
        """
    from __future__ import annotations
    from typing import TYPE_CHECKING
    if TYPE_CHECKING:
        from . import models
        from .models import Order
    def create(req: Order) -> models.Order: ...
    """,
        relative_shop__="",
        relative_shop__models="class Order: ...",
    )
    order = importlib.import_module("relative_shop.models").Order
    assert resolve_hints(module.create) == {"req": order, "return": order}


def test_resolve_hints_when_a_name_is_missing_names_place_parameter_and_import(make_module: MakeModule) -> None:
    module = make_module(
        "shop_handlers",
        """
    from __future__ import annotations

    def create(req: list[Ordre]): ...
    """,
    )
    with pytest.raises(TypeDefinitionError) as caught:
        resolve_hints(module.create)
    expected = (
        f"{module.__file__}:4: create(): the annotation of 'req', list[Ordre], needs 'Ordre', which is not defined in "
        "shop_handlers: add an import of Ordre"
    )
    assert expected == str(caught.value)


def test_resolve_hints_of_a_class_when_a_name_is_missing_names_the_member(make_module: MakeModule) -> None:
    module = make_module(
        "shop_models",
        """
    from __future__ import annotations

    class Order:
        line: Line
    """,
    )
    with pytest.raises(TypeDefinitionError) as caught:
        resolve_hints(module.Order)
    assert f"{module.__file__}:4: class Order: the annotation of 'line', Line, needs 'Line'" in str(caught.value)


def test_resolve_hints_when_a_guarded_import_fails_says_why(make_module: MakeModule) -> None:
    module = make_module(
        "shop_handlers",
        """
    from __future__ import annotations
    from typing import TYPE_CHECKING
    if TYPE_CHECKING:
        from json import Order
    def create(req: Order): ...
    """,
    )
    with pytest.raises(TypeDefinitionError, match="whose import under TYPE_CHECKING fails: cannot import name 'Order'"):
        resolve_hints(module.create)


@pytest.mark.parametrize("annotation", ["1 +", "int.missing", "list[1/0]", "dict[int"])
def test_resolve_hints_when_an_annotation_is_no_type_names_the_parameter(annotation: str) -> None:
    def handler(req: object) -> None: ...

    handler.__annotations__["req"] = annotation
    with pytest.raises(TypeDefinitionError, match=r"handler\(\): the annotation of 'req'"):
        resolve_hints(handler)


def test_resolve_hints_finds_what_the_function_captured() -> None:
    class Local: ...

    def handler(req: "Local") -> Local:
        return Local()

    assert resolve_hints(handler) == {"req": Local, "return": Local}


def test_resolve_hints_takes_names_from_localns_before_those_of_the_module() -> None:
    def handler(req: "Path") -> None: ...

    assert resolve_hints(handler, localns={"Path": int})["req"] is int
    assert resolve_hints(handler)["req"] is Path


class _Callable:
    def __call__(self, req: int) -> str:
        return str(req)

    def method(self, req: float) -> None: ...


def _wrapped() -> Callable[..., object]:
    def inner(req: int) -> str:
        return str(req)

    @functools.wraps(inner)
    def outer(*args: object) -> object:
        return inner(*args)  # type: ignore[arg-type]

    outer.__annotations__ = {}
    return outer


@pytest.mark.parametrize(
    "function", [_Callable(), functools.partial(_Callable()), functools.partial(_wrapped()), _wrapped()]
)
def test_resolve_hints_looks_through_what_wraps_the_function(function: Callable[..., object]) -> None:
    assert resolve_hints(function) == {"req": int, "return": str}


def test_resolve_hints_of_a_bound_method_and_of_a_builtin() -> None:
    assert resolve_hints(_Callable().method) == {"req": float, "return": type(None)}
    assert resolve_hints(len) == {}


def test_resolve_hints_of_a_class_includes_bases_and_prefers_the_class() -> None:
    class Base:
        a: int
        b: "str"

    class Derived(Base):
        b: bytes  # type: ignore[assignment]
        c: "list[Base]"

    assert resolve_hints(Derived, localns={"Base": Base}) == {"a": int, "b": bytes, "c": list[Base]}


def test_resolve_hints_of_a_class_finds_classes_inside_it() -> None:
    class Order:
        class Line: ...

        lines: "list[Line]"

    assert resolve_hints(Order) == {"lines": list[Order.Line]}


def test_resolve_hints_when_a_member_is_called_like_its_type_means_the_type() -> None:
    class Event:
        Path: "Path | None" = None

    assert resolve_hints(Event) == {"Path": Path | None}


def test_gtype_when_msgspec_cannot_resolve_a_name_lets_it_decode_too(make_module: MakeModule) -> None:
    module = make_module(
        "shop_models",
        """
    from __future__ import annotations
    from typing import TYPE_CHECKING
    import msgspec
    if TYPE_CHECKING:
        from shop_lines import Line
    class Order(msgspec.Struct):
        lines: list[Line]
    """,
        shop_lines="import msgspec\nclass Line(msgspec.Struct):\n    sku: str\n",
    )
    with pytest.raises(NameError):
        msgspec.json.decode(b"{}", type=module.Order)
    assert {"Line", "Order"} == set(gtype_of(module.Order).definitions)
    assert msgspec.json.decode(b'{"lines": [{"sku": "a"}]}', type=module.Order).lines[0].sku == "a"


def test_gtype_of_a_class_that_uses_a_local_name_takes_it_from_localns() -> None:
    class Line(msgspec.Struct):
        quantity: "int"

    class Order(msgspec.Struct):
        line: "Line"

    gtype = gtype_of(Order, localns=locals())
    line = gtype.definitions["Line"]
    assert isinstance(line, Object)
    assert line.fields[0].node == Integer()
    assert msgspec.json.decode(b'{"line": {"quantity": 1}}', type=Order).line.quantity == 1


if sys.version_info >= (3, 12):  # type parameters are new in 3.12

    def test_resolve_hints_knows_type_parameters(make_module: MakeModule) -> None:
        module = make_module(
            "shop_generic",
            """
    from __future__ import annotations
    def first[T](items: list[T]) -> T: ...
    class Page[T]:
        items: list[T]
    """,
        )
        (variable,) = module.first.__type_params__
        assert resolve_hints(module.first) == {"items": types.GenericAlias(list, (variable,)), "return": variable}
        assert resolve_hints(module.Page) == {"items": types.GenericAlias(list, module.Page.__type_params__)}
