"""Property 28: every registered module is reachable with a typed stub.

Modules of drawn names have methods with drawn signatures, sync and async. From a handler, each is reachable by its
name, has the signature and the type hints of the module's own, and gives the same results.
"""

import inspect
from dataclasses import dataclass
from typing import Any, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure import App, GlobalContext
from perdure.errors import DefinitionError
from tests.calls import call, executions_of

TYPES: dict[str, st.SearchStrategy[Any]] = {
    "int": st.integers(), "str": st.text(max_size=5), "float": st.floats(allow_nan=False),
    "'list[int]'": st.lists(st.integers(), max_size=3),
    "dict[str, int]": st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
}  # fmt: skip
public = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True)
taken = {"as", "if", "is", "in", "or", "do", "not", "and", "for", "def", "del", "try", "elif", "else", "from", "with",
         "pass", "class", "while", "yield", "raise", "await", "async", "break", "global", "import", "lambda", "return",
         "assert", "except", "finally", "register"}  # fmt: skip
names = public.filter(lambda name: name not in taken)


@dataclass(frozen=True)
class Method:
    name: str
    kind: str  # "def", "async def", "static", "class"
    parameters: tuple[tuple[str, str, bool], ...]  # name, type, keyword-only
    raises: bool

    @property
    def source(self) -> str:
        first = {"static": "", "class": "cls"}.get(self.kind, "self")
        positional = [f"{name}: {kind}" for name, kind, keyword in self.parameters if not keyword]
        keywords = [f"{name}: {kind} = None" for name, kind, keyword in self.parameters if keyword]
        listed = ", ".join(filter(None, [first, *positional, *(["*"] if keywords else []), *keywords]))
        marks = {"static": "    @staticmethod\n", "class": "    @classmethod\n"}.get(self.kind, "")
        word = "async def" if self.kind == "async def" else "def"
        got = f"({', '.join([repr(self.name), *(name for name, _, _ in self.parameters)])},)"
        body = f"raise LookupError({self.name!r})" if self.raises else f"return {got}"
        return f"{marks}    {word} {self.name}({listed}) -> tuple[object, ...]:\n        {body}\n"


@st.composite
def methods(draw: st.DrawFn) -> Method:
    arguments = draw(st.lists(names, max_size=3, unique=True))
    parameters = tuple((f"a_{name}", draw(st.sampled_from(sorted(TYPES))), draw(st.booleans())) for name in arguments)
    kind = draw(st.sampled_from(["def", "async def", "static", "class"]))
    return Method(draw(names), kind, parameters, draw(st.integers(0, 4)) == 0)


module_specs = st.dictionaries(
    names, st.lists(methods(), min_size=1, max_size=3, unique_by=lambda method: method.name), min_size=1, max_size=3
)


def make(specs: list[Method]) -> Any:
    scope: dict[str, Any] = {"__name__": "generated"}
    exec("class Module:\n" + "".join(each.source for each in specs), scope)
    return scope["Module"]()


@settings(max_examples=150, deadline=None)
@given(specs=module_specs, data=st.data())
def test_every_registered_module_is_reachable_with_a_typed_stub(
    specs: dict[str, list[Method]], data: st.DataObject
) -> None:
    app = App("drawn")
    executions = executions_of(app)
    targets = {name: make(each) for name, each in specs.items()}
    for name, target in targets.items():
        app.module(name, target)
    with pytest.raises(DefinitionError):
        app.module(next(iter(targets)), object())
    arguments = {
        (name, method.name): {each: data.draw(TYPES[kind]) for each, kind, _ in method.parameters}
        for name, each_method in specs.items()
        for method in each_method
    }
    checked: list[tuple[str, str]] = []

    @app.get("/here")
    async def handle(gctx: GlobalContext) -> None:
        assert sorted(specs) == sorted(gctx.modules)
        for (name, method), given_to in arguments.items():
            stub, own = getattr(getattr(gctx.modules, name), method), getattr(targets[name], method)
            assert inspect.signature(own) == inspect.signature(stub)
            assert get_type_hints(own) == get_type_hints(stub)
            assert inspect.iscoroutinefunction(own) == inspect.iscoroutinefunction(stub)
            spec = next(each for each in specs[name] if each.name == method)
            positional = [given_to[each] for each, _, keyword in spec.parameters if not keyword]
            keywords = {each: given_to[each] for each, _, keyword in spec.parameters if keyword}
            raised: Exception | None = None
            try:
                result = stub(*positional, **keywords)
                result = await result if spec.kind == "async def" else result
            except LookupError as error:
                raised = error
            if spec.raises:
                assert raised is not None
                assert (method,) == raised.args
            else:
                assert (method, *given_to.values()) == result
            checked.append((name, method))
        with pytest.raises(AttributeError, match="no module is called"):
            _ = gctx.modules.unheard_of_

    response = call(app, "GET", "/here")
    assert 204 == response.status_code, response.text
    assert list(arguments) == checked
    events = [event for event in executions[0].events if event.stage == "module" and event.kind != "start"]
    raising = {(name, method.name): method.raises for name, each in specs.items() for method in each}
    assert [(f"{name}.{method}", "error" if raising[name, method] else "end") for name, method in arguments] == [
        (event.name, event.kind) for event in events
    ]
