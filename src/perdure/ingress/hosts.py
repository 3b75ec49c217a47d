"""Which hosts this server answers for.

Source: RFC 9112, section 3.2; RFC 3986, section 3.2.2.
"""

import re
from collections.abc import Iterable
from typing import Final, final

from perdure.context.exchange import Exchange
from perdure.errors import MalformedRequestError, MisdirectedRequestError

__all__ = ["Hosts", "is_host"]

_host: Final = re.compile(r"((?:[A-Za-z0-9_~-]+\.)*[A-Za-z0-9_~-]+\.?|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?").fullmatch
_REMEMBERED: Final = 1024


def is_host(text: str) -> bool:
    """Return whether *text* is a host with or without a port: ``shop.example:8000``, ``[::1]``."""
    return _host(text) is not None


@final
class Hosts:
    """Refuses requests that are for no host, for several, or for another server.

    Args:
        allowed: As `Config.hosts`; empty: all.
    """

    def __init__(self, allowed: Iterable[str]) -> None:
        patterns = [each.lower() for each in allowed]
        self._exact = frozenset(each for each in patterns if not each.startswith("*."))
        self._below = tuple(each[1:] for each in patterns if each.startswith("*."))
        self._is_open = not patterns
        self._known: set[str] = set()

    def check(self, exchange: Exchange) -> None:
        """Refuse *exchange* if it is not for this server.

        Raises:
            MalformedRequestError: It names no host, several, or what is none.
            MisdirectedRequestError: It is for another one.
        """
        names = exchange.host_names()
        if len(names) > 1:
            raise MalformedRequestError("the request has several Host headers")
        host = (names[0] if names else "") if exchange.origin is None else exchange.origin.host
        if host not in self._known:
            self._look_at(host, exchange)

    def _look_at(self, host: str, exchange: Exchange) -> None:
        if not host and self._is_open and exchange.http_version in {"1.0", "1"}:
            return
        name = _name(host)
        if not name:
            raise MalformedRequestError("the request does not say which host it is for" if not host else
                                        "the name of the host is malformed")  # fmt: skip
        if not self._is_open and name not in self._exact and not name.endswith(self._below):
            raise MisdirectedRequestError("this server does not answer for that host")
        if len(self._known) < _REMEMBERED:
            self._known.add(host)


def _name(host: str) -> str:
    """Return *host* without port and final dot, in lower case; empty where it is none."""
    found = _host(host)
    return "" if found is None else found[1].lower().rstrip(".")
