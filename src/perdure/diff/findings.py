"""What a diff says: findings, and their order of gravity."""

from typing import Literal, final

from msgspec import Struct

__all__ = ["LEVELS", "Direction", "Finding", "Level", "Profile"]

Level = Literal["breaking", "risky", "compatible"]
"""``breaking``: some client that follows the old contract fails; ``risky``: one that reads more into it may;
``compatible``: none does."""

LEVELS: tuple[Level, ...] = ("breaking", "risky", "compatible")
"""From grave to harmless."""

Direction = Literal["request", "response", "endpoint"]
"""Where a change is felt: in what clients send, in what they read, or in whether there is anything to call at all."""

Profile = Literal["json", "strict"]
"""How clients read: ``json`` ignores unknown members of answers, ``strict`` (generated, closed) refuses them."""


@final
class Finding(Struct, frozen=True, kw_only=True):
    """One change, as one edit of the API's author."""

    rule: str
    """Stable id: ``request-property-became-required``."""
    level: Level
    pointer: str
    """JSON Pointer to the value the change is felt at, in an instance of the old or new type: ``/lines/*/quantity``;
    ``*`` stands for any item or key."""
    message: str
    """One sentence with what was before and what is now."""
    direction: Direction
    method: str = ""
    path: str = ""
    """The endpoint, where there is one."""
    type: str = ""
    """The named type in whose definition the edit was made, where it has one."""
