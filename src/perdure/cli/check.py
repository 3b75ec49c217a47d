"""`perdure check`: whether the clients of every version are still served, told before they find out."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, final

import msgspec
from msgspec import Struct, structs
from rich.text import Text

from perdure.cli.console import complain, output, unknown_version, write
from perdure.cli.plan import EXIT_FAILED, EXIT_OK, EXIT_USAGE
from perdure.cli.target import find_target, load_quietly
from perdure.errors import ConfigError, UnknownVersionError

if TYPE_CHECKING:
    from perdure.app import App
    from perdure.timescape.proving.report import Report

__all__ = ["CheckOptions", "run_check"]


@final
class CheckOptions(Struct, frozen=True, kw_only=True):
    """What the command line says; `perdure.cli.main.check` says what each means."""

    seed: int = 0
    examples: int | None = None
    limit_s: float = 5.0
    only: Sequence[str] = ()
    against: Sequence[str] = ()
    store: str | None = None
    format: Literal["text", "json"] = "text"


def run_check(app: str | None, options: CheckOptions) -> int:
    """Print what would fail, to stdout, and return the exit code.

    Args:
        app: As on the command line.
        options: How.
    """
    from perdure.timescape.proving.proof import EXAMPLES, Effort, prove

    loaded = load_quietly(find_target(app, Path.cwd()))
    try:
        effort = Effort(examples=options.examples or EXAMPLES, seed=options.seed, limit_s=options.limit_s)
        live = _live(loaded, options)
        with _Progress() as progress:
            report = prove(loaded, effort, live=live, only=options.only, progress=progress)
        report = _with_steps(report, loaded, options)
    except UnknownVersionError as error:
        complain(unknown_version(error))
        return EXIT_USAGE
    except ConfigError as error:
        complain(str(error))
        return EXIT_USAGE
    except ImportError as error:
        complain(str(error))
        return EXIT_FAILED
    if options.format == "json":
        write(_as_json(report))
    else:
        _print(report)
    return EXIT_OK if report.ok else EXIT_FAILED


def _live(app: "App", options: CheckOptions) -> Sequence[str] | None:
    """Return the versions whose clients count; None for all."""
    if options.against:
        return options.against
    if options.store is None:
        return None
    from perdure.cli.store import check_exists
    from perdure.store.opening import open_store

    check_exists(options.store)
    store = open_store(options.store)
    try:
        decided = store.control(app.name).versions
    finally:
        store.close()
    names = [version.name for version in app.timescape().versions]
    return [name for name in names if name not in decided or decided[name].status != "retired"]


def _with_steps(report: "Report", app: "App", options: CheckOptions) -> "Report":
    """Return *report* with what is wrong with the steps on the database that versions name."""
    from perdure.rollout.migrations_known import unknown_steps
    from perdure.timescape.proving.report import Failure, Remark

    found = [
        each
        for each in unknown_steps(app.timescape(), Path(app.config.alembic_ini))
        if not options.only or (isinstance(each, Failure) and {each.kind, each.revision} & set(options.only))
    ]
    return structs.replace(
        report,
        failures=(*report.failures, *(each for each in found if isinstance(each, Failure))),
        remarks=(*report.remarks, *(each for each in found if isinstance(each, Remark))),
    )


def _as_json(report: "Report") -> bytes:
    document = {"ok": report.ok, **msgspec.to_builtins(report)}
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def _print(report: "Report") -> None:
    text = str(report)
    if not sys.stdout.isatty():
        write(text.encode())
        return
    console = output()
    for line in text.split("\n"):
        console.print(Text(line, style=_style(line)))


def _style(line: str) -> str:
    if line.startswith("  "):
        return {"fault": "red", "mend": "green"}.get(line.split(maxsplit=1)[0], "")
    return "dim" if line.startswith("note: ") else "bold"


@final
class _Progress:
    """What is tried now, in one line of a terminal; nothing elsewhere."""

    def __init__(self) -> None:
        self._shows = sys.stderr.isatty()

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write("")

    def __call__(self, subject: str) -> None:
        self._write(subject[: shutil.get_terminal_size().columns - 1])

    def _write(self, line: str) -> None:
        if self._shows:
            sys.stderr.write(f"\r\x1b[2K{line}")
            sys.stderr.flush()
