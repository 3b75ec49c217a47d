"""What transformers did to texts: query parameters and headers, of which they see a plain dict.

Only what they changed is applied to what was sent. So fields they did not look at, and fields of one name sent several
times, stay as they were.
"""

from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping
from typing import final

import msgspec

from perdure.context.exchange import Exchange

__all__ = ["CarriedExchange", "apply_changes", "as_sent", "as_texts", "changes", "copied", "show_headers", "wire_name"]

_COOKIE = "set-cookie"


def as_sent(values: Mapping[str, list[str]]) -> dict[str, object]:
    """Return *values* as `RequestParts` has those of no declared type: one as text, several as a list."""
    return {name: texts[0] if len(texts) == 1 else [*texts] for name, texts in values.items()}


def as_texts(value: object) -> list[str]:
    """Return how *value*, of a query parameter or header, is sent: the inverse of `as_sent`, also for typed values."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, (list, tuple)):
        return [text for each in value for text in as_texts(each)]
    return [] if value is None else [msgspec.json.encode(value).decode()]


def copied(values: Mapping[str, object]) -> dict[str, object]:
    """Return a copy of *values* that does not change with them."""
    return {name: [*value] if isinstance(value, list) else value for name, value in values.items()}


def changes(before: Mapping[str, object], after: Mapping[str, object]) -> dict[str, list[str]]:
    """Return the texts of each name that is new or another in *after*; none where it is gone."""
    found = {name: as_texts(value) for name, value in after.items() if name not in before or before[name] != value}
    found.update((name, []) for name in before if name not in after)
    return found


def wire_name(name: str) -> str:
    """Return the header field that a member *name* of a header type stands for."""
    return name.replace("_", "-").lower()


def show_headers(items: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return an answer's headers as `ResponseParts` has them: several of one name joined, of cookies the last."""
    shown: dict[str, str] = {}
    for name, value in items:
        shown[name] = f"{shown[name]}, {value}" if name in shown and name != _COOKIE else value
    return shown


def apply_changes(
    items: list[tuple[str, str]], before: Mapping[str, str], after: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Return *items*, which `show_headers` showed as *before*, with what is different in *after*.

    A cookie that is set takes the place of the one that was shown; the others stay.
    """
    if before == after:
        return items
    changed = {name: value for name, value in after.items() if before.get(name) != value}
    cookie = (_COOKIE, before.get(_COOKIE, ""))
    kept = [
        item
        for item in items
        if item[0] in after and (item[0] not in changed or (item[0] == _COOKIE and item != cookie))
    ]
    return [*kept, *changed.items()]


@final
class CarriedExchange(Exchange):
    """An exchange with other request headers than were sent."""

    def __init__(self, exchange: Exchange, changed: Mapping[str, list[str]]) -> None:
        self._exchange = exchange
        self._changed = frozenset(changed)
        sent = [item for item in exchange.header_items() if item[0] not in changed]
        self._items = [*sent, *((name, text) for name, texts in changed.items() for text in texts)]
        super().__init__(exchange.method, exchange.path, dict(reversed(self._items)).get)
        self.principal = exchange.principal
        self.origin = exchange.origin

    @property
    def query_string(self) -> str:
        """As sent."""
        return self._exchange.query_string

    @property
    def scheme(self) -> str:
        """As sent."""
        return self._exchange.scheme

    @property
    def http_version(self) -> str:
        """As sent."""
        return self._exchange.http_version

    @property
    def host(self) -> str:
        """As sent."""
        return self._exchange.host

    def host_names(self) -> list[str]:
        """As sent."""
        return self._exchange.host_names()

    @property
    def client(self) -> str:
        """As sent."""
        return self._exchange.client

    @property
    def peer(self) -> str:
        """As sent."""
        return self._exchange.peer

    def header_values(self, name: str) -> list[str]:
        """Return all values of the header *name* (lower case)."""
        return [value for each, value in self._items if each == name]

    def has_unreadable(self, name: str) -> bool:
        """Return whether the header *name* (lower case) has a value that is not ASCII: one that was put there is."""
        return name not in self._changed and self._exchange.has_unreadable(name)

    def header_items(self) -> list[tuple[str, str]]:
        """Return all headers, names in lower case, in order."""
        return [*self._items]

    def header_size(self) -> tuple[int, int]:
        """Return how many headers there are, and how many characters their values have together."""
        return len(self._items), sum(len(value) for _, value in self._items)

    @property
    def lost(self) -> tuple[type[BaseException], ...]:
        """As the server says."""
        return self._exchange.lost

    def read(self, limit_bytes: int) -> Awaitable[bytes]:
        """Return the whole body; raises as `Exchange.read` does."""
        return self._exchange.read(limit_bytes)

    def chunks(self, limit_bytes: int) -> AsyncIterator[bytes]:
        """Yield the body as it arrives; raises as `Exchange.read` does."""
        return self._exchange.chunks(limit_bytes)

    async def wait_disconnect(self) -> None:
        """Return when the client has left. Cancel-safe."""
        await self._exchange.wait_disconnect()
