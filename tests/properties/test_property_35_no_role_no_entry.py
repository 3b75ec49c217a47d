"""Property 35: no required role, no entry.

Routes declare what they like, the configuration says what it likes, and clients are whom they like. The oracle is the
documented table, told by hand for each role and scope: a client comes in iff it has one of ``roles``, each of
``all_roles`` and each of ``scopes``; what it reads otherwise is 401 as long as nobody knows who it is, and 403 then.
"""

from typing import Any, Literal

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from perdure import Config
from perdure.clock import FakeClock
from perdure.config import AuthSettings, RateLimit
from perdure.context.principal import Principal
from perdure.errors import ConfigError, ForbiddenError, UnauthenticatedError
from perdure.policy.base import AuthMode, RoutePolicy
from perdure.policy.clients import Clients
from perdure.policy.gates import Gates
from perdure.policy.memory import MemoryCounters
from tests.policy.exchanges import from_address, from_principal

WORDS = st.frozensets(st.sampled_from(["clerk", "chief", "auditor"]), max_size=3)
NONE: frozenset[str] = frozenset()
SOME_OR_NONE = st.just(NONE) | WORDS
FEW = st.frozensets(st.sampled_from(["clerk", "chief", "auditor"]), max_size=2)


def is_contradiction(said: dict[str, Any]) -> bool:
    wanted = bool(said["roles"] | said["all_roles"] | said["scopes"])
    return (wanted and (said["public"] or said["auth"] in {"off", "optional"})) or (
        said["public"] and said["auth"] == "required"
    )


SAID: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries({
    "auth": st.sampled_from([None, "off", "optional", "required"]),
    "public": st.booleans(),
    "roles": SOME_OR_NONE,
    "all_roles": SOME_OR_NONE,
    "scopes": SOME_OR_NONE,
    "rate_limits": st.sampled_from([(), (RateLimit("9/second"),), (RateLimit("9/second", per="address"),)]),
    "concurrency": st.sampled_from([None, 1]),
})  # fmt: skip
POLICIES = SAID.filter(lambda said: not is_contradiction(said)).map(lambda said: RoutePolicy(**said))
PRINCIPALS = st.none() | st.builds(
    Principal, subject=st.just("ada"), scheme=st.sampled_from(["staff", "api_key"]), roles=WORDS, scopes=WORDS
)
MODES = st.sampled_from(["off", "optional", "required"])


def expected(
    policy: RoutePolicy, mode: AuthMode, deny: bool, principal: Principal | None, is_bad: bool
) -> Literal["in", 401, 403]:
    """Return what the documentation says."""
    wanted = bool(policy.roles) or bool(policy.all_roles) or bool(policy.scopes)
    if deny and not (policy.public or wanted or policy.auth):
        return 403
    asked = "required" if wanted else policy.auth or ("off" if policy.public else mode)
    if asked == "off":
        return "in"
    if is_bad or (asked == "required" and principal is None):
        return 401
    if principal is None:
        return "in"
    for role in policy.all_roles:
        if role not in principal.roles:
            return 403
    for scope in policy.scopes:
        if scope not in principal.scopes:
            return 403
    if policy.roles and not any(role in principal.roles for role in policy.roles):
        return 403
    return "in"


def gates(mode: AuthMode, deny: bool) -> Gates:
    config = Config(auth=AuthSettings(mode=mode, deny_by_default=deny))
    return Gates(config, ("Bearer",), "shop", MemoryCounters(config.rates, FakeClock()), Clients())


@settings(max_examples=200)
@given(POLICIES, MODES, st.booleans(), PRINCIPALS, st.booleans())
def test_client_comes_in_iff_it_may(
    policy: RoutePolicy, mode: AuthMode, deny: bool, principal: Principal | None, is_bad: bool
) -> None:
    verdict = expected(policy, mode, deny, principal, is_bad)
    event(str(verdict))
    gate = gates(mode, deny).gate("orders", policy)
    exchange = from_address("192.0.2.1:1") if principal is None else from_principal(principal)
    refusal = UnauthenticatedError("forged") if is_bad else None
    for _ in range(3):
        if gate is None:
            assert verdict == "in"
        elif verdict == "in":
            gate.admit(exchange, refusal)
            gate.leave()
        else:
            with pytest.raises({401: UnauthenticatedError, 403: ForbiddenError}[verdict]):
                gate.admit(exchange, refusal)


@settings(max_examples=300)
@given(
    st.builds(RoutePolicy, roles=FEW, all_roles=FEW, scopes=FEW),
    st.builds(Principal, subject=st.just("ada"), scheme=st.just("staff"), roles=WORDS, scopes=WORDS),
)
def test_known_client_comes_in_iff_it_has_the_roles_and_scopes(policy: RoutePolicy, principal: Principal) -> None:
    verdict = expected(policy, "optional", deny=False, principal=principal, is_bad=False)
    event(str(verdict))
    gate = gates("optional", deny=False).gate("orders", policy)
    assert gate is not None
    if verdict == "in":
        gate.admit(from_principal(principal), None)
    else:
        with pytest.raises(ForbiddenError):
            gate.admit(from_principal(principal), None)


@settings(max_examples=400)
@given(SAID, MODES)
def test_policy_that_contradicts_itself_never_serves(said: dict[str, Any], mode: AuthMode) -> None:
    if is_contradiction(said):
        with pytest.raises(ConfigError):
            RoutePolicy(**said)
    else:
        gates(mode, deny=False).gate("orders", RoutePolicy(**said))
