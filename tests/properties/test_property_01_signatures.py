"""Property 1: a handler is accepted iff its signature conforms.

Functions are written out as source from a drawn parameter list, so the oracle judges the list and never looks at a
signature: the conforming lists are the sixteen ways to leave names out of ``req, res, lctx, gctx``.
"""

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import perdure
from perdure import App
from perdure.errors import SignatureError
from tests.calls import call

ORDER = ("req", "res", "lctx", "gctx")
CONFORMING = {names for count in range(5) for names in itertools.combinations(ORDER, count)}
FILE, LINE = "/generated/handlers.py", 7
RIGHT = {
    "req": ["", "Any", "Request", "Request[Any]", "'Request'", "perdure.Request"],
    "res": ["", "Any", "Response", "Response[Any]", "'Response[Any]'"],
    "lctx": ["", "LocalContext", "'LocalContext'"],
    "gctx": ["", "GlobalContext", "GlobalContext[Any]", "'GlobalContext'"],
}
WRONG = ["int", "str", "'dict[str, int]'", "Meta", "Request | None"]
CLASSES = dict(zip(ORDER, ("Request", "Response", "LocalContext", "GlobalContext"), strict=True))
FORMS = ["function", "async function", "method", "async method", "object", "async object", "partial", "async partial"]


@dataclass(frozen=True)
class Parameter:
    name: str
    kind: str  # "/", "", "keyword", "*" or "**"
    annotation: str = ""
    default: bool = False

    @property
    def text(self) -> str:
        stars = self.kind if self.kind in {"*", "**"} else ""
        annotated = f": {self.annotation}" if self.annotation else ""
        return f"{stars}{self.name}{annotated}{' = None' if self.default else ''}"


@st.composite
def parameter_lists(draw: st.DrawFn) -> list[Parameter]:
    """Mostly conforming lists with at most a few things wrong, so that either verdict is frequent."""
    names = list(draw(st.sampled_from(sorted(CONFORMING))))
    flaw = draw(st.sampled_from(["none", "none", "name", "order", "kind", "star", "default", "annotation", "any"]))
    if flaw in {"name", "any"}:
        extra = draw(st.sampled_from(["request", "response", "ctx", "ws", "error", "Req", "body", "req_"]))
        names.insert(draw(st.integers(0, len(names))), extra)
    if flaw in {"order", "any"}:
        names = draw(st.permutations(names))
    parameters = []
    positional_only = draw(st.integers(0, len(names)))
    keyword_only = draw(st.integers(0, len(names))) if flaw in {"kind", "any"} else 0
    defaults_from = draw(st.integers(0, len(names))) if flaw in {"default", "any"} else len(names)
    for index, name in enumerate(names):
        kind = "/" if index < positional_only else ""
        if index >= len(names) - keyword_only:
            kind = "keyword"
        wrong = flaw in {"annotation", "any"} and draw(st.booleans())
        annotation = draw(st.sampled_from(WRONG if wrong else RIGHT.get(name, ["", "int"])))
        parameters.append(Parameter(name, kind, annotation, index >= defaults_from))
    if flaw in {"star", "any"}:
        if draw(st.booleans()):
            place = len([each for each in parameters if each.kind != "keyword"])
            parameters.insert(place, Parameter("args", "*"))
        if draw(st.booleans()):
            parameters.append(Parameter("kwargs", "**"))
    return parameters


def listed(parameters: list[Parameter]) -> str:
    """Write a parameter list as source, with the markers its kinds need."""
    parts: list[str] = []
    previous = ""
    for each in parameters:
        if previous == "/" and each.kind != "/":
            parts.append("/")
        if each.kind == "keyword" and previous not in {"keyword", "*"}:
            parts.append("*")
        parts.append(each.text)
        previous = each.kind
    if previous == "/":
        parts.append("/")
    return ", ".join(parts)


def build(parameters: list[Parameter], form: str) -> Callable[..., Any]:
    """Return a handler with *parameters* that answers the class names of what it got, in order."""
    text = listed(parameters)
    word = "async def" if form.startswith("async") else "def"
    kind = form.removeprefix("async ")
    got = "[type(given).__name__ for given in (" + "".join(f"{each.name}, " for each in parameters) + ")]"
    first = {"method": "self", "object": "self", "partial": "bound, /" if "/" not in text else "bound"}.get(kind, "")
    inner = f"{word} {'__call__' if kind == 'object' else 'handle'}({', '.join(filter(None, (first, text)))}):"
    source = "\n" * (LINE - 1)
    if first == "self":
        source = "\n" * (LINE - 2) + f"class Owner:\n    {inner}\n        return {got}\n"
    else:
        source += f"{inner}\n    return {got}\n"
    names: dict[str, Any] = {"Any": Any, "perdure": perdure, "__name__": "generated", **vars(perdure)}
    exec(compile(source, FILE, "exec"), names)
    made: dict[str, Callable[[], Callable[..., Any]]] = {
        "function": lambda: names["handle"],
        "method": lambda: names["Owner"]().handle,
        "object": lambda: names["Owner"](),
        "partial": lambda: functools.partial(names["handle"], "bound"),
    }
    return made[kind]()


def register(app: App, handler: Callable[..., Any]) -> None:
    app.get("/here")(handler)
    app.compile()


def culprits(parameters: list[Parameter]) -> set[str]:
    """Return the parameters one of which a refusal must name; none where the list conforms."""
    found = {each.name for each in parameters if each.name not in ORDER or each.kind not in {"/", ""} or each.default}
    found |= {each.name for each in parameters if each.annotation in WRONG}
    for earlier, later in itertools.combinations(parameters, 2):
        if earlier.name in ORDER and later.name in ORDER and ORDER.index(earlier.name) > ORDER.index(later.name):
            found |= {earlier.name, later.name}
    return found


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(parameters=parameter_lists(), form=st.sampled_from(FORMS))
def test_a_handler_is_accepted_iff_its_signature_conforms(parameters: list[Parameter], form: str) -> None:
    handler = build(parameters, form)
    app = App("signatures")
    names = tuple(each.name for each in parameters)
    to_blame = culprits(parameters)
    assert to_blame or names in CONFORMING  # the two ways to judge agree

    if not to_blame:
        register(app, handler)
        response = call(app, "GET", "/here")
        assert (200, [CLASSES[name] for name in names]) == (response.status_code, response.json())
        return

    with pytest.raises(SignatureError) as refused:
        register(app, handler)
    message = str(refused.value)
    assert f"{FILE}:{LINE}" in message
    assert ("Owner" if "object" in form else "handle") in message
    assert any(repr(name) in message for name in to_blame), message
