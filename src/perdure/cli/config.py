"""`perdure config`: every setting of an app, what it is, and where it is from."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated, final

import msgspec
from cyclopts import Parameter
from msgspec import Struct
from msgspec.structs import fields

from perdure.cli.console import output, say, write
from perdure.cli.options import NOTHING, SettingsOptions, Switch
from perdure.cli.plan import EXIT_OK
from perdure.cli.store import project_folder
from perdure.cli.target import find_target, import_app, one_app
from perdure.config import Resolved, SettingPath, dotted, invoked, masked

if TYPE_CHECKING:
    from perdure.app import App

__all__ = ["config", "show_config"]

_MASK = "***"
_SENSITIVE = re.compile(
    r"pass(word|wd|phrase)|secret|token|credential|(api|private|signing|encryption)_?key", re.IGNORECASE
)


@final
class _Row(Struct, frozen=True):
    name: str
    value: object
    origin: str


def config(
    app: str | None = None, /, *, json: Switch = False, changed: Switch = False, dev: Switch = False,
    named: Annotated[str | None, Parameter("--app")] = None, given: SettingsOptions = NOTHING,
) -> int:  # fmt: skip
    """Print every setting of an app, and where it is from; secrets are masked. Exit code 1: one cannot be used.

    Parameters
    ----------
    app
        The app; found in the current folder by default.
    named
        The app, as versions, migrations and keys take it.
    json
        Print a JSON list instead of a table.
    changed
        Only the settings that something is said about.
    dev
        As perdure dev has them: with the variables of .env.
    """
    target = find_target(one_app(app, named), Path.cwd())
    env_file = project_folder(target) / ".env" if dev else None
    with invoked(given.invocation(env_file=env_file)):
        return show_config(import_app(target), as_json=json, only_changed=changed)


def show_config(app: "App", *, as_json: bool, only_changed: bool) -> int:
    """Print the settings of *app* to stdout, as a table or as a JSON list; return the exit code.

    Secrets are masked: passwords in URLs, and what is called password, secret, token or the like in the app's own
    settings.
    """
    resolved = app.resolved
    rows = [row for row in _rows(resolved) if not only_changed or row.origin != "default"]
    if as_json:
        write(msgspec.json.format(msgspec.json.encode(rows), indent=2))
        return EXIT_OK
    if not rows:
        say("all settings are the defaults")
        return EXIT_OK
    from rich.text import Text

    shown = [(row.name, msgspec.json.encode(row.value).decode(), row.origin) for row in rows]
    widths = [max(len(row[column]) for row in shown) for column in (0, 1)]
    for name, value, origin in shown:
        line = Text("  ").join([Text(name.ljust(widths[0]), "bold"), Text(value.ljust(widths[1])), Text(origin)])
        if origin == "default":
            line.stylize("dim")
        output().print(line)
    return EXIT_OK


def _rows(resolved: Resolved) -> Iterator[_Row]:
    for at, value in _settings((), resolved.config):
        yield _Row(dotted(at), _hidden(at, _plain(value)), resolved.origin_at(at))


def _settings(at: SettingPath, value: object) -> Iterator[tuple[SettingPath, object]]:
    """Yield each setting by itself: groups and mappings are taken apart, lists are not."""
    if isinstance(value, Struct) and at[:1] != ("settings",):
        for field in fields(value):
            yield from _settings((*at, field.name), getattr(value, field.name))
    elif isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _settings((*at, str(name)), item)
    else:
        yield at, value


def _plain(value: object) -> object:
    return msgspec.to_builtins(value, enc_hook=_simpler, str_keys=True)


def _simpler(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value) if isinstance(value, PurePath) else repr(value)


def _hidden(at: SettingPath, value: object) -> object:
    """Return *value* with what must not be shown masked, at any depth."""
    if at[:1] == ("settings",) and value is not None and any(_SENSITIVE.search(name) for name in at[1:]):
        return _MASK
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, Mapping):
        return {name: _hidden((*at, name), item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(at, item) for item in value]
    return value
