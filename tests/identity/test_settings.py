"""Settings of authentication that make no sense are refused when they are built."""

import subprocess
import sys
from typing import Any

import pytest

from perdure.config import AuthSettings, IntrospectionSettings, JwtSettings
from perdure.errors import ConfigError
from tests.identity.asking import jwt

SERVER: dict[str, Any] = {"url": "https://id.example/introspect", "client_id": "shop", "client_secret": "as_key"}


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, "exactly one of secret"), ({"secret": "s", "jwks_url": "https://x"}, "exactly one of secret"),
        ({"key_file": "k", "algorithms": ("HS256",)}, "HS\\* go with secret"),
        ({"secret": "s", "algorithms": ("HS256", "RS256")}, "HS\\* go with secret"),
        ({"jwks_url": "https://x", "algorithms": ("RS256", "HS256")}, "HS\\* go with secret"),
        ({"key_file": "k", "algorithms": ("none",)}, "none is none of HS256"),
        ({"key_file": "k", "algorithms": ("es256",)}, "es256 is none of"),
        ({"key_file": "k", "algorithms": ()}, "must not be empty"),
        ({"key_file": "k", "issuer": ""}, "must not be empty"),
        ({"key_file": "k", "audience": ()}, "must not be empty"), ({"key_file": "k", "leeway_s": 61}, "0 to 60"),
        ({"key_file": "k", "leeway_s": -1}, "0 to 60"), ({"key_file": "k", "cache_s": 0}, "cache_s"),
        ({"key_file": "k", "timeout_s": 0}, "timeout_s"),
        ({"key_file": "k", "size_limit_bytes": 0}, "size_limit_bytes"),
    ],
)  # fmt: skip
def test_issuer_that_makes_no_sense_is_refused(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        jwt(**settings)


BAD_URLS = [
    "http://id.example/keys", "ftp://id.example/keys", "https://", "id.example/keys", "", "https://x y/", "https://x\n/",
    "http://127.0.0.1.evil.example/", "http://localhost.evil.example/", "http://[::2]/", "http://0.0.0.0/", "https://x:0/",
    "https://x:99999/", "https://[::1/", "file:///etc/passwd", "https://é.example/", "http://10.0.0.1/",
]  # fmt: skip
GOOD_URLS = ["https://id.example/keys?a=b", "http://127.0.0.1:8000/keys", "http://localhost/", "http://[::1]:8/",
             "http://127.9.9.9/", "HTTPS://id.example/"]  # fmt: skip


@pytest.mark.parametrize("url", BAD_URLS)
def test_url_over_which_others_could_answer_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="jwks_url must be an https URL"):
        jwt(jwks_url=url)
    with pytest.raises(ConfigError, match="url must be an https URL"):
        IntrospectionSettings(**{**SERVER, "url": url})


@pytest.mark.parametrize("url", GOOD_URLS)
def test_url_that_is_safe_is_taken(url: str) -> None:
    assert url == jwt(jwks_url=url).jwks_url


@pytest.mark.parametrize(
    "url", ["https://user:hunter2@id.example/", "https://id.example/#hunter2", "http://u:hunter2@x/"]
)
def test_url_with_a_password_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError, match="neither a user nor a password") as told:
        jwt(jwks_url=url)
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize("change", [{"client_id": ""}, {"client_secret": ""}, {"issuer": ""}, {"cache_s": 0},
                                    {"breaker_failures": 0}, {"leeway_s": 61}])  # fmt: skip
def test_introspection_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        IntrospectionSettings(**{**SERVER, **change})


def issuer(name: str = "https://a") -> JwtSettings:
    return jwt(key_file="k", issuer=name)


def server(issuer: str | None = None) -> IntrospectionSettings:
    return IntrospectionSettings(**SERVER, issuer=issuer)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"jwt": {"a": issuer(), "b": issuer()}}, "two of them have the issuer 'https://a'"),
        ({"introspection": {"a": server(), "b": server()}}, "two of them have no issuer"),
        ({"introspection": {"a": server("x"), "b": server("x")}}, "two of them have the issuer 'x'"),
        ({"jwt": {"a": issuer()}, "introspection": {"a": server()}}, "'a' is a name in both"),
        ({"jwt": {"a:b": issuer()}}, "'a:b' cannot be a name"), ({"jwt": {"": issuer()}}, "'' cannot be a name"),
        ({"jwt": {"api_key": issuer()}}, "cannot be a name"), ({"jwt": {"nobody": issuer()}}, "cannot be a name"),
        ({"introspection": {"a b": server()}}, "cannot be a name"),
        ({"cache_entries": 0}, "cache_entries"),
    ],
)  # fmt: skip
def test_schemes_that_cannot_be_told_apart_are_refused(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        AuthSettings(**settings)


def test_one_issuer_may_sign_some_tokens_and_vouch_for_others() -> None:
    assert AuthSettings(jwt={"a": issuer()}, introspection={"b": server("https://a")})


WITHOUT = """
import sys
sys.modules["joserfc"] = None
from importlib import util
real = util.find_spec
util.find_spec = lambda name, package=None: None if name == "joserfc" else real(name, package)
from perdure.clock import SystemClock
from perdure.config import AuthSettings, JwtSettings
from perdure.errors import ConfigError
from perdure.identity.opening import open_authenticator
heavy = {"httpx", "cryptography"} & set(sys.modules)
settings = JwtSettings(issuer="https://a", audience=("b",), algorithms=("ES256",), key_file="k")
try:
    open_authenticator(AuthSettings(jwt={"a": settings}), "pets", SystemClock(), None)
except ConfigError as error:
    print(error, heavy)
"""


def test_what_is_not_installed_is_told_with_the_command_that_installs_it() -> None:
    told = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True, timeout=30)
    assert 'auth.jwt and auth.introspection need joserfc: pip install "perdure[auth]" set()' == told.stdout.strip()
