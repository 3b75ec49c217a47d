import pytest

from perdure.errors import ConversionImpossibleError, TransformerMissingError
from perdure.timescape.holes import Hole, find_holes
from perdure.timescape.revision import Revision

SOURCE = '''"""No hole: revision.todo("said")."""
from perdure import Revision

revision = r = Revision("2026-02-10")


@revision.request("Order")
def upgrade(order):
    order["a"] = revision.todo("a: text", order)
    return {"b": [r.todo(what="b") if order else revision.todo(str(order))]}


def outer():
    def inner():
        return revision.todo("inside")
    other.todo("of someone else")
    return inner
'''


def test_holes_are_found_without_running_with_line_text_and_function() -> None:
    assert find_holes(SOURCE) == (
        Hole(9, "a: text", "upgrade"), Hole(10, "", "upgrade"), Hole(10, "b", "upgrade"), Hole(15, "inside", "inner"),
    )  # fmt: skip


@pytest.mark.parametrize("source", ["", "x = 1", "revision.todo(", "\0revision.todo()"])
def test_text_without_holes_or_sense_has_none(source: str) -> None:
    assert find_holes(source) == ()


def test_hole_when_it_is_reached_says_what_is_open() -> None:
    with pytest.raises(TransformerMissingError, match="leaves this open: a: text"):
        Revision("2026-02-10").todo("a: text", 1, 2)


def test_impossible_conversion_refuses_and_is_known() -> None:
    revision = Revision("2026-02-10")
    revision.impossible("Order", "response", reason="it was never kept")
    (said,) = revision.impossibilities
    assert ("response", "Order", "it was never kept") == said[:3]
    (transformer,) = revision.transformers
    assert ("response", "Order") == (transformer.direction, transformer.target)
    with pytest.raises(ConversionImpossibleError, match="Order cannot be carried over: it was never kept"):
        transformer.function({})
