"""`perdure config`: every setting of an app, what it is, and where it is from."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, final

import msgspec
from msgspec import Struct
from msgspec.structs import fields

from perdure.cli.console import output, say, write
from perdure.cli.options import AS_SERVED, AppArgument, LookOptions, NamedApp, Switch
from perdure.cli.plan import EXIT_OK
from perdure.cli.target import find_target, import_app, one_app
from perdure.config import Resolved, SettingPath, dotted, masked

if TYPE_CHECKING:
    from perdure.app import App

__all__ = ["config", "show_config"]

_MASK = "***"
_SENSITIVE = re.compile(
    r"(?i:pass(word|wd|phrase)|pwd|secret|token|credential|bearer|(api|private|signing|encryption)[_-]?key)"
    r"|(^|[_-])(?i:keys?|salt)$|Key$"
)


@final
class _Row(Struct, frozen=True):
    name: str
    value: object
    origin: str


def config(
    app: AppArgument = None, /, *, json: Switch = False, changed: Switch = False,
    named: NamedApp = None, given: LookOptions = AS_SERVED,
) -> int:  # fmt: skip
    """Print every setting of an app, and where it is from; secrets are masked. Exit code 1: one cannot be used.

    Parameters
    ----------
    json
        Print a JSON list instead of a table.
    changed
        Only the settings that something is said about.
    """
    chosen = one_app(app, named)
    with given.applied(chosen):
        return show_config(import_app(find_target(chosen, Path.cwd())), as_json=json, only_changed=changed)


def show_config(app: "App", *, as_json: bool, only_changed: bool) -> int:
    """Print the settings of *app* to stdout, as a table or as a JSON list; return the exit code.

    Secrets are masked: passwords in URLs, and what is called password, secret, token or the like in the app's own
    settings.
    """
    resolved = app.resolved
    rows = [row for row in _rows(resolved, (), resolved.config) if not only_changed or row.origin != "default"]
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


def _rows(resolved: Resolved, at: SettingPath, value: object) -> Iterator[_Row]:
    """Yield each setting by itself: groups and mappings are taken apart, lists are not.

    A group that is only there because something is said of it, but has nothing but defaults, has a row of its own.
    """
    if isinstance(value, Struct) and at[:1] != ("settings",):
        parts = ((field.name, getattr(value, field.name)) for field in fields(value))
        rows = [row for name, part in parts for row in _rows(resolved, (*at, name), part)]
        origin = resolved.origin_at(at)
        if origin != "default" and all(row.origin == "default" for row in rows):
            yield _Row(dotted(at), {}, origin)
        yield from rows
    elif isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _rows(resolved, (*at, str(name)), item)
    else:
        yield _Row(dotted(at), _hidden(at, _plain(value)), resolved.origin_at(at))


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
