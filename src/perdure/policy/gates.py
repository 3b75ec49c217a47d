"""Gates, made of what routes declare and the configuration says.

Source: SPEC 3.7; properties 34, 35.
"""

import logging
import time
from collections.abc import Callable
from sys import maxsize
from typing import Final, final

from perdure.config import Config
from perdure.errors import ConfigError
from perdure.policy.base import RoutePolicy
from perdure.policy.clients import Clients
from perdure.policy.counters import Counters, Limit
from perdure.policy.entry import Check, compile_check, deny_everyone
from perdure.policy.gate import Gate
from perdure.policy.route_gate import CheckingGate, CountingGate, Slots
from perdure.policy.standing import LimitHeaders

__all__ = ["Gates"]

_log: Final = logging.getLogger("perdure.policy")


@final
class Gates:
    """Makes the gate of each handler.

    Args:
        config: What holds for all routes.
        challenges: What ``WWW-Authenticate`` says of each scheme there is; none: nobody can show who they are.
        realm: Names what is protected, for clients whose token does not reach.
        counters: Where requests are counted.
        clients: Says who a request counts for.
        monotonic: Tells seconds, for how long an address has to wait.
    """

    def __init__(
        self, config: Config, challenges: tuple[str, ...], realm: str, counters: Counters, clients: Clients,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._monotonic = monotonic
        self._auth = config.auth
        self._shared = tuple(Limit.of("", declared) for declared in config.rates.limits)
        self._retry_after_s = config.capacity.retry_after_s
        self._challenges = challenges
        self._realm = realm
        self._counters = counters
        self._clients = clients
        self._made: dict[tuple[str, RoutePolicy], Gate | None] = {}

    def gate(self, handler_id: str, policy: RoutePolicy) -> Gate | None:
        """Return the gate of a handler, always the same one; None where it asks for nothing and counts nothing.

        Raises:
            ConfigError: Nobody could come in; the message says what to do.
        """
        key = (handler_id, policy)
        if key not in self._made:
            self._made[key] = self._make(handler_id, policy)
        return self._made[key]

    def _make(self, handler_id: str, policy: RoutePolicy) -> Gate | None:
        check = self._check(handler_id, policy)
        limits = (*self._shared, *(Limit.of(handler_id, declared) for declared in policy.rate_limits))
        limits = tuple(dict.fromkeys(limits))
        if check is None and not limits and policy.concurrency is None:
            return None
        slots = Slots(maxsize if policy.concurrency is None else policy.concurrency, self._retry_after_s)
        if not limits:
            return CheckingGate(check, slots)
        return CountingGate(check, slots, LimitHeaders(limits), self._counters, self._clients, self._monotonic)

    def _check(self, handler_id: str, policy: RoutePolicy) -> Check | None:
        if self._auth.deny_by_default and not policy.is_declared:
            _log.warning(
                "%s is closed to everyone: it says neither who may call it nor that it is public, and deny_by_default "
                "is on", handler_id, extra={"handler": handler_id},
            )  # fmt: skip
            return deny_everyone
        mode = policy.mode(self._auth.mode)
        if not self._challenges:
            if mode == "required":
                raise ConfigError(
                    f"{handler_id} asks clients who they are, and nothing is configured by which they could show it: "
                    "set jwt, api_keys or introspection of Config.auth, or declare the route public"
                )
            return None
        bearers = self._auth.jwt.keys() | self._auth.introspection.keys()
        return compile_check(policy, mode, self._challenges, self._realm, bearers)
