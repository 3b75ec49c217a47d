"""Every rule a diff of types can report, with its level and its mirror.

An *edit* is what an author did, whichever way values travel: ``minimum-raised``. A *rule* is that edit felt in one
direction: ``request-minimum-raised``. An edit that leaves fewer values breaks requests, for an old client may still
send the others; one that leaves more breaks responses, for an old client never saw the others. So the rule of an edit
in one direction has the level of the opposite edit's rule in the other, its *mirror*; where it has not, a waiver says
why.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, final

from msgspec import Struct

from perdure.diff.findings import Level

__all__ = ["EDITS", "RULES", "Edit", "Effect", "Flow", "Rule", "rule_id"]

Effect = Literal["narrows", "widens", "replaces", "decided", "none"]
"""What an edit does to the set of values: leaves fewer, leaves more, leaves others, one of these by the types around
it, or nothing (a careful client may still depend on it)."""

Flow = Literal["request", "response"]
"""Which way values of a type travel."""

_FLOWS: Final[tuple[Flow, Flow]] = ("request", "response")


@final
class Edit(Struct, frozen=True, kw_only=True):
    """One kind of change to a type."""

    name: str
    effect: Effect
    opposite: str
    """The edit that undoes it."""
    meaning: str
    request: Level = "compatible"
    """The level in a request where no value is refused that was valid."""
    response: Level = "compatible"
    """The level in a response where no value is sent that was not valid."""
    waiver: str = ""
    """Why the mirror rules have other levels."""


@final
class Rule(Struct, frozen=True, kw_only=True):
    """One edit, felt in one direction."""

    id: str
    direction: Flow
    edit: str
    level: Level | Literal["decided"]
    """``decided``: by whether the values of the old and the new type include each other."""
    meaning: str
    opposite: str
    """The rule that reports the opposite edit, in the same direction."""
    mirror: str
    """The rule that reports the opposite edit in the other direction."""
    waiver: str = ""
    """Why *mirror* has another level; empty where it has the same."""


def rule_id(direction: Flow, edit: str) -> str:
    """Return the stable id of *edit* felt in *direction*."""
    return f"{direction}-{edit}"


def _pair(narrowing: str, widening: str, meanings: tuple[str, str]) -> tuple[Edit, Edit]:
    """Return an edit that leaves fewer values, and the one that undoes it."""
    return (
        Edit(name=narrowing, effect="narrows", opposite=widening, meaning=meanings[0]),
        Edit(name=widening, effect="widens", opposite=narrowing, meaning=meanings[1]),
    )


def _bound(what: str, thing: str, *, greatest: bool) -> tuple[Edit, ...]:
    """Return the four edits of a bound."""
    tighter, looser = ("lowered", "raised") if greatest else ("raised", "lowered")
    return (
        *_pair(f"{what}-{tighter}", f"{what}-{looser}", (f"{thing} was {tighter}", f"{thing} was {looser}")),
        *_pair(f"{what}-set", f"{what}-dropped", (f"{thing} was set", f"{thing} was dropped")),
    )


def _own(name: str, effect: Effect, meaning: str) -> tuple[Edit]:
    """Return an edit that is undone by an edit of the same kind."""
    return (Edit(name=name, effect=effect, opposite=name, meaning=meaning),)


_IGNORED: Final = "a server may ignore what a client still sends; a client may miss what a server no longer sends"
_ABSENT: Final = "a default says what an absent member stands for, which the two sides of a wire read differently"

_ALL: Final[tuple[Edit, ...]] = (
    *_pair("type-narrowed", "type-widened", ("the type became a narrower one", "the type became a wider one")),
    *_own("type-changed", "decided", "the type became another one"),
    *_pair("became-not-nullable", "became-nullable", ("null is refused now", "null is allowed now")),
    *_pair(
        "property-became-required",
        "property-became-optional",
        ("a property may no longer be left out", "a property may be left out now"),
    ),
    Edit(
        name="required-property-added", effect="decided", opposite="required-property-removed",
        meaning="a required property was added", waiver=_IGNORED,
    ),
    Edit(
        name="required-property-removed", effect="decided", opposite="required-property-added",
        meaning="a required property was removed", request="risky", waiver=_IGNORED,
    ),
    Edit(
        name="optional-property-added", effect="decided", opposite="optional-property-removed",
        meaning="an optional property was added", waiver=_IGNORED,
    ),
    Edit(
        name="optional-property-removed", effect="decided", opposite="optional-property-added",
        meaning="an optional property was removed", request="risky", response="risky", waiver=_IGNORED,
    ),
    *_own("property-renamed", "replaces", "a property has another name"),
    *_pair("object-closed", "object-opened", ("unknown properties are refused now", "unknown properties are let in")),
    *_pair("enum-value-removed", "enum-value-added", ("a value was removed", "a value was added")),
    *_own("enum-value-renamed", "replaces", "a value has another name"),
    *_pair("enum-set", "enum-dropped", ("only listed values are allowed now", "the list of values was dropped")),
    *_own("constant-changed", "replaces", "the only value became another one"),
    *_bound("minimum", "the least number", greatest=False),
    *_bound("maximum", "the greatest number", greatest=True),
    *_pair("multiple-of-set", "multiple-of-dropped", ("a step was set", "the step was dropped")),
    *_own("multiple-of-changed", "decided", "the step became another one"),
    *_bound("min-length", "the least length", greatest=False),
    *_bound("max-length", "the greatest length", greatest=True),
    *_pair("pattern-set", "pattern-dropped", ("a pattern was set", "the pattern was dropped")),
    *_own("pattern-changed", "decided", "the pattern became another one"),
    *(
        Edit(
            name=f"format-{how}", effect="none", opposite=f"format-{back}", request="risky", response="risky",
            meaning=f"a format that only describes was {how}",
        )
        for how, back in (("set", "dropped"), ("dropped", "set"), ("changed", "changed"))
    ),
    *_pair(
        "offset-rule-narrowed",
        "offset-rule-widened",
        ("times may no longer choose whether to have an offset", "times may choose now whether to have an offset"),
    ),
    *_own("offset-rule-changed", "replaces", "an offset became required or refused"),
    *_bound("min-items", "the least number of items", greatest=False),
    *_bound("max-items", "the greatest number of items", greatest=True),
    *_pair("unique-items-set", "unique-items-dropped", ("items must differ now", "items may repeat now")),
    *(
        Edit(name=f"tuple-item-{how}", effect="replaces", opposite=f"tuple-item-{back}", meaning=f"an item was {how}")
        for how, back in (("added", "removed"), ("removed", "added"))
    ),
    *_bound("min-properties", "the least number of members", greatest=False),
    *_bound("max-properties", "the greatest number of members", greatest=True),
    *_pair("keys-set", "keys-dropped", ("the keys of a map were constrained", "the keys of a map are free now")),
    *_pair("union-member-removed", "union-member-added", ("an alternative was removed", "an alternative was added")),
    Edit(
        name="discriminator-changed", effect="none", opposite="discriminator-changed", request="risky",
        response="risky", meaning="another property tells the alternatives apart",
    ),
    *_pair(
        "intersection-member-added",
        "intersection-member-removed",
        ("one more type has to fit", "one type less has to fit"),
    ),
    Edit(
        name="default-set", effect="none", opposite="default-dropped", request="risky", waiver=_ABSENT,
        meaning="an absent property stands for a value now",
    ),
    Edit(
        name="default-dropped", effect="none", opposite="default-set", request="risky", response="risky",
        waiver=_ABSENT, meaning="an absent property no longer stands for a value",
    ),
    Edit(
        name="default-changed", effect="none", opposite="default-changed", request="risky", response="risky",
        meaning="an absent property stands for another value",
    ),
    *(
        Edit(name=name, effect="none", opposite=back, meaning=meaning)
        for name, back, meaning in (
            ("deprecated", "deprecation-withdrawn", "it is deprecated now"),
            ("deprecation-withdrawn", "deprecated", "it is no longer deprecated"),
        )
    ),
    *_own("values-left-out", "replaces", "all edits together leave out values, though none of them alone does"),
)  # fmt: skip

EDITS: Final[Mapping[str, Edit]] = MappingProxyType({edit.name: edit for edit in _ALL})
"""Every edit, by name."""


def _level(edit: Edit, direction: Flow) -> Level | Literal["decided"]:
    """Return the level of *edit* in *direction*, as far as it does not depend on the types around it."""
    if edit.effect == "decided":
        return "decided"
    breaks = {"narrows": direction == "request", "widens": direction == "response"}.get(edit.effect)
    if breaks is None:
        breaks = edit.effect == "replaces"
    if breaks:
        return "breaking"
    return edit.request if direction == "request" else edit.response


def _rule(edit: Edit, direction: Flow) -> Rule:
    other = _FLOWS[direction == "request"]
    return Rule(
        id=rule_id(direction, edit.name),
        direction=direction,
        edit=edit.name,
        level=_level(edit, direction),
        meaning=edit.meaning,
        opposite=rule_id(direction, edit.opposite),
        mirror=rule_id(other, edit.opposite),
        waiver=edit.waiver,
    )


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {rule.id: rule for edit in _ALL for rule in (_rule(edit, direction) for direction in _FLOWS)}
)
"""Every rule about types, by id."""
