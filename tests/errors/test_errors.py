"""The errors as who catches, logs and pickles them sees them."""

import inspect
import pickle
from pathlib import Path

import pytest

from perdure import errors
from perdure.errors import (
    Fault,
    InvalidRequestError,
    PerdureError,
    Problem,
    RateLimitedError,
    RevisionConflictError,
    SecretMissingError,
    SettingsError,
    VersionClosedError,
)

_FAULT = Fault(pointer="/a", code="type", expected="a string", actual="1", message="expected a string, got 1")
_DRAWN = [
    SettingsError(("perdure.toml:1: one", "perdure.toml:2: two")),
    RevisionConflictError("shop", "2024-01-01", None),
    InvalidRequestError((("body", _FAULT),)),
    VersionClosedError("2023-01-01", "retired", "2024-01-01", None, (("sunset", "x"),)),
    RateLimitedError(7, (("ratelimit", "a"),)),
    SecretMissingError("no provider has it"),
    Problem(409, "taken", title="Conflict", headers={"x": "y"}, held_by="ann"),
]


@pytest.mark.parametrize("error", _DRAWN, ids=lambda error: type(error).__name__)
def test_an_error_when_pickled_keeps_its_class_message_and_attributes(error: PerdureError) -> None:
    again = pickle.loads(pickle.dumps(error))

    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def _classes() -> dict[str, type[PerdureError]]:
    found: dict[str, type[PerdureError]] = {}
    pending = [PerdureError]
    while pending:
        cls = pending.pop()
        if cls.__module__.startswith("perdure.errors."):
            found[cls.__name__] = cls
        pending += cls.__subclasses__()
    return found


def test_every_error_is_importable_from_the_package_and_stands_in_its_tree_under_its_base() -> None:
    tree: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in inspect.cleandoc(errors.__doc__ or "").splitlines():
        name = line.lstrip(" *x-+").partition(" ")[0]
        if line.lstrip()[:2] not in {"* ", "x ", "- ", "+ "}:
            continue
        indent = len(line) - len(line.lstrip())
        above = [each for each in above if each[0] < indent]
        tree[name] = above[-1][1] if above else "Exception"
        above.append((indent, name))

    assert {name: cls.__bases__[0].__name__ for name, cls in _classes().items()} == tree
    assert set(_classes()) <= set(errors.__all__)


def test_every_file_of_errors_is_in_the_reference() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/errors.md").read_text(encoding="utf-8")

    assert all(f".. automodule:: {cls.__module__}\n" in page for cls in _classes().values())
