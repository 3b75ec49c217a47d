"""The page of ``/docs``: Swagger UI, and above it a switch between versions."""

import posixpath
from collections.abc import Sequence
from functools import cache
from html import escape
from string import Template
from typing import final

from msgspec import Struct

from perdure.openapi.static import STATIC
from perdure.timescape.versions import UNVERSIONED, Version

__all__ = ["PageSettings", "render_page"]


@final
class PageSettings(Struct, frozen=True, kw_only=True):
    """What the page has to know of the app."""

    title: str
    docs_path: str
    openapi_path: str
    header: str
    """The header that names a version."""
    query: str
    """The query parameter that does; ``""`` for none."""
    deprecated: frozenset[int]
    """Indexes of the versions that are."""


def render_page(settings: PageSettings, versions: Sequence[Version], chosen: int, *, notice: str = "") -> str:
    """Return the page as HTML. All it loads is named relative to it, so it works behind a prefix of a proxy too.

    Args:
        settings: What it has to know.
        versions: Those to choose from, newest first.
        chosen: Index of the one to show; the newest if it is none of them.
        notice: A sentence to show above the documentation.
    """
    shown = chosen if any(version.index == chosen for version in versions) else versions[0].index
    start = posixpath.dirname(settings.docs_path)
    switchable = len(versions) > 1 or versions[0].name != UNVERSIONED
    values = {
        "title": settings.title, "base": posixpath.relpath(settings.docs_path, start),
        "openapi": posixpath.relpath(settings.openapi_path, start), "path": settings.openapi_path,
        "header": settings.header, "query": settings.query,
    }  # fmt: skip
    return _template().substitute(
        {name: escape(value) for name, value in values.items()},
        hidden="" if switchable else " hidden",
        options="\n".join(_option(version, settings, is_chosen=version.index == shown) for version in versions),
        notice=f'<p class="notice" role="status">{escape(notice)}</p>' if notice else "",
    )


def _option(version: Version, settings: PageSettings, *, is_chosen: bool) -> str:
    """Return an entry of the switch; its value is the name of the version, which always leads back to it."""
    names = [name for name in (version.label, version.name) if name is not None]
    text = " \N{MIDDLE DOT} ".join(dict.fromkeys(names))
    remarks = [tag for tag in version.tags if tag not in names]
    if version.index in settings.deprecated:
        remarks.append("deprecated")
    if remarks:
        text += f" ({', '.join(remarks)})"
    chosen = " selected" if is_chosen else ""
    return f'<option value="{escape(version.name)}" data-link="{escape(names[0])}"{chosen}>{escape(text)}</option>'


@cache
def _template() -> Template:
    return Template((STATIC / "docs.html").read_text("utf-8"))
