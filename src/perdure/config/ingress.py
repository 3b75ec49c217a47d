"""What is between the network and the app: proxies, browsers, hosts.

Source: SPEC 3.6.
"""

import re
from collections.abc import Iterable
from ipaddress import ip_network
from typing import Literal, final

from msgspec import Struct

from perdure.config.checks import check_positive, check_types
from perdure.errors import ConfigError

__all__ = ["CorsSettings", "ProxySettings", "check_hosts"]

_origin = re.compile(r"[a-z][a-z0-9+.-]*://(?:\*\.)?(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?").fullmatch
_host_pattern = re.compile(r"(?:\*\.)?(?:(?:[A-Za-z0-9_~-]+\.)*[A-Za-z0-9_~-]+|\[[0-9A-Fa-f:.]+\])").fullmatch


def check_hosts(hosts: Iterable[str]) -> None:
    """Refuse what is no host that requests could be for.

    Raises:
        ConfigError: One is none, or has a port.
    """
    for each in hosts:
        if not _host_pattern(each):
            raise ConfigError(f"hosts: {each!r} is no host; write shop.example or *.shop.example, without a port")


@final
class CorsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which pages of other origins may call, and what they may read: `Config.cors`, or ``cors=`` of a route.

    Raises:
        ConfigError: A value cannot be used; the message names the setting.
    """

    origins: tuple[str, ...]
    """``https://shop.example``; ``https://*.shop.example`` for all below; ``*`` for everyone, which goes with no
    *credentials*."""
    methods: tuple[str, ...] = ()
    """Empty: those that are served at the path."""
    headers: tuple[str, ...] = ()
    """Request headers pages may set, beside those the Fetch standard always allows and the app's own (version, API key,
    ``Authorization``, ``Content-Type``, trace context)."""
    exposed: tuple[str, ...] = ()
    """Response headers pages may read, beside the app's own (version, request id, rate limit, deprecation)."""
    credentials: bool = False
    """Cookies and the like may be sent."""
    max_age_s: int = 600
    """How long a browser remembers the answer to a preflight."""

    def __post_init__(self) -> None:
        check_types(self)
        check_positive(self, ("max_age_s",))
        for origin in self.origins:
            if origin not in {"*", "null"} and not _origin(origin):
                raise ConfigError(f"cors.origins: {origin!r} is no origin; write https://shop.example, without a path")
        if self.credentials and not {"*", "null"}.isdisjoint(self.origins):
            raise ConfigError("cors.credentials goes with origins by name only: not with '*' or 'null'")
        if not self.origins:
            raise ConfigError("cors.origins must not be empty; without cors no page of another origin may call")


@final
class ProxySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is believed about where a request comes from: `Config.proxies`.

    Raises:
        ConfigError: A value cannot be used; the message names the setting.
    """

    trusted: tuple[str, ...] = ()
    """Addresses and networks (CIDR) of proxies: ``10.0.0.0/8``; ``unix`` for whoever connects by a Unix socket. Only
    what these peers say counts."""
    header: Literal["x-forwarded", "forwarded"] = "x-forwarded"
    """Which of the two header families the proxies set; the other one is not looked at."""

    def __post_init__(self) -> None:
        check_types(self)
        for text in self.trusted:
            try:
                _ = text == "unix" or ip_network(text)
            except ValueError as error:
                raise ConfigError(f"proxies.trusted: {text!r} is no address, network or 'unix': {error}") from error
