"""The `perdure versions` commands that decide who is served what."""

from typing import Annotated

from cyclopts import Parameter, validators

from perdure.cli.console import say
from perdure.cli.options import HERE, Switch, Where
from perdure.cli.plan import EXIT_OK
from perdure.cli.versions_desk import open_desk
from perdure.errors import DecisionError
from perdure.rollout import decisions
from perdure.rollout.clients import LIMIT_CHARACTERS
from perdure.rollout.roster import Roster
from perdure.store.records import Pin, storable_name

__all__ = ["activate", "pin", "rollback", "tag", "unpin", "untag", "weight"]

_Percent = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=100))]


def activate(version: str, /, *, percent: _Percent = 100, tag: str | None = None, where: Where = HERE) -> int:
    """Let a version serve who asks for it. One that was retired serves again.

    Parameters
    ----------
    version
        The version.
    percent
        Less than 100: at the same time give it this share of the clients of a tag, and keep the rest where they are.
    tag
        The tag whose clients are shared out; by default what clients get that ask for nothing.
    """
    with open_desk(where) as desk:
        roster = desk.roster()
        name = roster.find(version)
        shared = tag or roster.default
        with desk.operations.of(f"expand {name}"):
            desk.rollout.expand((name,))
        if percent == 100:
            desk.decide(f"activate {name}", lambda control, _: decisions.activate(control, (name,), desk.now_s))
            say(f"{name} is active")
            return EXIT_OK
        base = _base(roster, shared)
        desk.decide(
            f"activate {name} for {percent} % of {shared}",
            lambda control, _: decisions.introduce(control, name, shared, base, percent, desk.now_s),
        )
        say(f"{name} is active and serves {percent} % of the clients of {shared}; the others stay at {base}")
    return EXIT_OK


def tag(tag: str, version: str, /, *, where: Where = HERE) -> int:
    """Let a tag stand for a version, for all its clients; `stable` too.

    Parameters
    ----------
    tag
        The tag: letters, digits, -, _ and ., beginning with a letter.
    version
        The version it leads to from now on.
    """
    with open_desk(where) as desk:
        name = desk.roster().find(version)
        desk.decide(f"tag {tag} {name}", lambda control, roster: decisions.set_tag(control, tag, name, roster))
        say(f"{tag} leads to {name}")
    return EXIT_OK


def untag(tag: str, /, *, where: Where = HERE) -> int:
    """Forget a tag that was set here; `stable` becomes the newest release again.

    Parameters
    ----------
    tag
        The tag.
    """
    with open_desk(where) as desk:
        roster = desk.decide(f"untag {tag}", lambda control, _: decisions.unset_tag(control, tag))
        left = roster.tags.get(tag)
        say(f"{tag} leads to {left} again" if left is not None else f"{tag} leads nowhere any more")
    return EXIT_OK


def weight(tag: str, /, *shares: str, clear: Switch = False, where: Where = HERE) -> int:
    """Share the clients of a tag out over versions; each client stays with its version.

    Parameters
    ----------
    tag
        The tag; `stable` for who asks for nothing, unless the configuration says otherwise.
    shares
        VERSION=PERCENT, several; what is missing to 100 goes to the other versions with a share, else to the one the
        tag stands for.
    clear
        Share them out no more: all go to the version the tag stands for.
    """
    with open_desk(where) as desk:
        if clear:
            roster = desk.decide(f"weight {tag} --clear", lambda control, _: decisions.unweigh(control, tag))
            say(f"{tag} leads all its clients to {roster.tags.get(tag, 'nothing')}")
            return EXIT_OK
        roster = desk.roster()
        percents = _percents(shares, roster)
        if tag not in roster.tags:
            decisions.check_tag(tag, roster)
        base = roster.tags.get(tag)
        action = f"weight {tag} {' '.join(f'{name}={share}' for name, share in percents.items())}"
        roster = desk.decide(action, lambda control, _: decisions.weigh(control, tag, percents, base))
        shown = ", ".join(f"{name} {share} %" for name, share in roster.control.weights[tag].items())
        say(f"the clients of {tag} are shared out: {shown}")
    return EXIT_OK


def rollback(*, where: Where = HERE) -> int:
    """Take back the last activation, or the last change of tags or shares; again, the one before."""
    with open_desk(where) as desk:
        before = desk.roster()
        after = desk.decide("rollback", lambda control, _: decisions.roll_back(control))
        for change in _changes(before, after) or ["taken back; what it had changed was changed again since"]:
            say(change)
    return EXIT_OK


def pin(client: str, version: str, /, *, where: Where = HERE) -> int:
    """Serve a client a version where it asks for none.

    Parameters
    ----------
    client
        The client, as `perdure versions usage` lists it.
    version
        The version.
    """
    with open_desk(where) as desk:
        roster = desk.roster()
        name = roster.find(version)
        if roster.control.versions[name].status != "active":
            raise DecisionError(f"{name} is {roster.control.versions[name].status}: nobody can be pinned to it")
        if not client or storable_name(client) != client or min(client) < " ":
            raise DecisionError(f"{client[:40]!r} is no client's name")
        if len(client) > LIMIT_CHARACTERS:
            raise DecisionError(
                f"a client's name has at most {LIMIT_CHARACTERS} characters, and this one has {len(client)}"
            )
        with desk.operations.of(f"pin {client} {name}"):
            desk.store.pin(desk.app, [Pin(client=client, version=name, since_s=desk.now_s)])
        say(f"{client} is pinned to {name}")
    return EXIT_OK


def unpin(client: str, /, *, where: Where = HERE) -> int:
    """Forget the pin of a client.

    Parameters
    ----------
    client
        The client.
    """
    with open_desk(where) as desk:
        with desk.operations.of(f"unpin {client}"):
            if not desk.store.unpin(desk.app, client):
                pinned = sorted(each.client for each in desk.store.pins(desk.app)[0])
                shown = ", ".join(pinned[:12]) + (f" and {len(pinned) - 12} more" if len(pinned) > 12 else "")
                raise DecisionError(f"{client!r} is not pinned; clients that are: {shown or 'none'}")
        say(f"{client} is pinned no more")
    return EXIT_OK


def _base(roster: Roster, tag: str) -> str:
    base = roster.tags.get(tag)
    if base is None:
        raise DecisionError(f"there is no tag {tag!r} whose clients could be shared out; name one with --tag")
    return base


def _percents(shares: tuple[str, ...], roster: Roster) -> dict[str, int]:
    if not shares:
        raise DecisionError("nothing to share out: give versions and percentages, as in v3.0.0=10, or --clear")
    percents: dict[str, int] = {}
    for share in shares:
        version, is_given, percent = share.rpartition("=")
        if not is_given or not percent.removesuffix("%").isascii() or not percent.removesuffix("%").isdigit():
            raise DecisionError(f"{share!r} is no share; write VERSION=PERCENT in whole numbers, as in v3.0.0=10")
        name = roster.find(version)
        if name in percents:
            raise DecisionError(f"{name} has two shares")
        percents[name] = int(percent.removesuffix("%"))
    return percents


def _changes(before: Roster, after: Roster) -> list[str]:
    """Say what is different, in lines; nothing where a later decision, as a retirement, undid the one taken back."""
    states, tags, weights = after.control.versions, after.tags, after.control.weights
    lines = [
        f"{name} is {state.status} again"
        for name, state in states.items()
        if before.control.versions[name].status != state.status
    ]
    lines += [
        f"{tag} leads to {tags.get(tag, 'nothing')} again"
        for tag in sorted({*before.tags, *tags})
        if before.tags.get(tag) != tags.get(tag)
    ]
    for tag in sorted({*before.control.weights, *weights}):
        shares = weights.get(tag, {})
        if before.control.weights.get(tag, {}) != shares:
            shown = ", ".join(f"{name} {share} %" for name, share in shares.items()) or "all to one version"
            lines.append(f"the clients of {tag} are shared out again: {shown}")
    return lines
