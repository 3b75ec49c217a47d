"""Who may come in: what a route asks of its clients, compiled.

A reason is for the log: none of it is in what a client reads.

Source: SPEC 3.7, property 35; RFC 6750 3.1.
"""

from collections.abc import Callable, Container

from perdure.context.exchange import Exchange
from perdure.context.principal import Principal
from perdure.errors import ForbiddenError, RequestError, UnauthenticatedError
from perdure.identity.challenges import bearer_challenge
from perdure.policy.base import AuthMode, RoutePolicy

__all__ = ["Check", "compile_check", "deny_everyone"]

Check = Callable[[Exchange, RequestError | None], None]
"""Raises where a client may not come in, given what was wrong with its credentials."""


def deny_everyone(_: Exchange, __: RequestError | None) -> None:
    """Let nobody in.

    Raises:
        ForbiddenError: Always.
    """
    raise ForbiddenError("the route does not say who may call it, and deny_by_default is on")


def compile_check(
    policy: RoutePolicy, mode: AuthMode, challenges: tuple[str, ...], realm: str, bearers: Container[str] = ()
) -> Check | None:
    """Return what lets in whom *policy* lets in; None: everyone, whatever they show.

    Args:
        mode: What is asked of clients.
        challenges: Of all schemes, for who shows nothing.
        realm: For who shows a token that does not reach.
        bearers: Names of the schemes that such tokens are of; who came by another is told nothing of tokens.
    """
    if mode == "off":
        return None
    if mode == "optional":
        return _check_shown(challenges)
    if not policy.demands:
        return _check_known(challenges)
    insufficient = bearer_challenge(realm, "insufficient_scope", _told(policy.scopes))

    def told(principal: Principal) -> tuple[str, ...]:
        return (insufficient,) if principal.scheme in bearers else ()

    return _check_allowed(policy, challenges, told)


def _told(scopes: frozenset[str]) -> str:
    return " ".join(sorted(scopes))


def _check_shown(challenges: tuple[str, ...]) -> Check:
    def check(_: Exchange, refusal: RequestError | None) -> None:
        if refusal is not None:
            raise _challenged(refusal, challenges)

    return check


def _check_known(challenges: tuple[str, ...]) -> Check:
    def check(exchange: Exchange, refusal: RequestError | None) -> None:
        if refusal is not None or exchange.principal is None:
            raise _challenged(refusal, challenges)

    return check


def _check_allowed(
    policy: RoutePolicy, challenges: tuple[str, ...], insufficient: Callable[[Principal], tuple[str, ...]]
) -> Check:
    lacks_roles, all_roles, scopes = policy.roles.isdisjoint, policy.all_roles, policy.scopes
    asks_roles, asks_more = bool(policy.roles), bool(all_roles or scopes)

    def check(exchange: Exchange, refusal: RequestError | None) -> None:
        principal = exchange.principal
        if refusal is not None or principal is None:
            raise _challenged(refusal, challenges)
        if asks_roles and lacks_roles(principal.roles):
            raise ForbiddenError(f"{principal.key} has none of the roles {_told(policy.roles)}")
        if asks_more:
            if not all_roles <= principal.roles:
                raise ForbiddenError(f"{principal.key} lacks the roles {_told(all_roles - principal.roles)}")
            if not scopes <= principal.scopes:
                reason = f"{principal.key} lacks the scopes {_told(scopes - principal.scopes)}"
                raise ForbiddenError(reason, insufficient(principal))

    return check


def _challenged(refusal: RequestError | None, challenges: tuple[str, ...]) -> RequestError:
    """Return the error for credentials that are not there, or are bad, with what would be good ones."""
    if refusal is None:
        return UnauthenticatedError("no credentials", challenges)
    if isinstance(refusal, UnauthenticatedError) and not refusal.challenges:
        return UnauthenticatedError(str(refusal), challenges)
    return refusal
