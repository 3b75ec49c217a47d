"""Builds of an app, without handlers: a Timescape, a store and a rollout on a clock that stands still."""

from collections.abc import Mapping, Sequence
from typing import Any, final

from perdure import Config, RolloutSettings
from perdure.clock import FakeClock
from perdure.errors import UnknownVersionError, VersionClosedError
from perdure.ingress.asgi import AsgiExchange
from perdure.rollout.rollout import Rollout
from perdure.store.base import Store
from perdure.store.memory import MemoryStore
from perdure.timescape.timescape import Timescape

__all__ = ["Build", "asking"]


async def _nothing() -> dict[str, Any]:
    return {"type": "http.disconnect"}


async def _nowhere(_: object) -> None:
    return


def asking(client: str = "10.0.0.1", headers: Mapping[str, str] | None = None, port: int = 5000) -> AsgiExchange:
    """Return a request of *client*."""
    raw = [(name.encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
    scope = {
        "type": "http", "method": "GET", "path": "/", "raw_path": b"/", "query_string": b"", "headers": raw,
        "client": (client, port), "scheme": "http", "http_version": "1.1",
    }  # fmt: skip
    return AsgiExchange(scope, _nothing, _nowhere)


@final
class Build:
    """One process that serves the versions *names*."""

    def __init__(
        self, names: Sequence[str] = ("v1.0.0", "v2.0.0", "v3.0.0"), *, store: Store | None = None,
        clock: FakeClock | None = None, settings: RolloutSettings | None = None, config: Config | None = None,
        registered: bool = True,
    ) -> None:  # fmt: skip
        self.store = store or MemoryStore()
        self.clock = clock or FakeClock()
        self.config = config or Config(rollout=settings or RolloutSettings())
        self.timescape = Timescape((), names, self.config.tags, self.config.default_version)
        self.rollout = Rollout("pets", self.timescape, self.store, self.config, self.clock)
        if registered:
            self.rollout.register()

    def served(self, asked: str | None = None, client: str = "10.0.0.1", status: int = 200) -> str:
        """Return the name of the version that serves *client* and answers *status*; or ``400`` or ``410``."""
        state = self.timescape.state
        exchange = asking(client)
        try:
            index = state.find_default(exchange) if asked is None else state.find(asked, exchange)
        except UnknownVersionError:
            return "400"
        except VersionClosedError:
            return "410"
        if asked is None and state.settle is not None:
            state.settle(exchange, index, status)
        return self.timescape.versions[index].name

    def answer(
        self, version: str, status: int = 200, times: int = 1, client: str = "10.0.0.1", taking_s: float = 0.01
    ) -> None:
        """Let *version* have answered *client* so many *times*."""
        for _ in range(times):
            self.rollout.tally(version, asking(client), status, taking_s)

    def pass_time(self, seconds: float, step_s: float = 0.25) -> None:
        """Let time pass as the loop would see it."""
        for _ in range(round(seconds / step_s)):
            self.clock.advance(step_s)
            self.rollout.tick()
