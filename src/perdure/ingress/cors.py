"""Cross-origin resource sharing: which pages of other origins may call, and what they may read.

Source: the Fetch standard, section "HTTP-network-or-cache fetch" and "CORS protocol".
"""

from collections.abc import Iterable, Sequence
from typing import Final, final

from perdure.config import Config, CorsSettings
from perdure.context.exchange import Exchange
from perdure.lifecycle.reply import Reply

__all__ = ["Cors"]

_VARY: Final = ("vary", "Origin")
_EXPOSED: Final = (
    "X-Request-ID", "traceparent", "Deprecation", "Sunset", "Link", "Retry-After", "RateLimit", "RateLimit-Policy",
    "WWW-Authenticate", "Location", "ETag",
)  # fmt: skip
_SENT: Final = ("Authorization", "Content-Type", "traceparent", "tracestate", "X-Request-ID", "If-None-Match")

HeaderItems = tuple[tuple[str, str], ...]


@final
class Cors:
    """Answers browsers that ask for other origins' pages.

    Args:
        config: What holds where a route says nothing, and the names of the app's own headers.
    """

    def __init__(self, config: Config) -> None:
        self._default = config.cors
        api_keys = config.auth.api_keys
        own = [config.version_header]
        if api_keys is not None and api_keys.header is not None:
            own.append(api_keys.header)
        self._sent = (*own, *_SENT)
        self._exposed = (config.version_header, *_EXPOSED)
        self._compiled: dict[CorsSettings, _Sharing] = {}

    def headers(self, origin: str, settings: CorsSettings | None) -> HeaderItems:
        """Return what an answer tells the browser of a page of *origin*.

        Args:
            settings: Of the route; None where it has none.
        """
        sharing = self._sharing(settings)
        return () if sharing is None else sharing.headers(origin)

    def preflight(self, exchange: Exchange, settings: CorsSettings | None, methods: Sequence[str]) -> Reply | None:
        """Return the answer to a browser that asks whether it may send a request; None where nobody may.

        Args:
            settings: Of the route; None where it has none.
            methods: Those served at the path, in any version: a preflight does not say which one it is for.
        """
        sharing = self._sharing(settings)
        if sharing is None:
            return None
        return Reply(204, [*sharing.preflight(exchange.header("origin") or "", methods)], b"")

    def _sharing(self, settings: CorsSettings | None) -> "_Sharing | None":
        settings = settings or self._default
        if settings is None:
            return None
        known = self._compiled.get(settings)
        if known is None:
            known = self._compiled[settings] = _Sharing(settings, self._sent, self._exposed)
        return known


@final
class _Sharing:
    """`CorsSettings`, compiled."""

    def __init__(self, settings: CorsSettings, sent: Iterable[str], exposed: Iterable[str]) -> None:
        origins = [origin.lower() for origin in settings.origins]
        self._everyone = "*" in origins
        self._exact = frozenset(origins)
        self._below = tuple(tuple(origin.split("*", 1)) for origin in origins if "://*." in origin)
        self._credentials = settings.credentials
        self._exposed = ", ".join(dict.fromkeys((*exposed, *settings.exposed)))
        self._sent = ", ".join(dict.fromkeys((*sent, *settings.headers)))
        self._methods = settings.methods
        self._max_age = str(settings.max_age_s)

    def headers(self, origin: str) -> HeaderItems:
        """Return the headers of an answer; caches are told that it depends on the origin, also where it is refused."""
        allowed = self._allowed(origin)
        if allowed is None:
            return (_VARY,)
        credentials = (("access-control-allow-credentials", "true"),) if self._credentials else ()
        vary = () if allowed == "*" else (_VARY,)
        return (
            ("access-control-allow-origin", allowed), ("access-control-expose-headers", self._exposed), *credentials,
            *vary,
        )  # fmt: skip

    def preflight(self, origin: str, methods: Sequence[str]) -> HeaderItems:
        """Return the headers of the answer to a preflight."""
        vary = ("vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
        allowed = self._allowed(origin)
        if allowed is None:
            return (vary,)
        credentials = (("access-control-allow-credentials", "true"),) if self._credentials else ()
        return (
            ("access-control-allow-origin", allowed),
            ("access-control-allow-methods", ", ".join(self._methods or methods)),
            ("access-control-allow-headers", self._sent), ("access-control-max-age", self._max_age), *credentials, vary,
        )  # fmt: skip

    def _allowed(self, origin: str) -> str | None:
        """Return what to answer to *origin*; None where its pages may not call."""
        if self._everyone:
            return "*"
        asked = origin.lower()
        if asked in self._exact:
            return origin
        return origin if any(_is_below(asked, *each) for each in self._below) else None


def _is_below(origin: str, scheme: str, domain: str) -> bool:
    """Return whether *origin* is of a host under *domain*, which begins with a dot: no userinfo, no other port."""
    inner = origin.removeprefix(scheme).removesuffix(domain)
    return (
        origin == f"{scheme}{inner}{domain}" and bool(inner) and all(part.isalnum() or part in "-." for part in inner)
    )
