"""What can be decided about versions: functions from one `Control` to the next.

Nothing here knows a store, a server or the time. Names of versions are those the control knows: `Roster.find` makes
them of what people type. What cannot be meant raises `DecisionError` and changes nothing.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping

from msgspec.structs import replace

from perdure.errors import DecisionError
from perdure.rollout.roster import Roster
from perdure.store.records import Control, VersionControl
from perdure.timescape.instants import is_in_calendar, parse_date, parse_instant
from perdure.timescape.semver import parse_range
from perdure.timescape.versions import UNVERSIONED

__all__ = [
    "activate", "announce_end", "begin", "brown_out", "check_tag", "introduce", "retain", "retire", "retire_cold",
    "roll_back", "set_tag", "unset_tag", "unweigh", "weigh",
]  # fmt: skip

_REMEMBERED = 20
_TAG = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")


def activate(control: Control, names: Iterable[str], at_s: float) -> Control:
    """Let the versions *names* serve who asks for them; one that was retired serves again.

    Raises:
        DecisionError: All of them do already.
    """
    idle = [name for name in names if control.versions[name].status != "active"]
    if not idle:
        raise DecisionError("it is active already")
    started = {
        name: replace(control.versions[name], status="active", activated_s=at_s, retired_s=None) for name in idle
    }
    return _changed(_remembering(control, *idle), started)


def begin(control: Control, names: Iterable[str], at_s: float) -> Control:
    """Let the versions *names* serve where none did before: there is nothing to go back to.

    Raises:
        DecisionError: As `activate`.
    """
    return replace(activate(control, names, at_s), undo=control.undo)


def introduce(control: Control, name: str, tag: str, base: str, percent: int, at_s: float) -> Control:
    """Activate the version *name* for *percent* of the clients of *tag*; the others stay at *base*.

    Raises:
        DecisionError: It is active already, or as `weigh`.
    """
    activated = activate(control, (name,), at_s)
    shared = weigh(activated, tag, {name: percent}, base)
    return replace(shared, undo=activated.undo)


def set_tag(control: Control, tag: str, name: str, roster: Roster) -> Control:
    """Let *tag* stand for the version *name*, for all its clients.

    Raises:
        DecisionError: *tag* could be mistaken for a version, or the version does not serve.
    """
    check_tag(tag, roster)
    _refuse_idle(control, name, f"the tag {tag!r} cannot lead to it")
    weights = {other: shares for other, shares in control.weights.items() if other != tag}
    tagged = replace(_remembering(control), tags={**control.tags, tag: name}, weights=weights)
    return _if_changed(control, tagged, f"the tag {tag!r} stands for {name} already")


def unset_tag(control: Control, tag: str) -> Control:
    """Forget *tag*, and how its clients are shared out; ``stable`` gets its own meaning back.

    Raises:
        DecisionError: Nobody set it.
    """
    if tag not in control.tags and tag not in control.weights:
        known = ", ".join(sorted({*control.tags, *control.weights})) or "none"
        raise DecisionError(f"the tag {tag!r} was not set here; tags that were: {known}")
    return replace(
        _remembering(control),
        tags={other: name for other, name in control.tags.items() if other != tag},
        weights={other: shares for other, shares in control.weights.items() if other != tag},
    )


def weigh(control: Control, tag: str, percents: Mapping[str, int], base: str | None) -> Control:
    """Share the clients of *tag* out over versions.

    Args:
        tag: A tag that stands for a version.
        percents: For versions by name, 0 to 100. What is missing to 100 goes to the other versions the clients are
            shared out over now, in the same proportion; to *base* where there are none.
        base: Name of the version the tag stands for by itself.
    Raises:
        DecisionError: The shares are not whole numbers from 0 to 100, or not 100 together; or a version with a share
            does not serve.
    """
    total = sum(percents.values())
    if not percents or any(not 0 <= share <= 100 for share in percents.values()) or total > 100:
        raise DecisionError(f"shares are percentages from 0 to 100, and at most 100 together, not {total}")
    shares = dict(percents)
    if total < 100:
        others = {name: share for name, share in control.weights.get(tag, {}).items() if name not in percents}
        if not others and (base is None or base in percents):
            raise DecisionError(f"the shares are {total} together, not 100, and there is no other version for the rest")
        shares |= _share_out(100 - total, others) if others else {str(base): 100 - total}
    for name, share in shares.items():
        if share:
            _refuse_idle(control, name, "it cannot get a share of the clients")
    kept = {name: share for name, share in shares.items() if share}
    weighed = replace(_remembering(control), weights={**control.weights, tag: kept})
    return _if_changed(control, weighed, f"the clients of {tag!r} are shared out like that already")


def unweigh(control: Control, tag: str) -> Control:
    """Let *tag* lead all its clients to the version it stands for.

    Raises:
        DecisionError: They are not shared out.
    """
    if tag not in control.weights:
        known = ", ".join(sorted(control.weights)) or "none"
        raise DecisionError(f"the clients of {tag!r} are not shared out; tags whose clients are: {known}")
    weights = {other: shares for other, shares in control.weights.items() if other != tag}
    return replace(_remembering(control), weights=weights)


def retain(control: Control, name: str, *, retained: bool) -> Control:
    """Keep the version *name* from becoming cold and from being retired by itself, or stop doing so.

    Raises:
        DecisionError: It is so already.
    """
    known = control.versions[name]
    if known.retained == retained:
        raise DecisionError(f"{name} is {'retained already' if retained else 'not retained'}")
    return _changed(control, {name: replace(known, retained=retained)})


def retire(control: Control, name: str, roster: Roster, at_s: float, *, force: bool = False) -> Control:
    """Answer 410 to who asks for the version *name*. `activate` takes that back.

    Args:
        roster: Knows what leads to the version.
        at_s: Now, Unix time.
        force: Retire it although something leads to it; tags set at run time and shares are dropped then.
    Raises:
        DecisionError: It is retired already, is the only one that serves, or something leads to it.
    """
    known = control.versions[name]
    if known.status == "retired":
        raise DecisionError(f"{name} is retired already")
    others = [other for other, each in control.versions.items() if other != name and each.status == "active"]
    if known.status == "active" and not others:
        raise DecisionError(f"{name} is the only version that serves; without it there is no API")
    reasons = roster.dependants(name)
    if reasons and not force:
        raise DecisionError(f"{name} is still needed: {'; '.join(reasons)}. Change that, or use --force")
    weights = {
        tag: rest
        for tag, shares in control.weights.items()
        if (rest := {other: share for other, share in shares.items() if other != name})
    }
    tags = {tag: target for tag, target in control.tags.items() if target != name}
    retired = replace(known, status="retired", retired_s=at_s)
    return _changed(replace(control, weights=weights, tags=tags), {name: retired})


def retire_cold(control: Control, name: str, is_over: Callable[[Control, str], bool], at_s: float) -> Control:
    """Retire the version *name* if *is_over* still says so and nothing else speaks against it; raises nothing.

    Another process may have decided otherwise since it was looked at: then *control* is returned as it is.
    """
    known = control.versions[name]
    is_last = not any(other != name and each.status == "active" for other, each in control.versions.items())
    if known.status != "active" or is_last or not is_over(control, name):
        return control
    is_led_to = name in control.tags.values() or any(name in shares for shares in control.weights.values())
    if is_led_to:
        return control
    return _changed(control, {name: replace(known, status="retired", retired_s=at_s)})


def announce_end(
    control: Control, name: str, *, deprecated_s: float | None, sunset_s: float | None, link: str | None
) -> Control:
    """Say in all answers of the version *name* since when it is deprecated, when it ends, and where to read more.

    Args:
        deprecated_s: Unix time, may be to come; None: it is not deprecated after all.
        sunset_s: Unix time; None: not known.
        link: Address of a page for its clients.
    Raises:
        DecisionError: The end comes before the deprecation, one of them is no time of the years 1 to 9999, or *link*
            cannot stand in a header.
    """
    _refuse_timeless(each for each in (deprecated_s, sunset_s) if each is not None)
    if deprecated_s is not None and sunset_s is not None and sunset_s < deprecated_s:
        raise DecisionError("a version cannot end before it is deprecated (RFC 9745, section 4)")
    if link is not None and (not link.isascii() or not link.isprintable() or set(link) & set(' <>"')):
        raise DecisionError(f"{link!r} is no address that can stand in a header; escape it as a URL")
    known = control.versions[name]
    ending = replace(known, deprecated_s=deprecated_s, sunset_s=sunset_s, link=link)
    return _changed(control, {name: ending})


def brown_out(control: Control, name: str, windows: Iterable[tuple[float, float]]) -> Control:
    """Answer 410 to who asks for the version *name* within *windows*; these replace those of before.

    Args:
        windows: From and until, Unix times.
    Raises:
        DecisionError: One ends before it begins, or after the year 9999.
    """
    kept = tuple(sorted(windows))
    if any(until_s <= from_s or not math.isfinite(until_s) for from_s, until_s in kept):
        raise DecisionError("a brown-out must end after it begins")
    _refuse_timeless(moment_s for window in kept for moment_s in window)
    return _changed(control, {name: replace(control.versions[name], brownouts=kept)})


def roll_back(control: Control) -> Control:
    """Take back the last activation, or the last change of tags or shares; again, the one before.

    Raises:
        DecisionError: There is none, or it would lead clients to a version that no longer serves.
    """
    if not control.undo:
        raise DecisionError("there is nothing to take back: no activation, tag or share was decided")
    last = control.undo[-1]
    versions = {
        name: replace(control.versions[name], status=before.status, retired_s=before.retired_s)
        for name, before in last.versions.items()
        if name in control.versions
    }
    rolled = replace(_changed(control, versions), tags=last.tags, weights=last.weights, undo=control.undo[:-1])
    if all(each.status != "active" for each in rolled.versions.values()):
        raise DecisionError("taking that back would leave no version that serves")
    for tag, name in rolled.tags.items():
        _refuse_idle(rolled, name, f"the tag {tag!r} cannot lead to it again")
    for tag, shares in rolled.weights.items():
        for name in shares:
            _refuse_idle(rolled, name, f"the tag {tag!r} cannot share clients out to it again")
    return rolled


def check_tag(tag: str, roster: Roster) -> None:
    """Refuse what could be mistaken for something else, as `Timescape.set_tag` does.

    Raises:
        DecisionError: *tag* reads as a version, a range, a date, or is taken.
    """
    labels = {version.label for version in roster.versions}
    is_taken = tag in {"latest", UNVERSIONED} or tag in roster.names or tag in labels
    is_version = parse_range(tag) is not None or parse_date(tag) is not None or parse_instant(tag) is not None
    if is_taken or is_version or _TAG.fullmatch(tag) is None:
        raise DecisionError(
            f"{tag!r} cannot be a tag: it is taken, or reads as a version; tags are letters, digits, '-', '_' and '.', "
            "and begin with a letter"
        )


def _share_out(percent: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Return *percent* in whole parts as *weights* have them; what is left over goes to the greatest remainders."""
    total = sum(weights.values())
    shares = {name: percent * weight // total for name, weight in weights.items()}
    remainders = sorted(weights, key=lambda name: (-(percent * weights[name] % total), name))
    for name in remainders[: percent - sum(shares.values())]:
        shares[name] += 1
    return shares


def _refuse_timeless(moments_s: Iterable[float]) -> None:
    """Refuse what no server could write into an answer, before it is in the store."""
    # What is told may be rounded up to a whole second.
    if not all(is_in_calendar(moment_s) and is_in_calendar(math.ceil(moment_s)) for moment_s in moments_s):
        raise DecisionError("it must be a time of the years 1 to 9999, in UTC")


def _refuse_idle(control: Control, name: str, consequence: str) -> None:
    known = control.versions.get(name)
    if known is None or known.status != "active":
        state = "is unknown" if known is None else "is retired" if known.status == "retired" else "is not active yet"
        raise DecisionError(f"{name} {state}: {consequence}. `perdure versions activate {name}` lets it serve")


def _remembering(control: Control, *names: str) -> Control:
    """Return *control* with what `roll_back` needs to undo a change of its tags, its weights and of *names*."""
    before = Control(
        versions={name: control.versions[name] for name in names}, tags=control.tags, weights=control.weights
    )
    return replace(control, undo=(*control.undo, before)[-_REMEMBERED:])


def _changed(control: Control, versions: Mapping[str, VersionControl]) -> Control:
    return replace(control, versions={**control.versions, **versions})


def _if_changed(before: Control, after: Control, otherwise: str) -> Control:
    if before.tags == after.tags and before.weights == after.weights:
        raise DecisionError(otherwise)
    return after
