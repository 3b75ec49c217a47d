"""What a handler reads: the request, typed in its four parts."""

from collections.abc import Iterator, Mapping
from http.cookies import SimpleCookie
from typing import Annotated, Any, Final, Generic, final

from typing_extensions import TypeVar

from perdure.context.exchange import Exchange
from perdure.context.query import parse_query

__all__ = ["Form", "FormBody", "Headers", "Request", "Values"]

Body = TypeVar("Body", default=Any)
Params = TypeVar("Params", default=Mapping[str, Any])
Query = TypeVar("Query", default="Values")
HeaderT = TypeVar("HeaderT", default="Headers")

_UNREAD: Final = object()
"""Stands for a part no type was declared for, until it is looked at."""


@final
class Headers(Mapping[str, str]):
    """Request headers by case-insensitive name. Several fields of one name read as one, joined with a comma."""

    __slots__ = ("_exchange",)

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def __getitem__(self, name: str) -> str:
        values = self._exchange.header_values(name.lower())
        if not values:
            raise KeyError(name)
        return ", ".join(values)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for name, _ in self._exchange.header_items()))

    def __len__(self) -> int:
        return len({name for name, _ in self._exchange.header_items()})

    def values_of(self, name: str) -> list[str]:
        """Return every value sent under *name*, in order."""
        return self._exchange.header_values(name.lower())


@final
class Values(Mapping[str, str]):
    """Query parameters as text. ``query["tag"]`` is the last value sent, ``query.values_of("tag")`` all of them."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, list[str]]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> str:
        return self._values[name][-1]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def values_of(self, name: str) -> list[str]:
        """Return every value sent under *name*, in order."""
        return list(self._values.get(name, ()))


@final
class Request(Generic[Body, Params, Query, HeaderT]):
    """One request, in the shape of the newest version: ``Request[Body, Params, Query, Headers]``.

    Each part is optional, and None where only a later one is declared: ``Request[None, None, Search]``. A body of no
    declared type is what its media type says; undeclared parameters are a mapping with the types of the path's
    converters; undeclared query and headers are `Values` and `Headers`.
    """

    __slots__ = ("_exchange", "_headers", "_query", "body", "params")

    body: Body
    params: Params

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._query: Any = _UNREAD
        self._headers: Any = _UNREAD

    @property
    def query(self) -> Query:
        """The query: of the declared type, else `Values`."""
        if self._query is _UNREAD:
            self._query = Values(parse_query(self._exchange.query_string))
        query: Query = self._query
        return query

    @query.setter
    def query(self, query: Query) -> None:
        self._query = query

    @property
    def headers(self) -> HeaderT:
        """The headers: of the declared type, else `Headers`."""
        if self._headers is _UNREAD:
            self._headers = Headers(self._exchange)
        headers: HeaderT = self._headers
        return headers

    @headers.setter
    def headers(self, headers: HeaderT) -> None:
        self._headers = headers

    @property
    def method(self) -> str:
        """The HTTP method the client used, in upper case."""
        return self._exchange.method

    @property
    def path(self) -> str:
        """The path the client used, decoded, without query."""
        return self._exchange.path

    @property
    def query_string(self) -> str:
        """The query as sent, still encoded."""
        return self._exchange.query_string

    @property
    def scheme(self) -> str:
        """``http`` or ``https``, as the client used it."""
        return self._exchange.scheme

    @property
    def http_version(self) -> str:
        """``1.0``, ``1.1`` or ``2``."""
        return self._exchange.http_version

    @property
    def client(self) -> str:
        """The client's address, ``127.0.0.1:51044``; behind trusted proxies what they say, perhaps without a port."""
        return self._exchange.client

    @property
    def host(self) -> str:
        """What the client called the server, ``shop.example:8000``, or the empty string."""
        return self._exchange.host

    def header(self, name: str) -> str | None:
        """Return the first value of a header, by case-insensitive name, also where `headers` is typed."""
        return self._exchange.header(name.lower())

    @property
    def cookies(self) -> Mapping[str, str]:
        """The cookies sent; malformed ones are left out, and of several of one name the first counts."""
        return _parse_cookies(";".join(self._exchange.header_values("cookie")))


def _parse_cookies(text: str) -> dict[str, str]:
    """Return the cookies of a ``Cookie`` header; `SimpleCookie` would drop them all where one is malformed."""
    found: dict[str, str] = {}
    decode = SimpleCookie().value_decode
    for pair in text.split(";"):
        name, equals, value = pair.partition("=")
        if equals and name.strip():
            found.setdefault(name.strip(), decode(value.strip())[0])
    return found


@final
class FormBody:
    """Marks a body that arrives as a form; see `Form`."""


T = TypeVar("T")
Form = Annotated[T, FormBody]
"""A typed body that arrives urlencoded or as multipart form: ``Request[Form[Login]]``; *T* has members of simple types.

For files, declare ``Request[FormData]``.
"""
