"""Gates: who comes in, and what is answered else."""

import logging

import pytest
from msgspec.structs import replace

from perdure import Config
from perdure.clock import FakeClock
from perdure.config import AuthSettings, JwtSettings, RateLimit, RateSettings
from perdure.context.exchange import Exchange
from perdure.context.principal import Principal
from perdure.errors import (
    ConfigError,
    ForbiddenError,
    IdentityUnavailableError,
    OverloadedError,
    RateLimitedError,
    RequestError,
    UnauthenticatedError,
)
from perdure.policy.base import RoutePolicy
from perdure.policy.clients import Clients
from perdure.policy.gate import Gate
from perdure.policy.gates import Gates
from perdure.policy.memory import MemoryCounters
from tests.policy.exchanges import from_address, from_principal

DEFAULTS = Config()
ISSUER = JwtSettings(issuer="i", audience=("a",), algorithms=("HS256",), secret="s")
TOKENS = Config(auth=AuthSettings(jwt={"staff": ISSUER}))
CHALLENGES = ('Bearer realm="shop"', 'ApiKey realm="shop"')
ADA = Principal(subject="ada", scheme="staff", roles=frozenset({"clerk"}), scopes=frozenset({"orders"}))
SOMEBODY = from_address("192.0.2.1:50000")
CLERKS = RoutePolicy(roles=frozenset({"clerk"}))
NO_TOKEN = UnauthenticatedError("the token has expired")


def gates(config: Config = DEFAULTS, challenges: tuple[str, ...] = CHALLENGES, clock: FakeClock | None = None) -> Gates:
    return Gates(config, challenges, "shop", MemoryCounters(config.rates, clock or FakeClock()), Clients())


def gate(policy: RoutePolicy, config: Config = DEFAULTS, clock: FakeClock | None = None) -> Gate:
    made = gates(config, clock=clock).gate("orders", policy)
    assert made is not None
    return made


def headers_of(gate: Gate, exchange: Exchange) -> dict[str, str]:
    admitted = gate.admit(exchange, None)
    assert isinstance(admitted, tuple)
    return dict(admitted)


def refused(gate: Gate, exchange: Exchange, refusal: RequestError | None = None) -> RequestError:
    with pytest.raises(RequestError) as raised:
        gate.admit(exchange, refusal)
    return raised.value


def test_nothing_to_ask_or_count_there_is_no_gate() -> None:
    assert gates().gate("orders", RoutePolicy(auth="off")) is None
    assert gates(challenges=()).gate("orders", RoutePolicy()) is None


def test_gate_is_asked_for_again_is_the_same() -> None:
    made = gates()
    assert made.gate("orders", CLERKS) is made.gate("orders", CLERKS)


def test_credentials_are_missing_answers_all_challenges() -> None:
    error = refused(gate(CLERKS), SOMEBODY)
    assert isinstance(error, UnauthenticatedError)
    assert CHALLENGES == error.challenges


def test_credentials_are_bad_answers_what_was_wrong_with_them() -> None:
    told = UnauthenticatedError("the token has expired", ('Bearer realm="shop", error="invalid_token"',))
    assert told is refused(gate(RoutePolicy(auth="optional")), SOMEBODY, told)
    error = refused(gate(CLERKS), SOMEBODY, NO_TOKEN)
    assert isinstance(error, UnauthenticatedError)
    assert CHALLENGES == error.challenges
    assert "the token has expired" == str(error)


def test_credentials_cannot_be_judged_answers_that() -> None:
    unavailable = IdentityUnavailableError("the issuer does not answer")
    assert unavailable is refused(gate(CLERKS), SOMEBODY, unavailable)


def test_one_of_two_credentials_is_bad_lets_nobody_in() -> None:
    assert isinstance(refused(gate(CLERKS), from_principal(ADA), NO_TOKEN), UnauthenticatedError)


def test_route_is_public_bad_credentials_do_not_matter() -> None:
    limited = RoutePolicy(public=True, rate_limits=(RateLimit("5/minute"),))
    assert gate(limited).admit(SOMEBODY, NO_TOKEN)


@pytest.mark.parametrize(
    ("policy", "comes_in"),
    [
        (RoutePolicy(roles=frozenset({"clerk", "chief"})), True),
        (RoutePolicy(roles=frozenset({"chief"})), False),
        (RoutePolicy(all_roles=frozenset({"clerk"})), True),
        (RoutePolicy(all_roles=frozenset({"clerk", "chief"})), False),
        (RoutePolicy(scopes=frozenset({"orders"})), True),
        (RoutePolicy(scopes=frozenset({"orders", "refunds"})), False),
        (RoutePolicy(auth="required"), True),
    ],
)
def test_principal_comes_in_with_the_roles_and_scopes_asked_for(policy: RoutePolicy, comes_in: bool) -> None:
    if comes_in:
        gate(policy).admit(from_principal(ADA), None)
    else:
        assert isinstance(refused(gate(policy), from_principal(ADA)), ForbiddenError)


def test_scope_is_missing_of_a_token_answers_which_would_be_enough() -> None:
    wide = RoutePolicy(scopes=frozenset({"refunds", "orders"}))
    error = refused(gate(wide, TOKENS), from_principal(ADA))
    assert isinstance(error, ForbiddenError)
    assert ('Bearer realm="shop", error="insufficient_scope", scope="orders refunds"',) == error.challenges


@pytest.mark.parametrize("scheme", ["api_key", "basic"])
def test_scope_is_missing_of_other_credentials_answers_no_challenge_of_tokens(scheme: str) -> None:
    narrow = gate(RoutePolicy(scopes=frozenset({"refunds"})), TOKENS)
    error = refused(narrow, from_principal(replace(ADA, scheme=scheme)))
    assert isinstance(error, ForbiddenError)
    assert () == error.challenges


def test_role_is_missing_answers_no_challenge() -> None:
    error = refused(gate(RoutePolicy(roles=frozenset({"chief"}))), from_principal(ADA))
    assert isinstance(error, ForbiddenError)
    assert () == error.challenges


def test_deny_by_default_closes_what_says_nothing_and_tells(caplog: pytest.LogCaptureFixture) -> None:
    config = Config(auth=AuthSettings(deny_by_default=True))
    with caplog.at_level(logging.WARNING, "perdure.policy"):
        closed = gate(RoutePolicy(), config)
    assert "orders is closed to everyone" in caplog.text
    assert isinstance(refused(closed, from_principal(ADA)), ForbiddenError)
    assert isinstance(refused(closed, SOMEBODY), ForbiddenError)
    assert gates(config).gate("orders", RoutePolicy(public=True)) is None
    gate(CLERKS, config).admit(from_principal(ADA), None)


@pytest.mark.parametrize("policy", [CLERKS, RoutePolicy(auth="required"), RoutePolicy(scopes=frozenset({"orders"}))])
def test_nobody_could_show_who_they_are_is_refused_with_what_to_do(policy: RoutePolicy) -> None:
    with pytest.raises(ConfigError, match=r"orders asks clients who they are.*set jwt, api_keys or introspection"):
        gates(challenges=()).gate("orders", policy)


def test_limited_route_tells_policy_and_standing() -> None:
    limited = gate(RoutePolicy(rate_limits=(RateLimit("100/minute"),)))
    assert {"ratelimit-policy": '"client";q=100;w=60', "ratelimit": '"client";r=99;t=60'} == headers_of(
        limited, SOMEBODY
    )


def test_several_limits_are_told_by_names_of_their_own() -> None:
    limits = (RateLimit("9/second"), RateLimit("50/minute"), RateLimit("70/hour", per="address"))
    config = Config(rates=RateSettings(limits=(RateLimit("1000/minute", per="handler"),)))
    told = headers_of(gate(RoutePolicy(rate_limits=limits), config), SOMEBODY)
    assert (
        '"handler";q=1000;w=60, "client";q=9;w=1, "client-2";q=50;w=60, "address";q=70;w=3600'
        == told["ratelimit-policy"]
    )
    assert '"handler";r=999;t=60, "client";r=8;t=1, "client-2";r=49;t=60, "address";r=69;t=3600' == told["ratelimit"]


def test_limit_is_reached_answers_when_to_come_again_and_then_lets_in() -> None:
    clock = FakeClock(monotonic=0.3)
    limited = gate(RoutePolicy(rate_limits=(RateLimit("2/minute"),)), clock=clock)
    limited.admit(SOMEBODY, None)
    clock.advance(10.5)
    limited.admit(SOMEBODY, None)
    error = refused(limited, SOMEBODY)
    assert isinstance(error, RateLimitedError)
    assert 50 == error.retry_after_s
    assert '"client";r=0;t=50' == dict(error.headers)["ratelimit"]
    clock.advance(error.retry_after_s)
    assert '"client";r=0;t=10' == headers_of(limited, SOMEBODY)["ratelimit"]


def test_one_limit_refuses_counts_for_no_other() -> None:
    clock = FakeClock()
    limits = (RateLimit("3/hour", per="handler"), RateLimit("1/second"))
    limited = gate(RoutePolicy(rate_limits=limits), clock=clock)
    limited.admit(SOMEBODY, None)
    for _ in range(5):
        error = refused(limited, SOMEBODY)
        assert isinstance(error, RateLimitedError)
        assert (1, '"handler";r=2;t=3600, "client";r=0;t=1') == (error.retry_after_s, dict(error.headers)["ratelimit"])
    clock.advance(1)
    assert '"handler";r=1;t=3599, "client";r=0;t=1' == headers_of(limited, SOMEBODY)["ratelimit"]


def test_clients_have_limits_of_their_own_and_handlers_share_theirs() -> None:
    own = gate(RoutePolicy(rate_limits=(RateLimit("1/hour"),)))
    shared = gate(RoutePolicy(rate_limits=(RateLimit("1/hour", per="handler"),)))
    for limited in (own, shared):
        limited.admit(SOMEBODY, None)
    own.admit(from_address("192.0.2.2:50000"), None)
    assert isinstance(refused(shared, from_address("192.0.2.2:50000")), RateLimitedError)


def test_limit_per_address_holds_whoever_calls_from_it() -> None:
    limited = gate(RoutePolicy(rate_limits=(RateLimit("2/hour", per="address"),)))
    limited.admit(from_principal(ADA, "192.0.2.1:1"), None)
    limited.admit(from_principal(replace(ADA, subject="bob"), "192.0.2.1:2"), None)
    assert isinstance(refused(limited, from_address("192.0.2.1:3")), RateLimitedError)


def test_bad_credentials_count_for_their_address() -> None:
    limited = gate(replace(CLERKS, rate_limits=(RateLimit("3/minute", per="address"), RateLimit("9/minute"))))
    for _ in range(3):
        assert isinstance(refused(limited, SOMEBODY, NO_TOKEN), UnauthenticatedError)
    assert isinstance(refused(limited, SOMEBODY, NO_TOKEN), RateLimitedError)
    assert isinstance(refused(limited, from_principal(ADA, "192.0.2.1:9")), RateLimitedError)
    told = headers_of(limited, from_principal(ADA, "192.0.2.9:9"))["ratelimit"]
    assert '"address";r=2;t=60, "client";r=8;t=60' == told


def test_refusal_tells_how_its_address_stands_and_leaves_what_is_remembered_of_it_as_it_is() -> None:
    limited = gate(replace(CLERKS, rate_limits=(RateLimit("3/minute", per="address"), RateLimit("9/minute"))))
    remembered = UnauthenticatedError("forged", ("Bearer",))
    for left in (2, 1, 0):
        with pytest.raises(UnauthenticatedError, match="forged") as refusal:
            limited.admit(SOMEBODY, remembered)
        assert ("Bearer",) == refusal.value.challenges
        assert f'"address";r={left};t=60' == dict(refusal.value.headers)["ratelimit"]
    assert () == remembered.headers
    assert refused(gate(CLERKS), SOMEBODY, remembered) is remembered


def test_limits_of_the_app_count_all_routes_together() -> None:
    config = Config(rates=RateSettings(limits=(RateLimit("2/minute"),)))
    made = gates(config, challenges=())
    first, second = made.gate("first", RoutePolicy()), made.gate("second", RoutePolicy())
    assert first is not None
    assert second is not None
    first.admit(SOMEBODY, None)
    second.admit(SOMEBODY, None)
    assert isinstance(refused(first, SOMEBODY), RateLimitedError)


def test_same_limit_of_two_handlers_counts_each_for_itself() -> None:
    made = gates(challenges=())
    policy = RoutePolicy(rate_limits=(RateLimit("1/minute"),))
    for name in ("first", "second"):
        limited = made.gate(name, policy)
        assert limited is not None
        limited.admit(SOMEBODY, None)


def test_concurrency_is_reached_refuses_until_somebody_leaves_and_counts_for_no_limit() -> None:
    narrow = gate(RoutePolicy(concurrency=2, rate_limits=(RateLimit("4/minute"),)))
    narrow.admit(SOMEBODY, None)
    narrow.admit(SOMEBODY, None)
    for _ in range(5):
        error = refused(narrow, SOMEBODY)
        assert isinstance(error, OverloadedError)
        assert 1 == error.retry_after_s
    narrow.leave()
    assert '"client";r=1;t=60' == headers_of(narrow, SOMEBODY)["ratelimit"]


def test_refused_request_takes_no_place() -> None:
    narrow = gate(replace(CLERKS, concurrency=1, rate_limits=(RateLimit("2/minute"),)))
    for _ in range(3):
        refused(narrow, SOMEBODY)
    for _ in range(2):
        narrow.admit(from_principal(ADA), None)
        narrow.leave()
    for _ in range(3):
        assert isinstance(refused(narrow, from_principal(ADA)), RateLimitedError)
