"""The `perdure versions` commands that bring a version to its end, or keep it from it."""

from typing import Annotated

from cyclopts import Parameter

from perdure.cli.console import say
from perdure.cli.moments import duration, moment
from perdure.cli.options import HERE, Switch, Where
from perdure.cli.plan import EXIT_OK
from perdure.cli.versions_desk import Desk, open_desk
from perdure.errors import DecisionError
from perdure.rollout import decisions
from perdure.store.records import Control
from perdure.timescape.instants import format_instant

__all__ = ["brownout", "deprecate", "release", "retain", "retire"]

_DEFAULT_BROWNOUT = "15m"


def retain(version: str, /, *, where: Where = HERE) -> int:
    """Keep a version from becoming cold and from being retired by itself.

    Parameters
    ----------
    version
        The version.
    """
    return _set_retained(version, where, retained=True)


def release(version: str, /, *, where: Where = HERE) -> int:
    """Undo `retain`.

    Parameters
    ----------
    version
        The version.
    """
    return _set_retained(version, where, retained=False)


def retire(version: str, /, *, force: Switch = False, where: Where = HERE) -> int:
    """Answer 410 to who asks for a version; `activate` takes that back.

    Parameters
    ----------
    version
        The version.
    force
        Although a tag, a share, a pin or `retain` still speaks for it; tags and shares that lead to it are dropped.
    """
    with open_desk(where) as desk:
        name = desk.roster().find(version)
        desk.decide(
            f"retire {name}{' --force' if force else ''}",
            lambda control, roster: decisions.retire(control, name, roster, desk.now_s, force=force),
        )
        say(f"{name} is retired: it answers 410")
    return EXIT_OK


def deprecate(
    version: str, /, *, since: str | None = None, sunset: str | None = None, link: str | None = None,
    clear: Switch = False, where: Where = HERE,
) -> int:  # fmt: skip
    """Say in all answers of a version that it is deprecated, when it ends, and where to read more.

    Parameters
    ----------
    version
        The version.
    since
        Date or RFC 3339 instant, also one to come; now by default.
    sunset
        Date or instant from which it may be gone.
    link
        Address of a page for its clients.
    clear
        Say so no more.
    """
    with open_desk(where) as desk:
        name = desk.roster().find(version)
        since_s = None if clear else desk.now_s if since is None else moment(since)
        sunset_s = None if clear or sunset is None else moment(sunset)
        link = None if clear else link
        desk.decide(
            f"deprecate {name}" + (" --clear" if clear else f" --sunset {sunset}" if sunset else ""),
            lambda control, _: decisions.announce_end(
                control, name, deprecated_s=since_s, sunset_s=sunset_s, link=link
            ),
        )
        say(f"{name} is {'not deprecated' if clear else 'deprecated'}")
    return EXIT_OK


def brownout(
    version: str, /, *, from_: Annotated[str | None, Parameter("--from")] = None,
    for_: Annotated[str, Parameter("--for")] = _DEFAULT_BROWNOUT, clear: Switch = False, where: Where = HERE,
) -> int:  # fmt: skip
    """Answer 410 for a while to who asks for a version, so that those who still do find out in time.

    Parameters
    ----------
    version
        The version.
    from_
        Date or RFC 3339 instant; now by default.
    for_
        How long: 90s, 15m, 2h, 1d.
    clear
        Forget all brown-outs of the version, also one that is under way.
    """
    with open_desk(where) as desk:
        name = desk.roster().find(version)
        if clear:
            desk.decide(f"brownout {name} --clear", lambda control, _: decisions.brown_out(control, name, ()))
            say(f"{name} has no brown-outs")
            return EXIT_OK
        start_s = desk.now_s if from_ is None else moment(from_)
        end_s = start_s + duration(for_)
        if end_s <= desk.now_s:
            raise DecisionError(f"the brown-out from {from_} for {for_} is over already: it would never be seen")
        desk.decide(
            f"brownout {name} from {format_instant(int(start_s))} for {for_}",
            lambda control, _: decisions.brown_out(control, name, ((start_s, end_s), *_ahead(control, name, desk))),
        )
        say(f"{name} answers 410 from {format_instant(int(start_s))} to {format_instant(int(end_s))}")
    return EXIT_OK


def _set_retained(version: str, where: Where, *, retained: bool) -> int:
    with open_desk(where) as desk:
        name = desk.roster().find(version)
        action = "retain" if retained else "release"
        desk.decide(f"{action} {name}", lambda control, _: decisions.retain(control, name, retained=retained))
        say(f"{name} is {'retained' if retained else 'not retained any more'}")
    return EXIT_OK


def _ahead(control: Control, name: str, desk: Desk) -> list[tuple[float, float]]:
    """Return the brown-outs that are not over yet."""
    return [window for window in control.versions[name].brownouts if window[1] > desk.now_s]
