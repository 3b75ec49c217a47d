"""What a server says of code that differs from what the newest revision records.

Such code is served under the newest version all the same: a build may be tried before its revision is written. But
clients of that version were promised something else.
"""

import logging
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perdure.app import App
    from perdure.diff.findings import Finding

__all__ = ["warn_of_unrecorded"]

_log = logging.getLogger("perdure.app")
_MOST_TOLD = 5


def warn_of_unrecorded(app: "App") -> None:
    """Log what of *app* differs from what its newest revision records, if it may break clients; else say nothing.

    What changed is only looked for where something did.

    Raises:
        DefinitionError: As `App.compile`.
    """
    from perdure.cli.sides import Versions, follow_steps
    from perdure.timescape.delta import delta

    versions = Versions(app)
    if not versions.recorded:
        return
    steps = versions.steps(versions.recorded - 1, versions.recorded)
    recorded, code = steps
    change = delta(recorded.api, code.api)
    if not change.types and not change.endpoints:
        return
    from perdure.diff.apis import diff_apis

    called = follow_steps(steps)
    found = diff_apis(recorded.api, code.api, renames=called.renames, moves=called.moves)
    grave = [each for each in found if each.level != "compatible"]
    if grave:
        _log.warning(
            "the code serves %s, but is not what the revision %s records: %s. Clients of that version may break; "
            "record the change with `perdure revision`, or take it back (`perdure diff` tells all of it)",
            recorded.title, recorded.revision, _told(grave),
        )  # fmt: skip


def _told(findings: "list[Finding]") -> str:
    from perdure.diff.grouping import group

    groups = group(findings)
    counts = Counter(each.level for each in groups)
    changes = ", ".join(f"{counts[level]} {level}" for level in ("breaking", "risky") if counts[level])
    # What breaks requests and answers alike is one change to its author.
    edits = list(dict.fromkeys(f"{each.endpoints[0]} {each.pointers[0]}: {each.message}" for each in groups))
    more = len(edits) - _MOST_TOLD
    return f"{changes} ({'; '.join(edits[:_MOST_TOLD])}{f'; and {more} more' if more > 0 else ''})"
