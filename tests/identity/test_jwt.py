"""Tokens that are good, and the attacks on them that are known."""

import asyncio
import json
from math import inf
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from perdure.clock import FakeClock
from perdure.context.principal import Principal
from perdure.errors import ConfigError, UnauthenticatedError
from tests.identity.asking import exchange, for_key, for_set, identified, jwt, opened, principal_of, refused
from tests.identity.tokens import (
    ALGORITHMS,
    ISSUER,
    NOW_S,
    compose,
    decode,
    encode,
    good_claims,
    jwk,
    private_key,
    public_pem,
    rsa_key,
    signer,
    token,
)

ASYMMETRIC = [name for name in ALGORITHMS if not name.startswith("HS")]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_token_signed_by_any_algorithm_names_its_principal(algorithm: str, tmp_path: Path) -> None:
    if algorithm.startswith("HS"):
        settings = jwt(secret="jwt_key", algorithms=(algorithm,))
    else:
        settings = for_key(tmp_path, private_key(algorithm), algorithm)
    async with opened(settings) as authenticator:
        principal = await principal_of(authenticator, token(algorithm, client_id="till", extra={"a": [1, {"b": 2}]}))
    assert ("ada", "first", "till") == (principal.subject, principal.scheme, principal.client_id)
    assert frozenset({"clerk"}) == principal.roles
    assert frozenset({"orders:read", "orders:write"}) == principal.scopes
    assert NOW_S + 600 + 5 == principal.expires_at_s
    assert (1, {"b": 2}) == principal.claims["extra"]["a"]  # type: ignore[index]
    with pytest.raises(TypeError):
        principal.claims["sub"] = "root"  # type: ignore[index]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_token_with_another_signature_is_refused(algorithm: str, tmp_path: Path) -> None:
    if algorithm.startswith("HS"):
        settings = jwt(secret="jwt_key", algorithms=(algorithm,))
    else:
        settings = for_key(tmp_path, private_key(algorithm), algorithm)
    good = token(algorithm)
    head, body, signature = good.split(".")
    other = token(algorithm, sub="eve").split(".")
    flipped = ("B" if signature[5] == "A" else "A").join((signature[:5], signature[6:]))
    stranger = b"x" * 64 if algorithm.startswith("HS") else private_key(algorithm, 1)
    forged = [
        f"{head}.{body}.", f"{head}.{body}.{other[2]}", f"{head}.{other[1]}.{signature}", f"{head}.{body}.{flipped}",
        f"{head}.{body}.{encode(decode(signature)[:-1])}", f"{head}.{body}.{encode(bytes(64))}",
        f"{head}.{body}.{encode(b'x' * 512)}",
        token(algorithm, stranger),
    ]  # fmt: skip
    async with opened(settings) as authenticator:
        await principal_of(authenticator, good)
        for each in forged:
            assert "signature" in await refused(authenticator, each)


@pytest.mark.parametrize("spelling", ["none", "None", "NONE", "nOnE", "none ", " none", "", "null"])
async def test_token_that_says_it_needs_no_signature_is_refused(spelling: str, tmp_path: Path) -> None:
    async with opened(for_key(tmp_path, private_key("ES256"), "ES256")) as authenticator:
        for sign in (lambda _: b"", lambda _: bytes(64), signer("ES256")):
            bad = compose({"alg": spelling, "typ": "JWT"}, good_claims(), sign)
            assert f"alg is {spelling!r}" in await refused(authenticator, bad)


@pytest.mark.parametrize("value", [None, ["ES256"], {"ES256": 1}, 1, True])
async def test_token_whose_alg_is_no_text_is_refused(value: object, tmp_path: Path) -> None:
    async with opened(for_key(tmp_path, private_key("ES256"), "ES256")) as authenticator:
        raw = json.dumps({"alg": value}).encode()
        assert "alg is" in await refused(authenticator, compose(raw, good_claims(), signer("ES256")))
        assert "alg is None" in await refused(authenticator, compose({}, good_claims(), signer("ES256")))


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
async def test_public_key_is_no_secret(algorithm: str, tmp_path: Path) -> None:
    key = rsa_key()
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pkcs1 = key.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1)
    written = [public_pem(key), public_pem(key).strip(), spki, pkcs1, json.dumps(jwk(key)).encode(),
               json.dumps(jwk(key), separators=(",", ":")).encode(), str(jwk(key)["n"]).encode()]  # fmt: skip
    async with opened(for_set(tmp_path, jwk(key, kid="a"), algorithms=("RS256",))) as authenticator:
        await principal_of(authenticator, token("RS256", key, header={"kid": "a"}))
        for secret in written:
            for header in ({}, {"kid": "a"}):
                assert "alg" in await refused(authenticator, token(algorithm, secret, header=header))


async def test_algorithm_that_is_allowed_is_used_with_no_key_of_another_kind(tmp_path: Path) -> None:
    rsa, ec = private_key("RS256"), private_key("ES256")
    settings = for_set(tmp_path, jwk(rsa, kid="rsa", alg="RS256"), jwk(ec, kid="ec"),
    jwk(private_key("ES384"), kid="e3"),
                       algorithms=("RS256", "PS256", "ES256", "ES384"))  # fmt: skip
    async with opened(settings) as authenticator:
        await principal_of(authenticator, token("RS256", rsa, header={"kid": "rsa"}))
        await principal_of(authenticator, token("ES256", ec, header={"kid": "ec"}))
        for algorithm, key, key_id in [
            ("PS256", rsa, "rsa"), ("RS256", rsa, "ec"), ("ES256", ec, "rsa"), ("ES256", ec, "e3"),
            ("ES384", private_key("ES384"), "ec"), ("ES384", ec, "ec"),
        ]:  # fmt: skip
            bad = token(algorithm, key, header={"kid": key_id})
            assert f"no key for {algorithm} is called" in await refused(authenticator, bad)


@pytest.mark.parametrize(
    "extra",
    [
        {"jwk": jwk(private_key("ES256", 1))}, {"jku": "https://evil.example/keys"}, {"x5u": "https://evil.example/c"},
        {"x5c": ["MIIB"]}, {"crit": ["exp"]}, {"crit": []}, {"crit": None}, {"crit": [1]}, {"crit": "exp"},
        {"crit": ["b64"], "b64": False}, {"b64": False}, {"b64": True}, {"enc": "A256GCM"}, {"zip": "DEF"},
        {"cty": "JWT"}, {"cty": "jwt"}, {"cty": 1}, {"jwk": None}, {"x5c": None},
    ],
    ids=lambda extra: json.dumps(extra)[:30],
)  # fmt: skip
async def test_token_that_wants_something_special_is_refused(extra: dict[str, object], tmp_path: Path) -> None:
    async with opened(for_key(tmp_path, private_key("ES256"), "ES256")) as authenticator:
        for key in (private_key("ES256"), private_key("ES256", 1)):
            head = json.dumps({"alg": "ES256", **extra}).encode()
            await refused(authenticator, compose(head, good_claims(), signer("ES256", key)))


async def test_thumbprint_is_a_hint_that_is_not_followed(tmp_path: Path) -> None:
    async with opened(for_key(tmp_path, private_key("ES256"), "ES256")) as authenticator:
        await principal_of(authenticator, token(header={"x5t": "abc", "x5t#S256": "def"}))


@pytest.mark.parametrize(
    "key_id",
    ["../../../../dev/null", "/etc/passwd", "a' OR '1'='1", "a'; DROP TABLE keys;--", "a\x00", "a\n", "", "k" * 257, 1,
     None, ["a"], {"a": 1}, True, "b", "A", " a", "http://evil.example/key"],
)  # fmt: skip
async def test_key_id_is_looked_up_and_nothing_else(key_id: object, tmp_path: Path) -> None:
    async with opened(for_set(tmp_path, jwk(private_key("ES256"), kid="a"), algorithms=("ES256",))) as authenticator:
        await principal_of(authenticator, token(header={"kid": "a"}))
        head = json.dumps({"alg": "ES256", "kid": key_id}).encode()
        reason = await refused(authenticator, compose(head, good_claims(), signer("ES256")))
        is_name = isinstance(key_id, str) and 0 < len(key_id) < 257 and key_id.isprintable()
        assert ("no key for ES256 is called" if is_name else "no short printable text") in reason


async def test_token_that_names_no_key_is_tried_with_few(tmp_path: Path) -> None:
    keys = [jwk(private_key("ES256", number), kid=str(number)) for number in range(6)]
    async with opened(for_set(tmp_path, *keys, algorithms=("ES256",))) as authenticator:
        await principal_of(authenticator, token(key=private_key("ES256", 3)))
        assert "signature" in await refused(authenticator, token(key=private_key("ES256", 4)))
        await principal_of(authenticator, token(key=private_key("ES256", 4), header={"kid": "4"}))


@pytest.mark.parametrize(("kind", "is_good"), [
    ("JWT", True), ("jwt", True), ("at+jwt", True), ("application/at+jwt", True), ("AT+JWT", True), ("JOSE", False),
    ("logout+jwt", False), ("", False), (1, False), (["JWT"], False), ("dpop+jwt", False),
])  # fmt: skip
async def test_type_of_token_is_one_of_those_allowed(kind: object, is_good: bool, tmp_path: Path) -> None:
    async with opened(for_key(tmp_path, private_key("ES256"), "ES256")) as authenticator:
        each = token(header={"typ": kind})
        if is_good:
            await principal_of(authenticator, each)
        else:
            assert "typ" in await refused(authenticator, each)
        await principal_of(authenticator, token(header={"typ": None}))


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": None}, "never expires"), ({"exp": NOW_S - 6}, "expired"), ({"exp": NOW_S - 5}, "expired"),
        ({"exp": 0}, "expired"), ({"nbf": NOW_S + 6}, "not valid before"), ({"iat": NOW_S + 6}, "future"),
        ({"exp": str(NOW_S + 600)}, "no number"), ({"exp": True}, "no number"), ({"exp": [NOW_S]}, "no number"),
        ({"exp": -1}, "no number"), ({"exp": 10**300}, "no number"), ({"exp": 1e300}, "no number"),
        ({"nbf": "0"}, "no number"), ({"nbf": False}, "no number"), ({"iat": "0"}, "no number"),
        ({"iat": {}}, "no number"), ({"aud": None}, "aud"), ({"aud": "shop2"}, "aud"), ({"aud": []}, "aud"),
        ({"aud": ["a", "b"]}, "aud"), ({"aud": ["shop", 1]}, "aud"), ({"aud": {"shop": 1}}, "aud"),
        ({"aud": "SHOP"}, "aud"),
        ({"aud": "shop "}, "aud"), ({"aud": 1}, "aud"), ({"iss": None}, "not one that is signed"),
        ({"iss": f"{ISSUER}/"}, "iss"),
        ({"iss": "https://evil.example"}, "iss"), ({"iss": [ISSUER]}, "not one that is signed"),
        ({"iss": ISSUER.upper()}, "iss"),
        ({"sub": None}, "names nobody"), ({"sub": ""}, "sub"), ({"sub": 7}, "sub"), ({"sub": "a\nb"}, "sub"),
        ({"sub": "a" * 513}, "sub"), ({"sub": ["ada"]}, "sub"), ({"client_id": 7}, "client_id"), ({"azp": ""}, "azp"),
        ({"roles": 7}, "roles"), ({"roles": [1]}, "roles"), ({"roles": {"clerk": 1}}, "roles"),
        ({"scope": [None]}, "scope"),
    ],
    ids=lambda value: json.dumps(value)[:30],
)  # fmt: skip
async def test_token_with_a_claim_that_is_wrong_is_refused(claims: dict[str, Any], reason: str, tmp_path: Path) -> None:
    async with opened(for_key(tmp_path, private_key("ES256"), "ES256")) as authenticator:
        assert reason in await refused(authenticator, token(**claims))


@pytest.mark.parametrize(
    "text", ['"exp": null', '"exp": NaN', '"exp": Infinity', '"sub": null', '"aud": null', '"exp": 1e999']
)
async def test_token_with_a_claim_that_is_no_value_is_refused(text: str, tmp_path: Path) -> None:
    claims = {name: value for name, value in good_claims().items() if f'"{name}"' != text.split(":", maxsplit=1)[0]}
    raw = f"{json.dumps(claims)[:-1]}, {text}}}".encode()
    async with opened(for_key(tmp_path, private_key("ES256"), "ES256")) as authenticator:
        await refused(authenticator, compose({"alg": "ES256"}, raw, signer("ES256")))


@pytest.mark.parametrize("claims", [
    {"exp": NOW_S - 4}, {"exp": NOW_S + 0.5}, {"nbf": NOW_S + 5}, {"iat": NOW_S + 5}, {"iat": None}, {"nbf": 0},
    {"aud": ["other", "shop"]}, {"sub": None, "client_id": "till"}, {"sub": None, "azp": "till"}, {"roles": None},
    {"roles": "clerk boss"}, {"scope": ["a", "b"]}, {"sub": "Ada Lovelace <ada@shop.example>"}, {"sub": "ада"},
], ids=lambda value: json.dumps(value)[:30])  # fmt: skip
async def test_token_within_the_rules_is_good(claims: dict[str, Any], tmp_path: Path) -> None:
    async with opened(for_key(tmp_path, private_key("ES256"), "ES256")) as authenticator:
        principal = await principal_of(authenticator, token(**claims))
        assert (
            claims.get("sub", "till" if "sub" in claims else "ada") in {principal.subject, None}
            or "till" == principal.subject
        )


async def test_roles_may_lie_deeper_or_under_a_name_with_dots(tmp_path: Path) -> None:
    key = private_key("ES256")
    async with opened(for_key(tmp_path, key, "ES256", roles_claim="realm_access.roles")) as authenticator:
        assert {"boss"} == (await principal_of(authenticator, token(realm_access={"roles": ["boss"]}))).roles
        assert set() == (await principal_of(authenticator, token(realm_access=["roles"]))).roles
    claims = {**good_claims(), "https://shop.example/roles": ["boss"]}
    async with opened(for_key(tmp_path, key, "ES256", roles_claim="https://shop.example/roles")) as authenticator:
        assert {"boss"} == (await principal_of(authenticator, compose({"alg": "ES256"}, claims, signer("ES256")))).roles


DUPLICATES = [
    (b'{"alg":"ES256","alg":"ES256"}', None), (b'{"alg":"none","alg":"ES256"}', None),
    (b'{"alg":"ES256","\\u0061lg":"none"}', None), (None, b'{"sub":"ada","sub":"root",'),
    (None, b'{"a":{"b":1,"b":2},'),
    (None, b'{"sub":"ada","s\\u0075b":"ada",'), (None, b'{"a":[{"b":1,"b":1}],'),
]  # fmt: skip


@pytest.mark.parametrize(("header", "beginning"), DUPLICATES)
async def test_token_with_two_members_of_one_name_is_refused(
    header: bytes | None, beginning: bytes | None, tmp_path: Path
) -> None:
    claims = good_claims() if beginning is None else good_claims(sub=None)
    raw = json.dumps(claims).encode()
    body = raw if beginning is None else beginning + raw[1:]
    async with opened(for_key(tmp_path, private_key("ES256"), "ES256")) as authenticator:
        bad = compose(header or {"alg": "ES256"}, body, signer("ES256"))
        assert "two members of one name" in await refused(authenticator, bad)


@pytest.mark.parametrize("body", [
    b"", b"[]", b"null", b'"text"', b"{", b"{}x", b"\xff\xfe", b'{"sub":"\xff"}', b"[" * 5000, b'{"a":' * 3000,
    b'{"a":"\\ud800"}',
    b'\xef\xbb\xbf{"a":1}', b'{"exp":01}', b"{'a':1}",
])  # fmt: skip
async def test_token_that_holds_no_json_object_is_refused(body: bytes, tmp_path: Path) -> None:
    async with opened(for_key(tmp_path, private_key("ES256"), "ES256", size_limit_bytes=100_000)) as authenticator:
        assert "malformed" in await refused(authenticator, compose({"alg": "ES256"}, body, signer("ES256")))
        assert "malformed" in await refused(authenticator, compose(body, good_claims(), signer("ES256")))


async def test_token_that_nests_too_deeply_is_refused(tmp_path: Path) -> None:
    async with opened(for_key(tmp_path, private_key("ES256"), "ES256")) as authenticator:
        for levels, is_good in ((31, True), (32, False)):
            claims = json.dumps(good_claims(deep=0)).replace('"deep": 0', f'"deep": {"[" * levels}{"]" * levels}')
            answer = authenticator.identify(
                exchange(f"Bearer {compose({'alg': 'ES256'}, claims.encode(), signer('ES256'))}")
            )
            assert isinstance(answer, Principal) == is_good


async def test_token_is_written_in_one_way_only(tmp_path: Path) -> None:
    key = private_key("ES256")
    good = token()
    head, body, signature = good.split(".")
    assert 86 == len(signature)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    same_bytes = signature[:-1] + alphabet[alphabet.index(signature[-1]) + 1]
    variants = [
        f"{head}.{body}.{same_bytes}", f"{head}.{body}.{signature}==", f"{head}=.{body}.{signature}", f"{good}.",
        f".{good}",
        f"{good}.{signature}", f"{head}.{body}", head, "..", f"{head}..{signature}", f".{body}.{signature}",
        f"{head}.{body}.{signature}.{head}.{body}", good.replace(".", ".."), f"{head}.{body}.{signature}A",
        f"{head}.{body}.{signature.replace('-', '+').replace('_', '/')}+",
    ]  # fmt: skip
    async with opened(for_key(tmp_path, key, "ES256")) as authenticator:
        await principal_of(authenticator, good)
        for variant in variants:
            await refused(authenticator, variant)


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512"])
async def test_signature_of_another_length_or_form_is_refused(algorithm: str, tmp_path: Path) -> None:
    key = private_key(algorithm)
    size = (key.curve.key_size + 7) // 8
    raw = signer(algorithm)

    def halves(text: bytes) -> tuple[bytes, bytes]:
        both = raw(text)
        return both[:size], both[size:]

    def odd(text: bytes) -> bytes:
        r, s = halves(text)
        return b"\0" + r + s

    def wide(text: bytes) -> bytes:
        r, s = halves(text)
        return b"\0" + r + b"\0" + s

    def short(text: bytes) -> bytes:
        r, s = halves(text)
        return r[1:] + s

    def der(text: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

        return encode_dss_signature(*(int.from_bytes(half) for half in halves(text)))

    wrong = [odd, wide, short, der, lambda _: bytes(2 * size), lambda _: b"\xff" * 2 * size,
             lambda text: halves(text)[0] + bytes(size), lambda text: bytes(size) + halves(text)[1]]  # fmt: skip
    async with opened(for_key(tmp_path, key, algorithm)) as authenticator:
        for sign in wrong:
            bad = compose({"alg": algorithm}, good_claims(), sign)
            assert "signature" in await refused(authenticator, bad)


async def test_token_longer_than_the_limit_is_not_looked_at(tmp_path: Path) -> None:
    async with opened(for_key(tmp_path, private_key("ES256"), "ES256", size_limit_bytes=1000)) as authenticator:
        await principal_of(authenticator, token(extra="x" * 300))
        assert "longer than 1000" in await refused(authenticator, token(extra="x" * 1000))
        assert "longer than 1000" in await refused(authenticator, "A" * 10_000_000)
        assert "longer than 1000" in await refused(authenticator, "." * 2000)


async def test_limit_of_each_issuer_is_its_own(tmp_path: Path) -> None:
    first = for_key(tmp_path, private_key("ES256"), "ES256", size_limit_bytes=500)
    second = jwt(issuer="https://other.example", secret="jwt_key", algorithms=("HS256",))
    async with opened(first, second) as authenticator:
        assert "longer than 500" in await refused(authenticator, token(extra="x" * 500))
        other = token("HS256", iss="https://other.example", extra="x" * 500)
        assert "second:ada" == (await principal_of(authenticator, other)).key


async def test_token_of_one_issuer_signed_by_another_is_refused(tmp_path: Path) -> None:
    first = for_key(tmp_path, private_key("ES256"), "ES256")
    second = jwt(issuer="https://other.example", secret="jwt_key", algorithms=("HS256",))
    async with opened(first, second) as authenticator:
        assert "signature" not in await refused(authenticator, token("HS256"))
        assert "alg" in await refused(authenticator, token("ES256", iss="https://other.example"))


async def test_clock_says_when_a_token_ends(tmp_path: Path) -> None:
    clock = FakeClock()
    async with opened(for_key(tmp_path, private_key("ES256"), "ES256"), clock=clock) as authenticator:
        good = token(exp=NOW_S + 10)
        await principal_of(authenticator, good)
        clock.advance(14.9)
        await principal_of(authenticator, good)
        clock.advance(0.1)
        assert "expired" in await refused(authenticator, good)


@pytest.mark.parametrize(
    ("pem", "algorithms", "reason"),
    [
        (public_pem(rsa_key(1024)), ("RS256",), "RSA key of 1024 bits"),
        (public_pem(private_key("RS256")), ("ES256",), "none of ES256"),
        (public_pem(private_key("ES384")), ("ES256", "ES512"), "none of ES256, ES512"),
        (public_pem(private_key("ES256")) * 2, ("ES256",), "one PEM block"), (b"", ("ES256",), "one PEM block"),
        (b"\xff\x00", ("ES256",), "one PEM block"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", ("ES256",), "cannot be read"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", ("ES256",), "private key"),
    ],
)  # fmt: skip
async def test_key_file_that_cannot_be_used_is_told_at_start(
    pem: bytes, algorithms: tuple[str, ...], reason: str, tmp_path: Path
) -> None:
    (tmp_path / "key.pem").write_bytes(pem)
    with pytest.raises(ConfigError, match=f"auth.jwt.first.key_file .*{reason}"):
        async with opened(jwt(key_file=str(tmp_path / "key.pem"), algorithms=algorithms)):
            pass


async def test_key_file_that_is_not_there_is_told_at_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"key_file .*none.pem cannot be read: No such file"):
        async with opened(jwt(key_file=str(tmp_path / "none.pem"))):
            pass


@pytest.mark.parametrize("algorithm", ["HS256", "RS256", "ES256", "EdDSA"])
async def test_token_changed_anywhere_is_refused(algorithm: str, tmp_path: Path) -> None:
    settings = (
        jwt(secret="jwt_key", algorithms=(algorithm,))
        if algorithm == "HS256"
        else for_key(tmp_path, private_key(algorithm), algorithm)
    )
    good = token(algorithm)
    async with opened(settings) as authenticator:
        await principal_of(authenticator, good)

        @given(st.data())
        @settings_of_hypothesis(max_examples=100)
        def change(data: st.DataObject) -> None:
            start = data.draw(st.integers(0, len(good)))
            end = data.draw(st.integers(start, min(len(good), start + 3)))
            changed = good[:start] + data.draw(st.text("ABab09-_.=+/~ \x00", max_size=3)) + good[end:]
            answer = authenticator.identify(exchange(f"Bearer {changed}"))
            assert isinstance(answer, Principal) == (changed.lstrip(" ") == good), changed
            assert isinstance(answer, Principal | UnauthenticatedError)

        change()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) |
    st.sampled_from([ISSUER, "shop", NOW_S]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
MEMBERS = st.sampled_from(["alg", "kid", "typ", "crit", "jwk", "cty", "b64"])
CLAIMS = st.sampled_from(["iss", "aud", "exp", "nbf", "iat", "sub", "client_id", "azp", "roles", "scope", "jti"])


async def test_token_of_any_content_is_either_good_or_refused(tmp_path: Path) -> None:
    """Signed by the issuer itself, so that everything behind the signature is reached."""
    async with opened(for_set(tmp_path, jwk(private_key("ES256"), kid="1"), algorithms=("ES256",))) as authenticator:

        @given(st.dictionaries(MEMBERS, JSON, max_size=2), st.dictionaries(CLAIMS, JSON, max_size=3))
        @settings_of_hypothesis(max_examples=150)
        def ask(header: dict[str, object], claims: dict[str, object]) -> None:
            each = compose({"alg": "ES256", **header}, {**good_claims(), **claims}, signer("ES256"))
            answer = authenticator.identify(exchange(f"Bearer {each}"))
            assert isinstance(answer, Principal | UnauthenticatedError)
            if isinstance(answer, Principal):
                assert {"kid", "typ"} >= header.keys() - {"alg", "cty"}
                assert ISSUER == answer.claims["iss"]
                assert answer.subject
                assert NOW_S < answer.expires_at_s < inf

        ask()


@given(st.text(st.characters(codec="ascii"), max_size=60))
def test_header_of_any_text_is_answered(value: str) -> None:
    async def ask() -> None:
        async with opened(jwt(secret="jwt_key", algorithms=("HS256",))) as authenticator:
            for text in (value, f"Bearer {value}", f"bearer {value}.{value}.{value}"):
                assert isinstance(await identified(authenticator, text), UnauthenticatedError | None)

    asyncio.run(ask())
