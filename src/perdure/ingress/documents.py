"""``/openapi.json`` and ``/docs``: what the API is, version by version, for programs and for people.

Not on the way of any other request: the door asks only when no handler serves a path. A document is written when it is
first asked for, on a thread of its own, as a large one takes a while, and kept.
"""

import asyncio
import datetime as dt
import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Final, final

import msgspec
from msgspec import Struct

from perdure.config import AuthSettings, Config
from perdure.context.exchange import Exchange
from perdure.errors import (
    ConfigError,
    MethodNotAllowedError,
    RequestError,
    RouteNotFoundError,
)
from perdure.identity.base import DescribedScheme, Scheme
from perdure.ingress.problems import problem_reply
from perdure.lifecycle.reply import Reply
from perdure.manifest.records import NOBODY
from perdure.openapi.description import Description
from perdure.openapi.names import free_name, is_component_name
from perdure.openapi.static import STATIC
from perdure.routing.catalogue import Catalogue
from perdure.timescape.timescape import HeaderItems
from perdure.timescape.versions import UNVERSIONED

__all__ = ["Documents"]

_METHODS: Final = ("GET", "HEAD", "OPTIONS")
_SCRIPT, _STYLE = "text/javascript; charset=utf-8", "text/css; charset=utf-8"
_ASSETS: Final[Mapping[str, str]] = {
    "/docs.js": _SCRIPT, "/docs.css": _STYLE,
    "/swagger-ui/swagger-ui-bundle.js": _SCRIPT, "/swagger-ui/swagger-ui.css": _STYLE,
}  # fmt: skip
"""What the page loads: below its own path, and in the package's folder ``openapi/static``."""

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing leaves the origin, and nothing that a document says can run."""

_KINDS: Final = ("apiKey", "http", "mutualTLS", "oauth2", "openIdConnect")
"""Types of schemes that OpenAPI 3.1 knows."""

_entity_tags: Final = re.compile(r'"[^"]*"').findall


@final
class _Rendered(Struct, frozen=True):
    """A body that does not change, and what names it."""

    body: bytes
    etag: str
    headers: HeaderItems


@final
class Documents:
    """Answers requests for documents of an app. A route of the program's own at the same path goes first.

    Args:
        title: What the API is called.
        config: Where the documents are, and how versions are asked for.
        catalogue: The API.
        schemes: Of authentication, beside those of *config*; documents tell a `DescribedScheme`.
    Raises:
        ConfigError: A scheme cannot be told by the name it has, or as what it says it is.
    """

    def __init__(self, title: str, config: Config, catalogue: Catalogue, schemes: Iterable[Scheme] = ()) -> None:
        self._title = title
        self._config = config
        self._catalogue = catalogue
        self._security = _schemes(config.auth, schemes)
        self._timescape = catalogue.timescape
        self._written: dict[int, tuple[HeaderItems, _Rendered]] = {}
        self._under_way: dict[tuple[asyncio.AbstractEventLoop, int, HeaderItems], asyncio.Task[_Rendered]] = {}
        self._assets: dict[str, _Rendered] = {}

    def describe(self, index: int) -> dict[str, object]:
        """Return the OpenAPI 3.1 document of version *index*."""
        from perdure.openapi.writing import write_openapi

        version = self._timescape.versions[index]
        header = None if version.name == UNVERSIONED else self._config.version_header
        published = self._catalogue.published(index)
        description = Description(
            title=self._title, version=version.label or version.name, version_name=version.name,
            description=_tell_lifecycle(self._timescape.state.headers[index]),
            version_header=header, operations=published.texts,
            security=self._security,
        )  # fmt: skip
        return write_openapi(published.api, description)

    async def answer(self, exchange: Exchange, error: RequestError, index: int, request_id: str) -> Reply | None:
        """Return the answer to *exchange* if it asks for a document; None if it does not. Cancel-safe.

        Args:
            exchange: A request that no handler serves.
            error: Why. The page and what it loads are there whatever version is asked for, the document of a version
                is not.
            index: Of the version asked for, else of the default one.
            request_id: For a problem.
        """
        rendered = await self._find(exchange.path, error, index)
        if rendered is None:
            return None
        method = exchange.method
        if method == "OPTIONS":
            return Reply(204, [("allow", ", ".join(_METHODS))], b"")
        if method not in _METHODS:
            return problem_reply(MethodNotAllowedError(method, _METHODS), request_id)
        known = exchange.header("if-none-match") or ""
        if rendered.etag in _entity_tags(known) or known.strip() == "*":
            return Reply(304, [item for item in rendered.headers if item[0] != "content-type"], b"")
        return Reply(200, [*rendered.headers], rendered.body)

    async def _find(self, path: str, error: RequestError, index: int) -> _Rendered | None:
        openapi, docs = self._config.openapi_path, self._config.docs_path
        if openapi is None:
            return None
        if path == openapi:
            return await self._document(index) if isinstance(error, RouteNotFoundError) else None
        if docs is None or not path.startswith(docs) or not self._catalogue.routes.is_free(path, error):
            return None
        asset = path.removeprefix(docs)
        if asset == "":
            return self._page(docs, openapi, error, index)
        return self._asset(asset) if asset in _ASSETS else None

    async def _document(self, index: int) -> _Rendered:
        told = self._timescape.state.headers[index]
        known = self._written.get(index)
        if known is not None and known[0] == told:
            return known[1]
        # Whoever asks meanwhile waits for the same; that one of them leaves is nothing to the others.
        key = (asyncio.get_running_loop(), index, told)
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.ensure_future(asyncio.to_thread(self._write, index, told))
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        return await asyncio.shield(task)

    def _write(self, index: int, told: HeaderItems) -> _Rendered:
        body = msgspec.json.encode(self.describe(index))
        rendered = _rendered(body, "application/json", (("vary", self._config.version_header),))
        self._written[index] = (told, rendered)
        return rendered

    def _page(self, docs: str, openapi: str, error: RequestError, index: int) -> _Rendered:
        from perdure.ingress.docs_page import PageSettings, render_page

        state = self._timescape.state
        visible = [each for each in reversed(state.versions) if each.index not in state.steering.hidden]
        shown = [each for each in visible if each.index not in state.steering.closed] or visible
        settings = PageSettings(
            title=self._title, docs_path=docs, openapi_path=openapi, header=self._config.version_header,
            query=self._config.version_query or "",
            deprecated=frozenset(each.index for each in shown if _is_ending(state.headers[each.index])),
        )  # fmt: skip
        is_served = isinstance(error, RouteNotFoundError)
        page = render_page(settings, shown, index, notice="" if is_served else str(error))
        return _rendered(page.encode(), "text/html; charset=utf-8", (("content-security-policy", _POLICY),))

    def _asset(self, name: str) -> _Rendered:
        known = self._assets.get(name)
        if known is None:
            body = (STATIC / name.lstrip("/")).read_bytes()
            known = self._assets[name] = _rendered(body, _ASSETS[name], ())
        return known


def _schemes(auth: AuthSettings, schemes: Iterable[Scheme]) -> dict[str, Mapping[str, object]]:
    """Return the Security Scheme Objects of what the app takes as credentials.

    Raises:
        ConfigError: One of *schemes* does not describe itself well.
    """
    found: dict[str, Mapping[str, object]] = {
        name: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"} for name in auth.jwt
    }
    found |= {name: {"type": "http", "scheme": "bearer"} for name in auth.introspection}
    keys = auth.api_keys
    places = () if keys is None else (("header", keys.header), ("query", keys.query))
    for place, name in places:
        if name is not None:
            told = free_name("api_key" if "api_key" not in found else f"api_key_{place}", found)
            found[told] = {"type": "apiKey", "in": place, "name": name}
    for scheme in schemes:
        if isinstance(scheme, DescribedScheme):
            _check_described(scheme, found)
            found[scheme.name] = scheme.security_scheme
    return found


def _check_described(scheme: DescribedScheme, others: Mapping[str, object]) -> None:
    """Refuse a name or a description that would make documents wrong."""
    kind, name, told = type(scheme).__qualname__, scheme.name, scheme.security_scheme
    if not isinstance(name, str) or not is_component_name(name) or name == NOBODY:
        raise ConfigError(
            f"{kind}.name is {name!r}: a scheme's name has letters, digits, '.', '_' and '-' only, and is not {NOBODY}"
        )
    if name in others:
        raise ConfigError(f"two schemes of authentication have the name {name!r}: change that of {kind}")
    if not isinstance(told, Mapping) or told.get("type") not in _KINDS:
        raise ConfigError(f"{kind}.security_scheme must have a 'type' that is one of {', '.join(_KINDS)}")
    try:
        msgspec.json.encode(told)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{kind}.security_scheme cannot be written as JSON: {error}") from error


def _rendered(body: bytes, media_type: str, headers: HeaderItems) -> _Rendered:
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    fixed = (
        ("content-type", media_type), ("etag", etag), ("cache-control", "no-cache"),
        ("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"),
    )  # fmt: skip
    return _Rendered(body, etag, (*fixed, *headers))


def _is_ending(headers: HeaderItems) -> bool:
    return any(name in {"deprecation", "sunset"} for name, _ in headers)


def _tell_lifecycle(headers: HeaderItems) -> str:
    """Return what the *headers* of a version say about its end."""
    found = dict(headers)
    told = ""
    deprecation, sunset = found.get("deprecation"), found.get("sunset")
    if deprecation is not None:
        told = f"**This version is deprecated{_date(deprecation)}.**"
    if sunset is not None:
        told = f"{told} It may not be served any more after {sunset}.".strip()
    return told


def _date(deprecation: str) -> str:
    """Return the date in a ``Deprecation`` header, which has seconds since 1970."""
    seconds = deprecation.removeprefix("@")
    if not seconds.isdecimal():
        return ""
    return f" since {dt.datetime.fromtimestamp(int(seconds), dt.UTC).date().isoformat()}"
