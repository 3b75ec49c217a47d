"""The `perdure` command: parses the command line and hands over; each command imports what it needs."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import App as CommandLine
from cyclopts import CycloptsError, Parameter, validators

import perdure
from perdure.cli.console import complain, errors, output, say
from perdure.cli.plan import EXIT_FAILED, EXIT_OK, EXIT_USAGE, ServerSettings
from perdure.cli.target import BrokenAppError, find_target, load
from perdure.errors import AppNotFoundError, PerdureError

__all__ = ["main"]

_HELP = """Run and look at APIs built with Perdure.

APP is `module:attribute`, `path/to/file.py`, `path/to/file.py:attribute` or a folder. Without it, the app is
`[tool.perdure] app` of pyproject.toml, or the one in app.py, main.py, NAME/app.py (NAME: this folder's) or
src/*/app.py.

Exit codes: 0 all is well; 1 the app is broken, the address is taken, or requests had to be cut off; 2 the command
line makes no sense or names no app.
"""

_Port = Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65535))]
_Count = Annotated[int, Parameter(validator=validators.Number(gte=1))]
_File = Annotated[Path, Parameter(validator=validators.Path(exists=True, dir_okay=False))]
# Kept connections get the old code's answers for as long.
_RELOAD_LINGER_S = 0.15

commands = CommandLine(name="perdure", help=_HELP, version=f"perdure {perdure.__version__}", help_format="plaintext")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that *arguments* (by default the process's own) name, and return its exit code."""
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = commands(
            tokens, console=output(), error_console=errors(), exit_on_error=False, result_action="return_value"
        )
    except (CycloptsError, AppNotFoundError) as error:
        if isinstance(error, AppNotFoundError):
            complain(str(error))
        return EXIT_USAGE
    except BrokenAppError as error:
        from perdure.cli.report import report_failure

        report_failure(error.__cause__ or error, Path(error.target.folder))
        return EXIT_FAILED
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
def dev(app: str | None = None, /, *, host: str = "127.0.0.1", port: _Port = 8000) -> int:
    """Serve with one worker and reload when the app's files change; errors are told with file and line.

    Parameters
    ----------
    app
        The app to serve; found in the current folder by default.
    host
        Address to listen on.
    port
        Port to listen on; 0 takes a free one.
    """
    from perdure.cli.listener import listen_on
    from perdure.cli.process import Worker
    from perdure.cli.reload import serve_reloading
    from perdure.cli.supervisor import run_until_signalled, stop_workers

    settings = ServerSettings(target=find_target(app, Path.cwd()), reloads=True, linger_s=_RELOAD_LINGER_S)
    listener = listen_on(host, port)
    workers: list[Worker] = []
    return run_until_signalled(
        lambda: serve_reloading(settings, listener, workers), lambda: stop_workers(listener, workers)
    )


@commands.command
def serve(
    app: str | None = None, /, *, host: str = "127.0.0.1", port: _Port = 8000, workers: _Count = 1,
    tls_cert: _File | None = None, tls_key: _File | None = None, uds: Path | None = None,
) -> int:  # fmt: skip
    """Serve in production: worker processes on one socket; SIGTERM or Ctrl-C answers every request, then ends.

    Parameters
    ----------
    app
        The app to serve; found in the current folder by default.
    host
        Address to listen on; 0.0.0.0 for all of IPv4.
    port
        Port to listen on; 0 takes a free one.
    workers
        Number of processes.
    tls_cert
        File with the certificate chain, PEM; needs the key too.
    tls_key
        File with the certificate's private key, PEM.
    uds
        Path of a Unix socket to listen on instead of host and port.
    """
    from perdure.cli.listener import listen_on, listen_on_path
    from perdure.cli.process import Worker
    from perdure.cli.supervisor import run_until_signalled, stop_workers
    from perdure.cli.supervisor import serve as serve_workers

    if (tls_cert is None) != (tls_key is None):
        complain("--tls-cert and --tls-key only make sense together")
        return EXIT_USAGE
    if tls_cert is not None and tls_key is not None:
        from perdure.cli.tls import check_certificate

        check_certificate(tls_cert, tls_key)
    target = find_target(app, Path.cwd())
    settings = ServerSettings(target=target, workers=workers, tls_cert=tls_cert, tls_key=tls_key)
    listener = listen_on_path(uds) if uds is not None else listen_on(host, port)
    running: list[Worker] = []
    return run_until_signalled(
        lambda: serve_workers(settings, listener, running), lambda: stop_workers(listener, running)
    )


@commands.command
def routes(app: str | None = None, /, *, json: bool = False) -> int:
    """List the routes of an app, with the versions each serves.

    Parameters
    ----------
    app
        The app; found in the current folder by default.
    json
        Print JSON instead of a table.
    """
    from perdure.cli.show import show_routes

    show_routes(load(find_target(app, Path.cwd())), as_json=json)
    return EXIT_OK


@commands.command
def manifest(app: str | None = None, handler_id: str | None = None, /, *, compact: bool = False) -> int:
    """Print the manifests of an app's handlers as JSON: everything there is to say about each.

    Parameters
    ----------
    app
        The app; found in the current folder by default.
    handler_id
        Only this handler's, as an object rather than a list; `perdure routes` lists the ids.
    compact
        Print canonical JSON, without spaces, as it is hashed.
    """
    from perdure.cli.show import show_manifests

    return show_manifests(load(find_target(app, Path.cwd())), handler_id, compact=compact)
