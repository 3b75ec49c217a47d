"""The `perdure` command: parses the command line and hands over; each command imports what it needs."""

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App as CommandLine
from cyclopts import CycloptsError, Parameter, UnusedCliTokensError, validators

import perdure
from perdure.cli.console import boxed_errors, complain, open_closed_streams, output, say, unknown_version
from perdure.cli.options import AS_SERVED, AppArgument, LookOptions, NamedApp, Switch
from perdure.cli.plan import EXIT_FAILED, EXIT_OK, EXIT_USAGE
from perdure.cli.target import BrokenAppError, find_target, load, one_app
from perdure.errors import AppNotFoundError, PerdureError, UnknownVersionError

__all__ = ["main"]

_HELP = """Run and look at APIs built with Perdure.

APP is `module:attribute`, `path/to/file.py`, `path/to/file.py:attribute` or a folder. Without it, the app is
`[tool.perdure] app` of pyproject.toml, or the one in app.py, main.py, NAME/app.py (NAME: this folder's) or
src/*/app.py.

Exit codes: 0 all is well; 1 the app is broken, the address is taken, or requests had to be cut off; 2 the command
line makes no sense or names no app.
"""

_Count = Annotated[int, Parameter(validator=validators.Number(gte=1))]
_Side = Annotated[str, Parameter(allow_leading_hyphen=True)]
_Many = Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)]

commands = CommandLine(name="perdure", help=_HELP, version=f"perdure {perdure.__version__}", help_format="plaintext")
commands.command(
    "perdure.cli.serving:dev", name="dev",
    help="Serve with one worker and reload when the app's files change; errors are told with file and line.",
)  # fmt: skip
commands.command(
    "perdure.cli.serving:serve", name="serve",
    help="Serve in production: worker processes on one socket; SIGTERM or Ctrl-C answers every request, then ends.\n\n"
    "SIGHUP reads code, settings and certificates anew: new workers take over once they can answer.",
)  # fmt: skip
commands.command(
    "perdure.cli.config:config", name="config",
    help="Print every setting of an app, and where it is from; secrets are masked. Exit code 1: one cannot be used.",
)  # fmt: skip
commands.command("perdure.cli.versions:commands", name="versions", help="Look at versions, and decide about them.")
commands.command("perdure.cli.logs:commands", name="logs", help="Change what servers that run write to the log.")
commands.command("perdure.cli.audit:commands", name="audit", help="Look at the audit log, and verify it.")
commands.command("perdure.cli.keys:commands", name="keys", help="Create, list, revoke and prune API keys.")
commands.command(
    "perdure.cli.migrations:commands", name="migrations", help="Look at the steps versions need on the app's database."
)


def _option_for(command: str, unused: Sequence[str]) -> str:
    """Return how to name what was given as *unused*: a folder with an audit log, else an app."""
    for token in unused if command == "audit" else ():
        folder = Path(token).parent if Path(token).suffix in {".jsonl", ".head"} else Path(token)
        if folder.is_dir():
            return f"here the folder of a log is named with --dir, as in: perdure audit … --dir {folder}"
    return f"here the app is named with --app, as in: perdure {command} … --app app.py"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that *arguments* (by default the process's own) name, and return its exit code."""
    open_closed_streams()
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = commands(
            tokens, console=output(), error_console=boxed_errors(), exit_on_error=False, result_action="return_value"
        )
    except (CycloptsError, AppNotFoundError) as error:
        if isinstance(error, AppNotFoundError):
            complain(str(error))
        elif isinstance(error, UnusedCliTokensError) and tokens[0] in {"versions", "migrations", "keys", "audit"}:
            complain(_option_for(tokens[0], error.unused_tokens or []))
        return EXIT_USAGE
    except BrokenAppError as error:
        from perdure.cli.report import report_failure

        report_failure(error.__cause__ or error, Path(error.target.folder))
        return EXIT_FAILED
    except UnknownVersionError as error:
        complain(unknown_version(error))
        return EXIT_USAGE
    except PerdureError as error:
        complain(str(error))
        return EXIT_FAILED
    return code if isinstance(code, int) else EXIT_OK


@commands.command
def new(name: str, /, *, path: Path | None = None) -> int:
    """Create a small working project in a new folder: an app, its revisions, a test.

    Parameters
    ----------
    name
        Name of the project and of its package: lower-case letters, digits, - and _.
    path
        Folder to create it in; NAME in the current folder by default.
    """
    from perdure.cli.project import ProjectError, create_project

    try:
        folder = create_project(name, path if path is not None else Path.cwd() / name)
    except ProjectError as error:
        complain(str(error))
        return EXIT_USAGE
    shown = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    say(f"created {shown}; next: cd {shown} && perdure dev")
    return EXIT_OK


@commands.command
def routes(
    app: AppArgument = None, /, *, json: Switch = False, named: NamedApp = None, given: LookOptions = AS_SERVED
) -> int:
    """List the routes of an app, with who may call each and the versions it serves.

    Parameters
    ----------
    json
        Print JSON instead of a table.
    """
    from perdure.cli.show import show_routes

    chosen = one_app(app, named)
    with given.applied(chosen):
        show_routes(load(find_target(chosen, Path.cwd())), as_json=json)
    return EXIT_OK


@commands.command
def manifest(
    app: AppArgument = None, handler_id: str | None = None, /, *, compact: Switch = False, named: NamedApp = None,
    given: LookOptions = AS_SERVED,
) -> int:  # fmt: skip
    """Print the manifests of an app's handlers, but for WebSockets, as JSON: everything there is to say about each.

    Parameters
    ----------
    handler_id
        Only this handler's, as an object rather than a list; `perdure routes` lists the ids.
    compact
        Print canonical JSON, without spaces, as it is hashed.
    """
    from perdure.cli.show import show_manifests

    if named is not None and handler_id is None:
        app, handler_id = None, app  # the only argument is the handler's
    chosen = one_app(app, named)
    with given.applied(chosen):
        return show_manifests(load(find_target(chosen, Path.cwd())), handler_id, compact=compact)


@commands.command
def diff(
    *targets: _Side, from_: Annotated[str | None, Parameter("--from")] = None, to: str | None = None,
    as_: Annotated[Literal["request", "response"] | None, Parameter("--as")] = None,
    rename: _Many = (), move: _Many = (), ignore: Path | None = None,
    profile: Literal["json", "strict"] = "json", format: Literal["text", "json"] = "text",
    fail_on: Literal["breaking", "risky"] | None = None, named: NamedApp = None, given: LookOptions = AS_SERVED,
) -> int:  # fmt: skip
    """Say what changed between two sides, and whom it breaks.

    `perdure diff [APP]` compares the code with the last revision, `perdure diff OLD NEW` two files: OpenAPI documents
    (3.0 or 3.1) or JSON Schemas, in JSON or YAML; - is stdin. Exit code 1: there are changes that --fail-on names.

    Parameters
    ----------
    targets
        An app (found in the current folder by default), or two files.
    from_
        Compare this version of the app: a label, date, tag or revision; the last one recorded by default.
    to
        With this one; the code by default.
    as_
        What two JSON Schemas describe: what clients send, or what they read.
    rename
        A member with another name, as Order.items=lines; repeatable.
    move
        An endpoint with another method or path, as 'DELETE /a/{id}=POST /b/{id}'; repeatable.
    ignore
        File with accepted changes; perdure-ignore.toml in the current folder, if there is one, by default.
    profile
        How clients read: json ignores unknown members of answers, strict (generated code) refuses them.
    format
        For people, or a JSON list for programs.
    fail_on
        Exit with 1 if there is a change of this level, or a graver one.
    """
    import datetime as dt

    from perdure.cli.diff import DiffOptions, run_diff

    options = DiffOptions(
        start=from_, end=to, direction=as_, renames=rename, moves=move, ignore=ignore, profile=profile, format=format,
        fail_on=fail_on, today=dt.datetime.now(dt.UTC).date(),
    )  # fmt: skip
    app = one_app(targets[0] if targets else None, named)
    with given.applied(app) if len(targets) < 2 else nullcontext():
        return run_diff(targets or (() if app is None else (app,)), options)


@commands.command
def changelog(
    app: AppArgument = None, /, *, from_: Annotated[str | None, Parameter("--from")] = None, to: str | None = None,
    format: Literal["markdown", "json"] = "markdown", named: NamedApp = None, given: LookOptions = AS_SERVED,
) -> int:  # fmt: skip
    """Print what changed from version to version, the newest first; what is not recorded yet stands on top.

    Parameters
    ----------
    from_
        Only what came after this version: a label, date, tag or revision.
    to
        Only up to this version.
    format
        For people, or JSON for programs.
    """
    from perdure.cli.changelog import run_changelog

    chosen = one_app(app, named)
    with given.applied(chosen):
        return run_changelog(chosen, from_, to, format)


@commands.command
def check(
    app: AppArgument = None, /, *, seed: Annotated[int, Parameter(validator=validators.Number(gte=0))] = 0,
    examples: _Count | None = None, limit: Annotated[float, Parameter(validator=validators.Number(gt=0))] = 5.0,
    only: _Many = (), against: _Many = (), store: str | None = None,
    format: Literal["text", "json"] = "text", named: NamedApp = None, given: LookOptions = AS_SERVED,
) -> int:  # fmt: skip
    """Prove on generated values that clients of every version are still served, and that every change is recorded.

    Needs `pip install 'perdure[check]'`. Exit code 1: something is to be mended; what and where is printed.

    Parameters
    ----------
    seed
        What the generated values follow from: the same seed gives the same values.
    examples
        How many values each way between versions gets, beside those at the corners of its type; 60 by default.
    limit
        Seconds after which a transformer that does not end is cut off.
    only
        Look only at what is called so: a type, an endpoint like 'POST /orders', a revision, or a kind of failure;
        repeatable.
    against
        Consider the clients of this version, by name, label or tag; repeatable. All versions by default.
    store
        URL of the store that knows which versions are retired; their clients do not count.
    format
        For people, or an object for programs.
    """
    from perdure.cli.check import CheckOptions, run_check

    options = CheckOptions(
        seed=seed, examples=examples, limit_s=limit, only=only, against=against, store=store, format=format
    )
    chosen = one_app(app, named)
    with given.applied(chosen):
        return run_check(chosen, options)


@commands.command
def revision(
    app: AppArgument = None, /, *, message: Annotated[str | None, Parameter(name=["--message", "-m"])] = None,
    label: str | None = None, rename: _Many = (), move: _Many = (), date: str | None = None,
    amend: Switch = False, squash: str | None = None, redate: str | None = None, after: str | None = None,
    publish: Switch = False, named: NamedApp = None, given: LookOptions = AS_SERVED,
) -> int:  # fmt: skip
    """Record what changed since the last revision: the types, and the transformers that are mechanical.

    Where a person has to decide, the new file has revision.todo(...). What is not published yet can still be amended,
    squashed and redated.

    Parameters
    ----------
    message
        What changed; the first line names the revision.
    label
        Semantic version that clients may ask for: v2.0.0.
    rename
        Type, member or value with another name, as Order.items=lines, OrderStatus.done=completed or Customer=Client;
        repeatable.
    move
        Endpoint with another method or path, as 'DELETE /a/{id}=POST /b/{id}'; repeatable.
    date
        Date or instant of the revision; today by default, or now where today has one already.
    amend
        Record the newest revision anew from the code as it is, and add what transformers it lacks.
    squash
        Make one revision of this one and all that follow it.
    redate
        Let this revision, and what follows it, come after all others: mends two heads after a merge.
    after
        With --redate: the revision to come after.
    publish
        Mark all revisions as published: they cannot be amended, squashed or redated any more.
    """
    from perdure.cli.revision import RevisionOptions, run_revision
    from perdure.clock import SystemClock

    options = RevisionOptions(
        message=message, label=label, date=date, renames=rename, moves=move, amend=amend, squash=squash, redate=redate,
        after=after, publish=publish,
    )  # fmt: skip
    chosen = one_app(app, named)
    with given.applied(chosen):
        return run_revision(chosen, options, SystemClock())


@commands.command
def openapi(
    app: AppArgument = None, /, *, version: str | None = None, format: Literal["json", "yaml"] | None = None,
    output: Path | None = None, server: _Many = (), named: NamedApp = None, given: LookOptions = AS_SERVED,
) -> int:  # fmt: skip
    """Print the OpenAPI 3.1 document of a version of an app.

    Parameters
    ----------
    version
        Anything a client may ask for: a label, a date, a tag; what one gets that asks for nothing by default.
    format
        json or yaml; as the name of the output file says by default, else json.
    output
        File to write instead of printing.
    server
        URL below which the paths lie; may be given several times.
    """
    from perdure.cli.openapi import write_document

    chosen = one_app(app, named)
    with given.applied(chosen):
        return write_document(load(find_target(chosen, Path.cwd())), version, format, output, server)


@commands.command
def dashboards(*, out: Path = Path()) -> int:
    """Write a dashboard for Grafana and alert rules for Prometheus; files from before are replaced.

    Parameters
    ----------
    out
        Folder to write them into; the current one by default.
    """
    from perdure.cli.dashboards import write_dashboards

    return write_dashboards(out)
