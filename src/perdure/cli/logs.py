"""`perdure logs`: what servers that run write to the log, changed for a while."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, get_args

from cyclopts import App as CommandLine
from cyclopts import Parameter

from perdure.cli.console import complain, say
from perdure.cli.moments import duration
from perdure.cli.options import Switch
from perdure.cli.plan import EXIT_OK, EXIT_USAGE
from perdure.cli.store import wishes_file
from perdure.cli.target import find_target
from perdure.config import LogLevel
from perdure.errors import DecisionError
from perdure.logs.levels import ROOT, Wish, read_wishes, write_wishes

__all__ = ["commands"]

_LEVELS: tuple[LogLevel, ...] = get_args(LogLevel)
_LONGEST_S = 7 * 86_400.0

_HELP = """Change what servers that run write to the log.

All servers of the project on this machine obey within a second; none is restarted.
"""

commands = CommandLine(name="logs", help=_HELP, help_format="plaintext")


@commands.command
def level(
    *wishes: str, for_: Annotated[str, Parameter("--for")] = "15m", reset: Switch = False, app: str | None = None
) -> int:
    """Change the level of loggers for a while, or tell what is changed: `perdure logs level perdure.ingress=debug`.

    Parameters
    ----------
    wishes
        LOGGER=LEVEL, with debug, info, warning, error or critical; the logger above all others is called root.
    for_
        How long: 90s, 15m, 2h; a week at most.
    reset
        First, go back to the levels that are configured.
    app
        The app; found in the current folder by default.
    """
    file = wishes_file(find_target(app, Path.cwd()))
    now = time.time()
    try:
        asked = dict(_parsed(wish) for wish in wishes)
        until = now + _checked(duration(for_))
    except DecisionError as error:
        complain(str(error))
        return EXIT_USAGE
    before = {} if reset else {name: wish for name, wish in read_wishes(file).items() if now < wish.until}
    wanted = {**before, **{name: Wish(level, until) for name, level in asked.items()}}
    if asked or reset:
        write_wishes(file, wanted)
    _tell(wanted)
    return EXIT_OK


def _parsed(text: str) -> tuple[str, LogLevel]:
    name, _, level = text.partition("=")
    found = next((each for each in _LEVELS if each == level.lower()), None)
    if not name or any(each.isspace() for each in name) or found is None:
        raise DecisionError(f"{text!r} is not LOGGER=LEVEL, with one of {', '.join(_LEVELS)}: perdure.ingress=debug")
    return name, found


def _checked(seconds: float) -> float:
    if seconds > _LONGEST_S:
        raise DecisionError("levels change for a week at most; what is to stay belongs into the settings: logs.levels")
    return seconds


def _tell(wishes: dict[str, Wish]) -> None:
    if not wishes:
        say("levels are as configured")
    for name, wish in sorted(wishes.items(), key=lambda each: (each[0] != ROOT, each[0])):
        until = datetime.fromtimestamp(wish.until, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        say(f"{name}={wish.level} until {until}")
