"""`perdure routes` and `perdure manifest`: what an app has, for people and for programs."""

from typing import TYPE_CHECKING

import msgspec
from rich.text import Text

from perdure.cli.console import complain, output, write
from perdure.cli.plan import EXIT_OK, EXIT_USAGE

if TYPE_CHECKING:
    from perdure.app import App
    from perdure.routing.catalogue import RouteInfo

__all__ = ["show_manifests", "show_routes"]

_HEADINGS = ("METHOD", "PATH", "HANDLER", "ACCESS", "VERSIONS", "WHERE", "SUMMARY")
_STYLES = ("bold cyan", "bold", "", "", "green", "dim", "")


def show_routes(app: "App", *, as_json: bool) -> None:
    """Print the routes of *app* to stdout, as a table or as a JSON list."""
    found = app.routes()
    if as_json:
        write(msgspec.json.format(msgspec.json.encode(found), indent=2))
        return
    rows = [_row(route) for route in found]
    widths = [max(map(len, column)) for column in zip(_HEADINGS, *rows, strict=True)]
    console = output()
    for row in (_HEADINGS, *rows):
        styles = ("dim",) * len(row) if row is _HEADINGS else _STYLES
        padded = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)] + [row[-1]]
        line = Text("  ").join(Text(cell, style) for cell, style in zip(padded, styles, strict=True))
        line.rstrip()
        console.print(line)


def _row(route: "RouteInfo") -> tuple[str, ...]:
    where = f"{route.file}:{route.line}"
    return (route.method, route.path, route.handler, route.access, " ".join(route.versions), where, route.summary)


def show_manifests(app: "App", handler_id: str | None, *, compact: bool) -> int:
    """Print the manifests of *app*, or the one of *handler_id*, to stdout as JSON; return the exit code."""
    manifests = app.manifests()
    chosen = [manifest for manifest in manifests if handler_id in {None, manifest.id}]
    if not chosen and handler_id is not None:
        known = ", ".join(sorted({manifest.id for manifest in manifests})) or "none"
        complain(f"there is no handler {handler_id!r}; there are: {known}")
        return EXIT_USAGE
    encoded = [manifest.canonical() for manifest in chosen]
    one = handler_id is not None and len(encoded) == 1
    text = encoded[0] if one else b"[" + b",".join(encoded) + b"]"
    write(text if compact else msgspec.json.format(text, indent=2))
    return EXIT_OK
