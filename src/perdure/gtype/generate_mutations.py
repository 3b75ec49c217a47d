"""Strategies for data that is almost valid. Imported only where values are generated."""

import copy

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from perdure.gtype.generate_strategies import ANYTHING, valid_data
from perdure.gtype.nodes import GType
from perdure.gtype.validator import compile_validator

__all__ = ["invalid_data"]

_Place = tuple[object, object]
"""A container and the key or index of something in it."""


def invalid_data(gtype: GType, max_depth: int) -> SearchStrategy[object]:
    """Return a strategy for data that is not valid by *gtype*: valid data with one change, or anything at all.

    Raises:
        TypeDefinitionError: *gtype* cannot be compiled, or has no value that ends.
    """
    judge = compile_validator(gtype)
    almost = _changed(valid_data(gtype, max_depth))
    return st.one_of(almost, almost, ANYTHING).filter(lambda data: not judge.is_valid(data))


@st.composite
def _changed(draw: DrawFn, valid: SearchStrategy[object]) -> object:
    """Draw valid data and change it in one place."""
    root = [copy.deepcopy(draw(valid))]
    container, key = draw(st.sampled_from(_places(root)))
    if isinstance(container, dict):
        change = draw(st.sampled_from(("replace", "remove", "add")))
        if change == "remove":
            del container[key]
        else:
            container[draw(st.text(max_size=5)) if change == "add" else key] = draw(_other_than(container[key]))
    elif isinstance(container, list) and isinstance(key, int):
        if container is not root and draw(st.booleans()):
            container.append(container[key])
        else:
            container[key] = draw(_other_than(container[key]))
    return root[0]


def _places(root: list[object]) -> list[_Place]:
    """Return every place in *root*, the outermost first."""
    places: list[_Place] = []
    waiting: list[object] = [root]
    while waiting:
        container = waiting.pop()
        if isinstance(container, dict):
            places.extend((container, key) for key in container)
            waiting.extend(container.values())
        elif isinstance(container, list):
            places.extend((container, index) for index in range(len(container)))
            waiting.extend(container)
    return places


def _other_than(value: object) -> SearchStrategy[object]:
    """Return a strategy for what might stand for *value* by mistake."""
    if isinstance(value, str):
        return ANYTHING | st.sampled_from((value + "x", value[:-1], value * 50, ""))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return ANYTHING | st.sampled_from((-value, value + 1, value - 1, value + 0.5, str(value)))
    return ANYTHING
