"""`perdure versions`: look at the versions of an app, and decide about them while it is served.

Each command writes to the store; the servers on it obey within a second.
"""

from cyclopts import App as CommandLine

from perdure.cli.versions_endings import brownout, deprecate, release, retain, retire
from perdure.cli.versions_traffic import activate, pin, rollback, tag, unpin, untag, weight
from perdure.cli.versions_views import journal, list_versions, pins, register, show, usage

__all__ = ["commands"]

_HELP = """Look at versions, and decide about them.

VERSION is a version's name, label, revision or tag. What is decided is kept in the store; servers on the same store
obey within a second. Exit codes as for perdure itself; 1 too for what cannot be meant, and then nothing is changed.
"""

commands = CommandLine(name="versions", help=_HELP, help_format="plaintext")
commands.command(list_versions, name="list")
for command in (
    show, usage, journal, pins, register, activate, tag, untag, weight, rollback, pin, unpin, retain, release, retire,
    deprecate, brownout,
):  # fmt: skip
    commands.command(command)
