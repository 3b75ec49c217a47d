"""What is added to an audit log from now on, each record once, however large the log is."""

from pathlib import Path
from typing import Final, final

from perdure.audit.folder import LogFile, log_files, stream_places
from perdure.audit.reading import Entry, Wanted, entries_of
from perdure.errors import AuditError

__all__ = ["Following"]

_CHUNK: Final = 1024 * 1024
_NOTHING: Final = (0, 0)


@final
class Following:
    """Reads on, from the end of the log as it is now.

    Args:
        folder: Of the log.
        wanted: Which records.
    Raises:
        AuditError: There is no log, or it cannot be read.
    """

    def __init__(self, folder: Path, wanted: Wanted) -> None:
        self._folder = folder
        self._wanted = wanted
        self._complete: set[str] = set()
        """Files to which nothing is added any more: a log of years must not be read for what comes next."""
        self._ends: dict[str, tuple[int, int]] = {}
        """How far each file was read, in bytes and lines."""
        for place in stream_places(folder):
            files = log_files(folder, place)
            self._complete |= {file.path.name for file in files[:-1]}
            for last in files[-1:]:
                self._ends[last.path.name] = _end_of(last.path)

    def fresh(self) -> list[Entry]:
        """Return the records that came since, by their times; none of them again.

        Raises:
            AuditError: The log cannot be read any more.
        """
        found: list[Entry] = []
        for place in stream_places(self._folder):
            for file in log_files(self._folder, place):
                if file.path.name not in self._complete:
                    found += self._read(file)
        return sorted(found, key=lambda entry: entry.at)

    def _read(self, file: LogFile) -> list[Entry]:
        offset, lines = self._ends.get(file.path.name, _NOTHING)
        try:
            if file.path.stat().st_size <= offset:
                return []
            with file.path.open("rb") as opened:
                opened.seek(offset)
                whole = [line for line in opened if line.endswith(b"\n")]
        except FileNotFoundError:
            return []  # it was kept for long enough
        except OSError as error:
            raise AuditError(f"the audit log in {self._folder} cannot be read: {error.strerror or error}") from error
        self._ends[file.path.name] = offset + sum(map(len, whole)), lines + len(whole)
        return list(entries_of(whole, file.path.name, self._wanted, after=lines))


def _end_of(path: Path) -> tuple[int, int]:
    """Return where the last whole line of the file at *path* ends, and how many lines there are."""
    end = lines = read = 0
    try:
        with path.open("rb") as opened:
            while chunk := opened.read(_CHUNK):
                lines += chunk.count(b"\n")
                last = chunk.rfind(b"\n")
                end = read + last + 1 if last >= 0 else end
                read += len(chunk)
    except FileNotFoundError:
        return _NOTHING
    except OSError as error:
        raise AuditError(f"the audit log in {path.parent} cannot be read: {error.strerror or error}") from error
    return end, lines
