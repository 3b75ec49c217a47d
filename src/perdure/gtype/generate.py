"""Values from types: Hypothesis strategies for any GType."""

from typing import TYPE_CHECKING

from perdure.gtype.nodes import GType

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = ["invalid_values", "values"]


def values(gtype: GType, *, max_depth: int = 5) -> "SearchStrategy[object]":
    """Return a strategy for JSON-compatible data that is valid by *gtype*.

    Args:
        gtype: The type.
        max_depth: How many arrays and objects may lie within each other, where *gtype* leaves a choice.
    Raises:
        ImportError: Hypothesis is not installed.
        TypeDefinitionError: *gtype* cannot be compiled, or has no value that ends.
    Source: SPEC 3.2.
    """
    _require_hypothesis()
    from perdure.gtype.generate_strategies import valid_data

    return valid_data(gtype, max_depth)


def invalid_values(gtype: GType, *, max_depth: int = 5) -> "SearchStrategy[object]":
    """Return a strategy for JSON-compatible data that is not valid by *gtype*, mostly by a little.

    For a type that allows everything there is no such data, and drawing from the strategy is `Unsatisfiable`.

    Args:
        gtype: The type.
        max_depth: As for `values`.
    Raises:
        ImportError: Hypothesis is not installed.
        TypeDefinitionError: *gtype* cannot be compiled, or has no value that ends.
    """
    _require_hypothesis()
    from perdure.gtype.generate_mutations import invalid_data

    return invalid_data(gtype, max_depth)


def _require_hypothesis() -> None:
    try:
        import hypothesis  # noqa: F401
    except ImportError:
        raise ImportError("generating values needs Hypothesis: pip install 'perdure[check]'") from None
