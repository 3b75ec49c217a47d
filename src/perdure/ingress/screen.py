"""The screen: what is refused of a request before anything else looks at it.

Source: SPEC 3.6, 4.
"""

from typing import final

from perdure.config import Config
from perdure.context.exchange import Exchange
from perdure.errors import HeadersTooLargeError, MalformedRequestError, UriTooLongError
from perdure.ingress.hosts import Hosts
from perdure.ingress.proxies import TrustedProxies

__all__ = ["Screen"]


@final
class Screen:
    """Bounds the sizes of requests, finds their origin, and refuses those for other hosts."""

    __slots__ = ("_header_limit_bytes", "_header_limit_count", "_hosts", "_parameters", "_proxies", "_url_limit_bytes")

    def __init__(self, config: Config) -> None:
        self._header_limit_count = config.header_limit_count
        self._header_limit_bytes = config.header_limit_bytes
        self._url_limit_bytes = config.url_limit_bytes
        self._parameters = config.parameter_limit_count
        self._proxies = TrustedProxies(config.proxies) if config.proxies.trusted else None
        self._hosts = Hosts(config.hosts)

    def check(self, exchange: Exchange, query_string: str) -> None:
        """Refuse *exchange* if it is too large or for another host; note where it came from.

        Raises:
            HeadersTooLargeError: Too many headers, or too long ones.
            UriTooLongError: Path and query are too long.
            MalformedRequestError: The query has too many parameters, it does not say which host it is for, or where it
                came from cannot be read.
            MisdirectedRequestError: It is for another host.
        """
        count, size_bytes = exchange.header_size()
        if count > self._header_limit_count:
            raise HeadersTooLargeError(f"more than {self._header_limit_count} header fields")
        if size_bytes > self._header_limit_bytes:
            raise HeadersTooLargeError(f"more than {self._header_limit_bytes} bytes of header fields")
        if len(exchange.path) + len(query_string) > self._url_limit_bytes:
            raise UriTooLongError(f"path and query are longer than {self._url_limit_bytes} characters")
        if query_string and query_string.count("&") >= self._parameters:
            raise MalformedRequestError(f"the query has more than {self._parameters} parameters")
        if self._proxies is not None:
            exchange.origin = self._proxies.origin_of(exchange)
        self._hosts.check(exchange)
