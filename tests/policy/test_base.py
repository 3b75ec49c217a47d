"""What a route's policy is told as."""

from typing import Any

import pytest

from perdure import App, Router
from perdure.errors import ConfigError
from perdure.policy.base import AuthMode, RoutePolicy

SAYS_NOTHING = RoutePolicy()
CLERKS = RoutePolicy(roles=frozenset({"customer", "clerk"}))
AUDITORS = RoutePolicy(
    roles=frozenset({"clerk"}), all_roles=frozenset({"b", "a"}), scopes=frozenset({"orders.write", "orders.read"})
)


@pytest.mark.parametrize(
    ("policy", "default", "ways", "access"),
    [
        (SAYS_NOTHING, "off", (), "everyone"),
        (SAYS_NOTHING, "optional", (), "everyone"),
        (SAYS_NOTHING, "required", (("principal",),), "who is known"),
        (RoutePolicy(public=True), "required", (), "everyone"),
        (RoutePolicy(auth="off"), "required", (), "everyone"),
        (RoutePolicy(auth="optional"), "required", ((), ("principal",)), "everyone"),
        (RoutePolicy(auth="optional"), "off", ((), ("principal",)), "everyone"),
        (RoutePolicy(auth="required"), "off", (("principal",),), "who is known"),
        (CLERKS, "optional", (("role:clerk",), ("role:customer",)), "role clerk or customer"),
        (
            AUDITORS, "optional", (("role:clerk", "role:a", "role:b", "scope:orders.read", "scope:orders.write"),),
            "role clerk, role a and b, scope orders.read and orders.write",
        ),
    ],
)  # fmt: skip
def test_policy_is_told_to_programs_and_to_people(
    policy: RoutePolicy, default: AuthMode, ways: tuple[tuple[str, ...], ...], access: str
) -> None:
    assert ways == policy.ways(default, deny_by_default=False)
    assert access == policy.access(default, deny_by_default=False)


@pytest.mark.parametrize("default", ["off", "optional", "required"])
def test_what_says_nothing_is_told_as_closed_where_that_closes_it(default: AuthMode) -> None:
    assert (("nobody",),) == SAYS_NOTHING.ways(default, deny_by_default=True)
    assert "closed" == SAYS_NOTHING.access(default, deny_by_default=True)
    for open_policy in (RoutePolicy(public=True), RoutePolicy(auth="optional"), CLERKS):
        assert open_policy.ways(default, deny_by_default=True) == open_policy.ways(default, deny_by_default=False)
        assert "closed" != open_policy.access(default, deny_by_default=True)


CONTRADICTIONS = [
    ({"public": True, "roles": {"clerk"}}, "asks for roles or scopes, and says public"),
    ({"public": True, "all_roles": {"clerk"}}, "asks for roles or scopes, and says public"),
    ({"auth": "off", "scopes": {"orders"}}, "asks for roles or scopes, and says auth='off'"),
    ({"auth": "optional", "roles": {"clerk"}}, "asks for roles or scopes, and says auth='optional'"),
    ({"public": True, "auth": "required"}, "is public, and says auth='required'"),
    ({"concurrency": 0}, "concurrency must be 1 or more, not 0"),
    ({"concurrency": -3}, "concurrency must be 1 or more, not -3"),
]


@pytest.mark.parametrize(("said", "told"), CONTRADICTIONS)
def test_route_that_contradicts_itself_is_refused_where_it_is_declared(said: dict[str, Any], told: str) -> None:
    for routes in (App("shop"), Router("/shop")):
        with pytest.raises(ConfigError, match=told):
            routes.get("/orders", **said)


@pytest.mark.parametrize(("said", "told"), CONTRADICTIONS)
def test_policy_that_contradicts_itself_cannot_be_made(said: dict[str, Any], told: str) -> None:
    frozen: dict[str, Any] = {
        name: frozenset(given) if isinstance(given, set) else given for name, given in said.items()
    }
    with pytest.raises(ConfigError, match=told):
        RoutePolicy(**frozen)
