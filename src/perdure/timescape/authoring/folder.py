"""The folder of revision files, for what writes into it.

Each file appears whole or not at all: it is written under a name that is not looked at and then renamed. Of a pair the
``.json`` comes first: should the second never come, loading says that the ``.py`` is missing and that the ``.json`` may
be deleted.
"""

import os
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from perdure.clock import Clock
from perdure.errors import RevisionError
from perdure.timescape.instants import DAY_S, format_date, is_in_calendar, parse_date, parse_instant

__all__ = ["file_name", "next_instant", "read_instant", "remove_files", "slug", "write_files"]

_SLUG_LENGTH = 48


def slug(message: str) -> str:
    """Return the first line of *message* as a part of a file name: ``money_has_a_currency``."""
    first = message.strip().partition("\n")[0]
    plain = unicodedata.normalize("NFKD", first).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain.replace("'", ""))
    text = ""
    for word in words:
        longer = f"{text}_{word}" if text else word[:_SLUG_LENGTH]
        if len(longer) > _SLUG_LENGTH:
            break
        text = longer
    return text or "revision"


def file_name(seconds: int, title: str, folder: Path) -> str:
    """Return a name for a revision of *seconds* that no file in *folder* has; *title* as `slug` returns it."""
    plain = name = f"{format_date(seconds)}_{title}"
    number = 1
    while any((folder / f"{name}{suffix}").exists() for suffix in (".py", ".json")):
        number += 1
        name = f"{plain}_{number}"
    return name


def next_instant(previous: int | None, clock: Clock) -> int:
    """Return when a revision after one at *previous* is made: today, or now if today has begun with another.

    Raises:
        RevisionError: *previous* is in the future.
    """
    now = int(clock.time())
    today = now - now % DAY_S
    if previous is None or previous < today:
        return today
    if previous <= now:
        return now
    raise RevisionError(
        f"the revision before is dated {format_date(previous)}, which is not over yet: say --date with a later one"
    )


def read_instant(text: str) -> int:
    """Return the Unix seconds of a date or an RFC 3339 instant in whole seconds.

    Raises:
        RevisionError: *text* is neither.
    """
    midnight = parse_date(text)
    if midnight is not None:
        return midnight
    moment = parse_instant(text)
    if moment is None or not moment.is_whole or not is_in_calendar(moment.seconds):
        raise RevisionError(f"--date {text}: no date, such as 2026-02-10, and no RFC 3339 instant in whole seconds")
    return moment.seconds


def write_files(folder: Path, texts: Mapping[str, str]) -> None:
    """Write *texts*, by file name, into *folder*, which is made if need be; ``.json`` before ``.py``.

    Raises:
        RevisionError: The folder or a file cannot be written; what could be is there whole.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in sorted(texts, key=lambda name: (not name.endswith(".json"), name)):
            hidden = folder / f".{name}.{os.getpid()}"
            try:
                with hidden.open("w", encoding="utf-8", newline="\n") as file:
                    file.write(texts[name])
                    file.flush()
                    os.fsync(file.fileno())
                hidden.replace(folder / name)
            finally:
                hidden.unlink(missing_ok=True)
    except OSError as error:
        raise RevisionError(f"{error.filename or folder} cannot be written: {error.strerror}") from error


def remove_files(folder: Path, names: list[str]) -> None:
    """Remove the revisions *names* from *folder*.

    Raises:
        RevisionError: One cannot be removed.
    """
    try:
        for name in names:
            for suffix in (".py", ".json"):
                (folder / f"{name}{suffix}").unlink(missing_ok=True)
    except OSError as error:
        raise RevisionError(f"{error.filename} cannot be removed: {error.strerror}") from error
