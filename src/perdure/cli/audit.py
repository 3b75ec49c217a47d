"""`perdure audit`: look at the audit log, and see whether it is as it was written."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App as CommandLine
from cyclopts import Parameter, validators

from perdure.audit.folder import head_path, stream_places
from perdure.audit.following import Following
from perdure.audit.head import Head, head_fault, read_head
from perdure.audit.keys import PUBLIC_FILE, Verifier, load_signer, read_public_keys
from perdure.audit.reading import Wanted, last_entries, read_entries
from perdure.audit.records import Witnessed
from perdure.audit.verification import verify as verify_log
from perdure.cli.audit_text import follow, print_entries, print_entry, print_report, write_entries
from perdure.cli.console import complain, write
from perdure.cli.moments import duration, is_duration, moment
from perdure.cli.options import ExistingFile, LookOptions, Switch
from perdure.cli.plan import EXIT_FAILED, EXIT_OK
from perdure.cli.target import find_target, import_app
from perdure.errors import AuditError

__all__ = ["commands"]

_HELP = """Look at the audit log, and see whether it is as it was written.

The log is the one of the app's configuration, audit.dir, or the folder that --dir names; then no app is needed.
Exit codes: 0 all is well; 1 something was changed or is not there; 2 the command line makes no sense.
"""
_PUBLISHED_KEYS = "the keys in the log's own folder"

_Count = Annotated[int, Parameter(validator=validators.Number(gte=1))]
_Many = Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)]
_Folder = Annotated[Path, Parameter(validator=validators.Path(exists=True, file_okay=False))]

commands = CommandLine(name="audit", help=_HELP, help_format="plaintext")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Log(LookOptions):
    """Which audit log."""

    app: str | None = None
    """The app whose log it is; found in the current folder by default."""
    dir: _Folder | None = None
    """The log's folder; by default what the app's configuration says."""

    def folder(self) -> Path:
        """Return the folder of the log.

        Raises:
            AuditError: The app's configuration names none.
            AppNotFoundError: There is no app, and no folder is named.
        """
        if self.dir is not None:
            return self.dir
        with self.applied(self.app):
            named = import_app(find_target(self.app, Path.cwd())).config.audit.dir
        if named is None:
            raise AuditError("the app has no audit log: audit.dir is not set; or name a folder with --dir")
        return Path(named)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which records."""

    since: str | None = None
    """Only those from then on: a date, an RFC 3339 instant, or so long ago: 90s, 15m, 2h, 1d."""
    until: str | None = None
    """Only those before; as --since."""
    kind: _Many = ()
    """Only these: request, refusal, secret, operation, health, checkpoint, …; repeatable."""
    handler: str | None = None
    """Only those of this handler, by its id."""

    def wanted(self, *, with_control: bool) -> Wanted:
        """Return what is asked for.

        Raises:
            DecisionError: A time is none.
        """
        return Wanted(
            since_s=_time(self.since), until_s=_time(self.until), kinds=self.kind, handler=self.handler,
            with_control=with_control or bool(self.kind),
        )  # fmt: skip


_HERE = Log()
_ALL = Choice()


@commands.command
def verify(
    *, key: Annotated[tuple[ExistingFile, ...], Parameter(negative=(), show_default=False)] = (),
    expect: ExistingFile | None = None, json: Switch = False, log: Log = _HERE,
) -> int:  # fmt: skip
    """See whether anything was changed, added, removed or moved; each finding is told with its file and line.

    Parameters
    ----------
    key
        File with the public key, as `perdure audit key` printed it, kept elsewhere; repeatable. By default those in the
        log's own folder, which shows no change by who could change them, too.
    expect
        File with what `perdure audit heads` printed before: the log must still contain it.
    json
        Print an object.
    """
    folder = log.folder()
    verifier = read_public_keys(key or (folder / PUBLIC_FILE,))
    expected = () if expect is None else _expected(expect, verifier)
    report = verify_log(folder, verifier, expected)
    print_report(report, folder, _PUBLISHED_KEYS if not key else "the keys that were named", as_json=json)
    return EXIT_OK if report.is_sound else EXIT_FAILED


@commands.command
def tail(
    *, lines: Annotated[_Count, Parameter(name=["--lines", "-n"])] = 20,
    follow_: Annotated[bool, Parameter(name=["--follow", "-f"], negative=())] = False, json: Switch = False,
    choice: Choice = _ALL, log: Log = _HERE,
) -> int:  # fmt: skip
    """Print the newest records.

    Parameters
    ----------
    lines
        How many.
    follow_
        Go on with those that come, until Ctrl-C.
    json
        Print the lines as they are in the log.
    """
    folder, wanted = log.folder(), choice.wanted(with_control=False)
    following = Following(folder, wanted) if follow_ else None
    entries = last_entries(folder, wanted, lines)
    print_entries(entries, as_json=json)
    if following is not None:
        follow(following, entries, as_json=json)
    return EXIT_OK


@commands.command
def show(request_id: str, /, *, json: Switch = False, log: Log = _HERE) -> int:
    """Show all that is recorded of one request: what it went through, how long each step took, what came of it.

    Parameters
    ----------
    request_id
        As its answer's X-Request-ID says.
    json
        Print the lines as they are in the log.
    """
    folder = log.folder()
    entries = list(read_entries(folder, Wanted(mentions=request_id)))
    if not entries:
        complain(f"the audit log in {folder} has no record of the request {request_id[:80]!r}")
        return EXIT_FAILED
    for entry in entries:
        if json:
            write(entry.raw)
        else:
            print_entry(entry)
    return EXIT_OK


@commands.command
def export(*, output: Path | None = None, all_: Annotated[bool, Parameter("--all", negative=())] = False,
           choice: Choice = _ALL, log: Log = _HERE) -> int:  # fmt: skip
    """Print the records of all streams together, as they are in the log, in the order of their times.

    Parameters
    ----------
    output
        File to write instead of printing.
    all_
        Checkpoints and what else holds the log together, too.
    """
    entries = read_entries(log.folder(), choice.wanted(with_control=all_))
    return write_entries(entries, output)


@commands.command
def key(*, file: ExistingFile | None = None, log: Log = _HERE) -> int:
    """Print the public key, to be kept where nobody who can write the log can change it.

    Parameters
    ----------
    file
        File with the private key; by default the public keys that the log was signed with.
    """
    if file is not None:
        write(load_signer(file.read_bytes(), str(file)).public_pem.rstrip())
        return EXIT_OK
    folder = log.folder()
    read_public_keys((folder / PUBLIC_FILE,))
    write((folder / PUBLIC_FILE).read_bytes().rstrip())
    return EXIT_OK


@commands.command
def heads(*, log: Log = _HERE) -> int:
    """Print how far each stream was signed, to be kept elsewhere: `verify --expect` sees whether it still is there."""
    folder = log.folder()
    for place in stream_places(folder):
        raw, head = read_head(head_path(folder, place))
        if head is not None:
            write(raw.rstrip(b"\n"))
    return EXIT_OK


def _expected(file: Path, verifier: Verifier) -> list[Witnessed]:
    found: list[Witnessed] = []
    for number, raw in enumerate(file.read_bytes().splitlines(keepends=True), 1):
        fault = head_fault(raw, verifier)
        if fault is not None:
            raise AuditError(f"{file}:{number} is not what `perdure audit heads` printed of this log: {fault}")
        head = msgspec.json.decode(raw, type=Head)
        found.append(Witnessed(head.stream, head.lines, head.head))
    return found


def _time(text: str | None) -> float | None:
    if text is None:
        return None
    return time.time() - duration(text) if is_duration(text) else moment(text)
