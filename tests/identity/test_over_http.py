"""What a client of a served app reads: 401 and no more, whatever was wrong."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.identity.issuers import Issuer
from tests.identity.tokens import compose, good_claims, jwk, key_set, private_key, public_pem, rsa_key, signer, token
from tests.servers import Server

pytestmark = pytest.mark.slow

APP = """
from perdure import App, LocalContext

app = App("pets")


@app.get("/open", public=True)
async def open_to_all() -> str:
    return "open"


@app.get("/whoami", auth="required")
async def whoami(lctx: LocalContext) -> str:
    return lctx.meta.principal.key
"""
SETTINGS = """
[auth.jwt.staff]
issuer = "https://id.example"
audience = ["shop"]
algorithms = ["ES256", "RS256"]
{keys}

[auth.introspection.partners]
url = "{url}/introspect"
client_id = "pets"
client_secret = "as_key"

[secrets]
folder = "secrets"
"""
RSA, EC = rsa_key(), private_key("ES256")


def times() -> dict[str, Any]:
    now = int(time.time())
    return {"iat": now, "exp": now + 600}


@pytest.fixture
def serve_pets(tmp_path: Path, issuer: Issuer, start_server: Callable[..., Server]) -> Callable[[str], Server]:
    """Serve the app, with settings that say where its keys are."""

    def serve(keys: str) -> Server:
        (tmp_path / "app.py").write_text(APP)
        (tmp_path / "secrets").mkdir()
        (tmp_path / "secrets" / "as_key").write_text("password")
        (tmp_path / "perdure.toml").write_text(SETTINGS.format(keys=keys, url=issuer.url))
        return start_server(tmp_path / "app.py")

    return serve


def attacks() -> dict[str, str]:
    """Return tokens that are none, by what is wrong with them."""
    now = int(time.time())
    head, body, signature = token("RS256", RSA, header={"kid": "rsa"}, **times()).split(".")
    claims = good_claims(**times())

    def es256(header: dict[str, object] | None = None, **changed: object) -> str:
        return token("ES256", EC, header={"kid": "ec", **(header or {})}, **{**times(), **changed})

    return {
        "alg none": compose({"alg": "none"}, claims, lambda _: b""),
        "alg NonE": compose({"alg": "NonE"}, claims, lambda _: b""),
        "signed with the public key": token("HS256", public_pem(RSA), header={"kid": "rsa"}, **times()),
        "signed with the public JWK": token("HS256", json.dumps(jwk(RSA)).encode(), **times()),
        "stripped": f"{head}.{body}.", "swapped": f"{head}.{es256(sub='eve').split('.')[1]}.{signature}",
        "jwk": token("ES256", private_key("ES256", 9), header={"jwk": jwk(private_key("ES256", 9))}, **times()),
        "jku": es256({"jku": "https://evil.example"}), "x5c": es256({"x5c": ["MIIB"]}),
        "x5u": es256({"x5u": "https://evil.example"}), "kid path": es256({"kid": "../../dev/null"}),
        "kid sql": es256({"kid": "x' UNION SELECT 'k"}), "expired": es256(exp=now - 60), "early": es256(nbf=now + 60),
        "issued later": es256(iat=now + 60), "audience": es256(aud="other"), "crit": es256({"crit": ["x"], "x": 1}),
        "crit empty": es256({"crit": []}),
        "twice": compose(b'{"alg":"ES256","alg":"ES256"}', claims, signer("ES256", EC)),
        "odd": compose({"alg": "ES256", "kid": "ec"}, claims, lambda text: signer("ES256", EC)(text) + b"\0"),
        "short key": token("RS256", rsa_key(1024), header={"kid": "short"}, **times()), "giant": "A" * 20_000,
        "garbage": "garbage", "dots": "..", "JWE": "a.b.c.d.e",
    }  # fmt: skip


def test_attacks_over_http_read_401_and_nothing_else(
    serve_pets: Callable[[str], Server], tmp_path: Path, issuer: Issuer
) -> None:
    keys = (jwk(RSA, kid="rsa"), jwk(EC, kid="ec"), jwk(rsa_key(1024), kid="short"))
    (tmp_path / "keys.json").write_bytes(key_set(*keys))
    issuer.body = b'{"active": false}'
    server = serve_pets('jwks_file = "keys.json"')
    with httpx.Client(base_url=server.url) as client:

        def ask(path: str, *authorizations: str) -> httpx.Response:
            return client.get(path, headers=[("authorization", value) for value in authorizations])

        bodies = set()
        for name, bad in attacks().items():
            answer = ask("/whoami", f"Bearer {bad}")
            assert 401 == answer.status_code, name
            assert 'Bearer realm="pets", error="invalid_token"' == answer.headers["www-authenticate"], name
            bodies.add(json.dumps({**answer.json(), "instance": ""}))
            assert "open" == ask("/open", f"Bearer {bad}").text, (
                name
            )  # who needs no credentials is let in with bad ones
        good = f"Bearer {token('ES256', EC, header={'kid': 'ec'}, **times())}"
        assert "staff:ada" == ask("/whoami", good).text == ask("/whoami", good).text
        for several in ((good, good), (good, "Basic x")):
            answer = ask("/whoami", *several)
            assert 401 == answer.status_code
            bodies.add(json.dumps({**answer.json(), "instance": ""}))
        nobody = ask("/whoami")
        assert 'Bearer realm="pets"' == nobody.headers["www-authenticate"]
        bodies.add(json.dumps({**nobody.json(), "instance": ""}))
        assert 1 == len(bodies)
        issuer.body = b'{"active": true, "sub": "bob"}'
        assert "partners:bob" == ask("/whoami", "Bearer opaque").text
        issuer.status = 500
        down = ask("/whoami", "Bearer unknown")
        assert (503, "1") == (down.status_code, down.headers["retry-after"])
    assert "expired at" in server.printed
    for secret in (*attacks().values(), good.removeprefix("Bearer "), "password"):
        assert len(secret) < 8 or secret not in server.printed


def test_server_without_keys_yet_answers_503_and_serves_the_rest(
    serve_pets: Callable[[str], Server], issuer: Issuer
) -> None:
    issuer.status = 500
    server = serve_pets(f'jwks_url = "{issuer.url}/keys"\nrefresh_cooldown_s = 0.2')
    with httpx.Client(base_url=server.url) as client:
        headers = {"authorization": f"Bearer {token('ES256', EC, header={'kid': 'ec'}, **times())}"}
        down = client.get("/whoami", headers=headers)
        assert 503 == down.status_code
        assert 1 <= int(down.headers["retry-after"])
        assert "open" == client.get("/open", headers=headers).text
        issuer.status, issuer.body = 200, key_set(jwk(EC, kid="ec"))
        deadline_s = time.monotonic() + 10
        while (answer := client.get("/whoami", headers=headers)).status_code == 503:
            assert time.monotonic() < deadline_s
        assert "staff:ada" == answer.text
