"""The table of rules is whole: each has an example, its opposite and its mirror."""

import pytest

from perdure.diff.findings import LEVELS, Finding
from perdure.diff.rules import EDITS, RULES, Flow, rule_id
from perdure.diff.types import diff_types
from perdure.gtype.nodes import GType, Node
from tests.diff.examples import EXAMPLES

FLOWS: tuple[Flow, Flow] = ("request", "response")


def found(old: Node, new: Node, direction: Flow, edit: str) -> Finding:
    """The finding that *edit* is, between *old* and *new*."""
    renames = {("", "a"): "z", ("", "z"): "a"} if edit.endswith("-renamed") else {}
    findings = diff_types(GType(old), GType(new), direction, renames=renames)
    wanted = [finding for finding in findings if finding.rule == rule_id(direction, edit)]
    assert len(wanted) == 1, findings
    return wanted[0]


def test_examples_show_each_edit_or_its_opposite() -> None:
    shown = EXAMPLES.keys() | {EDITS[edit].opposite for edit in EXAMPLES}
    assert shown == EDITS.keys()


@pytest.mark.parametrize("rule_id", RULES)
def test_rule_has_an_opposite_and_a_mirror(rule_id: str) -> None:
    rule = RULES[rule_id]
    opposite, mirror = RULES[rule.opposite], RULES[rule.mirror]
    assert opposite.opposite == mirror.mirror == rule_id
    assert opposite.direction == rule.direction != mirror.direction
    assert rule.waiver or mirror.level == rule.level


@pytest.mark.parametrize("name", EDITS)
def test_waiver_is_written_where_the_mirror_has_another_level_and_nowhere_else(name: str) -> None:
    edit, opposite = EDITS[name], EDITS[EDITS[name].opposite]
    mirrored = (edit.request, edit.response) == (opposite.response, opposite.request)
    assert mirrored == (not edit.waiver)


@pytest.mark.parametrize("edit", sorted(EXAMPLES))
@pytest.mark.parametrize("direction", FLOWS)
def test_opposite_edit_is_reported_by_the_opposite_and_the_mirror_rule(edit: str, direction: Flow) -> None:
    old, new = EXAMPLES[edit]
    rule = RULES[rule_id(direction, edit)]
    opposite, mirror = RULES[rule.opposite], RULES[rule.mirror]
    level = found(old, new, direction, edit).level
    assert rule.level in (level, "decided")
    assert found(new, old, direction, opposite.edit).level in LEVELS
    assert rule.waiver or found(new, old, mirror.direction, mirror.edit).level == level


@pytest.mark.parametrize("edit", sorted(EXAMPLES))
def test_same_type_has_no_findings(edit: str) -> None:
    for node in EXAMPLES[edit]:
        assert diff_types(GType(node), GType(node), "request") == ()
