import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perdure.errors import TypeDefinitionError
from perdure.gtype import nodes as n
from perdure.gtype.generate import invalid_values, values
from perdure.gtype.nodes import Field, GType
from perdure.gtype.validator import compile_validator
from tests.gtype.strategies import ALL_GTYPES

PATIENT = settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
TREE = n.Object(fields=(Field(name="children", node=n.Array(items=n.Ref(name="Tree"))),))


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@PATIENT
@given(gtype=ALL_GTYPES, data=st.data())
def test_values_are_valid(gtype: GType, data: st.DataObject) -> None:
    try:
        strategy = values(gtype, max_depth=4)
    except TypeDefinitionError:
        return
    if not strategy.is_empty:
        assert compile_validator(gtype).faults(data.draw(strategy)) == ()


@PATIENT
@given(gtype=ALL_GTYPES.filter(lambda gtype: gtype.root != n.AnyValue()), data=st.data())
def test_invalid_values_are_not(gtype: GType, data: st.DataObject) -> None:
    try:
        strategy = invalid_values(gtype, max_depth=4)
    except TypeDefinitionError:
        return
    judge = compile_validator(gtype)
    samples: tuple[object, ...] = (1, "x", [], {}, None, {"kind": 1})
    if not all(map(judge.is_valid, samples)):
        assert judge.faults(data.draw(strategy))


@given(values(GType(root=n.Ref(name="Tree"), definitions={"Tree": TREE}), max_depth=4))
def test_recursive_values_stay_within_the_depth(value: object) -> None:
    assert depth(value) <= 4


@given(values(GType(root=n.Ref(name="A0"), definitions={
    **{f"A{i}": n.Object(fields=(Field(name="next", node=n.Ref(name=f"A{i + 1}")),)) for i in range(6)}, "A6": n.Null(),
}), max_depth=2))  # fmt: skip
def test_values_are_as_deep_as_they_have_to_be(value: object) -> None:
    assert depth(value) == 6


def test_a_type_without_values_that_end_is_refused() -> None:
    endless = n.Object(fields=(Field(name="next", node=n.Ref(name="A")),))
    with pytest.raises(TypeDefinitionError, match="no value that ends"):
        values(GType(root=n.Ref(name="A"), definitions={"A": endless}))


def test_without_hypothesis_the_extra_is_named() -> None:
    program = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "from perdure.gtype.generate import values\n"
        "from perdure.gtype.nodes import GType, Null\n"
        "try: values(GType(root=Null()))\n"
        "except ImportError as error: print(error)\n"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "perdure[check]" in found.stdout


def test_generating_is_not_imported_with_the_validator() -> None:
    program = "import sys, perdure.gtype.codec, perdure.gtype.generate; print('hypothesis' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
